// pure/bitmap/container.cc — two containers joined, and the three forms changed into one another.
#include "pure/bitmap/container.h"

#include <algorithm>
#include <bit>

namespace varve {
namespace {

const BitmapKernels& bitmap_kernels() { return kernels().bitmap; }

uint32_t run_end(const MemberRun& run) { return std::min(run.last(), kContainerMembers - 1); }

bool has_bit(const uint8_t* bits, uint16_t member) {
  return (bits[member >> 3] >> (member & 7) & 1) != 0;
}

// ---- arrays with anything

// Beyond this many times the size of the shorter list, searching beats walking.
constexpr uint32_t kSkewed = 32;

// The place in [from, count) of the first member that is at least `member`, by doubling steps.
uint32_t gallop(const uint16_t* members, uint32_t from, uint32_t count, uint16_t member) {
  uint32_t step = 1;
  while (from + step < count && members[from + step] < member) step *= 2;
  const uint16_t* const begin = members + from + step / 2;
  const uint16_t* const end = members + std::min(from + step + 1, count);
  return static_cast<uint32_t>(std::lower_bound(begin, end, member) - members);
}

// Members of the short list that are (or are not) in the long one.
template <bool wanted>
uint32_t filter_by_search(const ContainerView& few, const ContainerView& many, uint16_t* to) {
  uint32_t place = 0;
  uint32_t kept = 0;
  for (uint32_t index = 0; index < few.count; ++index) {
    const uint16_t member = few.members()[index];
    if (place < many.count) place = gallop(many.members(), place, many.count, member);
    const bool found = place < many.count && many.members()[place] == member;
    to[kept] = member;
    kept += found == wanted;
  }
  return kept;
}

template <bool wanted>
uint32_t filter_by_bits(const ContainerView& array, const uint8_t* bits, uint16_t* to) {
  uint32_t kept = 0;
  for (uint32_t index = 0; index < array.count; ++index) {
    const uint16_t member = array.members()[index];
    to[kept] = member;
    kept += has_bit(bits, member) == wanted;
  }
  return kept;
}

template <bool wanted>
uint32_t filter_by_runs(const ContainerView& array, const ContainerView& runs, uint16_t* to) {
  uint32_t kept = 0;
  uint32_t place = 0;
  for (uint32_t index = 0; index < array.count; ++index) {
    const uint16_t member = array.members()[index];
    while (place < runs.run_count && runs.runs()[place].last() < member) ++place;
    const bool found = place < runs.run_count && runs.runs()[place].first <= member;
    to[kept] = member;
    kept += found == wanted;
  }
  return kept;
}

template <bool wanted>
uint32_t filter(const ContainerView& array, const ContainerView& by, uint16_t* to) {
  if (by.kind == ContainerKind::kBits) return filter_by_bits<wanted>(array, by.data, to);
  if (by.kind == ContainerKind::kRuns) return filter_by_runs<wanted>(array, by, to);
  return filter_by_search<wanted>(array, by, to);
}

// In one of the two, but not both.
uint32_t differ(const ContainerView& a, const ContainerView& b, uint16_t* to) {
  uint32_t i = 0;
  uint32_t j = 0;
  uint32_t kept = 0;
  while (i < a.count && j < b.count) {
    const uint16_t left = a.members()[i];
    const uint16_t right = b.members()[j];
    to[kept] = std::min(left, right);
    kept += left != right;
    i += left <= right;
    j += right <= left;
  }
  while (i < a.count) to[kept++] = a.members()[i++];
  while (j < b.count) to[kept++] = b.members()[j++];
  return kept;
}

uint32_t intersect_arrays(const ContainerView& a, const ContainerView& b, uint16_t* to) {
  if (a.count * kSkewed < b.count) return filter_by_search<true>(a, b, to);
  if (b.count * kSkewed < a.count) return filter_by_search<true>(b, a, to);
  return static_cast<uint32_t>(
      bitmap_kernels().intersect(a.members(), a.count, b.members(), b.count, to));
}

void set_array(Draft& draft, uint32_t count) {
  draft.kind = ContainerKind::kArray;
  draft.count = count;
  draft.run_count = 0;
  if (count <= kArrayCountMax) return;
  std::memset(draft.spare, 0, kBitsBytes);
  change_bits(draft.spare, draft.view(), BitChange::kSet);
  std::memcpy(draft.data, draft.spare, kBitsBytes);
  settle_bits(draft);
}

void combine_arrays(SetOp op, const ContainerView& a, const ContainerView& b, Draft& to) {
  uint32_t count = 0;
  switch (op) {
    case SetOp::kAnd: count = intersect_arrays(a, b, to.members()); break;
    case SetOp::kAndNot: count = filter_by_search<false>(a, b, to.members()); break;
    case SetOp::kXor: count = differ(a, b, to.members()); break;
    case SetOp::kOr:
      count = static_cast<uint32_t>(
          bitmap_kernels().unite(a.members(), a.count, b.members(), b.count, to.members()));
  }
  set_array(to, count);
}

// ---- runs with runs

// Walks the boundaries of both sides, and keeps the stretches that `op` keeps.
class Sweep {
 public:
  Sweep(SetOp op, const ContainerView& a, const ContainerView& b) : op_(op), a_(a), b_(b) {}

