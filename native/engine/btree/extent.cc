#include "engine/btree/extent.h"

#include <algorithm>

#include "base/check.h"
#include "pure/codec/crc32c.h"

namespace varve::btree {
namespace {

constexpr char kMagic[] = "VARVEEXT";
constexpr size_t kHeadBytes = 128;
constexpr size_t kSumAt = kHeadBytes - 4;
constexpr std::string_view kSuffix = ".extent";
constexpr size_t kDigits = 8;

}  // namespace

std::string extent_path(const std::string& directory, uint64_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < kDigits) digits.insert(0, kDigits - digits.size(), '0');
  return directory + "/" + digits + std::string(kSuffix);
}

uint64_t extent_number(const std::string& name) {
  const bool is_long_enough = name.size() >= kDigits + kSuffix.size() && name.size() <= 26;
  if (!is_long_enough || !name.ends_with(kSuffix)) return 0;
  uint64_t number = 0;
  for (const char c : name.substr(0, name.size() - kSuffix.size())) {
    if (c < '0' || c > '9') return 0;
    number = number * 10 + static_cast<uint64_t>(c - '0');
  }
  return number;
}

std::string encode_extent_head(const ExtentHead& head) {
  std::string bytes(kHeadBytes, '\0');
  uint8_t* const at = reinterpret_cast<uint8_t*>(bytes.data());
  std::memcpy(at, kMagic, 8);
  store<uint32_t>(at + 12, kHeadBytes);
  std::copy(head.identity.begin(), head.identity.end(), at + 16);
  store(at + 56, head.number);
  store(at + 64, head.page_bytes);
  store(at + 68, head.extent_pages);
  store(at + 72, head.slot);
  store(at + kSumAt, crc32c(as_bytes(bytes).first(kSumAt)));
  return bytes;
}

Result<ExtentHead> decode_extent_head(Bytes bytes, const std::string& path) {
  const uint8_t* const at = bytes.data();
  if (bytes.size() < kHeadBytes || std::memcmp(at, kMagic, 8) != 0 ||
      load<uint32_t>(at + kSumAt) != crc32c(bytes.first(kSumAt))) {
    return Status::corrupt("btree: " + path + " has no good header");
  }
  const bool is_known = load<uint32_t>(at + 8) == 0 && load<uint32_t>(at + 32) == 0;
  if (!is_known) {
    return Status(Code::kNewerFormat, "btree: " + path + " was written by a newer version");
  }
  ExtentHead head;
  std::copy(at + 16, at + 32, head.identity.begin());
  head.number = load<uint64_t>(at + 56);
  head.page_bytes = load<uint32_t>(at + 64);
  head.extent_pages = load<uint32_t>(at + 68);
  head.slot = load<uint32_t>(at + 72);
  return head;
}

namespace {

Result<ExtentHead> read_head(File& file, const std::string& path) {
  std::string bytes(kHeadBytes, '\0');
  const Result<size_t> got =
      file.read_at(0, MutableBytes(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()));
  if (!got) return got.error();
  return decode_extent_head(as_bytes(bytes).first(*got), path);
}

}  // namespace

Result<ExtentHead> describe_extent(Os& os, const std::string& path) {
  const Result<std::unique_ptr<File>> file = os.open(path, OpenMode::kRead);
  return file ? read_head(**file, path) : file.error();
}

Extent::Extent(const ExtentSite& site, Cache& cache, uint64_t number)
    : os_(site.os),
      cache_(cache),
      number_(number),
      path_(extent_path(site.directory, number)),
      page_bytes_(site.page_bytes) {
  groups_ = cache.make_handles((site.extent_pages + kGroupPages - 1) / kGroupPages);
  cache.charge(static_cast<int64_t>(groups_.size() * sizeof(BlockHandle)));
}

Extent::~Extent() {
  cache_.charge(-static_cast<int64_t>(groups_.size() * sizeof(BlockHandle)));
  cache_.drop(groups_);
  file_.reset();
  if (!is_dropped_.load()) return;
  const Status removed = os_.remove(path_);
  (void)removed;  // A leftover: the next opening removes it.
}

Result<std::shared_ptr<Extent>> Extent::create(const ExtentSite& site, Cache& cache,
                                               uint64_t number, uint32_t slot) {
  std::shared_ptr<Extent> extent(new Extent(site, cache, number));
  Result<std::unique_ptr<File>> file = site.os.open(extent->path_, OpenMode::kCreate);
  if (!file) return file.error();
  extent->file_ = std::move(*file);
  const std::string head =
      encode_extent_head({site.identity, number, site.page_bytes, site.extent_pages, slot});
  if (Status status = extent->file_->write_at(0, as_bytes(head)); !status) {
    extent->drop();
    return status;
  }
  return extent;
}

Result<std::shared_ptr<Extent>> Extent::open(const ExtentSite& site, Cache& cache, uint64_t number,
                                             OpenMode mode) {
  std::shared_ptr<Extent> extent(new Extent(site, cache, number));
  Result<std::unique_ptr<File>> file = site.os.open(extent->path_, mode);
  if (!file) return file.error();
  const Result<ExtentHead> head = read_head(**file, extent->path_);
  if (!head) return head.error();
  const bool is_ours = head->identity == site.identity && head->number == number &&
                       head->page_bytes == site.page_bytes &&
                       head->extent_pages == site.extent_pages;
  if (!is_ours) return Status::corrupt("btree: " + extent->path_ + " belongs to something else");
  extent->file_ = std::move(*file);
  return extent;
}

Status Extent::read(uint32_t index, MutableBytes into) const {
  const Result<size_t> got = file_->read_at(offset(index), into);
  if (!got) return got.error();
  if (*got == into.size()) return Status::ok();
  return Status::corrupt("btree: " + path_ + " is cut: a page at byte " +
                         std::to_string(offset(index)) + " is missing");
}

BlockHandle& Extent::make_handle(uint32_t index, CachedBlock*& group) const {
  BlockHandle* const there = handle(index, group);
  if (there != nullptr) return *there;
  Cache::Loading made = cache_.make(0, kGroupPages);
  group = cache_.insert(groups_[index >> kGroupBits], std::move(made), 0);
  return group->inner(index & (kGroupPages - 1));
}

}  // namespace varve::btree
