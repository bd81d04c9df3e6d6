// pure/bitmap/bitmap.cc — the directory, and what a bitmap can be asked.
#include "pure/bitmap/bitmap.h"

#include <algorithm>

namespace varve {

Bitmap::Bitmap(Bitmap&& other) noexcept
    : blocks_(other.blocks_),
      mapped_(std::move(other.mapped_)),
      entries_(std::move(other.entries_)),
      total_(std::exchange(other.total_, 0)),
      sums_(std::move(other.sums_)) {
  other.entries_.clear();
}

Bitmap& Bitmap::operator=(Bitmap&& other) noexcept {
  std::swap(blocks_, other.blocks_);
  std::swap(mapped_, other.mapped_);
  std::swap(entries_, other.entries_);
  std::swap(total_, other.total_);
  std::swap(sums_, other.sums_);
  return *this;
}

Bitmap::~Bitmap() {
  if (!is_mapped()) clear();
}

void Bitmap::clear() {
  for (const Entry& entry : entries_) blocks_->free(entry.block);
  entries_.clear();
  total_ = 0;
  changed();
}

// ---- the directory

ContainerView Bitmap::view(const Entry& entry) const {
  ContainerView view{entry.kind, entry.count(), entry.run_count, nullptr};
  view.data = blocks_->read(entry.block, view.size_bytes());
  return view;
}

// Containers without gaps between them stand as far from the first as their keys do.
size_t Bitmap::place_of(uint64_t key) const {
  if (entries_.empty() || key <= entries_.front().key()) return 0;
  const uint64_t distance = key - entries_.front().key();
  if (distance < entries_.size() && entries_[distance].key() == key) return distance;
  const auto end =
      entries_.begin() + static_cast<ptrdiff_t>(std::min<uint64_t>(distance, entries_.size()));
  const auto found = std::partition_point(entries_.begin(), end,
                                          [key](const Entry& entry) { return entry.key() < key; });
  return static_cast<size_t>(found - entries_.begin());
}

const Bitmap::Entry* Bitmap::find(uint64_t key) const {
  const size_t place = place_of(key);
  return is_at(place, key) ? &entries_[place] : nullptr;
}

Bitmap::Entry Bitmap::make_entry(uint64_t key, const ContainerView& set) {
  Entry entry{key << 16 | (set.count - 1), kNoBlock, static_cast<uint16_t>(set.run_count), set.kind,
              false};
  const MutableBytes to = blocks_->write(entry.block, set.size_bytes());
  std::memcpy(to.data(), set.data, set.size_bytes());
  total_ += set.count;
  return entry;
}

void Bitmap::insert(size_t place, uint64_t key, const ContainerView& set) {
  entries_.insert(entries_.begin() + static_cast<ptrdiff_t>(place), make_entry(key, set));
  changed();
}

void Bitmap::append(uint64_t key, const ContainerView& set) {
  entries_.push_back(make_entry(key, set));
  changed();
}

void Bitmap::drop(size_t place) {
  Entry& entry = entries_[place];
  total_ -= entry.count();
  blocks_->free(entry.block);
  entry.block = kNoBlock;
  entry.is_dropped = true;
  dropped_count_ += 1;
  changed();
}

void Bitmap::sweep() {
  if (dropped_count_ == 0) return;
  std::erase_if(entries_, [](const Entry& entry) { return entry.is_dropped; });
  dropped_count_ = 0;
}

void Bitmap::absorb(std::vector<Entry>& fresh) {
  if (fresh.empty()) return;
  const size_t held = entries_.size();
  entries_.insert(entries_.end(), fresh.begin(), fresh.end());
  fresh.clear();
  const auto middle = entries_.begin() + static_cast<ptrdiff_t>(held);
  if (held > 0 && entries_[held].key() < entries_[held - 1].key()) {
    std::inplace_merge(entries_.begin(), middle, entries_.end(),
                       [](const Entry& a, const Entry& b) { return a.key() < b.key(); });
  }
  changed();
}

// A count that a stranger's bytes made wrong never reaches the bits of the key.
void Bitmap::set_count(Entry& entry, uint32_t count) {
  count = std::min(count, kContainerMembers);
  total_ += count;
  total_ -= entry.count();
  entry.key_count = (entry.key_count & ~uint64_t{0xffff}) | (count - 1);
  changed();
}

void Bitmap::replace(size_t place, const ContainerView& set) {
  if (set.count == 0) return drop(place);
  Entry& entry = entries_[place];
  const size_t size = set.size_bytes();
  // A block several times too large is not worth keeping.
  if (entry.block != kNoBlock && size * 4 <= view(entry).size_bytes()) {
    blocks_->free(entry.block);
    entry.block = kNoBlock;
  }
  const MutableBytes to = blocks_->write(entry.block, size);
  std::memcpy(to.data(), set.data, size);
  set_count(entry, set.count);
  entry.kind = set.kind;
  entry.run_count = static_cast<uint16_t>(set.run_count);
}

// ---- order

const std::vector<uint64_t>& Bitmap::sums() const {
  if (!sums_.empty() || entries_.empty()) return sums_;
  sums_.reserve(entries_.size());
  uint64_t sum = 0;
  for (const Entry& entry : entries_) {
    sums_.push_back(sum);
    sum += entry.count();
  }
  return sums_;
}

// Bits are asked here, without a view: this is the one call that a caller may make by the million.
bool Bitmap::has(uint64_t member) const {
  const Entry* const entry = find(member >> 16);
  const uint16_t low = static_cast<uint16_t>(member);
  if (entry == nullptr) return false;
  if (entry->kind != ContainerKind::kBits) return contains(view(*entry), low);
  return (blocks_->read(entry->block, kBitsBytes)[low >> 3] >> (low & 7) & 1) != 0;
}

template <class Member>
void Bitmap::has_many(std::span<const Member> members, uint8_t* answers) const {
  uint64_t key = UINT64_MAX;  // That of no member.
  ContainerView set;
  for (size_t index = 0; index < members.size(); ++index) {
    if (members[index] >> 16 != key) {
      key = members[index] >> 16;
      const Entry* const entry = find(key);
      set = entry == nullptr ? ContainerView() : view(*entry);
    }
    answers[index] = set.count != 0 && contains(set, static_cast<uint16_t>(members[index]));
  }
}

uint64_t Bitmap::rank(uint64_t member) const {
  const uint64_t key = member >> 16;
  const size_t place = place_of(key);
  const uint64_t below = place == entries_.size() ? total_ : sums()[place];
  if (!is_at(place, key)) return below;
  return below + rank_in(view(entries_[place]), static_cast<uint32_t>(member & 0xffff) + 1);
}

uint64_t Bitmap::count_range(uint64_t first, uint64_t last) const {
  if (first > last) return 0;
  return rank(last) - (first == 0 ? 0 : rank(first - 1));
}

std::optional<uint64_t> Bitmap::select(uint64_t index) const {
  if (index >= total_) return std::nullopt;
  const std::vector<uint64_t>& all = sums();
  const auto after = std::upper_bound(all.begin(), all.end(), index);
  const size_t place = static_cast<size_t>(after - all.begin()) - 1;
  const Entry& entry = entries_[place];
  return entry.key() << 16 | select_in(view(entry), static_cast<uint32_t>(index - all[place]));
}

std::optional<uint64_t> Bitmap::next(uint64_t from) const {
  size_t place = place_of(from >> 16);
  uint32_t low = is_at(place, from >> 16) ? static_cast<uint32_t>(from & 0xffff) : 0;
  for (; place < entries_.size(); ++place, low = 0) {
    const uint32_t found = next_in(view(entries_[place]), low);
    if (found != kContainerMembers) return entries_[place].key() << 16 | found;
  }
  return std::nullopt;
}

std::optional<uint64_t> Bitmap::previous(uint64_t from) const {
  size_t place = place_of(from >> 16);
  uint32_t low = static_cast<uint32_t>(from & 0xffff);
  if (!is_at(place, from >> 16)) {
    low = 0xffff;
  } else {
    ++place;
  }
  for (; place > 0; --place, low = 0xffff) {
    const Entry& entry = entries_[place - 1];
    const uint32_t found = previous_in(view(entry), low);
    if (found != kContainerMembers) return entry.key() << 16 | found;
  }
  return std::nullopt;
}

namespace {

// Whole containers of bits go by pieces through the kernel; its list is widened as it goes.
constexpr size_t kPieceBytes = 1024;

template <class Member>
size_t list_whole_bits(const uint8_t* bits, uint64_t base, Member* to) {
  uint16_t lows[kPieceBytes * 8 + 8];
  size_t count = 0;
  for (size_t at = 0; at < kBitsBytes; at += kPieceBytes) {
    const size_t found = kernels().bitmap.positions(bits + at, kPieceBytes, lows);
    const Member piece = static_cast<Member>(base + at * 8);
    for (size_t index = 0; index < found; ++index) to[count + index] = piece + lows[index];
    count += found;
  }
  return count;
}

}  // namespace

template <class Member>
size_t Bitmap::list_up(uint64_t from, Member* to, size_t room) const {
  uint16_t lows[4096];
  size_t count = 0;
  size_t place = place_of(from >> 16);
  uint32_t low = is_at(place, from >> 16) ? static_cast<uint32_t>(from & 0xffff) : 0;
  for (; place < entries_.size() && count < room; ++place, low = 0) {
    const ContainerView set = view(entries_[place]);
    const uint64_t base = entries_[place].key() << 16;
    if (low == 0 && set.kind == ContainerKind::kBits && room - count >= kContainerMembers) {
      count += list_whole_bits(set.data, base, to + count);
      continue;
    }
    while (low < kContainerMembers && count < room) {
      const size_t found = varve::list_up(set, low, lows, std::min(std::size(lows), room - count));
      if (found == 0 || lows[found - 1] < low) break;  // The end, or a stranger's that fall.
      for (size_t index = 0; index < found; ++index) {
        to[count++] = static_cast<Member>(base + lows[index]);
      }
      low = uint32_t{lows[found - 1]} + 1;
    }
  }
  return count;
}

template <class Member>
size_t Bitmap::list_down(uint64_t from, Member* to, size_t room) const {
  uint16_t lows[512];
  size_t count = 0;
  for (std::optional<uint64_t> top = previous(from); top && count < room;) {
    const Entry* const entry = find(*top >> 16);
    const size_t found = varve::list_down(view(*entry), static_cast<uint32_t>(*top & 0xffff), lows,
                                          std::min(std::size(lows), room - count));
    if (found == 0) break;
    const uint64_t base = entry->key() << 16;
    for (size_t index = 0; index < found; ++index) {
      to[count++] = static_cast<Member>(base + lows[index]);
    }
    const uint64_t least = base + lows[found - 1];
    top = least == 0 ? std::nullopt : previous(least - 1);
  }
  return count;
}

void Bitmap::flatten(MutableBytes to) const {
  if (to.empty()) return;
  std::memset(to.data(), 0, to.size());
  for (const Entry& entry : entries_) {
    if (entry.key() >= (to.size() + kBitsBytes - 1) / kBitsBytes) return;
    const MutableBytes part = to.subspan(entry.key() * kBitsBytes);
    Draft bits;
    spread(view(entry), bits.data);
    std::memcpy(part.data(), bits.data, std::min(part.size(), kBitsBytes));
  }
}

template void Bitmap::has_many(std::span<const uint32_t>, uint8_t*) const;
template void Bitmap::has_many(std::span<const uint64_t>, uint8_t*) const;
template size_t Bitmap::list_up(uint64_t, uint32_t*, size_t) const;
template size_t Bitmap::list_up(uint64_t, uint64_t*, size_t) const;
template size_t Bitmap::list_up(uint64_t, double*, size_t) const;
template size_t Bitmap::list_down(uint64_t, uint32_t*, size_t) const;
template size_t Bitmap::list_down(uint64_t, uint64_t*, size_t) const;
template size_t Bitmap::list_down(uint64_t, double*, size_t) const;

// ---- memory

void Bitmap::optimise() {
  for (size_t place = 0; place < entries_.size(); ++place) {
    Draft draft;
    copy_to(view(entries_[place]), draft);
    varve::optimise(draft);
    if (draft.count != 0) {  // A block of its own size, not the one it has outgrown.
      blocks_->free(entries_[place].block);
      entries_[place].block = kNoBlock;
    }
    replace(place, draft.view());
  }
  sweep();
  entries_.shrink_to_fit();
}

Bitmap::Statistics Bitmap::statistics() const {
  Statistics statistics;
  for (const Entry& entry : entries_) {
    statistics.array_count += entry.kind == ContainerKind::kArray;
    statistics.bits_count += entry.kind == ContainerKind::kBits;
    statistics.run_count += entry.kind == ContainerKind::kRuns;
    statistics.payload_bytes +=
        ContainerView{entry.kind, entry.count(), entry.run_count, nullptr}.size_bytes();
  }
  statistics.directory_bytes = entries_.capacity() * sizeof(Entry);
  return statistics;
}

}  // namespace varve
