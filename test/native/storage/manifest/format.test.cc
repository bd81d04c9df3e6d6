// Manifests made by hand, byte by byte: what FORMAT.md says of unknown, unfit, torn and damaged
// ones, whatever their checksums say.
#include <string>
#include <vector>

#include "pure/codec/crc32c.h"
#include "storage/manifest/manifest.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr uint16_t kCritical = 1;
constexpr size_t kHeaderBytes = 64;

std::string field_of(uint16_t tag, uint16_t flags, const std::string& bytes) {
  std::string field;
  append<uint16_t>(field, tag);
  append<uint16_t>(field, flags);
  append<uint32_t>(field, static_cast<uint32_t>(bytes.size()));
  return field + bytes;
}

std::string record_of(const std::string& fields) {
  std::string record;
  const uint32_t size = static_cast<uint32_t>(fields.size());
  append<uint32_t>(record, size);
  append<uint32_t>(record, crc32c(as_bytes(fields), size));
  return record + fields;
}

std::string number_of(uint64_t number) {
  std::string bytes;
  append<uint64_t>(bytes, number);
  return bytes;
}

// A header, with one byte of it changed before it was summed.
std::string header_of(size_t at = 0, uint8_t changed = 'V') {
  std::string header("VARVEMAN");
  append<uint32_t>(header, 0);
  append<uint32_t>(header, kHeaderBytes);
  header.append(16, 'i');
  header.resize(60, '\0');
  header[at] = static_cast<char>(changed);
  append<uint32_t>(header, crc32c(as_bytes(header)));
  return header;
}

const std::string& first_record() {
  static const std::string record =
      record_of(field_of(3, kCritical, "\1") + field_of(8, kCritical, number_of(2)));
  return record;
}

// A directory with one manifest of these bytes.
std::string directory_with(const std::string& bytes) {
  const std::string directory = scratch_directory();
  Result<std::unique_ptr<File>> file =
      native_os().open(directory + "/MANIFEST-1", OpenMode::kCreate);
  require(static_cast<bool>(file));
  expect_ok((*file)->write_at(0, as_bytes(bytes)));
  return directory;
}

