// layer/blocks/keys.h — the keys of an index in a store: its prefix, one byte, and a number.
//
// Bytes: FORMAT.md
#pragma once

#include <string>

#include "base/bytes.h"

namespace varve {

enum class StoredPart : uint8_t { kHead = 0, kState = 1, kBlock = 2, kLoose = 3, kEnd = 4 };

inline std::string key_of_part(const std::string& prefix, StoredPart part) {
  return prefix + static_cast<char>(part);
}
// Numbers are big-endian, so that keys are in their order.
inline std::string key_of_part(const std::string& prefix, StoredPart part, uint32_t number) {
  std::string key = key_of_part(prefix, part);
  for (int shift = 24; shift >= 0; shift -= 8) key += static_cast<char>(number >> shift & 0xff);
  return key;
}

}  // namespace varve
