#include "storage/table/table.h"

#include <algorithm>
#include <bit>

#include "base/bits.h"
#include "pure/codec/compress.h"
#include "pure/codec/crc32c.h"
#include "pure/codec/hash.h"
#include "pure/simd/lanes.h"
#include "storage/table/layout.h"
#include "storage/table/point_index.h"

namespace varve {
namespace {

constexpr size_t kPlaceBytes = 20;        // Of a block in the block index, before its first key.
constexpr uint32_t kSearch = UINT32_MAX;  // In place of a slot that is not known.
constexpr uint64_t kSearchBytes = 4096;   // What a get without the point index reads, about.
constexpr uint64_t kPointsBytesMax = uint64_t{1} << 31;

}  // namespace

std::string table_path(const std::string& directory, uint64_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < 8) digits.insert(0, 8 - digits.size(), '0');
  return directory + "/" + digits + ".table";
}

uint64_t table_number(const std::string& name) {
  if (name.size() < 14 || name.size() > 26 || !name.ends_with(".table")) return 0;
  uint64_t number = 0;
  for (size_t i = 0; i < name.size() - 6; ++i) {
    if (name[i] < '0' || name[i] > '9') return 0;
    number = number * 10 + static_cast<uint64_t>(name[i] - '0');
  }
  return number;
}

Result<std::shared_ptr<Table>> Table::open(Os& os, const std::string& path, const TableInfo& info,
                                           Cache& cache, const TableOptions& options) {
  std::shared_ptr<Table> table(new Table(os, path, cache));
  table->info_ = info;
  if (Status status = table->open_file(options); !status) return status;
  return table;
}

Table::~Table() {
  cache_.drop(handles_);
  cache_.charge(-static_cast<int64_t>(charged_bytes_));
  cache_.drop(points_handle_);
  file_.reset();
  if (!dropped_.load()) return;
  const Status status = os_.remove(path_);
  (void)status;  // An idle file: the next open removes it.
}

Status Table::check_part(uint64_t offset, Bytes bytes, const char* what) const {
  const Bytes part = bytes.first(bytes.size() - kBlockTrailerBytes);
  const Bytes rest = bytes.last(4);
  const uint32_t sum = crc32c(rest, crc32c(part, static_cast<uint32_t>(offset)));
  const bool known = rest[0] <= kCompressed && rest[1] == 0 && rest[2] == 0 && rest[3] == 0;
  if (load<uint32_t>(part.data() + part.size()) == sum && known) return Status::ok();
  return Status::corrupt(std::string("table: ") + what + " of " + path_ + " at byte " +
                         std::to_string(offset) + " is damaged");
}

Status Table::unpack(const BlockPlace& place, Bytes stored, MutableBytes raw) const {
  if (Status status = check_part(place.offset, stored, "a block"); !status) return status;
  const Bytes block = stored.first(place.size);
  const bool is_plain = place.raw_size == place.size;
  if (stored[place.size + 4] == (is_plain ? kPlain : kCompressed)) {
    if (is_plain && raw.data() != block.data()) std::memcpy(raw.data(), block.data(), block.size());
    Block parsed;
    if ((is_plain || decompress(block, raw)) && Block::parse(raw, parsed)) return Status::ok();
  }
  return Status::corrupt("table: a block of " + path_ + " at byte " + std::to_string(place.offset) +
                         " does not parse");
}

Result<std::string> Table::read_part(uint64_t offset, uint64_t size, const char* what) {
  const uint64_t end = info_.file_bytes - kTableFooterBytes;
  if (offset > end || size > end - offset || end - offset - size < kBlockTrailerBytes) {
    return Status::corrupt(std::string("table: ") + what + " of " + path_ +
                           " lies outside the file");
  }
  std::string bytes(size + kBlockTrailerBytes, '\0');
  const Result<size_t> got =
      file_->read_at(offset, MutableBytes(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()));
  if (!got) return got.error();
  if (*got != bytes.size()) return Status::corrupt("table: " + path_ + " is cut");
  if (Status status = check_part(offset, as_bytes(bytes), what); !status) return status;
  bytes.resize(size);
  return bytes;
}