Result<ManifestState> read(const std::string& bytes) {
  const Result<std::unique_ptr<Manifest>> opened =
      Manifest::open(native_os(), directory_with(bytes));
  if (!opened) return opened.error();
  return (*opened)->state();
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

const Case example("the worked example of FORMAT.md decodes", [] {
  const std::string field = from_hex("08000100080000000500000000000000");
  const Result<ManifestState> state = read(header_of() + first_record() + record_of(field));
  expect(state && state->absorbed == 5 && state->engine == 1 && state->identity[15] == 'i');
});

const Case absent("where no manifest is, there is no store, and opening says so", [] {
  const std::string directory = scratch_directory();
  const Result<bool> found = Manifest::exists(native_os(), directory);
  expect(found && !*found);
  const Result<bool> nowhere = Manifest::exists(native_os(), directory + "/none");
  expect(nowhere && !*nowhere);
  const Result<std::unique_ptr<Manifest>> opened = Manifest::open(native_os(), directory);
  expect(opened.code() == Code::kNotFound);
  expect(opened.error().message().find(directory) != std::string::npos);
});

const Case newer("what only a newer version understands refuses the store by name", [] {
  for (const size_t at : {size_t{8}, size_t{10}, size_t{32}}) {
    const Result<ManifestState> state = read(header_of(at, 1) + first_record());
    expect(state.code() == Code::kNewerFormat);
    expect(state.error().message().find("MANIFEST-1") != std::string::npos);
  }
  const std::string after = header_of() + first_record();
  expect(read(after + record_of(field_of(999, kCritical, "x"))).code() == Code::kNewerFormat);
  const Result<ManifestState> state =
      read(after + record_of(field_of(999, 0, "x") + field_of(8, kCritical, number_of(7))));
  expect(state && state->absorbed == 7);
});

const Case history("what history keeps is read back, and what does not fit is refused", [] {
  const std::string after = header_of() + first_record();
  const std::string amounts = number_of(1000) + number_of(7);
  const Result<ManifestState> state =
      read(after + record_of(field_of(16, kCritical, "\2" + amounts)));
  expect(state && state->history.keep == 2 && state->history.amount == 1000);
  expect(state && state->history.floor == 7);
  expect(read(after + record_of(field_of(16, kCritical, "\4" + amounts))).code() == Code::kCorrupt);
  expect(read(after + record_of(field_of(16, kCritical, amounts))).code() == Code::kCorrupt);
});

const Case gaps("gaps are read back, the last list counts, and what does not rise is refused", [] {
  const std::string after = header_of() + first_record();
  const std::string two = number_of(5) + number_of(9) + number_of(20) + number_of(20);
  const Result<ManifestState> state =
      read(after + record_of(field_of(19, kCritical, number_of(1) + number_of(2))) +
           record_of(field_of(19, kCritical, two)));
  expect(state && state->gaps == std::vector<ManifestGap>{{5, 9}, {20, 20}});
  for (const std::string& bad :
       {number_of(5), number_of(0) + number_of(3), number_of(9) + number_of(5),
        number_of(5) + number_of(9) + number_of(9) + number_of(12),
        number_of(1) + number_of(uint64_t{1} << 60)}) {
    expect(read(after + record_of(field_of(19, kCritical, bad))).code() == Code::kCorrupt);
  }
});

// An added table's field, before its two keys: number, level, place, and zeros.
std::string table_of(uint64_t number, uint8_t place) {
  std::string bytes = number_of(number);
  bytes.push_back('\0');
  bytes.push_back(static_cast<char>(place));
  return bytes;
}

std::string value_file(uint64_t number, uint64_t file_bytes) {
  return field_of(
      14, kCritical,
      number_of(number) + number_of(file_bytes) + number_of(1) + number_of(2) + number_of(2));
}

// A whole table that says it uses so many value files, and names one.
std::string table_using(uint64_t file, uint32_t count, uint64_t bytes) {
  std::string field = table_of(1, 0) + std::string(8 + 64 + 8, '\0');
  append<uint32_t>(field, count);
  return field_of(10, kCritical, field + number_of(file) + number_of(1) + number_of(bytes));
}

const Case used("a table may use of a value file what is in it", [] {
  const std::string before = header_of() + first_record();
  const Result<ManifestState> state =
      read(before + record_of(value_file(5, 228) + table_using(5, 1, 100)));
  require(static_cast<bool>(state));
  expect(state->value_files.at(5).payload_bytes() == 100);
  expect(state->tables.at(1).info.value_uses.at(0).bytes == 100);
});

const Case unfit("a field that does not fit is corruption, though its checksum is right", [] {
  const std::vector<std::string> fields = {
      field_of(1, kCritical, std::string(15, 'x')),    // Sixteen bytes are a lineage.
      field_of(2, kCritical, std::string(7, 'x')),     // Eight are a number.
      field_of(3, kCritical, std::string(1, '\0')),    // No engine has this number.
      field_of(3, kCritical, "\1\1"),                  // An engine is one byte.
      field_of(7, kCritical, std::string(25, 'x')),    // A cut is three numbers.
      field_of(10, kCritical, table_of(5, 0)),         // A table without its numbers.
      field_of(11, kCritical, number_of(5)),           // There is no table 5.
      field_of(14, kCritical, std::string(39, 'x')),   // Five numbers are a value file.
      field_of(14, kCritical, std::string(40, '\0')),  // None is shorter than its header.
      field_of(15, kCritical, number_of(5)),           // There is no value file 5.
      table_using(5, 1, 1),                            // Nor can a table use one,
      value_file(5, 227) + table_using(5, 1, 100),     // or more of one than there is,
      value_file(5, 228) + table_using(5, 2, 100),     // or name fewer than it counts.
      field_of(8, kCritical, number_of(5)).substr(9),  // A cut field.
      field_of(8, kCritical, number_of(5)) + "x",      // And one more byte.
  };
  for (const std::string& field : fields) {
    const Result<ManifestState> state = read(header_of() + first_record() + record_of(field));
    expect(state.code() == Code::kCorrupt);
    expect(state.error().message().find("MANIFEST-1") != std::string::npos);
  }
});

const Case torn("a torn last record is no change; damage before a whole one names file and byte",
                [] {
                  const std::string before = header_of() + first_record();
                  const std::string last = record_of(field_of(8, kCritical, number_of(9)));
                  const std::string next = record_of(field_of(12, kCritical, number_of(4)));
                  for (size_t size = 0; size < last.size(); ++size) {
                    const Result<ManifestState> state = read(before + last.substr(0, size));
                    expect(state && state->absorbed == 2);
                  }
                  for (size_t bit = 0; bit < last.size() * 8; ++bit) {
                    std::string damaged = last;
                    damaged[bit / 8] ^= static_cast<char>(1 << (bit % 8));
                    const Result<ManifestState> tail = read(before + damaged);
                    expect(tail && tail->absorbed == 2);
                    const Result<ManifestState> middle = read(before + damaged + next);
                    const std::string where =
                        "MANIFEST-1 is damaged at byte " + std::to_string(before.size());
                    expect(middle.code() == Code::kCorrupt);
                    expect(middle.error().message().find(where) != std::string::npos);
                  }
                });

const Case nothing("a manifest without a whole state is damaged, never an empty store", [] {
  expect(read("").code() == Code::kCorrupt);
  expect(read(header_of()).code() == Code::kCorrupt);
  const std::string without_engine = record_of(field_of(8, kCritical, number_of(2)));
  expect(read(header_of() + without_engine).code() == Code::kCorrupt);
  const std::string whole = header_of() + first_record();
  for (size_t size = 0; size < whole.size(); ++size) {
    expect(read(whole.substr(0, size)).code() == Code::kCorrupt);
  }
  std::string flipped = whole;
  flipped[3] ^= 1;
  expect(read(flipped).code() == Code::kCorrupt);
});

}  // namespace
}  // namespace varve::test