  // False when `room` runs were not enough.
  bool run(MemberRun* to, uint32_t room, uint32_t& run_count, uint32_t& count) {
    uint32_t at = 0;
    uint32_t begin = kContainerMembers;  // Of the stretch being kept.
    run_count = 0;
    count = 0;
    while (at < kContainerMembers) {
      const bool keeps = kept(a_.covers(at), b_.covers(at));
      if (keeps && begin == kContainerMembers) begin = at;
      if (!keeps && begin != kContainerMembers) {
        if (!add(to, room, run_count, count, begin, at)) return false;
        begin = kContainerMembers;
      }
      at = std::min(a_.boundary(at), b_.boundary(at));
    }
    return begin == kContainerMembers || add(to, room, run_count, count, begin, at);
  }

 private:
  struct Side {
    const MemberRun* runs;
    uint32_t run_count;
    uint32_t index = 0;

    explicit Side(const ContainerView& view) : runs(view.runs()), run_count(view.run_count) {}
    bool covers(uint32_t at) {
      while (index < run_count && runs[index].last() < at) ++index;
      return index < run_count && runs[index].first <= at;
    }
    // Where the answer of covers() changes next; always above `at`.
    uint32_t boundary(uint32_t at) const {
      if (index == run_count) return kContainerMembers;
      return runs[index].first > at ? runs[index].first : run_end(runs[index]) + 1;
    }
  };

  bool kept(bool in_a, bool in_b) const {
    switch (op_) {
      case SetOp::kAnd: return in_a && in_b;
      case SetOp::kOr: return in_a || in_b;
      case SetOp::kXor: return in_a != in_b;
      case SetOp::kAndNot: return in_a && !in_b;
    }
    return false;
  }

  static bool add(MemberRun* to, uint32_t room, uint32_t& run_count, uint32_t& count,
                  uint32_t begin, uint32_t end) {
    if (run_count == room) return false;
    to[run_count++] = {static_cast<uint16_t>(begin), static_cast<uint16_t>(end - begin - 1)};
    count += end - begin;
    return true;
  }

