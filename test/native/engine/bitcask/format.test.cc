// The bytes of FORMAT.md against the code that writes and reads them.
#include "engine/bitcask/bitcask_subject.h"
#include "engine/bitcask/hint.h"
#include "pure/codec/crc32c.h"

namespace varve::test {
namespace {

using namespace bitcask;

const Identity kIdentity = {1, 2, 3};

std::string bytes_of(const std::string& path) {
  const Result<std::unique_ptr<File>> file = native_os().open(path, OpenMode::kRead);
  require(static_cast<bool>(file));
  std::string bytes(*(*file)->size(), '\0');
  const Result<size_t> got =
      (*file)->read_at(0, MutableBytes(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()));
  require(got && *got == bytes.size());
  return bytes;
}

struct Written {
  std::string directory = scratch_directory();
  ManifestDataFile info;
};

// Three entries and a range deletion.
Written write_file() {
  Written written;
  DataWriter writer(native_os(), written.directory, 7, kIdentity);
  HintWriter hint;
  const Edit edits[] = {{as_bytes("ab"), 5, EditKind::kPut, 0, 0, as_bytes("xyz")},
                        {as_bytes("abc"), 9, EditKind::kDelete, 0, 0, {}},
                        {as_bytes("abc"), 4, EditKind::kPut, 0, 977, as_bytes("")}};
  for (const Edit& edit : edits) {
    const Result<uint64_t> offset = writer.add(edit);
    require(static_cast<bool>(offset));
    hint.add({edit.key, edit.commit, edit.kind, edit.expires_ms, *offset,
              static_cast<uint32_t>(edit.value.size())});
  }
  const RangeDeletion range{as_bytes("b"), {}, 6};
  expect_ok(writer.add_range(range));
  hint.add_range(range);
  expect_ok(writer.finish());
  written.info = writer.info();
  expect(static_cast<bool>(hint.write(native_os(), written.directory, written.info, kIdentity)));
  return written;
}

std::vector<Line> listed(const Written& written, bool from_data) {
  std::vector<VerifyProblem> damage;
  const Result<std::shared_ptr<DataFile>> file =
      DataFile::open(native_os(), written.directory, written.info, kIdentity, nullptr);
  require(static_cast<bool>(file));
  const Result<std::unique_ptr<Listing>> listing =
      Listing::open(native_os(), written.directory, **file, kIdentity, from_data, damage);
  require(static_cast<bool>(listing));
  expect((*listing)->is_rebuilt() == from_data);
  std::vector<Line> lines;
  Listed entry;
  for (Result<bool> more = (*listing)->next(entry); more && *more; more = (*listing)->next(entry)) {
    lines.push_back({std::string(as_text(entry.key)), entry.commit, entry.kind, 0, entry.expires_ms,
                     std::to_string(entry.offset) + "+" + std::to_string(entry.value_bytes)});
  }
  const Result<std::vector<OwnedRange>> ranges = (*listing)->ranges();
  require(static_cast<bool>(ranges));
  expect(ranges->size() == 1 && ranges->front().begin == "b" && ranges->front().end.empty() &&
         ranges->front().commit == 6);
  expect(damage.empty());
  return lines;
}

void example_of_batch() {
  const std::string head("\x03\0\0\0\xb7\x3f\x4b\x36\0\0\0\0\xc3\x3f\x47\x93", 16);
  const uint8_t* const at = as_bytes(head).data();
  expect(load<uint32_t>(at) == 3 && load<uint32_t>(at + 4) == crc32c(as_bytes("abc")));
  expect(load<uint32_t>(at + 12) == crc32c(as_bytes(head).first(12)));
  const Written written = write_file();
  const std::string file = bytes_of(data_path(written.directory, 7));
  const uint8_t* const batch = as_bytes(file).data() + kDataHeaderBytes;
  const uint32_t body_bytes = load<uint32_t>(batch);
  expect(kDataHeaderBytes + 16 + round_up(body_bytes, 8) == file.size());
  expect(load<uint32_t>(batch + 4) == crc32c(Bytes(batch + 16, body_bytes)));
  expect(load<uint32_t>(batch + 12) == crc32c(Bytes(batch, 12)));
}

void example_of_hint() {
  const std::string directory = scratch_directory();
  HintWriter hint;
  hint.add({as_bytes("ab"), 5, EditKind::kPut, 0, 128, 3});
  const ManifestDataFile info{7, 0, 200, 1, 21, 5, 5};
  expect(static_cast<bool>(hint.write(native_os(), directory, info, kIdentity)));
  const std::string bytes = bytes_of(hint_path(directory, 7));
  const std::string entry(
      "\x01\x00\x02"
      "ab"
      "\x05\x80\x01\x03",
      9);
  expect(bytes.size() == 128 + 8 + entry.size());
  expect(bytes.substr(0, 8) == "VARVEHNT");
  expect(bytes.substr(136) == entry);
}

void hint_says_the_same() {
  const Written written = write_file();
  const std::vector<Line> lines = listed(written, false);
  expect(lines.size() == 3);
  expect(lines[0].key == "ab" && lines[1].kind == EditKind::kDelete);
  expect(lines[2].expires_ms == 977 && lines[2].commit == 4);
  expect(lines == listed(written, true));
}

// Every byte of a hint, changed, makes it another's, a damaged or a newer one; none goes unnoticed.
void every_byte_of_a_hint() {
  const Written written = write_file();
  const std::string path = hint_path(written.directory, 7);
  const std::string whole = bytes_of(path);
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x40);
    expect_ok(native_os().remove(path));
    {
      const Result<std::unique_ptr<File>> file = native_os().open(path, OpenMode::kCreate);
      require(static_cast<bool>(file));
      expect_ok((*file)->write_at(0, as_bytes(bytes)));
    }
    Result<std::unique_ptr<File>> file = native_os().open(path, OpenMode::kRead);
    require(static_cast<bool>(file));
    const Result<std::unique_ptr<HintReader>> hint =
        HintReader::open(std::move(*file), path, written.info, kIdentity);
    Status status = hint.error();
    Listed entry;
    for (bool more = true; status && more;) {
      const Result<bool> next = (*hint)->next(entry);
      status = next.error();
      more = next && *next;
    }
    if (status) status = (*hint)->ranges().error();
    expect(status.code() == Code::kCorrupt);
  }
}

const Case batch("bitcask: the head of a batch is as FORMAT.md says", example_of_batch);
const Case hint("bitcask: a hint's entry is as FORMAT.md says", example_of_hint);
const Case same("bitcask: a hint and its file list the same entries", hint_says_the_same);
const Case bytes("bitcask: no changed byte of a hint goes unnoticed", every_byte_of_a_hint);

}  // namespace
}  // namespace varve::test
