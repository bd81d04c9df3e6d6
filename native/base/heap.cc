#include "base/heap.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "base/pages.h"

namespace varve {
namespace {

constexpr size_t kUnit = Heap::kAlignment;
constexpr size_t kLooksMax = 16;  // Pieces of the own list that are tried before a larger one.

}  // namespace

// What goes before every piece; a free one's list lies in its body. A piece of no units ends a
// region.
struct Heap::Piece {
  uint32_t units = 0;           // With this header, which is one unit.
  uint32_t previous_units = 0;  // 0: the first of its region.
  bool is_free = false;
  Piece* older = nullptr;  // In its list, while it is free.
  Piece* newer = nullptr;
};

Heap::~Heap() {
  for (const Region& region : regions_) unmap_pages(region.pages, region.size);
}

Heap::Piece* Heap::next_of(Piece* piece) {
  return reinterpret_cast<Piece*>(reinterpret_cast<uint8_t*>(piece) + piece->units * kUnit);
}

Heap::Piece* Heap::previous_of(Piece* piece) {
  return reinterpret_cast<Piece*>(reinterpret_cast<uint8_t*>(piece) -
                                  piece->previous_units * kUnit);
}

size_t Heap::cost(size_t size) { return (size + kUnit - 1) / kUnit * kUnit + kUnit; }

size_t Heap::held_bytes() const {
  const std::unique_lock<std::mutex> held(mutex_);
  return held_;
}

// Lists 0 to 3 are for 1 to 3 units; from there on four to each power of two.
size_t Heap::list_of(size_t units) {
  if (units < kPerOrder) return units;
  const size_t order = static_cast<size_t>(std::bit_width(units)) - 1;
  const size_t part = (units >> (order - 2)) & (kPerOrder - 1);
  const size_t list = (order - 1) * kPerOrder + part;
  check(list < kOrderCount * kPerOrder);
  return list;
}

void Heap::hang(Piece* piece) {
  const size_t list = list_of(piece->units);
  piece->is_free = true;
  piece->newer = nullptr;
  piece->older = lists_[list];
  if (piece->older != nullptr) piece->older->newer = piece;
  lists_[list] = piece;
  filled_[list / 64] |= uint64_t{1} << (list % 64);
}

void Heap::unhang(Piece* piece) {
  const size_t list = list_of(piece->units);
  piece->is_free = false;
  if (piece->older != nullptr) piece->older->newer = piece->newer;
  if (piece->newer != nullptr) piece->newer->older = piece->older;
  if (lists_[list] != piece) return;
  lists_[list] = piece->older;
  if (piece->older == nullptr) filled_[list / 64] &= ~(uint64_t{1} << (list % 64));
}

// Pieces of a list may be too small for what belongs to it, those of every later list are not.
Heap::Piece* Heap::take_fitting(size_t units) {
  const size_t own = list_of(units);
  size_t looks = kLooksMax;
  for (Piece* piece = lists_[own]; piece != nullptr && looks-- > 0; piece = piece->older) {
    if (piece->units < units) continue;
    unhang(piece);
    return piece;
  }
  for (size_t word = (own + 1) / 64; word < 2; ++word) {
    uint64_t bits = filled_[word];
    if (word == (own + 1) / 64) bits &= ~uint64_t{0} << ((own + 1) % 64);
    if (bits == 0) continue;
    Piece* const piece = lists_[word * 64 + static_cast<size_t>(std::countr_zero(bits))];
    unhang(piece);
    return piece;
  }
  return nullptr;
}

Heap::Piece* Heap::add_region(size_t units) {
  const size_t bytes = (units + 1) * kUnit;  // With the end's header.
  const size_t size = (bytes + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
  uint8_t* const pages = map_pages(size);
  check(pages != nullptr);
  regions_.push_back({pages, size});
  held_ += size;
  ++empty_count_;
  Piece* const piece = reinterpret_cast<Piece*>(pages);
  piece->units = static_cast<uint32_t>(size / kUnit - 1);
  next_of(piece)->previous_units = piece->units;
  return piece;
}

bool Heap::is_region(const Piece* piece) const {
  return piece->previous_units == 0 && next_of(const_cast<Piece*>(piece))->units == 0;
}

uint8_t* Heap::allocate(size_t size) {
  const size_t units = cost(size) / kUnit;
  const std::unique_lock<std::mutex> held(mutex_);
  Piece* piece = take_fitting(units);
  if (piece == nullptr) piece = add_region(units);
  if (is_region(piece)) --empty_count_;
  if (piece->units - units >= 2) {
    const uint32_t rest = piece->units - static_cast<uint32_t>(units);
    piece->units = static_cast<uint32_t>(units);
    Piece* const behind = next_of(piece);
    behind->units = rest;
    behind->previous_units = piece->units;
    next_of(behind)->previous_units = rest;
    hang(behind);
  }
  return reinterpret_cast<uint8_t*>(piece) + kUnit;
}

void Heap::free(uint8_t* bytes) {
  const std::unique_lock<std::mutex> held(mutex_);
  Piece* piece = reinterpret_cast<Piece*>(bytes - kUnit);
  check(!piece->is_free);
  Piece* const behind = next_of(piece);
  if (behind->is_free) {
    unhang(behind);
    piece->units += behind->units;
  }
  Piece* const before = previous_of(piece);
  if (piece->previous_units != 0 && before->is_free) {
    unhang(before);
    before->units += piece->units;
    piece = before;
  }
  next_of(piece)->previous_units = piece->units;
  if (is_region(piece) && ++empty_count_ > 1) return give_back(piece);
  hang(piece);
}

void Heap::give_back(Piece* piece) {
  --empty_count_;
  uint8_t* const pages = reinterpret_cast<uint8_t*>(piece);
  const auto region = std::find_if(regions_.begin(), regions_.end(),
                                   [&](const Region& one) { return one.pages == pages; });
  check(region != regions_.end());
  const Region gone = *region;
  regions_.erase(region);
  held_ -= gone.size;
  unmap_pages(gone.pages, gone.size);
}

}  // namespace varve
