#include "engine/btree/root.h"

#include <algorithm>

#include "pure/codec/crc32c.h"

namespace varve::btree {
namespace {

constexpr char kMagic[] = "VARVETRE";
constexpr size_t kSumAt = kRootBytes - 4;
constexpr size_t kCurrentAt = 88;
constexpr size_t kHistoryAt = 128;
constexpr size_t kFactsAt = 168;
constexpr size_t kSpaceAt = 192;

uint64_t offset_of(uint64_t generation) { return (generation & 1) * kRootStep; }

void put_reference(uint8_t* to, const PageRef& ref) {
  std::string bytes;
  append_reference(bytes, ref);
  std::memcpy(to, bytes.data(), bytes.size());
}

void put_tree(uint8_t* to, const TreeRoot& tree) {
  put_reference(to, tree.ref);
  store(to + 24, tree.entry_count);
  store(to + 32, tree.height);
}

TreeRoot tree_at(const uint8_t* from) {
  return {read_reference(from), load<uint32_t>(from + 32), load<uint64_t>(from + 24)};
}

bool is_sound(const TreeRoot& tree) {
  return tree.height <= kLevelMax && tree.ref.any() == (tree.height != 0);
}

bool is_power(uint32_t number, uint32_t min, uint32_t max) {
  return number >= min && number <= max && (number & (number - 1)) == 0;
}

}  // namespace

std::string encode_root(const Root& root) {
  std::string bytes(kRootBytes, '\0');
  uint8_t* const at = reinterpret_cast<uint8_t*>(bytes.data());
  std::memcpy(at, kMagic, 8);
  store<uint32_t>(at + 12, kRootBytes);
  std::copy(root.identity.begin(), root.identity.end(), at + 16);
  store(at + 56, root.generation);
  store(at + 64, root.absorbed);
  store(at + 72, root.time_ms);
  store(at + 80, root.page_bytes);
  store(at + 84, root.extent_pages);
  put_tree(at + kCurrentAt, root.current);
  put_tree(at + kHistoryAt, root.history);
  put_reference(at + kFactsAt, root.facts);
  put_reference(at + kSpaceAt, root.space);
  store(at + 216, root.next_extent);
  store(at + kSumAt, crc32c(as_bytes(bytes).first(kSumAt)));
  return bytes;
}

Result<Root> decode_root(Bytes bytes, const std::string& path) {
  const uint8_t* const at = bytes.data();
  const bool is_whole = bytes.size() >= kRootBytes && std::memcmp(at, kMagic, 8) == 0 &&
                        load<uint32_t>(at + kSumAt) == crc32c(bytes.first(kSumAt));
  if (!is_whole) return Status::corrupt("btree: a root of " + path + " is damaged");
  if (load<uint32_t>(at + 8) != 0 || load<uint32_t>(at + 32) != 0) {
    return Status(Code::kNewerFormat, "btree: " + path + " was written by a newer version");
  }
  Root root;
  std::copy(at + 16, at + 32, root.identity.begin());
  root.generation = load<uint64_t>(at + 56);
  root.absorbed = load<uint64_t>(at + 64);
  root.time_ms = load<uint64_t>(at + 72);
  root.page_bytes = load<uint32_t>(at + 80);
  root.extent_pages = load<uint32_t>(at + 84);
  root.current = tree_at(at + kCurrentAt);
  root.history = tree_at(at + kHistoryAt);
  root.facts = read_reference(at + kFactsAt);
  root.space = read_reference(at + kSpaceAt);
  root.next_extent = load<uint64_t>(at + 216);
  // Pages and extents of tests are smaller than any that a store may be made with.
  const bool fits = is_power(root.page_bytes, 128, 65536) &&
                    is_power(root.extent_pages, 64, uint32_t{1} << 24) && is_sound(root.current) &&
                    is_sound(root.history);
  if (!fits) return Status::corrupt("btree: a root of " + path + " is no root");
  return root;
}

Result<std::unique_ptr<RootFile>> RootFile::create(Os& os, const std::string& directory) {
  const std::string path = directory + "/" + kRootsName;
  Result<std::unique_ptr<File>> file = os.open(path, OpenMode::kCreate);
  if (!file) return file.error();
  // Room for both, so that no root is refused for want of it.
  const std::string empty(kRootStep + kRootBytes, '\0');
  if (Status status = (*file)->write_at(0, as_bytes(empty)); !status) return status;
  if (Status status = (*file)->sync(); !status) return status;
  if (Status status = os.sync_directory(directory); !status) return status;
  return std::unique_ptr<RootFile>(new RootFile(std::move(*file), path));
}

Result<std::unique_ptr<RootFile>> RootFile::open(Os& os, const std::string& directory,
                                                 OpenMode mode) {
  const std::string path = directory + "/" + kRootsName;
  Result<std::unique_ptr<File>> file = os.open(path, mode);
  if (!file) return file.error();
  return std::unique_ptr<RootFile>(new RootFile(std::move(*file), path));
}

Result<Root> RootFile::read(uint64_t generation) const {
  std::string bytes(kRootBytes, '\0');
  const Result<size_t> got = file_->read_at(
      offset_of(generation), MutableBytes(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()));
  if (!got) return got.error();
  return decode_root(as_bytes(bytes).first(*got), path_);
}

Status RootFile::write(const Root& root) {
  const std::string bytes = encode_root(root);
  if (Status status = file_->write_at(offset_of(root.generation), as_bytes(bytes)); !status) {
    return status;
  }
  return file_->sync();
}

}  // namespace varve::btree
