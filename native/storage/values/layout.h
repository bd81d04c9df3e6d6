// storage/values/layout.h — what writer and reader of value files share. Bytes: FORMAT.md
#pragma once

#include <cstdint>

namespace varve {

inline constexpr char kValuesMagic[] = "VARVEVAL";
inline constexpr uint8_t kValuePlain = 0;
inline constexpr uint8_t kValueCompressed = 1;  // pure/codec/compress.h

}  // namespace varve