  const SetOp op_;
  Side a_;
  Side b_;
};

// An array of the members of runs; `count` is what they say.
void runs_to_array(Draft& draft) {
  const size_t count =
      list_up(draft.view(), 0, reinterpret_cast<uint16_t*>(draft.spare), kArrayCountMax);
  std::memcpy(draft.data, draft.spare, count * 2);
  draft.kind = ContainerKind::kArray;
  draft.count = static_cast<uint32_t>(count);
  draft.run_count = 0;
}

void runs_to_bits(Draft& draft) {
  std::memset(draft.spare, 0, kBitsBytes);
  change_bits(draft.spare, draft.view(), BitChange::kSet);
  std::memcpy(draft.data, draft.spare, kBitsBytes);
  draft.kind = ContainerKind::kBits;
  draft.run_count = 0;
}

void settle_runs(Draft& draft) {
  const size_t other = std::min<size_t>(size_t{draft.count} * 2, kBitsBytes);
  if (size_t{draft.run_count} * sizeof(MemberRun) <= other && draft.run_count <= kRunCountMax)
    return;
  if (draft.count <= kArrayCountMax) return runs_to_array(draft);
  runs_to_bits(draft);
}

void combine_as_bits(SetOp op, const ContainerView& a, const ContainerView& b, Draft& to) {
  spread(a, to.data);
  to.kind = ContainerKind::kBits;
  to.run_count = 0;
  if (op == SetOp::kAnd) {  // Neither is an array: keep what the other does not clear.
    spread(b, to.spare);
    bitmap_kernels().join[0](to.data, to.data, to.spare, kBitsBytes);
  } else {
    change_bits(to.data, b, change_of(op));
  }
  settle_bits(to);
  // What runs took part in is often made of runs.
  if (a.kind == ContainerKind::kRuns || b.kind == ContainerKind::kRuns) optimise(to);
}

void combine_runs(SetOp op, const ContainerView& a, const ContainerView& b, Draft& to) {
  to.kind = ContainerKind::kRuns;
  constexpr uint32_t kRoom = 4096;  // 16 KiB.
  if (!Sweep(op, a, b).run(to.runs(), kRoom, to.run_count, to.count)) {
    return combine_as_bits(op, a, b, to);
  }
  settle_runs(to);
}

void combine_bits(SetOp op, const ContainerView& a, const ContainerView& b, Draft& to) {
  to.kind = ContainerKind::kBits;
  to.run_count = 0;
  to.count = join_bits(op, a, b, to.data);
  if (to.count <= kArrayCountMax) settle_bits(to);
}

// The end of the set bits that begin at `begin`.
uint32_t run_end_in(const uint8_t* bits, uint32_t begin) {
  uint64_t word = ~load<uint64_t>(bits + (begin >> 6) * 8) & (~uint64_t{0} << (begin & 63));
  for (uint32_t at = begin & ~63u;;) {
    if (word != 0) return at + static_cast<uint32_t>(std::countr_zero(word));
    at += 64;
    if (at == kContainerMembers) return at;
    word = ~load<uint64_t>(bits + (at >> 6) * 8);
  }
}

// The draft becomes the runs of these bits, which are at most kRunCountMax.
void find_runs(const uint8_t* bits, Draft& draft) {
  const ContainerView view{ContainerKind::kBits, draft.count, 0, bits};
  draft.kind = ContainerKind::kRuns;
  draft.run_count = 0;
  for (uint32_t begin = next_in(view, 0); begin != kContainerMembers;) {
    const uint32_t end = run_end_in(bits, begin);
    draft.runs()[draft.run_count++] = {static_cast<uint16_t>(begin),
                                       static_cast<uint16_t>(end - begin - 1)};
    begin = next_in(view, end);
  }
}

}  // namespace

void spread(const ContainerView& set, uint8_t* bits) {
  if (set.kind == ContainerKind::kBits) {
    std::memcpy(bits, set.data, kBitsBytes);
    return;
  }
  std::memset(bits, 0, kBitsBytes);
  change_bits(bits, set, BitChange::kSet);
}

BitChange change_of(SetOp op) {
  if (op == SetOp::kXor) return BitChange::kFlip;
  return op == SetOp::kAndNot ? BitChange::kClear : BitChange::kSet;
}

void change_bit_range(uint8_t* bits, uint32_t begin, uint32_t end, BitChange change) {
  const auto apply = [change](uint8_t* at, uint64_t mask) {
    const uint64_t word = load<uint64_t>(at);
    const uint64_t made = change == BitChange::kSet    ? word | mask
                          : change == BitChange::kFlip ? word ^ mask
                                                       : word & ~mask;
    store<uint64_t>(at, made);
  };
  if (begin >= end) return;
  const uint64_t head = ~uint64_t{0} << (begin & 63);
  const uint64_t tail = ~uint64_t{0} >> (63 - ((end - 1) & 63));
  const uint32_t first = begin >> 6;
  const uint32_t last = (end - 1) >> 6;
  if (first == last) return apply(bits + first * 8, head & tail);
  apply(bits + first * 8, head);
  if (change != BitChange::kFlip) {
    std::memset(bits + (first + 1) * 8, change == BitChange::kSet ? 0xff : 0,
                (last - first - 1) * 8);
  } else {
    for (uint32_t word = first + 1; word < last; ++word) apply(bits + word * 8, ~uint64_t{0});
  }
  apply(bits + last * 8, tail);
}

void change_bits(uint8_t* bits, const ContainerView& set, BitChange change) {
  if (set.kind == ContainerKind::kBits) {
    const SetOp op = change == BitChange::kSet    ? SetOp::kOr
                     : change == BitChange::kFlip ? SetOp::kXor
                                                  : SetOp::kAndNot;
    bitmap_kernels().join[static_cast<size_t>(op)](bits, bits, set.data, kBitsBytes);
    return;
  }
  if (set.kind == ContainerKind::kRuns) {
    for (uint32_t index = 0; index < set.run_count; ++index) {
      const MemberRun run = set.runs()[index];
      change_bit_range(bits, run.first, run_end(run) + 1, change);
    }
    return;
  }
  for (uint32_t index = 0; index < set.count; ++index) {
    const uint16_t member = set.members()[index];
    uint8_t& byte = bits[member >> 3];
    const uint8_t mask = static_cast<uint8_t>(1u << (member & 7));
    byte = static_cast<uint8_t>(change == BitChange::kSet    ? byte | mask
                                : change == BitChange::kFlip ? byte ^ mask
                                                             : byte & ~mask);
  }
}

void settle_bits(Draft& draft) {
  draft.kind = ContainerKind::kBits;
  draft.run_count = 0;
  draft.count = static_cast<uint32_t>(bitmap_kernels().count(draft.data, kBitsBytes));
  if (draft.count > kArrayCountMax) return;
  uint16_t* const list = reinterpret_cast<uint16_t*>(draft.spare);
  bitmap_kernels().positions(draft.data, kBitsBytes, list);
  std::memcpy(draft.data, list, size_t{draft.count} * 2);
  draft.kind = ContainerKind::kArray;
}

void combine(SetOp op, const ContainerView& a, const ContainerView& b, Draft& to) {
  using enum ContainerKind;
  if (a.kind == kArray && b.kind == kArray) return combine_arrays(op, a, b, to);
  if (a.kind == kBits && b.kind == kBits) return combine_bits(op, a, b, to);
  if (a.kind == kRuns && b.kind == kRuns) return combine_runs(op, a, b, to);
  if (a.kind == kArray && op == SetOp::kAnd) return set_array(to, filter<true>(a, b, to.members()));
  if (b.kind == kArray && op == SetOp::kAnd) return set_array(to, filter<true>(b, a, to.members()));
  if (a.kind == kArray && op == SetOp::kAndNot) {
    return set_array(to, filter<false>(a, b, to.members()));
  }
  combine_as_bits(op, a, b, to);
}

bool leaves_bits(SetOp op, const ContainerView& a, const ContainerView& b) {
  if (a.kind != ContainerKind::kBits || b.kind != ContainerKind::kBits) return false;
  const uint64_t both = uint64_t{a.count} * b.count / kContainerMembers;
  switch (op) {
    case SetOp::kAnd: return both > 2 * kArrayCountMax;
    case SetOp::kOr: return true;
    case SetOp::kXor: return a.count + b.count - 2 * both > 2 * kArrayCountMax;
    case SetOp::kAndNot: return a.count - both > 2 * kArrayCountMax;
  }
  return false;
}

uint32_t join_bits(SetOp op, const ContainerView& a, const ContainerView& b, uint8_t* to) {
  const auto join = bitmap_kernels().join[static_cast<size_t>(op)];
  return static_cast<uint32_t>(join(to, a.data, b.data, kBitsBytes));
}

bool is_list_pair(const ContainerView& a, const ContainerView& b) {
  return a.kind == ContainerKind::kArray && b.kind == ContainerKind::kArray &&
         a.count * kSkewed >= b.count && b.count * kSkewed >= a.count;
}

uint32_t intersection_count(const ContainerView& a, const ContainerView& b) {
  using enum ContainerKind;
  if (a.kind == kBits && b.kind == kBits) {
    return static_cast<uint32_t>(bitmap_kernels().join_count[0](a.data, b.data, kBitsBytes));
  }
  if (is_list_pair(a, b)) {
    const ListPair pair{a.members(), b.members(), a.count, b.count};
    return static_cast<uint32_t>(bitmap_kernels().count_common(&pair, 1));
  }
  if (a.kind == kArray || b.kind == kArray) {
    uint16_t kept[kArrayCountMax + 8];
    const bool by_b = a.kind == kArray && (b.kind != kArray || a.count <= b.count);
    return by_b ? filter<true>(a, b, kept) : filter<true>(b, a, kept);
  }
  const ContainerView& runs = a.kind == kRuns ? a : b;
  const ContainerView& other = a.kind == kRuns ? b : a;
  uint32_t count = 0;
  if (other.kind == kRuns) {
    MemberRun kept[4096];
    uint32_t run_count = 0;
    if (Sweep(SetOp::kAnd, a, b).run(kept, 4096, run_count, count)) return count;
    count = 0;
  }
  for (uint32_t index = 0; index < runs.run_count; ++index) {
    const MemberRun run = runs.runs()[index];
    count += rank_in(other, run_end(run) + 1) - rank_in(other, run.first);
  }
  return count;
}

bool intersects(const ContainerView& a, const ContainerView& b) {
  if (a.kind == ContainerKind::kBits && b.kind == ContainerKind::kBits) {
    constexpr size_t kStep = 1024;
    for (size_t at = 0; at < kBitsBytes; at += kStep) {
      if (bitmap_kernels().join_count[0](a.data + at, b.data + at, kStep) != 0) return true;
    }
    return false;
  }
  return intersection_count(a, b) != 0;
}

bool same(const ContainerView& a, const ContainerView& b) {
  if (a.count != b.count) return false;
  if (a.kind == b.kind) {
    return a.size_bytes() == b.size_bytes() && std::memcmp(a.data, b.data, a.size_bytes()) == 0;
  }
  return intersection_count(a, b) == a.count;
}

void copy_to(const ContainerView& set, Draft& to) {
  to.kind = set.kind;
  to.count = set.count;
  to.run_count = set.run_count;
  std::memcpy(to.data, set.data, set.size_bytes());
}

void optimise(Draft& draft) {
  if (draft.count == 0) return;
  if (draft.kind != ContainerKind::kRuns) {
    // Runs are found in bits; an array is spread to have them counted.
    spread(draft.view(), draft.spare);
    const uint32_t run_count = bitmap_kernels().run_count(draft.spare, kBitsBytes);
    const size_t other = std::min<size_t>(size_t{draft.count} * 2, kBitsBytes);
    if (run_count > kRunCountMax || run_count * sizeof(MemberRun) >= other) {
      if (draft.kind == ContainerKind::kBits) settle_bits(draft);
      return;
    }
    return find_runs(draft.spare, draft);
  }
  settle_runs(draft);
}

}  // namespace varve