Result<std::string> Table::read_footer(File& file, const std::string& path) {
  const Result<uint64_t> size = file.size();
  if (!size) return size.error();
  if (*size < kTableFooterBytes) return Status::corrupt("table: " + path + " has no footer");
  std::string footer(kTableFooterBytes, '\0');
  uint8_t* const at = reinterpret_cast<uint8_t*>(footer.data());
  const Result<size_t> got =
      file.read_at(*size - kTableFooterBytes, MutableBytes(at, kTableFooterBytes));
  if (!got) return got.error();
  if (*got != kTableFooterBytes || std::memcmp(at, kTableMagic, 8) != 0 ||
      load<uint32_t>(at + 188) != crc32c(Bytes(at, 188))) {
    return Status::corrupt("table: the footer of " + path + " is damaged");
  }
  if (load<uint32_t>(at + 8) != 0 || load<uint32_t>(at + 40) != 0) {
    return Status(Code::kNewerFormat, "table: " + path + " was written by a newer version");
  }
  return footer;
}

Result<TableInfo> Table::describe(Os& os, const std::string& path) {
  Result<std::unique_ptr<File>> file = os.open(path, OpenMode::kRead);
  if (!file) return file.error();
  const Result<std::string> footer = read_footer(**file, path);
  if (!footer) return footer.error();
  const Result<uint64_t> size = (*file)->size();
  if (!size) return size.error();
  const uint8_t* const at = as_bytes(*footer).data();
  TableInfo info;
  info.number = load<uint64_t>(at + 32);
  info.file_bytes = *size;
  uint64_t* const numbers[] = {&info.commit_first,         &info.commit_last, &info.entry_count,
                               &info.range_deletion_count, &info.key_bytes,   &info.value_bytes,
                               &info.delete_count};
  for (size_t i = 0; i < 7; ++i) *numbers[i] = load<uint64_t>(at + 48 + i * 8);
  info.unbounded = true;
  return info;
}

Status Table::open_file(const TableOptions& options) {
  Result<std::unique_ptr<File>> file = os_.open(path_, OpenMode::kRead);
  if (!file) return file.error();
  file_ = std::move(*file);
  const Result<std::string> read = read_footer(*file_, path_);
  if (!read) return read.error();
  const uint8_t* const footer = as_bytes(*read).data();
  const Result<uint64_t> size = file_->size();
  if (!size) return size.error();
  if (*size != info_.file_bytes) {
    return Status::corrupt("table: " + path_ + " has " + std::to_string(*size) + " bytes, but " +
                           std::to_string(info_.file_bytes) + " were written");
  }
  const bool our_store =
      options.any_store || std::memcmp(footer + 16, options.store_identity, 16) == 0;
  const bool ours = our_store && load<uint64_t>(footer + 32) == info_.number;
  if (!ours) return Status::corrupt("table: " + path_ + " belongs to another store or number");
  const uint32_t block_count = load<uint32_t>(footer + 144);
  points_at_ = load<uint64_t>(footer + 128);
  ranges_at_ = load<uint64_t>(footer + 104);
  index_at_ = load<uint64_t>(footer + 116);
  hash_seed_ = options.hash_seed;
  if (!read_layout(footer)) {
    return Status::corrupt("table: the footer of " + path_ + " divides entries as none can be");
  }

  Result<std::string> ranges =
      read_part(ranges_at_, load<uint32_t>(footer + 112), "the range deletions");
  if (!ranges) return ranges.error();
  range_bytes_ = std::move(*ranges);
  Result<std::string> index = read_part(index_at_, load<uint32_t>(footer + 124), "the block index");
  if (!index) return index.error();
  index_ = std::move(*index);
  points_bytes_ = load<uint64_t>(footer + 136);
  bucket_count_ = static_cast<uint32_t>(points_bytes_ / (kBucketCount * 4));
  const bool is_whole = bucket_count_ > 0 && points_bytes_ % (kBucketCount * 4) == 0;
  if (!is_whole || points_bytes_ > kPointsBytesMax) {
    return Status::corrupt("table: the point index of " + path_ + " has no whole buckets");
  }
  if (cache_.has_room(points_bytes_)) {
    if (Status status = load_points(); !status) return status;
  }
  if (Status status = parse_range_deletions(); !status) return status;
  blocks_.reserve(std::min<size_t>(block_count, index_.size() / kPlaceBytes));
  if (Status status = parse_index(); !status) return status;
  if (blocks_.size() != block_count)
    return Status::corrupt("table: the block index of " + path_ + " is short");
  handles_ = cache_.make_handles(block_count);
  charged_bytes_ = index_.size() + range_bytes_.size() +
                   block_count * (sizeof(BlockHandle) + sizeof(BlockPlace));
  cache_.charge(static_cast<int64_t>(charged_bytes_));
  return Status::ok();
}

