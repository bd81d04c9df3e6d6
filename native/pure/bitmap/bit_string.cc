// pure/bitmap/bit_string.cc — whole bytes go through the kernels and by words, the rest by masks.
#include "pure/bitmap/bit_string.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace varve {
namespace {

// A range in bits, from `begin` up to `end`.
struct Span {
  uint64_t begin = 0;
  uint64_t end = 0;
};

Span span_of(Bytes bytes, const BitRange& range) {
  const uint64_t unit_bits = range.unit == BitUnit::kByte ? 8 : 1;
  const int64_t length = static_cast<int64_t>(bytes.size() * 8 / unit_bits);
  const auto place = [length](int64_t index) {
    return index < 0 ? std::max<int64_t>(index + length, 0) : index;
  };
  if (range.first < 0 && range.last < 0 && range.first > range.last) return {};
  const int64_t first = place(range.first);
  const int64_t last = std::min(place(range.last), length - 1);
  if (first > last) return {};
  return {static_cast<uint64_t>(first) * unit_bits, (static_cast<uint64_t>(last) + 1) * unit_bits};
}

// The bits of one byte from `begin` up to `end`, at most 8.
uint8_t mask_of(uint64_t begin, uint64_t end) {
  return static_cast<uint8_t>((0xff >> begin) & ~(0xff >> end));
}

bool bit_at(Bytes bytes, uint64_t offset) {
  return (bytes[offset / 8] >> (7 - offset % 8) & 1) != 0;
}

// The first byte in [from, end) that is another than `byte`.
uint64_t skip_bytes(Bytes bytes, uint64_t from, uint64_t end, uint8_t byte) {
  const uint64_t word = byte == 0 ? 0 : ~uint64_t{0};
  while (from + 8 <= end && load<uint64_t>(&bytes[from]) == word) from += 8;
  while (from < end && bytes[from] == byte) ++from;
  return from;
}

uint64_t find_in(Bytes bytes, bool bit, Span span) {
  uint64_t at = span.begin;
  for (; at < span.end && at % 8 != 0; ++at) {
    if (bit_at(bytes, at) == bit) return at;
  }
  if (at < span.end) at = skip_bytes(bytes, at / 8, span.end / 8, bit ? 0 : 0xff) * 8;
  for (; at < span.end; ++at) {
    if (bit_at(bytes, at) == bit) return at;
  }
  return span.end;
}

// ---- fields

int64_t greatest(const BitField& field) {
  const uint32_t bits = field.has_sign ? field.width - 1 : field.width;
  return static_cast<int64_t>((uint64_t{1} << bits) - 1);
}

int64_t least(const BitField& field) { return field.has_sign ? -greatest(field) - 1 : 0; }

// The lowest bits of a value, with the sign that they have.
int64_t wrapped(const BitField& field, uint64_t value) {
  const uint32_t above = 64 - field.width;
  if (field.has_sign) return static_cast<int64_t>(value << above) >> above;
  return static_cast<int64_t>(value << above >> above);
}

void write_field(MutableBytes bytes, const BitField& field, uint64_t value) {
  for (uint32_t index = 0; index < field.width; ++index) {
    const uint64_t offset = field.offset + index;
    const uint8_t mask = static_cast<uint8_t>(0x80 >> offset % 8);
    uint8_t& byte = bytes[offset / 8];
    const bool bit = (value >> (field.width - 1 - index) & 1) != 0;
    byte = static_cast<uint8_t>(bit ? byte | mask : byte & ~mask);
  }
}

enum class Beyond : uint8_t { kNeither, kAbove, kBelow };

std::optional<int64_t> fit(const BitField& field, Beyond beyond, uint64_t value,
                           Overflow overflow) {
  if (beyond == Beyond::kNeither || overflow == Overflow::kWrap) return wrapped(field, value);
  if (overflow == Overflow::kFail) return std::nullopt;
  return beyond == Beyond::kAbove ? greatest(field) : least(field);
}

}  // namespace

