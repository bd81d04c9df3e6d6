// pure/codec/varint.cc — what is not a kernel: encoding, and numbers one by one.
#include "pure/codec/varint.h"

#include <bit>

#include "base/check.h"
#include "pure/simd/simd.h"

namespace varve {
namespace {

constexpr uint8_t kMore = 0x80;

// The size of the number at the front that fits `bits` bits, or 0 where there is none.
size_t read_varint(Bytes from, uint32_t bits, uint64_t& number) {
  uint64_t read = 0;
  for (uint32_t shift = 0; shift < bits && shift / 7 < from.size(); shift += 7) {
    const uint8_t byte = from[shift / 7];
    const uint64_t seven = byte & 0x7fu;
    if (shift + 7 > bits && seven >> (bits - shift) != 0) return 0;
    read |= seven << shift;
    if ((byte & kMore) != 0) continue;
    if (byte == 0 && shift > 0) return 0;  // A shorter form says the same.
    number = read;
    return shift / 7 + 1;
  }
  return 0;
}

uint32_t data_size(uint32_t number) {
  return (static_cast<uint32_t>(std::bit_width(number | 1u)) + 7) / 8;
}

// Writes a stream number by number: control bytes from `to`, data behind those of `count`.
class StreamWriter {
 public:
  StreamWriter(uint8_t* to, size_t count)
      : begin_(to), control_(to), data_(to + stream_control_bytes(count)) {}

  void put(uint32_t number) {
    const uint32_t size = data_size(number);
    sizes_ |= (size - 1) << shift_;
    shift_ += 2;
    if (shift_ == 8) close();
    for (uint32_t byte = 0; byte < size; ++byte) {
      *data_++ = static_cast<uint8_t>(number >> (8 * byte));
    }
  }
  size_t finish() {
    if (shift_ > 0) close();
    return static_cast<size_t>(data_ - begin_);
  }

 private:
  void close() {
    *control_++ = static_cast<uint8_t>(sizes_);
    sizes_ = 0;
    shift_ = 0;
  }

  uint8_t* const begin_;
  uint8_t* control_;
  uint8_t* data_;
  uint32_t sizes_ = 0;
  uint32_t shift_ = 0;
};

// The parts of a stream of `count` numbers; false where even its control bytes are not there, or
// say something of numbers that are not.
bool split(Bytes from, size_t count, StreamParts& parts) {
  const size_t control_bytes = stream_control_bytes(count);
  if (from.size() < control_bytes) return false;
  if (count % 4 != 0 && from[control_bytes - 1] >> (count % 4 * 2) != 0) return false;
  parts = {from.data(), from.data() + control_bytes, from.data() + from.size()};
  return true;
}

}  // namespace

size_t varint_size(uint64_t number) {
  return (static_cast<size_t>(std::bit_width(number | 1u)) + 6) / 7;
}

void append_varint(std::string& to, uint64_t number) {
  uint8_t bytes[kVarint64BytesMax];
  append(to, Bytes(bytes, put_varint(bytes, number)));
}

bool take_long_varint(Bytes& from, uint64_t& number) {
  const size_t size = read_varint(from, 64, number);
  from = from.subspan(size);
  return size > 0;
}

bool take_long_varint(Bytes& from, uint32_t& number) {
  uint64_t wide = number;
  const size_t size = read_varint(from, 32, wide);
  from = from.subspan(size);
  number = static_cast<uint32_t>(wide);
  return size > 0;
}

size_t stream_size(std::span<const uint32_t> numbers) {
  size_t size = stream_control_bytes(numbers.size());
  for (const uint32_t number : numbers) size += data_size(number);
  return size;
}

size_t encode_stream(std::span<const uint32_t> numbers, uint8_t* to) {
  StreamWriter writer(to, numbers.size());
  for (const uint32_t number : numbers) writer.put(number);
  return writer.finish();
}

bool decode_stream(Bytes from, std::span<uint32_t> to) {
  if (to.empty()) return from.empty();
  StreamParts parts{};
  if (!split(from, to.size(), parts)) return false;
  return kernels().decode_stream(parts, to.data(), to.size()) == parts.end;
}

size_t rising_stream_size(std::span<const uint32_t> numbers, uint32_t base) {
  size_t size = stream_control_bytes(numbers.size());
  for (const uint32_t number : numbers) {
    size += data_size(number - base);
    base = number;
  }
  return size;
}

size_t encode_rising_stream(std::span<const uint32_t> numbers, uint32_t base, uint8_t* to) {
  StreamWriter writer(to, numbers.size());
  for (const uint32_t number : numbers) {
    check(number >= base);
    writer.put(number - base);
    base = number;
  }
  return writer.finish();
}

bool decode_rising_stream(Bytes from, uint32_t base, std::span<uint32_t> to) {
  if (to.empty()) return from.empty();
  StreamParts parts{};
  if (!split(from, to.size(), parts)) return false;
  return kernels().decode_rising_stream(parts, base, to.data(), to.size()) == parts.end;
}

}  // namespace varve
