// test/native/pure/codec/number.test.cc — sums have one form, and what is no number is named.
#include "pure/codec/number.h"

#include <string>

#include "base/random.h"
#include "test.h"

namespace varve {
namespace {

using test::expect;
using test::expect_ok;

std::string bytes_of(std::initializer_list<int> bytes) {
  std::string text;
  for (const int byte : bytes) text.push_back(static_cast<char>(byte));
  return text;
}

std::string whole(int64_t number) {  // As a double, the longest form: any form is read.
  std::string text = bytes_of({0x10, 0x87});
  uint8_t bytes[8];
  store<double>(bytes, static_cast<double>(number));
  append(text, Bytes(bytes, sizeof bytes));
  return text;
}

std::string big(int64_t number) {
  std::string magnitude;
  for (auto rest = static_cast<uint64_t>(number < 0 ? -number : number); rest != 0; rest >>= 8)
    magnitude.push_back(static_cast<char>(rest & 0xff));
  return bytes_of({0x10, number < 0 ? 0x89 : 0x88, static_cast<int>(magnitude.size())}) + magnitude;
}

std::string sum(const std::string& there, const std::string& by) {
  std::string sum;
  expect_ok(add_numbers(as_bytes(there), as_bytes(by), sum));
  return sum;
}

void expect_refused(const std::string& there, const std::string& by, const std::string& named) {
  std::string sum;
  const Status status = add_numbers(as_bytes(there), as_bytes(by), sum);
  expect(status.code() == Code::kInvalid && status.message().find(named) != std::string::npos);
}

const test::Case forms("a sum has the shortest form of its number", [] {
  const std::string zero = bytes_of({0x10, 0x10});
  expect(sum("", whole(1)) == bytes_of({0x10, 0x11}));
  expect(sum(whole(-17), whole(1)) == bytes_of({0x10, 0x00}));
  expect(sum(zero, whole(111)) == bytes_of({0x10, 0x7f}));
  expect(sum(zero, whole(112)) == bytes_of({0x10, 0x84, 0x70}));
  expect(sum(zero, whole(-17)) == bytes_of({0x10, 0x84, 0xef}));
  expect(sum(zero, whole(128)) == bytes_of({0x10, 0x85, 0x80, 0x00}));
  expect(sum(zero, whole(32768)) == bytes_of({0x10, 0x86, 0x00, 0x80, 0x00, 0x00}));
  expect(sum(zero, whole(int64_t{1} << 31)) == bytes_of({0x10, 0x92, 0x00, 0x00, 0x00, 0x4f}));
  expect(sum(zero, whole((int64_t{1} << 31) + 1)) == whole((int64_t{1} << 31) + 1));
});

const test::Case bigints("bigints add as whole numbers do, of either sign", [] {
  Random random(test::seed());
  for (int i = 0; i < 20'000; ++i) {
    const auto some = [&] {
      const auto size = static_cast<int64_t>(random.next() >> (2 + random.below(62)));
      return random.below(2) == 0 ? size : -size;
    };
    const int64_t a = some();
    const int64_t b = some();
    expect(sum(big(a), big(b)) == big(a + b));
    expect(sum("", big(a)) == big(a));
  }
  const std::string carried = sum(bytes_of({0x10, 0x88, 0x02, 0xff, 0xff}), big(1));
  expect(carried == bytes_of({0x10, 0x88, 0x03, 0x00, 0x00, 0x01}));
  expect(sum(bytes_of({0x10, 0x88, 0x02, 0x05, 0x00}), big(-5)) == big(0));  // Zeros lead.
});

const test::Case refused("what is no number of the kind is refused by its name", [] {
  expect_refused(bytes_of({0x01, 'a'}), whole(1), "not a string");
  expect_refused(bytes_of({0x03}), whole(1), "not bytes");
  expect_refused(bytes_of({0x10, 0x81}), whole(1), "not null");
  expect_refused(bytes_of({0x10, 0x8c, 0x00}), whole(1), "not an object");
  expect_refused(bytes_of({0x11, 0x01, 0xa1, 'x'}), big(1), "a bigint, not an object");
  expect_refused(bytes_of({0x20, 0x01}), whole(1), "not of an encoding");
  expect_refused(big(1), whole(1), "a number, not a bigint");
  expect_refused(whole(1), big(1), "a bigint, not a number");
  expect_refused("", bytes_of({0x01, '1'}), "can be added");
});

const test::Case limited("a bigint that would be above the limit is too large", [] {
  std::string most = bytes_of({0x10, 0x88, 0x80, 0x08});
  most.append(kCountBytesMax, '\xff');
  expect(sum(most, big(0)) == most);
  std::string sum;
  expect(add_numbers(as_bytes(most), as_bytes(big(1)), sum).code() == Code::kTooLarge);
});

const test::Case hostile("bytes that are cut or too long are no numbers", [] {
  Random random(test::seed());
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = bytes_of({0x10, static_cast<int>(random.below(256))});
    for (uint64_t n = random.below(12); n > 0; --n)
      bytes.push_back(static_cast<char>(random.next()));
    const std::string exact(bytes);
    std::string sum;
    const Status status = add_numbers(as_bytes(exact), as_bytes(whole(0)), sum);
    expect(static_cast<bool>(status) || status.code() == Code::kInvalid);
  }
  expect_refused(bytes_of({0x10, 0x87, 0x00}), whole(1), "not an object");
  expect_refused(bytes_of({0x10, 0x10, 0x00}), whole(1), "not an object");
  expect_refused(bytes_of({0x10, 0x88, 0x05, 0x01}), big(1), "not a bigint");
});

}  // namespace
}  // namespace varve