uint64_t count_bits(Bytes bytes, const BitRange& range) {
  const Span span = span_of(bytes, range);
  if (span.begin == span.end) return 0;
  const uint64_t first = span.begin / 8;
  const uint64_t last = (span.end - 1) / 8;
  const uint64_t end = (span.end - 1) % 8 + 1;
  const auto ones = [&bytes](uint64_t index, uint8_t mask) {
    return static_cast<uint64_t>(std::popcount(static_cast<uint32_t>(bytes[index] & mask)));
  };
  if (first == last) return ones(first, mask_of(span.begin % 8, end));
  const Bytes between = bytes.subspan(first + 1, last - first - 1);
  return ones(first, mask_of(span.begin % 8, 8)) + ones(last, mask_of(0, end)) +
         kernels().bitmap.count(between.data(), between.size());
}

int64_t find_bit(Bytes bytes, bool bit, const BitRange& range) {
  if (bytes.empty()) return bit ? -1 : 0;
  const Span span = span_of(bytes, range);
  if (span.begin == span.end) return -1;
  const uint64_t found = find_in(bytes, bit, span);
  if (found != span.end) return static_cast<int64_t>(found);
  return bit || range.has_last ? -1 : static_cast<int64_t>(bytes.size() * 8);
}

void join_bits(SetOp op, std::span<const Bytes> sources, MutableBytes to) {
  if (to.empty()) return;
  std::memset(to.data(), 0, to.size());
  if (sources.empty()) return;
  if (!sources[0].empty()) std::memcpy(to.data(), sources[0].data(), sources[0].size());
  for (const Bytes source : sources.subspan(1)) {
    const size_t size = source.size();
    kernels().bitmap.join[static_cast<size_t>(op)](to.data(), to.data(), source.data(), size);
    if (op == SetOp::kAnd) std::memset(to.data() + size, 0, to.size() - size);
  }
}

void invert_bits(Bytes from, MutableBytes to) {
  for (size_t index = 0; index < from.size(); ++index) {
    to[index] = static_cast<uint8_t>(~from[index]);
  }
}

int64_t read_field(Bytes bytes, const BitField& field) {
  uint64_t value = 0;
  for (uint64_t offset = field.offset; offset < field.offset + field.width; ++offset) {
    value = value << 1 | (offset / 8 < bytes.size() && bit_at(bytes, offset) ? 1 : 0);
  }
  return wrapped(field, value);
}

// A negative value is above all that a field without a sign can hold, as in Redis.
std::optional<int64_t> set_field(MutableBytes bytes, const BitField& field, int64_t value,
                                 Overflow overflow) {
  const int64_t before = read_field(bytes, field);
  const bool is_above = value > greatest(field) || (!field.has_sign && value < 0);
  const Beyond beyond = is_above               ? Beyond::kAbove
                        : value < least(field) ? Beyond::kBelow
                                               : Beyond::kNeither;
  const std::optional<int64_t> fitting = fit(field, beyond, static_cast<uint64_t>(value), overflow);
  if (!fitting) return std::nullopt;
  write_field(bytes, field, static_cast<uint64_t>(*fitting));
  return before;
}

std::optional<int64_t> increment_field(MutableBytes bytes, const BitField& field, int64_t by,
                                       Overflow overflow) {
  const uint64_t before = static_cast<uint64_t>(read_field(bytes, field));
  const uint64_t amount = static_cast<uint64_t>(by);
  const uint64_t room_above = static_cast<uint64_t>(greatest(field)) - before;
  const uint64_t room_below = before - static_cast<uint64_t>(least(field));
  const Beyond beyond = by > 0 && amount > room_above                 ? Beyond::kAbove
                        : by < 0 && uint64_t{0} - amount > room_below ? Beyond::kBelow
                                                                      : Beyond::kNeither;
  const std::optional<int64_t> fitting = fit(field, beyond, before + amount, overflow);
  if (fitting) write_field(bytes, field, static_cast<uint64_t>(*fitting));
  return fitting;
}

}  // namespace varve