bool Table::read_layout(const uint8_t* footer) {
  layout_ = {load<uint32_t>(footer + 148), load<uint32_t>(footer + 152),
             load<uint32_t>(footer + 172)};
  const uint32_t flags = load<uint32_t>(footer + 176);
  index_is_whole_ = (flags & kIndexNotWhole) == 0;
  return (flags & ~kIndexNotWhole) == 0 && layout_.location_bits <= 32 - kFingerprintBitsMin &&
         layout_.slot_bits < 32 && layout_.coarse_bits <= 32 &&
         layout_.slot_bits <= layout_.location_bits + layout_.coarse_bits;
}

Status Table::parse_index() {
  Bytes rest = as_bytes(index_);
  while (!rest.empty()) {
    if (rest.size() < kPlaceBytes) {
      return Status::corrupt("table: the block index of " + path_ + " is cut");
    }
    BlockPlace place{load<uint64_t>(rest.data()),
                     load<uint32_t>(rest.data() + 8),
                     load<uint32_t>(rest.data() + 12),
                     {}};
    const uint32_t key_size = load<uint32_t>(rest.data() + 16);
    const bool inside = place.offset <= info_.file_bytes &&
                        place.size + kBlockTrailerBytes <= info_.file_bytes - place.offset;
    const bool sized = place.raw_size >= place.size && place.raw_size <= kBlockBytesMax &&
                       place.raw_size <= place.size * kExpansionMax;
    if (!inside || !sized || key_size > rest.size() - kPlaceBytes) {
      return Status::corrupt("table: the block index of " + path_ + " points outside");
    }
    place.first_key = rest.subspan(kPlaceBytes, key_size);
    blocks_.push_back(place);
    rest = rest.subspan(kPlaceBytes + key_size);
  }
  return Status::ok();
}

Status Table::parse_range_deletions() {
  Bytes rest = as_bytes(range_bytes_);
  while (!rest.empty()) {
    if (rest.size() < 16) return Status::corrupt("table: a range deletion of " + path_ + " is cut");
    const uint64_t begin = load<uint32_t>(rest.data() + 8);
    const uint64_t end = load<uint32_t>(rest.data() + 12);
    if (begin + end > rest.size() - 16)
      return Status::corrupt("table: a range deletion of " + path_ + " is cut");
    ranges_.push_back(
        {rest.subspan(16, begin), rest.subspan(16 + begin, end), load<uint64_t>(rest.data())});
    rest = rest.subspan(16 + begin + end);
  }
  return Status::ok();
}

// ---- blocks

Status Table::load_block(uint32_t number, const CachedBlock*& loaded) {
  const BlockPlace& place = blocks_[number];
  const uint32_t stored_size = place.size + static_cast<uint32_t>(kBlockTrailerBytes);
  // A plain block is read to where it will stay.
  const bool is_plain = place.raw_size == place.size;
  Cache::Loading loading = cache_.make(is_plain ? stored_size : place.raw_size);
  std::string packed(is_plain ? 0 : stored_size, '\0');
  uint8_t* const to = is_plain ? loading->data() : reinterpret_cast<uint8_t*>(packed.data());
  const Result<size_t> got = file_->read_at(place.offset, MutableBytes(to, stored_size));
  if (!got) return got.error();
  if (*got != stored_size) return Status::corrupt("table: " + path_ + " is cut");
  const MutableBytes raw(loading->data(), place.raw_size);
  if (Status status = unpack(place, Bytes(to, stored_size), raw); !status) return status;
  Block block;
  block.attach(raw.data());
  handles_[number].hint.store(block.hint(), std::memory_order_relaxed);
  loaded = cache_.insert(handles_[number], std::move(loading), place.raw_size);
  return Status::ok();
}

