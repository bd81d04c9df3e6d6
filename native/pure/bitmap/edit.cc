// pure/bitmap/edit.cc — adding and removing: one member in place, many by the container.
#include <algorithm>

#include "pure/bitmap/bitmap.h"

namespace varve {
namespace {

uint16_t* members_of(MutableBytes block) { return reinterpret_cast<uint16_t*>(block.data()); }
MemberRun* runs_of(MutableBytes block) { return reinterpret_cast<MemberRun*>(block.data()); }

// The first run that ends at or above `low`.
uint32_t find_run(const ContainerView& set, uint32_t low) {
  const MemberRun* const runs = set.runs();
  return static_cast<uint32_t>(
      std::partition_point(runs, runs + set.run_count,
                           [low](const MemberRun& run) { return run.last() < low; }) -
      runs);
}

}  // namespace

bool Bitmap::add(uint64_t member) {
  const uint64_t key = member >> 16;
  const uint16_t low = static_cast<uint16_t>(member);
  const size_t place = place_of(key);
  if (!is_at(place, key)) {
    insert(place, key, {ContainerKind::kArray, 1, 0, reinterpret_cast<const uint8_t*>(&low)});
    return true;
  }
  Entry& entry = entries_[place];
  if (entry.kind == ContainerKind::kArray) return add_to_array(place, low);
  if (entry.kind == ContainerKind::kRuns) return add_to_runs(place, low);
  uint8_t& byte = blocks_->write(entry.block, kBitsBytes)[low >> 3];
  const uint8_t mask = static_cast<uint8_t>(1u << (low & 7));
  if ((byte & mask) != 0) return false;
  byte |= mask;
  set_count(entry, entry.count() + 1);
  return true;
}

bool Bitmap::add_to_array(size_t place, uint16_t low) {
  Entry& entry = entries_[place];
  const ContainerView set = view(entry);
  const uint32_t index = set.members()[set.count - 1] < low ? set.count : rank_in(set, low);
  if (index < set.count && set.members()[index] == low) return false;
  if (set.count == kArrayCountMax) {
    join_at(SetOp::kOr, place,
            {ContainerKind::kArray, 1, 0, reinterpret_cast<const uint8_t*>(&low)});
    return true;
  }
  uint16_t* const members = members_of(blocks_->write(entry.block, (set.count + 1) * 2));
  std::memmove(members + index + 1, members + index, (set.count - index) * 2);
  members[index] = low;
  set_count(entry, set.count + 1);
  return true;
}

bool Bitmap::add_to_runs(size_t place, uint16_t low) {
  Entry& entry = entries_[place];
  const ContainerView set = view(entry);
  const uint32_t index = find_run(set, low);
  const bool has_next = index < set.run_count;
  if (has_next && set.runs()[index].first <= low) return false;
  const bool joins_next = has_next && set.runs()[index].first == low + 1;
  const bool joins_last = index > 0 && set.runs()[index - 1].last() + 1 == low;
  const uint32_t run_count = set.run_count + 1 - (joins_next ? 1 : 0) - (joins_last ? 1 : 0);
  MemberRun* const runs =
      runs_of(blocks_->write(entry.block, (set.run_count + 1) * sizeof(MemberRun)));
  if (joins_next && joins_last) {
    runs[index - 1].more = static_cast<uint16_t>(runs[index].last() - runs[index - 1].first);
    std::memmove(runs + index, runs + index + 1, (set.run_count - index - 1) * sizeof(MemberRun));
  } else if (joins_next) {
    runs[index] = {low, static_cast<uint16_t>(runs[index].more + 1)};
  } else if (joins_last) {
    runs[index - 1].more += 1;
  } else {
    std::memmove(runs + index + 1, runs + index, (set.run_count - index) * sizeof(MemberRun));
    runs[index] = {low, 0};
  }
  entry.run_count = static_cast<uint16_t>(run_count);
  set_count(entry, set.count + 1);
  settle(place);
  sweep();
  return true;
}

bool Bitmap::remove(uint64_t member) {
  const uint64_t key = member >> 16;
  const uint16_t low = static_cast<uint16_t>(member);
  const size_t place = place_of(key);
  if (!is_at(place, key)) return false;
  Entry& entry = entries_[place];
  if (!contains(view(entry), low)) return false;
  if (entry.count() == 1) {
    drop(place);
    sweep();
    return true;
  }
  if (entry.kind == ContainerKind::kArray) return remove_from_array(place, low);
  if (entry.kind == ContainerKind::kRuns) return remove_from_runs(place, low);
  uint8_t& byte = blocks_->write(entry.block, kBitsBytes)[low >> 3];
  byte = static_cast<uint8_t>(byte & ~(1u << (low & 7)));
  set_count(entry, entry.count() - 1);
  settle(place);
  sweep();
  return true;
}

bool Bitmap::remove_from_array(size_t place, uint16_t low) {
  Entry& entry = entries_[place];
  const uint32_t count = entry.count();
  const uint32_t index = rank_in(view(entry), low);
  uint16_t* const members = members_of(blocks_->write(entry.block, count * 2));
  std::memmove(members + index, members + index + 1, (count - index - 1) * 2);
  set_count(entry, count - 1);
  return true;
}

bool Bitmap::remove_from_runs(size_t place, uint16_t low) {
  Entry& entry = entries_[place];
  const uint32_t run_count = entry.run_count;
  const uint32_t index = find_run(view(entry), low);
  MemberRun* const runs = runs_of(blocks_->write(entry.block, (run_count + 1) * sizeof(MemberRun)));
  const MemberRun run = runs[index];
  if (run.more == 0) {
    std::memmove(runs + index, runs + index + 1, (run_count - index - 1) * sizeof(MemberRun));
    entry.run_count -= 1;
  } else if (low == run.first) {
    runs[index] = {static_cast<uint16_t>(low + 1), static_cast<uint16_t>(run.more - 1)};
  } else if (low == run.last()) {
    runs[index].more -= 1;
  } else {
    std::memmove(runs + index + 2, runs + index + 1, (run_count - index - 1) * sizeof(MemberRun));
    runs[index].more = static_cast<uint16_t>(low - run.first - 1);
    runs[index + 1] = {static_cast<uint16_t>(low + 1), static_cast<uint16_t>(run.last() - low - 1)};
    entry.run_count += 1;
  }
  set_count(entry, entry.count() - 1);
  settle(place);
  sweep();
  return true;
}

// Bits that have become few turn into an array, runs that have become many into whatever is less.
void Bitmap::settle(size_t place) {
  const Entry& entry = entries_[place];
  if (entry.kind == ContainerKind::kBits && entry.count() > kArrayCountMax) return;
  if (entry.kind == ContainerKind::kRuns && entry.run_count <= kRunCountMax) return;
  Draft draft;
  copy_to(view(entry), draft);
  if (entry.kind == ContainerKind::kBits) settle_bits(draft);
  if (entry.kind == ContainerKind::kRuns) varve::optimise(draft);
  replace(place, draft.view());
}

// ---- by the container

void Bitmap::combine_at(SetOp op, uint64_t key, const ContainerView& set,
                        std::vector<Entry>& fresh) {
  const size_t place = place_of(key);
  if (is_at(place, key)) return join_at(op, place, set);
  if (op == SetOp::kOr || op == SetOp::kXor) fresh.push_back(make_entry(key, set));
}

// What is bits stays where it is; everything else is made anew.
void Bitmap::join_at(SetOp op, size_t place, const ContainerView& set) {
  Entry& entry = entries_[place];
  if (entry.kind != ContainerKind::kBits || op == SetOp::kAnd) {
    Draft draft;
    combine(op, view(entry), set, draft);
    replace(place, draft.view());
    return;
  }
  const MutableBytes bits = blocks_->write(entry.block, kBitsBytes);
  change_bits(bits.data(), set, change_of(op));
  const uint64_t count = kernels().bitmap.count(bits.data(), kBitsBytes);
  if (count == 0) return drop(place);
  set_count(entry, static_cast<uint32_t>(count));
  if (count == kContainerMembers) {
    const MemberRun all{0, 0xffff};
    replace(place,
            {ContainerKind::kRuns, kContainerMembers, 1, reinterpret_cast<const uint8_t*>(&all)});
  } else {
    settle(place);
  }
}

void Bitmap::combine_range(SetOp op, uint64_t first, uint64_t last) {
  if (first > last) return;
  std::vector<Entry> fresh;
  for (uint64_t key = first >> 16; key <= last >> 16; ++key) {
    const uint32_t begin = key == first >> 16 ? static_cast<uint32_t>(first & 0xffff) : 0;
    const uint32_t end = key == last >> 16 ? static_cast<uint32_t>(last & 0xffff) : 0xffff;
    const MemberRun run{static_cast<uint16_t>(begin), static_cast<uint16_t>(end - begin)};
    combine_at(op, key,
               {ContainerKind::kRuns, end - begin + 1, 1, reinterpret_cast<const uint8_t*>(&run)},
               fresh);
  }
  absorb(fresh);
  sweep();
}

void Bitmap::add_range(uint64_t first, uint64_t last) { combine_range(SetOp::kOr, first, last); }
void Bitmap::flip_range(uint64_t first, uint64_t last) { combine_range(SetOp::kXor, first, last); }

// Only what is there has to be visited, however long the range.
void Bitmap::remove_range(uint64_t first, uint64_t last) {
  if (first > last) return;
  const uint64_t first_key = first >> 16;
  const uint64_t last_key = last >> 16;
  const size_t begin = place_of(first_key);
  size_t end = begin;
  while (end < entries_.size() && entries_[end].key() < last_key) ++end;
  size_t whole = begin;
  if (is_at(begin, first_key) && first_key < last_key && (first & 0xffff) != 0) ++whole;
  for (size_t place = whole; place < end; ++place) drop(place);
  sweep();
  if (first_key < last_key && (first & 0xffff) != 0) {
    combine_range(SetOp::kAndNot, first, first | 0xffff);
  }
  combine_range(SetOp::kAndNot, std::max(first, last_key << 16), last);
}

// ---- many

void Bitmap::change_bits_at(size_t place, bool adds, std::span<const uint16_t> lows) {
  Entry& entry = entries_[place];
  uint8_t* const bits = blocks_->write(entry.block, kBitsBytes).data();
  uint32_t changed = 0;
  for (const uint16_t low : lows) {
    uint8_t& byte = bits[low >> 3];
    const uint32_t bit = low & 7;
    changed += (byte >> bit & 1) != adds;
    byte = static_cast<uint8_t>((byte & ~(1u << bit)) | uint32_t{adds} << bit);
  }
  const uint32_t count = adds ? entry.count() + changed : entry.count() - changed;
  if (count == 0) return drop(place);
  set_count(entry, count);
  settle(place);
}

// Very few are added one by one. Few are sorted; many that are not go through bits, which sorts
// them in passing.
void Bitmap::combine_group(SetOp op, uint64_t key, std::span<uint16_t> lows,
                           std::vector<Entry>& fresh) {
  constexpr size_t kSingleMax = 4;  // A guess: above, one pass over the container is cheaper.
  constexpr size_t kSortedMax = 64;
  const size_t place = place_of(key);
  const bool is_there = is_at(place, key);
  if (is_there && entries_[place].kind == ContainerKind::kBits) {
    return change_bits_at(place, op == SetOp::kOr, lows);
  }
  if (is_there && op == SetOp::kOr && lows.size() <= kSingleMax) {
    for (const uint16_t low : lows) add(key << 16 | low);
    return;
  }
  Draft group;
  const bool rises = std::is_sorted(lows.begin(), lows.end());
  if (lows.size() <= (rises ? size_t{kArrayCountMax} : kSortedMax)) {
    if (!rises) std::sort(lows.begin(), lows.end());
    const auto end = std::unique(lows.begin(), lows.end());
    group.count = static_cast<uint32_t>(end - lows.begin());
    std::memcpy(group.data, lows.data(), size_t{group.count} * 2);
  } else {
    std::memset(group.data, 0, kBitsBytes);
    for (const uint16_t low : lows) group.data[low >> 3] |= static_cast<uint8_t>(1u << (low & 7));
    settle_bits(group);
  }
  combine_at(op, key, group.view(), fresh);
}

namespace {

// Sorts by the key (all but the lowest 16 bits), a byte at a time; a byte that all share is
// skipped.
template <class Member>
void sort_by_key(std::vector<Member>& members, std::vector<Member>& room) {
  room.resize(members.size());
  for (uint32_t shift = 16; shift < sizeof(Member) * 8; shift += 8) {
    size_t counts[256] = {};
    for (const Member member : members) counts[member >> shift & 0xff] += 1;
    if (counts[members.front() >> shift & 0xff] == members.size()) continue;
    size_t sum = 0;
    for (size_t& count : counts) sum += std::exchange(count, sum);
    for (const Member member : members) room[counts[member >> shift & 0xff]++] = member;
    members.swap(room);
  }
}

// How many are sorted in one go: the room they take stays within the caches.
constexpr size_t kChunkCount = size_t{1} << 18;

}  // namespace

template <class Member>
void Bitmap::combine_many(SetOp op, std::span<const Member> members) {
  std::vector<Member> chunk;
  std::vector<Member> room;
  std::vector<uint16_t> lows;
  std::vector<Entry> fresh;
  while (!members.empty()) {
    const std::span<const Member> part = members.first(std::min(members.size(), kChunkCount));
    members = members.subspan(part.size());
    std::span<const Member> sorted = part;
    const auto falls = [](Member a, Member b) { return b >> 16 < a >> 16; };
    if (std::adjacent_find(part.begin(), part.end(), falls) != part.end()) {
      chunk.assign(part.begin(), part.end());
      sort_by_key(chunk, room);
      sorted = chunk;
    }
    for (size_t at = 0; at < sorted.size();) {
      const uint64_t key = sorted[at] >> 16;
      lows.clear();
      for (; at < sorted.size() && sorted[at] >> 16 == key; ++at) {
        lows.push_back(static_cast<uint16_t>(sorted[at]));
      }
      combine_group(op, key, lows, fresh);
    }
    absorb(fresh);
    sweep();
  }
}

template <class Member>
uint64_t Bitmap::add_many(std::span<const Member> members) {
  const uint64_t before = total_;
  combine_many(SetOp::kOr, members);
  return total_ - before;
}

template <class Member>
uint64_t Bitmap::remove_many(std::span<const Member> members) {
  const uint64_t before = total_;
  combine_many(SetOp::kAndNot, members);
  return before - total_;
}

template uint64_t Bitmap::add_many(std::span<const uint32_t>);
template uint64_t Bitmap::add_many(std::span<const uint64_t>);
template uint64_t Bitmap::remove_many(std::span<const uint32_t>);
template uint64_t Bitmap::remove_many(std::span<const uint64_t>);

}  // namespace varve
