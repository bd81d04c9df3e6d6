// pure/bitmap/algebra.cc — whole bitmaps: copied, cut, joined by twos, compared. More than two at
// once are in expression.cc.
#include <algorithm>

#include "pure/bitmap/bitmap.h"

namespace varve {

Bitmap Bitmap::copy(Blocks& blocks) const {
  Bitmap to(blocks);
  to.entries_.reserve(entries_.size());
  for (const Entry& entry : entries_) to.append(entry.key(), view(entry));
  return to;
}

Bitmap Bitmap::slice(uint64_t first, uint64_t last, Blocks& blocks) const {
  Bitmap to(blocks);
  to.append_slice(*this, first, last, 0);
  return to;
}

Bitmap Bitmap::slice_down(uint64_t first, uint64_t last, Blocks& blocks) const {
  check((first & 0xffff) == 0);
  Bitmap to(blocks);
  to.append_slice(*this, first, last, first >> 16);
  return to;
}

// What it has lies before.
void Bitmap::append_slice(const Bitmap& from, uint64_t first, uint64_t last, uint64_t key_less) {
  if (first > last) return;
  const uint64_t last_key = last >> 16;
  for (size_t place = from.place_of(first >> 16);
       place < from.entries_.size() && from.entries_[place].key() <= last_key; ++place) {
    const uint64_t key = from.entries_[place].key();
    const uint32_t begin = key == first >> 16 ? static_cast<uint32_t>(first & 0xffff) : 0;
    const uint32_t end = key == last_key ? static_cast<uint32_t>(last & 0xffff) : 0xffff;
    const ContainerView set = from.view(from.entries_[place]);
    if (begin == 0 && end == 0xffff) {
      append(key - key_less, set);
      continue;
    }
    const MemberRun run{static_cast<uint16_t>(begin), static_cast<uint16_t>(end - begin)};
    Draft draft;
    combine(SetOp::kAnd, set,
            {ContainerKind::kRuns, end - begin + 1, 1, reinterpret_cast<const uint8_t*>(&run)},
            draft);
    if (draft.count != 0) append(key - key_less, draft.view());
  }
}

// Bits are joined where they are to stay: a draft would be copied once more.
void Bitmap::append_joined(uint64_t key, SetOp op, const ContainerView& a, const ContainerView& b,
                           Draft& draft) {
  if (!leaves_bits(op, a, b)) {
    combine(op, a, b, draft);
    if (draft.count != 0) append(key, draft.view());
    return;
  }
  BlockId block = kNoBlock;
  const uint64_t count = join_bits(op, a, b, blocks_->write(block, kBitsBytes).data());
  if (count > kArrayCountMax) {
    entries_.push_back({key << 16 | (count - 1), block, 0, ContainerKind::kBits, false});
    total_ += count;
    changed();
    return;
  }
  combine(op, a, b, draft);
  blocks_->free(block);
  if (draft.count != 0) append(key, draft.view());
}

Bitmap Bitmap::joined(SetOp op, const Bitmap& a, const Bitmap& b, Blocks& blocks) {
  Bitmap to(blocks);
  const bool keeps_a = op != SetOp::kAnd;
  const bool keeps_b = op == SetOp::kOr || op == SetOp::kXor;
  to.entries_.reserve(op == SetOp::kAnd ? std::min(a.entries_.size(), b.entries_.size())
                                        : a.entries_.size() + (keeps_b ? b.entries_.size() : 0));
  Draft draft;
  size_t i = 0;
  size_t j = 0;
  while (i < a.entries_.size() || j < b.entries_.size()) {
    const uint64_t left = i < a.entries_.size() ? a.entries_[i].key() : UINT64_MAX;
    const uint64_t right = j < b.entries_.size() ? b.entries_[j].key() : UINT64_MAX;
    if (left == right) {
      to.append_joined(left, op, a.view(a.entries_[i++]), b.view(b.entries_[j++]), draft);
    } else if (left < right) {
      if (keeps_a) to.append(left, a.view(a.entries_[i]));
      ++i;
    } else {
      if (keeps_b) to.append(right, b.view(b.entries_[j]));
      ++j;
    }
    if (!keeps_a && (i == a.entries_.size() || j == b.entries_.size())) break;
  }
  return to;
}

namespace {

// Gathers pairs of lists, so that many are counted by one call; whatever else is counted at once.
class CommonCount {
 public:
  void add(const ContainerView& a, const ContainerView& b) {
    if (!is_list_pair(a, b)) {
      total_ += intersection_count(a, b);
      return;
    }
    pairs_[pair_count_++] = {a.members(), b.members(), a.count, b.count};
    if (pair_count_ == kPairsMax) count();
  }
  uint64_t total() {
    count();
    return total_;
  }

