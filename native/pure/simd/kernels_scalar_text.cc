// pure/simd/kernels_scalar_text.cc — the specification of what is done to keys and texts.
#include "pure/simd/simd.h"

namespace varve {

size_t shared_prefix_scalar(const uint8_t* a, const uint8_t* b, size_t size) {
  size_t at = 0;
  while (at < size && a[at] == b[at]) ++at;
  return at;
}

namespace {

bool is_between(uint8_t byte, char first, char last) {
  return byte >= static_cast<uint8_t>(first) && byte <= static_cast<uint8_t>(last);
}

TextMarks scan_text(const uint8_t* from, size_t size, uint8_t* to) {
  TextMarks marks = {0, 0};
  for (size_t at = 0; at < kScannedBytes; ++at) {
    const uint8_t byte = at < size ? from[at] : 0;
    const bool is_large = is_between(byte, 'A', 'Z');
    const bool is_word = is_large || is_between(byte, 'a', 'z') || is_between(byte, '0', '9');
    to[at] = is_large ? static_cast<uint8_t>(byte | 0x20) : byte;
    marks.words |= uint64_t{is_word} << at;
    marks.others |= uint64_t{byte >= 0x80 || byte == '_'} << at;
  }
  return marks;
}

}  // namespace

void fill_text_scalar(Kernels& table) {
  table.shared_prefix = shared_prefix_scalar;
  table.scan_text = scan_text;
}

}  // namespace varve
