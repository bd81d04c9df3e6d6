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

// The order of keys everywhere: bytes as unsigned numbers, a prefix before what it begins.
inline int compare(Bytes a, Bytes b) {
  const size_t shared = a.size() < b.size() ? a.size() : b.size();
  if (shared != 0) {
    const int order = std::memcmp(a.data(), b.data(), shared);
    if (order != 0) return order;
  }
  return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

inline bool equal(Bytes a, Bytes b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
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

template <class T>
inline void append(std::string& to, T value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof(T));
}
inline void append(std::string& to, Bytes bytes) {
  to.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

inline uint64_t round_up(uint64_t value, uint64_t step) { return (value + step - 1) / step * step; }

}  // namespace varve