 private:
  static constexpr size_t kPairsMax = 32;

  void count() {
    total_ += kernels().bitmap.count_common(pairs_, pair_count_);
    pair_count_ = 0;
  }

  ListPair pairs_[kPairsMax];
  size_t pair_count_ = 0;
  uint64_t total_ = 0;
};

// What the four answers are once the members in common are counted.
uint64_t count_from_common(SetOp op, uint64_t a, uint64_t b, uint64_t common) {
  switch (op) {
    case SetOp::kAnd: return common;
    case SetOp::kOr: return a + b - common;
    case SetOp::kXor: return a + b - 2 * common;
    case SetOp::kAndNot: return a - common;
  }
  return 0;
}

}  // namespace

// Sets beyond the second cache go by as quickly as the third hands them over. Asking for what comes
// half a kilobyte to a page behind was tried: it disturbs the machine, which reads ahead by itself.
uint64_t Bitmap::joined_count(SetOp op, const Bitmap& a, const Bitmap& b) {
  CommonCount common;
  size_t i = 0;
  size_t j = 0;
  while (i < a.entries_.size() && j < b.entries_.size()) {
    const uint64_t left = a.entries_[i].key();
    const uint64_t right = b.entries_[j].key();
    if (left == right) common.add(a.view(a.entries_[i]), b.view(b.entries_[j]));
    i += left <= right;
    j += right <= left;
  }
  return count_from_common(op, a.total_, b.total_, common.total());
}

void Bitmap::join(SetOp op, const Bitmap& other) {
  if (&other == this) {
    if (op == SetOp::kXor || op == SetOp::kAndNot) clear();
    return;
  }
  const bool takes = op == SetOp::kOr || op == SetOp::kXor;
  std::vector<Entry> fresh;
  size_t place = 0;
  for (const Entry& theirs : other.entries_) {
    for (; place < entries_.size() && entries_[place].key() < theirs.key(); ++place) {
      if (op == SetOp::kAnd) drop(place);
    }
    if (is_at(place, theirs.key())) {
      join_at(op, place++, other.view(theirs));
    } else if (takes) {
      fresh.push_back(make_entry(theirs.key(), other.view(theirs)));
    }
  }
  for (; op == SetOp::kAnd && place < entries_.size(); ++place) drop(place);
  sweep();
  absorb(fresh);
}

// ---- comparing

bool Bitmap::intersects(const Bitmap& other) const {
  size_t i = 0;
  size_t j = 0;
  while (i < entries_.size() && j < other.entries_.size()) {
    const uint64_t left = entries_[i].key();
    const uint64_t right = other.entries_[j].key();
    if (left == right && varve::intersects(view(entries_[i]), other.view(other.entries_[j]))) {
      return true;
    }
    i += left <= right;
    j += right <= left;
  }
  return false;
}

bool Bitmap::is_subset_of(const Bitmap& other) const {
  if (total_ > other.total_) return false;
  for (const Entry& entry : entries_) {
    const Entry* const theirs = other.find(entry.key());
    if (theirs == nullptr || theirs->count() < entry.count()) return false;
    if (intersection_count(view(entry), other.view(*theirs)) != entry.count()) return false;
  }
  return true;
}

bool Bitmap::equals(const Bitmap& other) const {
  if (total_ != other.total_ || entries_.size() != other.entries_.size()) return false;
  for (size_t place = 0; place < entries_.size(); ++place) {
    if (entries_[place].key() != other.entries_[place].key()) return false;
    if (!same(view(entries_[place]), other.view(other.entries_[place]))) return false;
  }
  return true;
}

}  // namespace varve
