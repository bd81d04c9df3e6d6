// A data file of bitcask with hostile changes: it is refused, or its entries are whole and lie in it.
//
// The input is a byte that says whether what was changed is summed anew, and changes of a small
// file of two batches, three bytes a change: where (u16) and to what. Without summing anew, whatever
// is met on a walk, or read at the place that a hint would name, is what was written there.
#include <vector>

#include "engine/bitcask/data_file.h"
#include "fuzz.h"
#include "pure/codec/crc32c.h"

namespace varve {
namespace {

using namespace bitcask;

constexpr uint64_t kNumber = 12;
const Identity kIdentity = {7, 7};

struct Written {
  std::string key;
  uint64_t commit = 0;
  ValuePlace place;
  std::string value;
};

struct Original {
  std::string bytes;
  ManifestDataFile info;
  std::vector<Written> puts;
  std::string all;  // As a walk tells it.
};

std::string told(uint64_t commit, const LogEdit& edit, uint64_t offset) {
  return std::to_string(offset) + ' ' + std::to_string(commit) + ' ' +
         std::to_string(static_cast<int>(edit.kind)) + ' ' + std::to_string(edit.expires_ms) + ' ' +
         std::string(as_text(edit.key)) + '=' + std::string(as_text(edit.value)) + '\n';
}

using OpenedFile = std::shared_ptr<DataFile>;

// Null where it is refused.
OpenedFile open(const std::string& bytes, const ManifestDataFile& info) {
  const std::string directory = fuzz::directory("data");
  fuzz::write_file(data_path(directory, kNumber), as_bytes(bytes));
  Result<OpenedFile> file = DataFile::open(native_os(), directory, info, kIdentity, nullptr);
  if (file) return std::move(*file);
  check(file.code() == Code::kCorrupt || file.code() == Code::kNewerFormat);
  return nullptr;
}

std::vector<std::string> walk(const DataFile& file) {
  std::vector<std::string> all;
  uint64_t last = 0;
  const auto on_edit = [&](uint64_t commit, const LogEdit& edit, uint64_t offset) {
    const bool expires = edit.expires_ms != 0;
    check(offset > last && commit > 0 && commit <= kCommitMax);
    check(offset + edit_bytes(edit.key.size(), edit.value.size(), expires) <=
          file.info().file_bytes);
    last = offset;
    all.push_back(told(commit, edit, offset));
    return Status::ok();
  };
  const auto on_damage = [&](uint64_t offset, const std::string&) {
    check(offset < file.info().file_bytes);
    return true;
  };
  check(static_cast<bool>(file.walk(on_edit, on_damage)));
  return all;
}

// One value is as large as a batch, so that another follows.
Original original() {
  const std::string directory = fuzz::directory("data");
  Original made;
  DataWriter writer(native_os(), directory, kNumber, kIdentity);
  for (uint64_t i = 0; i < 24; ++i) {
    Written put{"key" + std::to_string(10 + i), 90 - i, {}, std::string(i == 12 ? 33'000 : i, 'v')};
    const bool is_put = i % 7 != 3;
    const uint64_t expires_ms = is_put && i % 5 == 0 ? 977 + i : 0;
    const EditKind kind = is_put ? EditKind::kPut : EditKind::kDelete;
    const Bytes value = is_put ? as_bytes(put.value) : Bytes();
    const Result<uint64_t> offset =
        writer.add({as_bytes(put.key), put.commit, kind, 0, expires_ms, value});
    check(static_cast<bool>(offset));
    put.place = {*offset, 0, static_cast<uint32_t>(put.value.size()), expires_ms != 0};
    if (is_put) made.puts.push_back(std::move(put));
  }
  check(static_cast<bool>(writer.add_range({as_bytes("a"), as_bytes("b"), 3})));
  check(static_cast<bool>(writer.finish()));
  made.info = writer.info();
  made.bytes.resize(made.info.file_bytes);
  const Result<std::unique_ptr<File>> file =
      native_os().open(data_path(directory, kNumber), OpenMode::kRead);
  check(static_cast<bool>(file));
  const MutableBytes into(reinterpret_cast<uint8_t*>(made.bytes.data()), made.bytes.size());
  check(static_cast<bool>((*file)->read_at(0, into)));
  const OpenedFile opened = open(made.bytes, made.info);
  check(opened != nullptr);
  for (const std::string& one : walk(*opened)) made.all += one;
  return made;
}

void sum_anew(std::string& file) {
  uint8_t* const bytes = reinterpret_cast<uint8_t*>(file.data());
  store<uint32_t>(bytes + 124, crc32c(Bytes(bytes, 124)));
  for (size_t at = kDataHeaderBytes; at + 16 <= file.size();) {
    const size_t size = load<uint32_t>(bytes + at);
    if (size > file.size() - at - 16) return;
    store<uint32_t>(bytes + at + 4, crc32c(Bytes(bytes + at + 16, size)));
    store<uint32_t>(bytes + at + 12, crc32c(Bytes(bytes + at, 12)));
    at += round_up(16 + size, 8);
  }
}

void run(Bytes input) {
  static const Original whole = original();
  if (input.empty()) return;
  const bool is_summed = (input[0] & 1) != 0;
  std::string bytes = whole.bytes;
  for (Bytes changes = input.subspan(1); changes.size() >= 3; changes = changes.subspan(3)) {
    bytes[load<uint16_t>(changes.data()) % bytes.size()] = static_cast<char>(changes[2]);
  }
  if (is_summed) sum_anew(bytes);
  const OpenedFile file = open(bytes, whole.info);
  if (file == nullptr) return;
  for (const std::string& one : walk(*file)) {
    check(is_summed || whole.all.find(one) != std::string::npos);
  }
  std::string room;
  for (const Written& put : whole.puts) {
    std::string value(put.value.size(), '\0');
    const MutableBytes into(reinterpret_cast<uint8_t*>(value.data()), value.size());
    const Status status = file->read(as_bytes(put.key), put.place, into, room);
    check(status || status.code() == Code::kCorrupt);
    check(is_summed || !status || value == put.value);
  }
}

const fuzz::Target target("data", run);

}  // namespace
}  // namespace varve