uint32_t Table::block_of(Bytes key) const {
  const auto above = std::upper_bound(
      blocks_.begin(), blocks_.end(), key,
      [](Bytes k, const BlockPlace& place) { return compare(k, place.first_key) < 0; });
  return above == blocks_.begin() ? 0 : static_cast<uint32_t>(above - blocks_.begin() - 1);
}

// A key's versions may begin in the block before the one whose first key it is.
uint32_t Table::first_block_of(Bytes key) const {
  uint32_t number = blocks_.empty() ? 0 : block_of(key);
  while (number > 0 && equal(blocks_[number].first_key, key)) --number;
  return number;
}

// ---- gets

void Table::prefetch_index(uint64_t hash) const {
  const uint32_t* const points = this->points();
  if (points == nullptr) return;
  const PointPlace place = point_place(hash, bucket_count_);
  varve::prefetch(points + static_cast<size_t>(place.first) * kBucketCount);
  varve::prefetch(points + static_cast<size_t>(place.second) * kBucketCount);
}

// Leaves kAbsent where the slot has another key: then the fingerprint was one by chance.
Status Table::get_at(uint32_t block_number, uint32_t slot, Bytes key, uint64_t commit,
                     bool may_block, Lookup& answer) {
  for (uint32_t number = block_number; number < blocks_.size(); ++number, slot = 0) {
    const CachedBlock* cached = Cache::find(handles_[number]);
    if (cached == nullptr && !may_block) {
      answer.found = Found::kWouldBlock;
      return Status::ok();
    }
    if (cached == nullptr) {
      if (Status status = load_block(number, cached); !status) return status;
    }
    Block at;
    const uint32_t hint = handles_[number].hint.load(std::memory_order_relaxed);
    if (slot != kSearch) Block::prefetch(cached->data(), hint, slot);
    at.attach(cached->data(), hint);
    if (slot == kSearch) slot = at.lower_bound(key, UINT64_MAX);
    for (; slot < at.count(); ++slot) {
      if (!at.key_equals(slot, key)) return Status::ok();
      if (at.commit(slot) > commit) continue;
      at.read(slot, answer.edit);
      answer.edit.key = key;
      answer.found = answer.edit.kind == EditKind::kPut ? Found::kPut : Found::kDeleted;
      return Status::ok();
    }
  }
  return Status::ok();
}

// The index comes through the cache like a block, and may have to make room like one.
Status Table::load_points() {
  const Result<std::string> bytes = read_part(points_at_, points_bytes_, "the point index");
  if (!bytes) return bytes.error();
  const uint32_t size = static_cast<uint32_t>(bytes->size());
  Cache::Loading loading = cache_.make(size);
  std::memcpy(loading->data(), bytes->data(), size);
  cache_.insert(points_handle_, std::move(loading), size);
  return Status::ok();
}

const uint32_t* Table::points() const {
  const CachedBlock* const cached = Cache::find(points_handle_);
  return cached == nullptr ? nullptr : reinterpret_cast<const uint32_t*>(cached->data());
}

// Calls `on_place` with the place (point_index.h) of each fingerprint that matches, until it says
// true.
template <class OnPlace>
bool Table::each_match(const uint32_t* points, uint64_t hash, OnPlace on_place) const {
  const PointPlace buckets = point_place(hash, bucket_count_);
  const uint32_t want = point_fingerprint(hash, layout_.location_bits);
  const uint32_t mask = ~((1u << layout_.location_bits) - 1);
  for (const uint32_t bucket : {buckets.first, buckets.second}) {
    const uint32_t* const entries = points + static_cast<size_t>(bucket) * kBucketCount;
    uint32_t matches = match16(entries, want, mask);
    for (; matches != 0; matches &= matches - 1) {
      const uint32_t entry = entries[std::countr_zero(matches)];
      if (entry == kEmptySlot) continue;
      // Where places are coarse, this is the first of several.
      const uint64_t place = static_cast<uint64_t>(entry & ~mask) << layout_.coarse_bits;
      if (on_place(place)) return true;
    }
    if (buckets.first == buckets.second) break;
  }
  return false;
}

