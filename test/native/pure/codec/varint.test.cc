// test/native/pure/codec/varint.test.cc — numbers come back, have one form, and hostile bytes are
// refused.
#include "pure/codec/varint.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/random.h"
#include "test.h"

namespace varve {
namespace {

using test::expect;

uint64_t some_number(Random& random) { return random.next() >> random.below(64); }

std::vector<uint32_t> some_numbers(Random& random, size_t count) {
  std::vector<uint32_t> numbers(count);
  for (uint32_t& number : numbers) {
    number = static_cast<uint32_t>(some_number(random) >> 32 >> random.below(24));
  }
  return numbers;
}

std::string bytes_of(std::initializer_list<int> bytes) {
  std::string text;
  for (const int byte : bytes) text.push_back(static_cast<char>(byte));
  return text;
}

bool takes32(const std::string& bytes) {
  Bytes from = as_bytes(bytes);
  uint32_t number = 7;
  const bool taken = take_varint(from, number);
  expect(taken || (from.size() == bytes.size() && number == 7));
  return taken && from.empty();
}

bool takes64(const std::string& bytes) {
  Bytes from = as_bytes(bytes);
  uint64_t number = 7;
  const bool taken = take_varint(from, number);
  expect(taken || (from.size() == bytes.size() && number == 7));
  return taken && from.empty();
}

const test::Case round_trips("numbers of every size come back, one after the other", [] {
  Random random(test::seed());
  std::vector<uint64_t> numbers = {0, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
  while (numbers.size() < 5000) numbers.push_back(some_number(random));
  std::string bytes;
  for (const uint64_t number : numbers) {
    const size_t before = bytes.size();
    append_varint(bytes, number);
    expect(bytes.size() - before == varint_size(number));
  }
  Bytes from = as_bytes(bytes);
  for (const uint64_t number : numbers) {
    uint64_t found = 0;
    expect(take_varint(from, found) && found == number);
  }
  expect(from.empty());
});

const test::Case cut("a number that is cut short is refused and nothing is taken", [] {
  std::string bytes;
  append_varint(bytes, UINT64_MAX);
  expect(bytes.size() == kVarint64BytesMax && takes64(bytes));
  for (size_t size = 0; size < bytes.size(); ++size) expect(!takes64(bytes.substr(0, size)));
  bytes.clear();
  append_varint(bytes, UINT32_MAX);
  expect(bytes.size() == kVarint32BytesMax && takes32(bytes));
  for (size_t size = 0; size < bytes.size(); ++size) expect(!takes32(bytes.substr(0, size)));
});

const test::Case one_form("a longer form than needed, or more bits than fit, are refused", [] {
  expect(takes64(bytes_of({0x00})));
  expect(!takes64(bytes_of({0x80, 0x00})));
  expect(!takes64(bytes_of({0xff, 0x80, 0x00})));
  expect(takes32(bytes_of({0xff, 0xff, 0xff, 0xff, 0x0f})));
  expect(!takes32(bytes_of({0xff, 0xff, 0xff, 0xff, 0x1f})));
  expect(!takes32(bytes_of({0x80, 0x80, 0x80, 0x80, 0x80, 0x01})));
  const std::string nine(9, '\xff');
  expect(takes64(nine + bytes_of({0x01})));
  expect(!takes64(nine + bytes_of({0x02})));
  expect(!takes64(nine + bytes_of({0x81, 0x00})));
  expect(!takes64(std::string(100, '\x80')));
});

const test::Case zigzags("signed numbers near zero become small, and come back", [] {
  expect(zigzag(0) == 0 && zigzag(-1) == 1 && zigzag(1) == 2 && zigzag(-2) == 3);
  for (const int64_t number : {INT64_MIN, INT64_MIN + 1, INT64_C(-1), INT64_C(0), INT64_MAX}) {
    expect(unzigzag(zigzag(number)) == number);
  }
  Random random(test::seed());
  for (int round = 0; round < 1000; ++round) {
    const auto number = static_cast<int64_t>(some_number(random));
    expect(unzigzag(zigzag(number)) == number && unzigzag(zigzag(-number)) == -number);
  }
});

const test::Case streams("streams of every count come back, and are as long as said", [] {
  Random random(test::seed());
  for (size_t count = 0; count < 200; ++count) {
    const std::vector<uint32_t> numbers = some_numbers(random, count);
    std::vector<uint8_t> bytes(stream_size(numbers));
    expect(bytes.size() <= stream_bytes_max(count));
    expect(encode_stream(numbers, bytes.data()) == bytes.size());
    std::vector<uint32_t> found(count);
    expect(decode_stream(bytes, found) && found == numbers);
  }
});

const test::Case rising("rising streams come back and cannot descend", [] {
  Random random(test::seed());
  for (size_t count = 0; count < 200; ++count) {
    std::vector<uint32_t> numbers = some_numbers(random, count);
    std::ranges::sort(numbers);
    const uint32_t base = count == 0 ? 5 : static_cast<uint32_t>(random.below(numbers[0] + 1ull));
    std::vector<uint8_t> bytes(rising_stream_size(numbers, base));
    expect(encode_rising_stream(numbers, base, bytes.data()) == bytes.size());
    std::vector<uint32_t> found(count);
    expect(decode_rising_stream(bytes, base, found) && found == numbers);
    if (count == 0 || numbers.back() == base) continue;
    const uint32_t too_high = UINT32_MAX - (numbers.back() - base) + 1;
    expect(!decode_rising_stream(bytes, too_high, found));
    expect(decode_rising_stream(bytes, too_high - 1, found) && found.back() == UINT32_MAX);
  }
});

const test::Case worked("the worked example of FORMAT.md is what is written", [] {
  const std::vector<uint32_t> numbers = {1, 300, 70000, 4, 5};
  std::string bytes(stream_size(numbers), '\0');
  encode_stream(numbers, reinterpret_cast<uint8_t*>(bytes.data()));
  expect(bytes == bytes_of({0x24, 0x00, 0x01, 0x2c, 0x01, 0x70, 0x11, 0x01, 0x04, 0x05}));
  std::string one;
  append_varint(one, 300);
  expect(one == bytes_of({0xac, 0x02}));
});

const test::Case hostile("a stream that is cut, too long or mutated is refused or decoded", [] {
  Random random(test::seed());
  const std::vector<uint32_t> numbers = some_numbers(random, 77);
  std::vector<uint8_t> bytes(stream_size(numbers));
  encode_stream(numbers, bytes.data());
  std::vector<uint32_t> found(numbers.size());
  for (size_t size = 0; size < bytes.size(); ++size) {
    expect(!decode_stream(std::vector<uint8_t>(bytes.begin(), bytes.begin() + size), found));
  }
  std::vector<uint8_t> longer = bytes;
  longer.push_back(0);
  expect(!decode_stream(longer, found));
  std::vector<uint8_t> unused = bytes;
  unused[stream_control_bytes(numbers.size()) - 1] |= 0x80;  // Of a number that is not there.
  expect(!decode_stream(unused, found));
  size_t refused = 0;
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::vector<uint8_t> mutated = bytes;
    mutated[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    refused += decode_stream(mutated, found) ? 0 : 1;
    if (decode_rising_stream(mutated, 0, found)) expect(std::ranges::is_sorted(found));
  }
  expect(refused == stream_control_bytes(numbers.size()) * 8);  // Every length counts.
});

}  // namespace
}  // namespace varve
