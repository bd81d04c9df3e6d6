// base/bytes.h — borrowed bytes, and the little-endian integers that lie in them.
//
// `Bytes` owns nothing: whoever hands one out says until when it holds. Every integer at rest in a
// Varve file has an explicit width and is little-endian; load/store below are the only way to touch
// one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/bits.h"

namespace varve {

using Bytes = std::span<const uint8_t>;
using MutableBytes = std::span<uint8_t>;

inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Integers of `T`'s width at an address of any alignment. The hosts we build for are little-endian
// (checked in bytes.cc), so a copy is the conversion.
template <class T>
inline T load(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

template <class T>
inline void store(uint8_t* at, T value) {
  std::memcpy(at, &value, sizeof(T));
}

inline uint64_t load_big64(const uint8_t* at) { return swap_bytes(load<uint64_t>(at)); }
inline void store_big64(uint8_t* at, uint64_t value) { store(at, swap_bytes(value)); }

// The order of keys everywhere: bytes as unsigned numbers, a prefix before what it begins. Eight at a
// time and in line, because keys are short; the last eight may be some of those before again.
inline int compare(Bytes a, Bytes b) {
  const size_t shared = a.size() < b.size() ? a.size() : b.size();
  const auto order8 = [&](size_t at) {
    const uint64_t x = load_big64(a.data() + at);
    const uint64_t y = load_big64(b.data() + at);
    return x < y ? -1 : static_cast<int>(x > y);
  };
  size_t at = 0;
  for (; at + 8 <= shared; at += 8) {
    if (const int order = order8(at); order != 0) return order;
  }
  if (shared >= 8) {
    if (const int order = order8(shared - 8); order != 0) return order;
  } else {
    for (; at < shared; ++at) {
      if (a[at] != b[at]) return a[at] < b[at] ? -1 : 1;
    }
  }
  return a.size() < b.size() ? -1 : static_cast<int>(a.size() > b.size());
}

inline bool equal(Bytes a, Bytes b) {
  const size_t size = a.size();
  if (size != b.size()) return false;
  const auto differs8 = [&](size_t at) {
    return load<uint64_t>(a.data() + at) != load<uint64_t>(b.data() + at);
  };
  if (size >= 8) {
    for (size_t at = 0; at + 8 <= size; at += 8) {
      if (differs8(at)) return false;
    }
    return !differs8(size - 8);
  }
  for (size_t at = 0; at < size; ++at) {
    if (a[at] != b[at]) return false;
  }
  return true;
}

template <class T>
inline void append(std::string& to, T value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof(T));
}
inline void append(std::string& to, Bytes bytes) {
  to.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

inline uint64_t round_up(uint64_t value, uint64_t step) { return (value + step - 1) / step * step; }

}  // namespace varve