void Table::prefetch_handle(uint64_t hash) const {
  const uint32_t* const points = this->points();
  if (points == nullptr) return;
  each_match(points, hash, [&](uint64_t place) {
    varve::prefetch(handles_.data() + (place >> layout_.slot_bits));
    return false;
  });
}

void Table::prefetch_entry(uint64_t hash) const {
  const uint32_t* const points = this->points();
  if (points == nullptr) return;
  each_match(points, hash, [&](uint64_t place) {
    const uint64_t number = place >> layout_.slot_bits;
    if (number >= blocks_.size()) return true;
    const CachedBlock* const cached = handles_[number].block.load(std::memory_order_acquire);
    if (cached == nullptr) return false;
    const uint32_t slot = static_cast<uint32_t>(place) & ((1u << layout_.slot_bits) - 1);
    Block::prefetch(cached->data(), handles_[number].hint.load(std::memory_order_relaxed), slot);
    return false;
  });
}

Status Table::get(Bytes key, uint64_t hash, uint64_t commit, bool may_block, Lookup& answer) {
  Status status;
  answer.found = Found::kAbsent;
  const uint32_t* const points = this->points();
  if (points == nullptr) [[unlikely]]
    return get_without_index(key, hash, commit, may_block, answer);
  const bool done = each_match(points, hash, [&](uint64_t place) {
    uint64_t number = place >> layout_.slot_bits;
    uint32_t slot = static_cast<uint32_t>(place) & ((1u << layout_.slot_bits) - 1);
    if (number >= blocks_.size()) {
      status = Status::corrupt("table: the point index of " + path_ + " points outside");
      return true;
    }
    if (layout_.coarse_bits > layout_.slot_bits) number = first_block_of(key);
    if (layout_.coarse_bits != 0) slot = kSearch;
    status = get_at(static_cast<uint32_t>(number), slot, key, commit, may_block, answer);
    return !status || answer.found != Found::kAbsent;
  });
  if (done || index_is_whole_) return status;
  return get_at(first_block_of(key), kSearch, key, commit, may_block, answer);
}

// An index that had to make room comes back when the gets without it have cost as much as reading
// it does.
Status Table::get_without_index(Bytes key, uint64_t hash, uint64_t commit, bool may_block,
                                Lookup& answer) {
  if (blocks_.empty()) return Status::ok();
  const uint64_t spent = unindexed_bytes_.fetch_add(kSearchBytes, std::memory_order_relaxed);
  if (may_block && spent >= points_bytes_) {
    unindexed_bytes_.store(0, std::memory_order_relaxed);
    if (Status status = load_points(); !status) return status;
    return get(key, hash, commit, may_block, answer);
  }
  return get_at(first_block_of(key), kSearch, key, commit, may_block, answer);
}

// ---- care

Result<std::string> Table::read_block(uint32_t number) {
  const BlockPlace& place = blocks_[number];
  std::string stored(place.size + kBlockTrailerBytes, '\0');
  const Result<size_t> got = file_->read_at(
      place.offset, MutableBytes(reinterpret_cast<uint8_t*>(stored.data()), stored.size()));
  if (!got) return got.error();
  if (*got != stored.size()) return Status::corrupt("table: " + path_ + " is cut");
  std::string raw(place.raw_size, '\0');
  const MutableBytes to(reinterpret_cast<uint8_t*>(raw.data()), raw.size());
  if (Status status = unpack(place, as_bytes(stored), to); !status) return status;
  return raw;
}

bool Table::index_has(const std::string& points, Bytes key, uint32_t number, uint32_t slot) const {
  if (!index_is_whole_ || points.empty()) return true;
  const uint64_t wanted = uint64_t{number} << layout_.slot_bits | slot;
  const auto* const entries = reinterpret_cast<const uint32_t*>(points.data());
  return each_match(entries, hash64(key, hash_seed_), [&](uint64_t place) {
    return place >> layout_.coarse_bits == wanted >> layout_.coarse_bits;
  });
}

// What the blocks refer to is what the manifest keeps with the table.
void Table::verify_value_uses(const std::map<uint64_t, ValueUse>& found,
                              std::vector<VerifyProblem>& problems) const {
  const auto is_same = [](const auto& one, const ValueUse& other) {
    return one.first == other.file && one.second.count == other.count &&
           one.second.bytes == other.bytes;
  };
  const std::vector<ValueUse>& noted = info_.value_uses;
  if (std::equal(found.begin(), found.end(), noted.begin(), noted.end(), is_same)) return;
  problems.push_back({path_, 0, "it refers to other values than the manifest says"});
}

