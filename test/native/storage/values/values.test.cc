// Value files: what was written is read, wherever it lies; damage is found, named, and keeps to
// the value that it hit.
#include "storage/values/values.h"

#include <string>
#include <vector>

#include "base/os/os_simulated.h"
#include "base/random.h"
#include "pure/codec/crc32c.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr char kPath[] = "/00000007.values";

// A file on the simulated machine, and what is in it.
struct Shelf {
  Shelf() : os(seed()) { options.number = 7; }

  void write(std::vector<std::string> given) {
    values = std::move(given);
    Result<std::unique_ptr<ValueWriter>> writer = ValueWriter::create(os, kPath, options);
    require(static_cast<bool>(writer));
    for (const std::string& value : values) {
      const Result<ValueReference> reference =
          (*writer)->add(as_bytes(value), 10 + references.size());
      require(static_cast<bool>(reference));
      references.push_back(*reference);
    }
    const Result<ValueFileInfo> made = (*writer)->finish();
    require(static_cast<bool>(made));
    info = *made;
  }
  Status open() {
    Result<std::shared_ptr<ValueFile>> opened = ValueFile::open(os, kPath, info, options);
    if (!opened) return opened.error();
    file = std::move(*opened);
    return Status::ok();
  }
  Result<std::string> read(const ValueReference& reference) const {
    std::string value(reference.value_bytes, '\0');
    const MutableBytes into(reinterpret_cast<uint8_t*>(value.data()), value.size());
    if (Status status = file->read(reference, into); !status) return status;
    return value;
  }
  void check_all() const {
    for (size_t i = 0; i < values.size(); ++i) {
      const Result<std::string> value = read(references[i]);
      expect_ok(value.error());
      expect(value && *value == values[i]);
    }
    std::vector<VerifyProblem> problems;
    expect_ok(file->verify(problems));
    expect(problems.empty());
  }

  SimulatedOs os;
  ValueOptions options;
  std::vector<std::string> values;
  std::vector<ValueReference> references;
  ValueFileInfo info;
  std::shared_ptr<ValueFile> file;
};

std::string random_text(Random& random, size_t size) {
  std::string text;
  while (text.size() < size) text.push_back(static_cast<char>(random.next()));
  return text;
}

