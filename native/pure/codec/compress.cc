#include "pure/codec/compress.h"

#include <algorithm>
#include <bit>

namespace varve {
namespace {

constexpr size_t kMatchMin = 4;
constexpr size_t kOffsetMax = 65535;
constexpr size_t kNibble = 15;
constexpr uint32_t kHashBits = 12;
constexpr size_t kWide = 16;       // Bytes of one wide copy.
constexpr size_t kTailBytes = 8;   // At the end no match begins: eight bytes are read at once.
constexpr uint32_t kPatience = 6;  // Misses, as a power of two, before the search strides.

uint32_t hash_of(uint32_t four) { return (four * 2654435761u) >> (32 - kHashBits); }

void append_length(std::string& to, size_t rest) {
  for (; rest >= 255; rest -= 255) to.push_back(static_cast<char>(255));
  to.push_back(static_cast<char>(rest));
}

// Literals, then a match; a match of no length ends the block.
void append_sequence(std::string& to, Bytes literals, size_t offset, size_t match) {
  const size_t low = std::min(literals.size(), kNibble);
  const size_t high = match == 0 ? 0 : std::min(match - kMatchMin, kNibble);
  to.push_back(static_cast<char>(high << 4 | low));
  if (low == kNibble) append_length(to, literals.size() - kNibble);
  append(to, literals);
  if (match == 0) return;
  append<uint16_t>(to, static_cast<uint16_t>(offset));
  if (high == kNibble) append_length(to, match - kMatchMin - kNibble);
}

// How far two places agree; `a` lies before `b`.
size_t agreement(const uint8_t* a, const uint8_t* b, const uint8_t* end) {
  const uint8_t* const begin = b;
  while (b + 8 <= end) {
    const uint64_t differing = load<uint64_t>(a) ^ load<uint64_t>(b);
    if (differing != 0) {
      return static_cast<size_t>(b - begin) + static_cast<size_t>(std::countr_zero(differing)) / 8;
    }
    a += 8;
    b += 8;
  }
  while (b < end && *a == *b) {
    ++a;
    ++b;
  }
  return static_cast<size_t>(b - begin);
}

// What decompress() reads; every step says whether it stayed inside.
struct Source {
  const uint8_t* at;
  const uint8_t* end;

  size_t left() const { return static_cast<size_t>(end - at); }
  bool length(size_t nibble, size_t& size) {
    size = nibble;
    if (nibble != kNibble) return true;
    uint8_t byte = 255;
    while (byte == 255) {
      if (at == end || size > kCompressBytesMax) return false;
      byte = *at++;
      size += byte;
    }
    return true;
  }
};

struct Target {
  uint8_t* begin;
  uint8_t* at;
  uint8_t* end;

  size_t left() const { return static_cast<size_t>(end - at); }

  // Wide copies write over the end of what they are for, while there is room for that.
  void literals(Source& from, size_t size) {
    if (from.left() >= size + kWide && left() >= size + kWide) {
      for (size_t done = 0; done < size; done += kWide) {
        std::memcpy(at + done, from.at + done, kWide);
      }
    } else if (size > 0) {
      std::memcpy(at, from.at, size);
    }
    at += size;
    from.at += size;
  }

  void match(size_t offset, size_t size) {
    const uint8_t* from = at - offset;
    if (offset >= kWide && left() >= size + kWide) {
      for (size_t done = 0; done < size; done += kWide) {
        std::memcpy(at + done, from + done, kWide);
      }
      at += size;
      return;
    }
    for (uint8_t* const stop = at + size; at < stop;) *at++ = *from++;  // It may feed itself.
  }
};

}  // namespace

bool compress(Bytes from, size_t limit, std::string& to) {
  const size_t before = to.size();
  const uint8_t* const begin = from.data();
  const uint8_t* const end = begin + from.size();
  const uint8_t* literals = begin;
  if (from.size() > kCompressBytesMax) return false;
  if (from.size() > kTailBytes + kMatchMin) {
    uint32_t places[1 << kHashBits] = {};  // Behind the last place with this hash; 0: none.
    const uint8_t* const last = end - kTailBytes;
    uint32_t misses = 1u << kPatience;
    for (const uint8_t* at = begin; at < last;) {
      const uint32_t four = load<uint32_t>(at);
      uint32_t& place = places[hash_of(four)];
      const uint8_t* const there = begin + place - 1;
      const bool found = place != 0 && static_cast<size_t>(at - there) <= kOffsetMax &&
                         load<uint32_t>(there) == four;
      place = static_cast<uint32_t>(at - begin) + 1;
      if (!found) {
        at += misses++ >> kPatience;
        continue;
      }
      misses = 1u << kPatience;
      const size_t match = kMatchMin + agreement(there + kMatchMin, at + kMatchMin, end);
      append_sequence(to, Bytes(literals, at), static_cast<size_t>(at - there), match);
      if (to.size() - before >= limit) break;
      at += match;
      literals = at;
    }
  }
  if (to.size() - before < limit) append_sequence(to, Bytes(literals, end), 0, 0);
  if (to.size() - before < limit) return true;
  to.resize(before);
  return false;
}

bool decompress(Bytes from, MutableBytes to) {
  Source source{from.data(), from.data() + from.size()};
  Target target{to.data(), to.data(), to.data() + to.size()};
  while (source.at < source.end) {
    const uint8_t token = *source.at++;
    size_t literals = 0;
    if (!source.length(token & kNibble, literals)) return false;
    if (literals > source.left() || literals > target.left()) return false;
    target.literals(source, literals);
    if (source.at == source.end) return target.at == target.end && token >> 4 == 0;
    if (source.left() < 2) return false;
    const size_t offset = load<uint16_t>(source.at);
    source.at += 2;
    size_t match = 0;
    if (!source.length(token >> 4, match)) return false;
    match += kMatchMin;
    if (offset == 0 || offset > static_cast<size_t>(target.at - target.begin)) return false;
    if (match > target.left()) return false;
    target.match(offset, match);
  }
  return false;  // A block ends with literals, be they none.
}

}  // namespace varve