Status Table::verify_blocks(const std::string& points, std::vector<VerifyProblem>& problems,
                            const CheckReference& check_reference) {
  uint64_t count = 0;
  std::map<uint64_t, ValueUse> uses;
  const auto check_value = [&](const Edit& edit, uint64_t offset) {
    if ((edit.flags & kFlagSeparateValue) == 0) return Status::ok();
    const std::optional<ValueReference> reference = decode_value_reference(edit.value);
    if (reference) count_value_use(*reference, uses);
    Status status = reference ? check_reference(*reference)
                              : Status::corrupt("an entry with a value apart and no reference");
    if (status || status.code() != Code::kCorrupt) return status;
    problems.push_back({path_, offset, status.message()});
    return Status::ok();
  };
  bool any_damaged = false;
  std::string last_key;
  uint64_t last_commit = 0;
  for (uint32_t number = 0; number < blocks_.size(); ++number) {
    const uint64_t offset = blocks_[number].offset;
    const Result<std::string> bytes = read_block(number);
    if (!bytes && bytes.code() != Code::kCorrupt) return bytes.error();
    if (!bytes) {
      problems.push_back({path_, offset, bytes.error().message()});
      any_damaged = true;
      continue;
    }
    Block block;
    block.attach(as_bytes(*bytes).data());
    for (uint32_t slot = 0; slot < block.count(); ++slot, ++count) {
      const std::string key =
          std::string(as_text(block.prefix())) + std::string(as_text(block.suffix(slot)));
      if (slot == 0 && !equal(as_bytes(key), blocks_[number].first_key)) {
        problems.push_back({path_, offset, "the block index has another first key"});
      }
      const bool same_key = count > 0 && key == last_key;
      const bool in_order =
          count == 0 || last_key < key || (same_key && block.commit(slot) < last_commit);
      if (!in_order) problems.push_back({path_, offset, "keys are out of order"});
      if (!same_key && !index_has(points, as_bytes(key), number, slot)) {
        problems.push_back({path_, offset, "a key is not in the point index"});
      }
      last_key = key;
      last_commit = block.commit(slot);
      Edit edit;
      block.read(slot, edit);
      if (Status status = check_value(edit, offset); !status) return status;
    }
  }
  if (!any_damaged) verify_value_uses(uses, problems);
  if (!any_damaged && count != info_.entry_count) {
    problems.push_back({path_, 0,
                        "it holds " + std::to_string(count) + " entries, but " +
                            std::to_string(info_.entry_count) + " were written"});
  }
  return Status::ok();
}

Status Table::verify_part(const char* what, uint64_t offset, Bytes known,
                          std::vector<VerifyProblem>& problems) {
  const Result<std::string> bytes = read_part(offset, known.size(), what);
  if (!bytes && bytes.code() != Code::kCorrupt) return bytes.error();
  if (!bytes) problems.push_back({path_, offset, bytes.error().message()});
  if (bytes && !equal(as_bytes(*bytes), known)) {
    problems.push_back({path_, offset, std::string(what) + " changed since it was opened"});
  }
  return Status::ok();
}

Status Table::verify(std::vector<VerifyProblem>& problems, const CheckReference& check_reference) {
  const Result<std::string> points = read_part(points_at_, points_bytes_, "the point index");
  if (!points && points.code() != Code::kCorrupt) return points.error();
  if (!points) problems.push_back({path_, points_at_, points.error().message()});
  if (Status blocks = verify_blocks(points ? *points : "", problems, check_reference); !blocks) {
    return blocks;
  }
  Status status = verify_part("the range deletions", ranges_at_, as_bytes(range_bytes_), problems);
  if (status) status = verify_part("the block index", index_at_, as_bytes(index_), problems);
  if (!status) return status;
  const Result<std::string> footer = read_footer(*file_, path_);
  if (!footer && footer.code() != Code::kCorrupt) return footer.error();
  if (!footer) {
    problems.push_back({path_, info_.file_bytes - kTableFooterBytes, footer.error().message()});
  }
  return Status::ok();
}

