// A hint with hostile changes: it is refused, or lists entries in order that lie in its file.
//
// The input is a byte that says whether what was changed is summed anew, and changes of a small
// hint, three bytes a change: where (u16) and to what. Without summing anew, what is listed to the
// end is what was written.
#include "engine/bitcask/hint.h"

#include <algorithm>
#include <vector>

#include "fuzz.h"
#include "pure/codec/crc32c.h"

namespace varve {
namespace {

using namespace bitcask;

const Identity kIdentity = {7, 7};
const ManifestDataFile kInfo{12, 0, 4096, 40, 3000, 1, 90};

class FileInMemory final : public File {
 public:
  explicit FileInMemory(const std::string& bytes) : bytes_(bytes) {}
  Result<size_t> read_at(uint64_t offset, MutableBytes into) override {
    const size_t begin = std::min<uint64_t>(offset, bytes_.size());
    const size_t size = std::min(into.size(), bytes_.size() - begin);
    if (size > 0) std::memcpy(into.data(), bytes_.data() + begin, size);
    return size;
  }
  Status write_at(uint64_t, Bytes) override { return Status::io("it is only read"); }
  Status sync() override { return Status::ok(); }
  Result<uint64_t> size() override { return uint64_t{bytes_.size()}; }
  Status resize(uint64_t) override { return Status::io("it is only read"); }
  Result<bool> allocate(uint64_t) override { return Status::io("it is only read"); }
  void will_read(uint64_t, uint64_t) override {}

 private:
  const std::string& bytes_;
};

struct Listing {
  bool is_whole = false;
  std::string all;
};

Listing list(const std::string& bytes) {
  Listing listing;
  const Result<std::unique_ptr<HintReader>> hint =
      HintReader::open(std::make_unique<FileInMemory>(bytes), "a hint", kInfo, kIdentity);
  if (!hint) {
    check(hint.code() == Code::kCorrupt || hint.code() == Code::kNewerFormat);
    return listing;
  }
  Listed entry;
  std::string key;
  uint64_t commit = UINT64_MAX;
  while (true) {
    const Result<bool> more = (*hint)->next(entry);
    if (!more) {
      check(more.code() == Code::kCorrupt);
      return listing;
    }
    if (!*more) break;
    const int order = listing.all.empty() ? -1 : compare(as_bytes(key), entry.key);
    check(order < 0 || (order == 0 && entry.commit < commit));
    check(entry.offset + entry.bytes() <= kInfo.file_bytes);
    check(entry.commit >= kInfo.commit_first && entry.commit <= kInfo.commit_last);
    key.assign(as_text(entry.key));
    commit = entry.commit;
    listing.all += key + ' ' + std::to_string(entry.commit) + ' ' + std::to_string(entry.offset) +
                   ' ' + std::to_string(entry.value_bytes) + ' ' +
                   std::to_string(entry.expires_ms) + '\n';
  }
  const Result<std::vector<OwnedRange>> ranges = (*hint)->ranges();
  check(ranges || ranges.code() == Code::kCorrupt);
  if (!ranges) return listing;
  for (const OwnedRange& range : *ranges) listing.all += range.begin + '-' + range.end + '\n';
  listing.is_whole = true;
  return listing;
}

// The hint before it is changed.
std::string original() {
  const std::string directory = fuzz::directory("hint");
  HintWriter writer;
  for (uint64_t i = 0; i < 40; ++i) {
    const std::string key = "key" + std::to_string(10 + i / 2);
    const EditKind kind = i % 7 == 0 ? EditKind::kDelete : EditKind::kPut;
    const bool is_put = kind == EditKind::kPut;
    writer.add({as_bytes(key), 90 - i, kind, is_put && i % 5 == 0 ? 977 + i : 0, 128 + i * 90,
                is_put ? static_cast<uint32_t>(i) : 0});
  }
  writer.add_range({as_bytes("a"), as_bytes("b"), 3});
  writer.add_range({as_bytes("c"), {}, 4});
  check(static_cast<bool>(writer.write(native_os(), directory, kInfo, kIdentity)));
  const Result<std::unique_ptr<File>> file =
      native_os().open(hint_path(directory, kInfo.number), OpenMode::kRead);
  check(static_cast<bool>(file));
  std::string bytes(*(*file)->size(), '\0');
  const MutableBytes into(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size());
  check(static_cast<bool>((*file)->read_at(0, into)));
  return bytes;
}

void sum_anew(std::string& file) {
  uint8_t* const bytes = reinterpret_cast<uint8_t*>(file.data());
  store<uint32_t>(bytes + 124, crc32c(Bytes(bytes, 124)));
  uint32_t index = 0;
  for (size_t at = 128; at + 8 <= file.size();) {
    const size_t size = load<uint32_t>(bytes + at);
    if (size > file.size() - at - 8) return;
    store<uint32_t>(bytes + at + 4, crc32c(Bytes(bytes + at + 8, size), index++));
    at += 8 + size;
  }
}

void run(Bytes input) {
  static const std::string whole = original();
  static const std::string all = list(whole).all;
  if (input.empty()) return;
  const bool is_summed = (input[0] & 1) != 0;
  std::string bytes = whole;
  for (Bytes changes = input.subspan(1); changes.size() >= 3; changes = changes.subspan(3)) {
    bytes[load<uint16_t>(changes.data()) % bytes.size()] = static_cast<char>(changes[2]);
  }
  if (is_summed) sum_anew(bytes);
  const Listing listing = list(bytes);
  check(is_summed || !listing.is_whole || listing.all == all);
}

const fuzz::Target target("hint", run);

}  // namespace
}  // namespace varve
