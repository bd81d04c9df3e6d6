// Prepared transactions as they rest: the worked example of FORMAT.md, there and back, and what no
// writer writes.
#include "store/prepared_record.h"

#include "pure/codec/hash.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr uint64_t kSeed = 7;

Bytes bytes_of(std::string_view text) { return as_bytes(text); }

const Case example("the worked example of the format decodes", [] {
  using namespace std::string_view_literals;
  const std::string_view bytes =
      "\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0"
      "\5\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
      "\2\0\0\0\x10"
      "a"sv;
  const Result<PreparedRecord> record = decode_prepared(bytes_of(bytes));
  require(static_cast<bool>(record));
  expect(record->time_ms == 5 && record->ranges_read.empty() && record->changes.empty());
  expect(record->keys_read.size() == 1 && as_text(record->keys_read[0]) ==
                                              "\x10"
                                              "a");
});

// Of everything there is: keys and ranges read, a put that expires, a deletion, a range deletion,
// an addition.
std::string some_record() {
  using namespace std::string_view_literals;
  Conditions read;
  for (const std::string_view key : {"a"sv, "key"sv})
    read.add_key(bytes_of(key), hash64(bytes_of(key), kSeed), 3);
  read.add_range(bytes_of("x"), bytes_of("y"), 3);
  read.add_range(bytes_of("z"), {}, 4);
  read.settle();
  Batch edits(kSeed);
  edits.put(bytes_of("a"), bytes_of("value"), 1234);
  edits.erase(bytes_of("b"));
  edits.erase_range(bytes_of("c"), bytes_of("d"));
  edits.add_to(bytes_of("n"), bytes_of("\x10\x11"), bytes_of("\x10\x12"), 3, 0);
  edits.finish();
  return encode_prepared(99, read, edits);
}

const Case round_trip("what is written of a prepared transaction is read", [] {
  const std::string bytes = some_record();
  const Result<PreparedRecord> record = decode_prepared(as_bytes(bytes));
  require(static_cast<bool>(record));
  expect(record->time_ms == 99);
  expect(record->keys_read.size() == 2 && as_text(record->keys_read[1]) == "key");
  require(record->ranges_read.size() == 2);
  expect(as_text(record->ranges_read[0].end) == "y" && record->ranges_read[1].end.empty());
  require(record->changes.size() == 4);
  const auto& changes = record->changes;
  expect(changes[0].edit.expires_ms == 1234 && as_text(changes[0].edit.value) == "value");
  expect(changes[1].edit.kind == LogEditKind::kDelete && changes[1].addend.empty());
  expect(changes[2].edit.kind == LogEditKind::kRangeDeletion);
  expect(as_text(changes[3].addend) == "\x10\x11");
});

const Case cut("a record that is cut anywhere, or longer, is refused", [] {
  std::string bytes = some_record();
  for (size_t size = 0; size < bytes.size(); ++size) {
    expect(decode_prepared(as_bytes(bytes).first(size)).code() == Code::kCorrupt);
  }
  bytes.push_back('\0');
  expect(decode_prepared(as_bytes(bytes)).code() == Code::kCorrupt);
});

const Case refused("what no writer writes is refused, and a newer version by its name", [] {
  const auto with = [](size_t at, char byte) {
    std::string bytes = some_record();
    bytes[at] = byte;
    return decode_prepared(as_bytes(bytes)).code();
  };
  expect(with(0, 1) == Code::kNewerFormat && with(1, 1) == Code::kNewerFormat);
  expect(with(2, 1) == Code::kCorrupt && with(28, 1) == Code::kCorrupt);
  expect(with(4, 9) == Code::kCorrupt && with(24, 9) == Code::kCorrupt);
  const std::string whole = some_record();
  const size_t range = whole.find("xy");
  expect(with(range, 'y') == Code::kCorrupt);      // Empty.
  expect(with(range + 1, '{') == Code::kCorrupt);  // Meets the next.
  const size_t index = whole.find(std::string("\3\0\0\0\2\0\0\0\x10\x11", 10));
  require(index != std::string::npos);
  expect(with(index, 1) == Code::kCorrupt);      // To a deletion,
  expect(with(index, 4) == Code::kCorrupt);      // to no edit,
  expect(with(index + 8, 1) == Code::kCorrupt);  // and of no number.
});

}  // namespace
}  // namespace varve::test