uint64_t Table::size_within(const KeyRange& range) const {
  if (blocks_.empty()) return 0;
  const uint32_t first = block_of(range.begin);
  const uint32_t last =
      range.end.empty() ? static_cast<uint32_t>(blocks_.size()) - 1 : block_of(range.end);
  return last < first ? 0 : blocks_[last].offset + blocks_[last].size - blocks_[first].offset;
}

std::unique_ptr<TableCursor> Table::cursor() {
  return std::make_unique<TableCursor>(shared_from_this(), true);
}

std::unique_ptr<TableCursor> Table::cursor_uncached() {
  return std::make_unique<TableCursor>(shared_from_this(), false);
}

// ---- cursors

bool TableCursor::enter(uint32_t number) {
  constexpr size_t kWindowBytes = size_t{512} << 10;
  block_number_ = number;
  valid_ = false;
  if (number >= table_->blocks_.size()) return false;
  if (cached_) {
    const CachedBlock* cached = Cache::find(table_->handles_[number]);
    if (cached == nullptr) status_ = table_->load_block(number, cached);
    if (status_) attach(cached->data());
    return static_cast<bool>(status_);
  }
  const Table::BlockPlace& place = table_->blocks_[number];
  const size_t size = place.size + kBlockTrailerBytes;
  const bool inside =
      place.offset >= window_at_ && place.offset + size <= window_at_ + window_.size();
  if (!inside) {
    window_.resize(std::max(size, kWindowBytes));
    window_at_ = place.offset;
    const Result<size_t> got = table_->file_->read_at(
        place.offset, MutableBytes(reinterpret_cast<uint8_t*>(window_.data()), window_.size()));
    if (!got) {
      status_ = got.error();
      window_.clear();
      return false;
    }
    window_.resize(*got);
    if (*got < size) {
      status_ = Status::corrupt("table: " + table_->path_ + " is cut");
      return false;
    }
  }
  raw_.resize(place.raw_size);
  const MutableBytes raw(reinterpret_cast<uint8_t*>(raw_.data()), raw_.size());
  const Bytes stored = as_bytes(window_).subspan(place.offset - window_at_, size);
  status_ = table_->unpack(place, stored, raw);
  if (status_) attach(raw.data());
  return static_cast<bool>(status_);
}

void TableCursor::attach(const uint8_t* parsed) {
  block_.attach(parsed);
  key_.assign(as_text(block_.prefix()));
}

void TableCursor::show() {
  const Bytes suffix = block_.read(slot_, edit_);
  key_.resize(block_.prefix().size());
  key_.append(as_text(suffix));
  edit_.key = as_bytes(key_);
  valid_ = true;
}

void TableCursor::next() {
  if (++slot_ < block_.count()) return show();
  slot_ = 0;
  if (enter(block_number_ + 1)) show();
}

void TableCursor::next_key() {
  while (slot_ + 1 < block_.count() && equal(block_.suffix(slot_ + 1), block_.suffix(slot_))) {
    ++slot_;
  }
  if (slot_ + 1 < block_.count()) return next();
  const std::string key = key_;  // The next block may go on with it.
  do {
    next();
  } while (valid_ && key_ == key);
}

void TableCursor::previous() {
  valid_ = false;
  if (slot_ > 0) {
    --slot_;
    return show();
  }
  if (block_number_ == 0 || !enter(block_number_ - 1)) return;
  slot_ = block_.count() - 1;
  show();
}

void TableCursor::seek_first() {
  slot_ = 0;
  if (enter(0)) show();
}

void TableCursor::seek_last() {
  if (table_->blocks_.empty() || !enter(static_cast<uint32_t>(table_->blocks_.size()) - 1)) return;
  slot_ = block_.count() - 1;
  show();
}

void TableCursor::seek(Bytes key, uint64_t commit) {
  for (uint32_t number = table_->first_block_of(key); enter(number); ++number) {
    slot_ = block_.lower_bound(key, commit);
    if (slot_ < block_.count()) return show();
  }
}

void TableCursor::seek_before(Bytes key, uint64_t commit) {
  seek(key, commit);
  if (valid_) return previous();
  if (status_) seek_last();
}

}  // namespace varve