const Case sizes("values of every size come back, beside the write buffer and through it", [] {
  Random random(seed());
  Shelf shelf;
  shelf.write({"hello", "", random_text(random, 70'000), random_text(random, 3'000'000),
               random_text(random, 1 << 20), random_text(random, (1 << 20) - 1), "end"});
  expect_ok(shelf.open());
  shelf.check_all();
  expect(shelf.info.value_count == 7);
  expect(shelf.info.commit_first == 10 && shelf.info.commit_last == 16);
  uint64_t used = 0;
  for (const ValueReference& reference : shelf.references) used += reference.used_bytes();
  expect(used == shelf.info.payload_bytes());
});

const Case packed("a value is compressed where that saves an eighth, and only there", [] {
  Random random(seed());
  Shelf shelf;
  shelf.options.compress = true;
  shelf.write({std::string(100'000, 'a'), random_text(random, 100'000), ""});
  expect(shelf.references[0].is_compressed && shelf.references[0].stored_bytes < 10'000);
  expect(!shelf.references[1].is_compressed && !shelf.references[2].is_compressed);
  expect_ok(shelf.open());
  shelf.check_all();
});

const Case example("the worked example of FORMAT.md is what is written", [] {
  Shelf shelf;
  shelf.write({"hello"});
  uint8_t bytes[kValueReferenceBytes] = {};
  encode_value_reference(shelf.references[0], bytes);
  const uint8_t wanted[kValueReferenceBytes] = {
      0x07, 0, 0, 0, 0, 0, 0, 0, 0xb0, 0, 0, 0, 0,    0,    0,    0,    0x05, 0, 0, 0,
      0,    0, 0, 0, 5, 0, 0, 0, 0,    0, 0, 0, 0x4c, 0xbb, 0x71, 0x9a, 0,    0, 0, 0};
  expect(equal(Bytes(bytes, sizeof bytes), Bytes(wanted, sizeof wanted)));
  const auto decoded = decode_value_reference(Bytes(wanted, sizeof wanted));
  require(decoded.has_value());
  expect(decoded->file == 7 && decoded->offset == 176 && decoded->stored_bytes == 5);
});

const Case unfit("bytes that are no reference are none", [] {
  uint8_t bytes[kValueReferenceBytes + 1] = {};
  expect(decode_value_reference(Bytes(bytes, kValueReferenceBytes)).has_value());
  expect(!decode_value_reference(Bytes(bytes, kValueReferenceBytes + 1)).has_value());
  expect(!decode_value_reference(Bytes(bytes, kValueReferenceBytes - 1)).has_value());
  bytes[36] = 2;
  expect(!decode_value_reference(Bytes(bytes, kValueReferenceBytes)).has_value());
  bytes[36] = 1;
  bytes[39] = 1;
  expect(!decode_value_reference(Bytes(bytes, kValueReferenceBytes)).has_value());
});

// What a flipped byte did to the values, by what read() and verify() say.
void check_flipped(Shelf& shelf, uint64_t offset) {
  shelf.os.disk().flip(kPath, offset, 0x10);
  const Status opened = shelf.open();
  std::vector<VerifyProblem> problems;
  if (opened) {
    expect_ok(shelf.file->verify(problems));
    expect(!problems.empty() && problems.front().file == kPath);
  } else {
    expect(opened.code() == Code::kCorrupt || opened.code() == Code::kNewerFormat);
    expect(offset < kValueHeaderBytes);
  }
  for (size_t i = 0; opened && i < shelf.values.size(); ++i) {
    const ValueReference& reference = shelf.references[i];
    const bool is_hit =
        offset >= reference.offset && offset < reference.offset + reference.stored_bytes;
    const Result<std::string> value = shelf.read(reference);
    if (!is_hit) expect(value && *value == shelf.values[i]);
    if (!is_hit) continue;
    expect(value.code() == Code::kCorrupt);
    const std::string said = value.error().message();
    expect(said.find(kPath) != std::string::npos);
    expect(said.find("byte " + std::to_string(reference.offset)) != std::string::npos);
    expect(problems.size() == 1 && problems.front().offset == reference.offset);
  }
  shelf.file.reset();
  shelf.os.disk().flip(kPath, offset, 0x10);
}

const Case flipped("any flipped byte is found, and other values than the one that it hit are read",
                   [] {
                     for (const bool compress : {false, true}) {
                       Shelf shelf;
                       shelf.options.compress = compress;
                       shelf.write({"the first value", std::string(300, 'v'), "the last"});
                       for (uint64_t offset = 0; offset < shelf.info.file_bytes; ++offset) {
                         check_flipped(shelf, offset);
                       }
                       expect_ok(shelf.open());
                       shelf.check_all();
                     }
                   });

const Case cut("a file that lost bytes or gained some is refused", [] {
  for (const int64_t change : {-1, -40, 1}) {
    Shelf shelf;
    shelf.write({"one", "two"});
    Result<std::unique_ptr<File>> file = shelf.os.open(kPath, OpenMode::kWrite);
    require(static_cast<bool>(file));
    expect_ok((*file)->resize(shelf.info.file_bytes + static_cast<uint64_t>(change)));
    expect(shelf.open().code() == Code::kCorrupt);
  }
});

const Case other("a file of another store, another number or other values is refused by name", [] {
  Shelf shelf;
  shelf.write({"one"});
  const ValueFileInfo written = shelf.info;
  shelf.options.store_identity[0] = 1;
  expect(shelf.open().code() == Code::kCorrupt);
  shelf.options.any_store = true;
  expect_ok(shelf.open());
  shelf.info.number = 8;
  expect(shelf.open().code() == Code::kCorrupt);
  shelf.info = written;
  shelf.info.value_count = 2;
  const Status status = shelf.open();
  expect(status.code() == Code::kCorrupt);
  expect(status.message().find(kPath) != std::string::npos);
});

const Case newer("a version, feature or cipher of the future is refused as newer", [] {
  for (const uint64_t offset : {uint64_t{8}, uint64_t{10}, uint64_t{40}}) {
    Shelf shelf;
    shelf.write({"one"});
    Result<std::unique_ptr<File>> file = shelf.os.open(kPath, OpenMode::kWrite);
    require(static_cast<bool>(file));
    uint8_t header[kValueHeaderBytes];
    require(static_cast<bool>((*file)->read_at(0, header)));
    header[offset] = 1;
    varve::store<uint32_t>(header + 124, crc32c(Bytes(header, 124)));
    expect_ok((*file)->write_at(0, header));
    expect(shelf.open().code() == Code::kNewerFormat);
    expect(ValueFile::describe(shelf.os, kPath).code() == Code::kNewerFormat);
  }
});

const Case hostile("a reference that leads out of the file, or lies about sizes, is refused", [] {
  Shelf shelf;
  shelf.write({"one", "two"});
  expect_ok(shelf.open());
  const ValueReference good = shelf.references[0];
  std::vector<ValueReference> bad(9, good);
  bad[0].file = 8;
  bad[1].offset = 0;
  bad[2].offset = UINT64_MAX;
  bad[3].stored_bytes = bad[3].value_bytes = UINT64_MAX;
  bad[4].value_bytes = 2;
  bad[5].is_compressed = true;
  bad[6].is_compressed = true;
  bad[6].value_bytes = UINT64_MAX;
  bad[7].offset = shelf.references[1].offset;  // Another value's place.
  bad[8].is_compressed = true;
  bad[8].value_bytes = 256 * good.stored_bytes;  // More than anything unpacks to.
  expect(shelf.file->check_reference(bad[8]).code() == Code::kCorrupt);
  for (const ValueReference& reference : bad) {
    const Status checked = shelf.file->check_reference(reference);
    if (checked) expect(shelf.read(reference).code() == Code::kCorrupt);
    if (!checked) expect(checked.code() == Code::kCorrupt);
  }
});

const Case moved("a value moves to another file as it is stored, and a damaged one stays", [] {
  Random random(seed());
  Shelf shelf;
  shelf.options.compress = true;
  shelf.write({std::string(50'000, 'a'), random_text(random, 2'500'000), "small"});
  expect_ok(shelf.open());
  ValueOptions options;
  options.number = 9;
  Result<std::unique_ptr<ValueWriter>> writer =
      ValueWriter::create(shelf.os, "/00000009.values", options);
  require(static_cast<bool>(writer));
  shelf.os.disk().flip(kPath, shelf.references[2].offset, 1);
  std::vector<ValueReference> moved;
  for (size_t i = 0; i < 2; ++i) {
    const Result<ValueReference> made = (*writer)->move(*shelf.file, shelf.references[i], 3);
    require(static_cast<bool>(made));
    moved.push_back(*made);
  }
  const uint64_t size = (*writer)->size_bytes();
  expect((*writer)->move(*shelf.file, shelf.references[2], 3).code() == Code::kCorrupt);
  expect((*writer)->size_bytes() == size);
  const Result<ValueFileInfo> info = (*writer)->finish();
  require(static_cast<bool>(info));
  expect(info->value_count == 2 && info->file_bytes == size);
  const Result<std::shared_ptr<ValueFile>> file =
      ValueFile::open(shelf.os, "/00000009.values", *info, options);
  require(static_cast<bool>(file));
  shelf.file = *file;
  for (size_t i = 0; i < 2; ++i) {
    const Result<std::string> value = shelf.read(moved[i]);
    expect(value && *value == shelf.values[i]);
    expect(moved[i].is_compressed == shelf.references[i].is_compressed);
  }
});

const Case dropped("a dropped file goes with its last user", [] {
  Shelf shelf;
  shelf.write({"one"});
  expect_ok(shelf.open());
  std::shared_ptr<ValueFile> user = shelf.file;
  shelf.file->drop();
  shelf.file.reset();
  expect(*shelf.os.exists(kPath));
  user.reset();
  expect(!*shelf.os.exists(kPath));
});

const Case names("names of value files are told from all others", [] {
  expect(values_path("/d", 7) == "/d/00000007.values");
  expect(values_number("00000007.values") == 7);
  expect(values_number("123456789.values") == 123456789);
  for (const char* name : {"7.values", "0000000a.values", "00000007.table", "00000007.values.new",
                           ".values", "00000000.values"}) {
    expect(values_number(name) == 0);
  }
});

const Case described("a file says of itself what a manifest would", [] {
  Shelf shelf;
  shelf.write({"one", "two"});
  const Result<ValueFileInfo> info = ValueFile::describe(shelf.os, kPath);
  require(static_cast<bool>(info));
  expect(info->number == 7 && info->file_bytes == shelf.info.file_bytes);
  expect(info->value_count == 2 && info->commit_first == 10 && info->commit_last == 11);
});

}  // namespace
}  // namespace varve::test
