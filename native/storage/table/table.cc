#include "storage/table/table.h"

#include <algorithm>

#include "base/bits.h"
#include "pure/codec/compress.h"
#include "pure/codec/crc32c.h"
#include "storage/table/layout.h"

namespace varve {
namespace {

constexpr uint32_t kSearch = UINT32_MAX;  // In place of a slot that is not known.
constexpr uint64_t kSearchBytes = 4096;   // What a get without the point index reads, about.
constexpr uint64_t kPointsBytesMax = uint64_t{1} << 31;
constexpr uint64_t kPointsShare = 4;  // Of the budget: a point index that needs more is left out.

const uint32_t* entries_of(const CachedBlock& points) {
  return reinterpret_cast<const uint32_t*>(points.data());
}

IndexPart view_of(const CachedBlock& part) {
  IndexPart view;
  view.attach(part.bytes().data());
  return view;
}

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
  cache_.drop(parts_);
  cache_.charge(-static_cast<int64_t>(charged_bytes_));
  cache_.drop(top_handle_);
  cache_.drop(points_handle_);
  file_.reset();
  if (!dropped_.load()) return;
  const Status status = os_.remove(path_);
  (void)status;  // An idle file: the next open removes it.
}

// ---- reading

Status Table::corrupt(const Part& part, const char* problem) const {
  return Status::corrupt(std::string("table: ") + part.what + " of " + path_ + " at byte " +
                         std::to_string(part.offset) + " " + problem);
}

Status Table::check_sum(const Part& part, Bytes bytes) const {
  const Bytes inner = bytes.first(bytes.size() - kBlockTrailerBytes);
  const Bytes rest = bytes.last(4);
  const uint32_t sum = crc32c(rest, crc32c(inner, static_cast<uint32_t>(part.offset)));
  const bool known = rest[0] <= kCompressed && rest[1] == 0 && rest[2] == 0 && rest[3] == 0;
  if (load<uint32_t>(inner.data() + inner.size()) == sum && known) return Status::ok();
  return corrupt(part, "is damaged");
}

Status Table::unpack(const BlockPlace& place, Bytes stored, MutableBytes raw) const {
  if (Status status = check_sum(part_of(place), stored); !status) return status;
  const Bytes block = stored.first(place.size);
  const bool is_plain = place.raw_size == place.size;
  if (stored[place.size + 4] == (is_plain ? kPlain : kCompressed)) {
    if (is_plain && raw.data() != block.data()) std::memcpy(raw.data(), block.data(), block.size());
    Block parsed;
    if ((is_plain || decompress(block, raw)) && Block::parse(raw, parsed)) return Status::ok();
  }
  return corrupt(part_of(place), "does not parse");
}

Status Table::read_block(const BlockPlace& place, WindowRead ahead, std::string& raw,
                         Block& block) const {
  const size_t stored_size = place.size + kBlockTrailerBytes;
  const Result<Bytes> stored = ahead.window.read(*this, place.offset, stored_size, ahead.going);
  if (!stored) return stored.error();
  raw.resize(place.raw_size);
  const MutableBytes to(reinterpret_cast<uint8_t*>(raw.data()), raw.size());
  Status status = unpack(place, *stored, to);
  if (status) block.attach(to.data());
  return status;
}

Status Table::read_bytes(uint64_t offset, MutableBytes to) const {
  const Result<size_t> got = file_->read_at(offset, to);
  if (!got) return got.error();
  return *got == to.size() ? Status::ok() : Status::corrupt("table: " + path_ + " is cut");
}

Status Table::read(const Part& part, MutableBytes to) const {
  const uint64_t end = info_.file_bytes - kTableFooterBytes;
  if (part.offset > end || to.size() > end - part.offset) {
    return corrupt(part, "lies outside the file");
  }
  if (Status status = read_bytes(part.offset, to); !status) return status;
  return check_sum(part, to);
}

// A size from the disk: no memory is taken for more than the file has.
Result<std::string> Table::read(const Part& part) const {
  if (part.size > info_.file_bytes) return corrupt(part, "lies outside the file");
  std::string bytes(part.size + kBlockTrailerBytes, '\0');
  const MutableBytes to(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size());
  if (Status status = read(part, to); !status) return status;
  return bytes;
}

Result<Cache::Loading> Table::read_to_cache(const Part& part, uint32_t handle_count) const {
  if (part.size > info_.file_bytes) return corrupt(part, "lies outside the file");
  const uint32_t room = static_cast<uint32_t>(part.size + kBlockTrailerBytes);
  Cache::Loading loading = cache_.make(room, handle_count);
  if (Status status = read(part, MutableBytes(loading->filling(), room)); !status) return status;
  loading->size = static_cast<uint32_t>(part.size);
  return loading;
}

// ---- opening

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

Status Table::open_file(const TableOptions& options) {
  Result<std::unique_ptr<File>> file = os_.open(path_, OpenMode::kRead);
  if (!file) return file.error();
  file_ = std::move(*file);
  const Result<std::string> read_whole = read_footer(*file_, path_);
  if (!read_whole) return read_whole.error();
  const uint8_t* const footer = as_bytes(*read_whole).data();
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
  hash_seed_ = options.hash_seed;
  if (!read_layout(footer)) {
    return Status::corrupt("table: the footer of " + path_ + " divides entries as none can be");
  }
  Result<std::string> ranges = read(ranges_part());
  if (!ranges) return ranges.error();
  range_bytes_ = std::move(*ranges);
  range_bytes_.resize(ranges_size_);
  if (Status status = parse_range_deletions(); !status) return status;
  if (Status status = open_index(); !status) return status;
  charged_bytes_ = sizeof *this + path_.capacity() + range_bytes_.capacity() +
                   ranges_.capacity() * sizeof(RangeDeletion) +
                   Heap::cost(parts_.size() * sizeof(BlockHandle));
  cache_.charge(static_cast<int64_t>(charged_bytes_));
  return Status::ok();
}

bool Table::read_layout(const uint8_t* footer) {
  ranges_at_ = load<uint64_t>(footer + 104);
  ranges_size_ = load<uint32_t>(footer + 112);
  top_at_ = load<uint64_t>(footer + 116);
  top_size_ = load<uint32_t>(footer + 124);
  points_at_ = load<uint64_t>(footer + 128);
  points_size_ = load<uint64_t>(footer + 136);
  block_count_ = load<uint32_t>(footer + 144);
  part_bits_ = load<uint32_t>(footer + 180);
  bucket_count_ = static_cast<uint32_t>(points_size_ / (kBucketCount * 4));
  layout_ = {load<uint32_t>(footer + 148), load<uint32_t>(footer + 152),
             load<uint32_t>(footer + 172)};
  const uint32_t flags = load<uint32_t>(footer + 176);
  index_is_whole_ = (flags & kIndexNotWhole) == 0;
  const bool is_whole = bucket_count_ > 0 && points_size_ % (kBucketCount * 4) == 0;
  return is_whole && points_size_ <= kPointsBytesMax && part_bits_ <= kIndexPartBitsMax &&
         (flags & ~kIndexNotWhole) == 0 && layout_.location_bits <= 32 - kFingerprintBitsMin &&
         layout_.slot_bits < 32 && layout_.coarse_bits <= 32 &&
         layout_.slot_bits <= layout_.location_bits + layout_.coarse_bits;
}

// The top is read and held against the footer now: before that nobody knows how many parts there
// are.
Status Table::open_index() {
  if (block_count_ == 0) return Status::ok();
  Result<Cache::Loading> loading = read_to_cache(top_part(), 0);
  if (!loading) return loading.error();
  IndexPart top;
  if (Status status = check_top((*loading)->bytes(), top); !status) return status;
  parts_ = cache_.make_handles(top.count());
  if (cache_.has_room(top_size_)) {
    cache_.insert(top_handle_, std::move(*loading), static_cast<uint32_t>(top_size_));
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

// ---- the block index

Status Table::check_top(Bytes bytes, IndexPart& top) const {
  if (!IndexPart::parse(bytes, top)) return corrupt(top_part(), "does not parse");
  const uint64_t part_count = (uint64_t{block_count_} + (1u << part_bits_) - 1) >> part_bits_;
  if (top.count() != part_count) return corrupt(top_part(), "tells of too few or many blocks");
  if (top.end() > info_.file_bytes) return corrupt(top_part(), "points outside the file");
  return Status::ok();
}

Status Table::check_part(uint32_t number, const IndexPart& top, Bytes bytes,
                         IndexPart& part) const {
  const Part what = index_part(top.place(number));
  if (!IndexPart::parse(bytes, part)) return corrupt(what, "does not parse");
  if (part.count() != blocks_of(number)) return corrupt(what, "tells of too few or many blocks");
  if (part.end() > ranges_at_) return corrupt(what, "points outside the blocks");
  if (top.compare_separator(number, as_bytes(part.separator(0))) != 0) {
    return corrupt(what, "begins with another key than the top says");
  }
  return Status::ok();
}

Status Table::find_top(bool may_block, CachedBlock*& top) {
  top = Cache::find(top_handle_);
  if (top != nullptr) return Status::ok();
  if (!may_block) return {Code::kWouldBlock, "table: the block index is not in memory"};
  Result<Cache::Loading> loading = read_to_cache(top_part(), 0);
  if (!loading) return loading.error();
  IndexPart view;
  if (Status status = check_top((*loading)->bytes(), view); !status) return status;
  top = cache_.insert(top_handle_, std::move(*loading), static_cast<uint32_t>(top_size_));
  return Status::ok();
}

Status Table::find_part(uint32_t number, bool may_block, CachedBlock*& part) {
  part = Cache::find(parts_[number]);
  if (part != nullptr) return Status::ok();
  CachedBlock* top = nullptr;
  if (!may_block) return {Code::kWouldBlock, "table: a part of the index is not in memory"};
  if (Status status = find_top(may_block, top); !status) return status;
  const IndexPart places = view_of(*top);
  const Part wanted = index_part(places.place(number));
  Result<Cache::Loading> loading = read_to_cache(wanted, blocks_of(number));
  if (!loading) return loading.error();
  IndexPart view;
  if (Status status = check_part(number, places, (*loading)->bytes(), view); !status) return status;
  part = cache_.insert(parts_[number], std::move(*loading), static_cast<uint32_t>(wanted.size));
  return Status::ok();
}

Status Table::block_of(Bytes key, VersionEnd end, bool may_block, uint32_t& number) {
  return find_block_of(
      key, end, part_bits_,
      [&](uint32_t part, IndexPart& view) {
        CachedBlock* cached = nullptr;
        Status status =
            part == kTopPart ? find_top(may_block, cached) : find_part(part, may_block, cached);
        if (status) view = view_of(*cached);
        return status;
      },
      number);
}

// ---- blocks

// `held.block` is null where the file is not to be read.
Status Table::find_block(uint32_t number, bool may_block, Held& held, WindowRead* ahead) {
  CachedBlock* part = Cache::find(parts_[number >> part_bits_]);
  if (part != nullptr) [[likely]] {
    BlockHandle& handle = part->inner(in_part(number));
    held.block = Cache::find(handle);
    held.hint = handle.hint.load(std::memory_order_relaxed);
    if (held.block != nullptr) [[likely]]
      return Status::ok();
  }
  if (!may_block) return {Code::kWouldBlock, "table: a block is not in memory"};
  if (Status status = find_part(number >> part_bits_, true, part); !status) return status;
  return load_block(number, *part, ahead, held);
}

Status Table::load_block(uint32_t number, CachedBlock& part, WindowRead* ahead, Held& held) {
  const BlockPlace place = view_of(part).place(in_part(number));
  const size_t stored_size = place.size + kBlockTrailerBytes;
  const bool is_plain = place.raw_size == place.size;
  // A plain block is read to where it will stay.
  const bool is_in_place = is_plain && ahead == nullptr;
  Cache::Loading loading =
      cache_.make(is_in_place ? static_cast<uint32_t>(stored_size) : place.raw_size);
  std::string packed;
  Bytes stored;
  if (ahead != nullptr) {
    const Result<Bytes> window = ahead->window.read(*this, place.offset, stored_size, ahead->going);
    if (!window) return window.error();
    stored = *window;
  } else {
    if (!is_plain) packed.resize(stored_size);
    uint8_t* const to = is_plain ? loading->data() : reinterpret_cast<uint8_t*>(packed.data());
    if (Status status = read_bytes(place.offset, MutableBytes(to, stored_size)); !status) {
      return status;
    }
    stored = Bytes(to, stored_size);
  }
  const MutableBytes raw(loading->data(), place.raw_size);
  if (Status status = unpack(place, stored, raw); !status) return status;
  Block block;
  block.attach(raw.data());
  BlockHandle& handle = part.inner(in_part(number));
  held.hint = block.hint();
  handle.hint.store(held.hint, std::memory_order_relaxed);
  held.block = cache_.insert(handle, std::move(loading), place.raw_size, &part);
  return Status::ok();
}

// ---- gets

void Table::prefetch_index(uint64_t hash) const {
  const uint32_t* const points = this->points();
  if (points == nullptr) return;
  const PointPlace place = point_place(hash, bucket_count_);
  varve::prefetch(points + static_cast<size_t>(place.first) * kBucketCount);
  varve::prefetch(points + static_cast<size_t>(place.second) * kBucketCount);
}

Status Table::next_with(Bytes key, uint64_t commit, bool may_block, uint32_t& number) {
  uint32_t last = 0;
  if (Status status = block_of(key, VersionEnd::kOldest, may_block, last); !status) return status;
  if (last <= number) {
    number = block_count_;
    return Status::ok();
  }
  number += 1;
  if (commit == UINT64_MAX) return Status::ok();  // Nothing is newer.
  for (uint32_t end = last + 1; number + 1 < end;) {
    const uint32_t middle = number + (end - number) / 2;
    Held held;
    if (Status status = find_block(middle, may_block, held); !status) return status;
    Block at;
    at.attach(held.block->data(), held.hint);
    const bool is_newer = at.key_equals(0, key) && at.commit(0) > commit;
    (is_newer ? number : end) = middle;
  }
  return Status::ok();
}

// Leaves kAbsent where the slot has another key: then the fingerprint was one by chance.
Status Table::get_at(uint32_t number, uint32_t slot, Bytes key, uint64_t commit, bool may_block,
                     Lookup& answer) {
  while (number < block_count_) {
    Held held;
    if (Status status = find_block(number, may_block, held); !status) return status;
    Block at;
    if (slot != kSearch) Block::prefetch(held.block->data(), held.hint, slot);
    at.attach(held.block->data(), held.hint);
    if (slot == kSearch) slot = at.lower_bound(key, UINT64_MAX);
    while (slot < at.count()) {
      if (!at.key_equals(slot, key)) return Status::ok();
      if (at.commit(slot) > commit) {
        slot = at.lower_bound(key, commit);
        continue;
      }
      at.read(slot, answer.edit);
      answer.edit.key = key;
      answer.found = answer.edit.kind == EditKind::kPut ? Found::kPut : Found::kDeleted;
      return Status::ok();
    }
    if (Status status = next_with(key, commit, may_block, number); !status) return status;
    slot = kSearch;
  }
  return Status::ok();
}

Status Table::warm() {
  const bool may_load = points() == nullptr && cache_.has_room(points_size_);
  return may_load ? load_points().error() : Status::ok();
}

Status Table::keep(KeptBlocks::One kept) {
  const uint32_t part_number = kept.number >> part_bits_;
  CachedBlock* part = nullptr;
  if (Status status = find_part(part_number, true, part); !status) return status;
  Block block;
  block.attach(kept.block->data());
  BlockHandle& handle = part->inner(in_part(kept.number));
  handle.hint.store(block.hint(), std::memory_order_relaxed);
  cache_.insert(handle, std::move(kept.block), kept.size, part);
  return Status::ok();
}

// The index comes through the cache like a block, and may have to make room like one.
Result<const uint32_t*> Table::load_points() {
  Result<Cache::Loading> loading = read_to_cache(points_part(), 0);
  if (!loading) return loading.error();
  const uint32_t size = static_cast<uint32_t>(points_size_);
  return entries_of(*cache_.insert(points_handle_, std::move(*loading), size));
}

const uint32_t* Table::points() const {
  const CachedBlock* const cached = Cache::find(points_handle_);
  return cached == nullptr ? nullptr : entries_of(*cached);
}

Table::Trace Table::trace(uint64_t hash) const {
  Trace trace;
  const uint32_t* const points = this->points();
  if (points == nullptr || layout_.coarse_bits != 0) return trace;
  const bool any = each_place(points, bucket_count_, layout_, hash, [&](uint64_t place) {
    const uint64_t number = place >> layout_.slot_bits;
    if (number < block_count_) trace.handle = handle_of(number);
    trace.slot = static_cast<uint32_t>(place) & ((1u << layout_.slot_bits) - 1);
    return true;
  });
  if (trace.handle != nullptr) {
    varve::prefetch(trace.handle);
    trace.tells = Trace::Tells::kPlace;
  } else if (!any && index_is_whole_) {
    trace.tells = Trace::Tells::kAbsent;
  }
  return trace;
}

void Table::prefetch_block(Trace& trace) {
  if (trace.tells != Trace::Tells::kPlace) return;
  const CachedBlock* const cached = Cache::find(*trace.handle);
  if (cached == nullptr) return;
  trace.block = cached->data();
  trace.hint = trace.handle->hint.load(std::memory_order_relaxed);
  Block::prefetch(trace.block, trace.hint, trace.slot);
}

void Table::prefetch_entry(const Trace& trace) {
  if (trace.block != nullptr) Block::prefetch_by_offset(trace.block, trace.hint, trace.slot);
}

// The first match is the key but where a fingerprint is one by chance, where newer versions lie
// before the one that is asked for, or where the block is not in memory: get() knows of all that.
Status Table::get_traced(Bytes key, uint64_t hash, uint64_t commit, const Trace& trace,
                         Lookup& answer) {
  answer.found = Found::kAbsent;
  if (trace.tells == Trace::Tells::kAbsent) return Status::ok();
  if (trace.block == nullptr) return get(key, hash, commit, false, answer);
  Block block;
  block.attach(trace.block, trace.hint);
  if (!block.has(trace.slot, key, commit)) return get(key, hash, commit, false, answer);
  block.read(trace.slot, answer.edit);
  answer.edit.key = key;
  answer.found = answer.edit.kind == EditKind::kPut ? Found::kPut : Found::kDeleted;
  return Status::ok();
}

Status Table::get(Bytes key, uint64_t hash, uint64_t commit, bool may_block, Lookup& answer) {
  answer.found = Found::kAbsent;
  const uint32_t* const points = this->points();
  Status status = points != nullptr ? get_by_index(points, key, hash, commit, may_block, answer)
                                    : get_without_index(key, hash, commit, may_block, answer);
  if (status.code() != Code::kWouldBlock) return status;
  answer.found = Found::kWouldBlock;
  return Status::ok();
}

Status Table::get_by_index(const uint32_t* points, Bytes key, uint64_t hash, uint64_t commit,
                           bool may_block, Lookup& answer) {
  Status status;
  const bool done = each_place(points, bucket_count_, layout_, hash, [&](uint64_t place) {
    const uint64_t number = place >> layout_.slot_bits;
    if (number >= block_count_) {
      status = corrupt(points_part(), "points outside");
      return true;
    }
    if (layout_.coarse_bits > layout_.slot_bits) {
      status = get_by_search(key, commit, may_block, answer);
    } else {
      const uint32_t slot = static_cast<uint32_t>(place) & ((1u << layout_.slot_bits) - 1);
      status = get_at(static_cast<uint32_t>(number), layout_.coarse_bits != 0 ? kSearch : slot, key,
                      commit, may_block, answer);
    }
    return !status || answer.found != Found::kAbsent;
  });
  if (done || index_is_whole_) return status;
  return get_by_search(key, commit, may_block, answer);
}

Status Table::get_by_search(Bytes key, uint64_t commit, bool may_block, Lookup& answer) {
  if (block_count_ == 0) return Status::ok();
  uint32_t number = 0;
  if (Status status = block_of(key, VersionEnd::kNewest, may_block, number); !status) return status;
  return get_at(number, kSearch, key, commit, may_block, answer);
}

// The index is loaded by the first get that may wait, if there is room. If there is none, it comes
// when the gets without it have cost as much as reading it does, unless it would take the place of
// too much else.
Status Table::get_without_index(Bytes key, uint64_t hash, uint64_t commit, bool may_block,
                                Lookup& answer) {
  const uint64_t spent = unindexed_bytes_.fetch_add(kSearchBytes, std::memory_order_relaxed);
  const bool is_small = points_size_ <= cache_.budget_bytes() / kPointsShare;
  const bool has_paid = is_small && spent >= points_size_;
  if (may_block && (has_paid || cache_.has_room(points_size_))) {
    unindexed_bytes_.store(0, std::memory_order_relaxed);
    const Result<const uint32_t*> points = load_points();
    if (!points) return points.error();
    return get_by_index(*points, key, hash, commit, may_block, answer);
  }
  return get_by_search(key, commit, may_block, answer);
}

Result<bool> Table::announce_block(uint32_t number) {
  CachedBlock* part = nullptr;
  if (Status status = find_part(number >> part_bits_, true, part); !status) return status;
  if (Cache::find(part->inner(in_part(number))) != nullptr) return false;
  const BlockPlace place = view_of(*part).place(in_part(number));
  file_->will_read(place.offset, place.size + kBlockTrailerBytes);
  return true;
}

Result<bool> Table::announce(Bytes key, uint64_t hash) {
  if (block_count_ == 0) return false;
  const uint32_t* const points = this->points();
  const bool is_exact =
      points != nullptr && index_is_whole_ && layout_.coarse_bits <= layout_.slot_bits;
  if (!is_exact) {
    uint32_t number = 0;
    if (Status status = block_of(key, VersionEnd::kNewest, true, number); !status) return status;
    return announce_block(number);
  }
  Result<bool> announced = false;
  each_place(points, bucket_count_, layout_, hash, [&](uint64_t place) {
    const uint64_t number = place >> layout_.slot_bits;
    if (number < block_count_) announced = announce_block(static_cast<uint32_t>(number));
    return !announced || *announced;
  });
  return announced;
}

uint64_t Table::size_within(const KeyRange& range) {
  if (block_count_ == 0) return 0;
  // A block that cannot be found: all may lie within.
  const auto place_of = [&](Bytes key, BlockPlace& place) {
    uint32_t number = 0;
    CachedBlock* part = nullptr;
    const bool found = static_cast<bool>(block_of(key, VersionEnd::kNewest, true, number)) &&
                       static_cast<bool>(find_part(number >> part_bits_, true, part));
    if (found) place = view_of(*part).place(in_part(number));
    return found;
  };
  const bool to_end =
      range.end.empty() || (!info_.unbounded && compare(range.end, as_bytes(info_.largest)) > 0);
  BlockPlace first;
  BlockPlace last{data_bytes(), 0, 0};
  const bool from_begin = compare(range.begin, as_bytes(info_.smallest)) <= 0;
  if (!from_begin && !place_of(range.begin, first)) return data_bytes();
  if (!to_end && !place_of(range.end, last)) return data_bytes();
  return last.offset + last.size < first.offset ? 0 : last.offset + last.size - first.offset;
}

}  // namespace varve
