#include "storage/table/block_index.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "pure/codec/compress.h"
#include "pure/codec/prefix.h"
#include "storage/table/layout.h"

namespace varve {
namespace {

constexpr size_t kHeaderBytes = 24;
constexpr uint32_t kOffsetWidthMax = 7;
constexpr uint32_t kRawWidthMax = 4;
constexpr uint32_t kKeyWidthMax = 4;
// What a part is to take in memory, at most, and of that an entry beside its separator: its places
// in the arrays, about, and a handle of the cache.
constexpr uint64_t kPartBytesMax = 6144;
constexpr uint64_t kEntryBytes = 26;
// Of fewer blocks a part would be no shorter way than the blocks themselves, however long their
// keys are.
constexpr uint32_t kPartBitsMin = 4;

uint32_t width_of(uint64_t number) {
  return std::max<uint32_t>(1, (static_cast<uint32_t>(std::bit_width(number)) + 7) / 8);
}

void append_number(std::string& to, uint64_t number, uint32_t width) {
  uint8_t bytes[8];
  store<uint64_t>(bytes, number);
  append(to, Bytes(bytes, width));
}

uint64_t end_of(const BlockPlace& place) { return place.offset + place.size + kBlockTrailerBytes; }

}  // namespace

std::string shortest_separator(Bytes last_key, Bytes first_key) {
  const size_t shared = shared_prefix(last_key, first_key);
  return std::string(as_text(first_key.first(std::min(first_key.size(), shared + 1))));
}

uint32_t index_part_bits(std::span<const IndexEntry> entries) {
  if (entries.empty()) return kPartBitsMin;
  uint64_t bytes = 0;
  for (const IndexEntry& entry : entries) bytes += entry.separator.size() + kEntryBytes;
  const uint64_t fitting = kPartBytesMax * entries.size() / bytes;
  return std::clamp(static_cast<uint32_t>(std::bit_width(fitting | 1)) - 1, kPartBitsMin,
                    kIndexPartBitsMax);
}

std::string encode_index_part(std::span<const IndexEntry> entries) {
  check(!entries.empty());
  const uint64_t base = entries.front().place.offset;
  const Bytes first = as_bytes(entries.front().separator);
  const size_t prefix = shared_prefix(first, as_bytes(entries.back().separator));
  uint64_t key_bytes = 0;
  uint32_t raw_size_max = 0;
  bool any_compressed = false;
  for (const IndexEntry& entry : entries) {
    key_bytes += entry.separator.size() - prefix;
    raw_size_max = std::max(raw_size_max, entry.place.raw_size);
    any_compressed = any_compressed || entry.place.raw_size != entry.place.size;
  }
  const uint32_t offset_width = width_of(end_of(entries.back().place) - base);
  const uint32_t raw_width = any_compressed ? width_of(raw_size_max) : 0;
  const uint32_t key_width = width_of(key_bytes);
  check(offset_width <= kOffsetWidthMax && key_width <= kKeyWidthMax);

  std::string to;
  append<uint32_t>(to, static_cast<uint32_t>(entries.size()));
  append<uint32_t>(to, static_cast<uint32_t>(prefix));
  append<uint64_t>(to, base);
  append<uint64_t>(to, offset_width | raw_width << 8 | key_width << 16);
  append(to, first.first(prefix));
  for (const IndexEntry& entry : entries) {
    append_number(to, end_of(entry.place) - base, offset_width);
  }
  for (const IndexEntry& entry : entries) append_number(to, entry.place.raw_size, raw_width);
  uint64_t key_end = 0;
  for (const IndexEntry& entry : entries) {
    key_end += entry.separator.size() - prefix;
    append_number(to, key_end, key_width);
  }
  for (const IndexEntry& entry : entries) to.append(entry.separator, prefix);
  return to;
}

bool IndexPart::parse(Bytes bytes, IndexPart& part) {
  if (bytes.size() < kHeaderBytes) return false;
  const uint64_t count = load<uint32_t>(bytes.data());
  const uint64_t prefix = load<uint32_t>(bytes.data() + 4);
  const uint64_t base = load<uint64_t>(bytes.data() + 8);
  const uint8_t* const widths = bytes.data() + 16;
  const bool sized = widths[0] >= 1 && widths[0] <= kOffsetWidthMax && widths[1] <= kRawWidthMax &&
                     widths[2] >= 1 && widths[2] <= kKeyWidthMax &&
                     load<uint64_t>(widths) >> 24 == 0;
  if (count == 0 || base >> 62 != 0 || !sized) return false;
  const uint64_t arrays = count * (widths[0] + widths[1] + widths[2]);
  if (prefix + arrays > bytes.size() - kHeaderBytes) return false;
  part.attach(bytes.data());
  const uint64_t key_bytes = bytes.size() - kHeaderBytes - prefix - arrays;
  uint64_t end = 0;
  uint64_t key_end = 0;
  for (uint32_t i = 0; i < part.count_; ++i) {
    const uint64_t begin = end;
    const uint64_t key_begin = key_end;
    end = number(part.offsets_, part.offset_width_, i);
    key_end = number(part.key_ends_, part.key_width_, i);
    if (end <= begin + kBlockTrailerBytes || key_end < key_begin || key_end > key_bytes) {
      return false;
    }
    const uint64_t size = end - begin - kBlockTrailerBytes;
    const uint64_t raw_size =
        part.raw_width_ == 0 ? size : number(part.raw_sizes_, part.raw_width_, i);
    if (raw_size < size || raw_size > kBlockBytesMax || raw_size > size * kExpansionMax) {
      return false;
    }
  }
  return key_end == key_bytes;
}

void IndexPart::attach(const uint8_t* parsed) {
  count_ = load<uint32_t>(parsed);
  prefix_ = Bytes(parsed + kHeaderBytes, load<uint32_t>(parsed + 4));
  base_ = load<uint64_t>(parsed + 8);
  offset_width_ = parsed[16];
  raw_width_ = parsed[17];
  key_width_ = parsed[18];
  offsets_ = prefix_.data() + prefix_.size();
  raw_sizes_ = offsets_ + size_t{count_} * offset_width_;
  key_ends_ = raw_sizes_ + size_t{count_} * raw_width_;
  keys_ = key_ends_ + size_t{count_} * key_width_;
}

BlockPlace IndexPart::place(uint32_t i) const {
  const uint64_t begin = i == 0 ? 0 : number(offsets_, offset_width_, i - 1);
  const uint64_t end = number(offsets_, offset_width_, i);
  BlockPlace place;
  place.offset = base_ + begin;
  place.size = static_cast<uint32_t>(end - begin - kBlockTrailerBytes);
  place.raw_size =
      raw_width_ == 0 ? place.size : static_cast<uint32_t>(number(raw_sizes_, raw_width_, i));
  return place;
}

Bytes IndexPart::suffix(uint32_t i) const {
  const uint64_t begin = i == 0 ? 0 : number(key_ends_, key_width_, i - 1);
  return Bytes(keys_ + begin, number(key_ends_, key_width_, i) - begin);
}

std::string IndexPart::separator(uint32_t i) const {
  return std::string(as_text(prefix_)) + std::string(as_text(suffix(i)));
}

int IndexPart::compare_separator(uint32_t i, Bytes key) const {
  const size_t shared = std::min(prefix_.size(), key.size());
  if (const int order = compare(prefix_.first(shared), key.first(shared)); order != 0) return order;
  if (key.size() < prefix_.size()) return 1;
  return compare(suffix(i), key.subspan(shared));
}

// The last that compares to the key as at most that; the first if none does.
uint32_t IndexPart::last_of(Bytes key, int order_max) const {
  uint32_t low = 0;
  uint32_t high = count_;
  while (high - low > 1) {
    const uint32_t middle = low + (high - low) / 2;
    if (compare_separator(middle, key) <= order_max)
      low = middle;
    else
      high = middle;
  }
  return low;
}

}  // namespace varve
