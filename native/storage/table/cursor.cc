// storage/table/cursor.cc — walks over every version in a table.
#include "storage/table/table.h"

namespace varve {

std::unique_ptr<TableCursor> Table::cursor(CacheUse use) {
  return std::make_unique<TableCursor>(shared_from_this(), use);
}

TableCursor::TableCursor(std::shared_ptr<Table> table, CacheUse use)
    : table_(std::move(table)),
      use_(use),
      cached_(use == CacheUse::kKeep),
      window_(use == CacheUse::kTake ? nullptr : &table_->cache_),
      parts_(*table_) {}

bool TableCursor::enter(uint32_t number, Going going) {
  block_number_ = number;
  valid_ = false;
  if (number >= table_->block_count_) return false;
  status_ = cached_ ? enter_cached(number, going) : enter_uncached(number, going);
  if (status_) key_.assign(as_text(block_.prefix()));
  return static_cast<bool>(status_);
}

// A walk that goes on reads ahead; a seek reads its block alone.
Status TableCursor::enter_cached(uint32_t number, Going going) {
  WindowRead ahead{window_, going};
  Table::Held held;
  Status status =
      table_->find_block(number, true, held, going == Going::kAnywhere ? nullptr : &ahead);
  if (status) block_.attach(held.block->data());
  return status;
}

Status TableCursor::enter_uncached(uint32_t number, Going going) {
  IndexPart part;
  if (Status status = parts_.part(number >> table_->part_bits_, part); !status) return status;
  const BlockPlace place = part.place(table_->in_part(number));
  block_offset_ = place.offset;
  Status status = table_->read_block(place, {window_, going}, raw_, block_);
  if (use_ != CacheUse::kTake) return status;
  BlockHandle& home = table_->parts_[number >> table_->part_bits_];
  is_warm_ = status && table_->cache_.take_within(home, table_->in_part(number));
  return status;
}

// What a walk around the cache sees is written again, in the order in which it comes: so the order
// is not taken from a file that may be hostile.
void TableCursor::next_in_order() {
  before_ = key_;
  const uint64_t commit = edit_.commit;
  step();
  const TableInfo& info = table_->info();
  const int order = valid_ ? compare(as_bytes(before_), as_bytes(key_)) : -1;
  const bool is_behind = order < 0 || (order == 0 && edit_.commit < commit);
  const bool is_within = valid_ || !status_ || info.unbounded || before_ <= info.largest;
  if (!is_behind || !is_within) refuse();
}

void TableCursor::refuse() {
  valid_ = false;
  status_ = table_->corrupt({block_offset_, 0, "a block"}, "has keys out of order");
}

Status TableCursor::newest_block_of(Bytes key, uint32_t& number) {
  if (cached_) return table_->block_of(key, VersionEnd::kNewest, true, number);
  const auto part_at = [&](uint32_t part, IndexPart& view) { return parts_.part(part, view); };
  return find_block_of(key, VersionEnd::kNewest, table_->part_bits_, part_at, number);
}

void TableCursor::show() {
  suffix_ = block_.read(slot_, edit_);
  const size_t prefix = block_.prefix().size();
  key_.resize(prefix + suffix_.size());
  if (!suffix_.empty()) std::memcpy(key_.data() + prefix, suffix_.data(), suffix_.size());
  edit_.key = as_bytes(key_);
  valid_ = true;
}

void TableCursor::next() {
  if (cached_) return step();
  next_in_order();
}

void TableCursor::step() {
  if (++slot_ < block_.count()) return show();
  slot_ = 0;
  if (enter(block_number_ + 1, Going::kForward)) show();
}

void TableCursor::next_key() {
  while (++slot_ < block_.count()) {
    if (!equal(block_.suffix(slot_), suffix_)) return show();
  }
  const std::string key = key_;  // The next block may go on with it, and many behind that.
  next();
  if (cached_ && valid_ && key_ == key) return seek(as_bytes(key), 0);
  while (valid_ && key_ == key) next();
}

size_t TableCursor::take_values(Bytes end, uint64_t commit, std::span<Bytes> values) {
  if (!cached_) return 0;
  const uint32_t last = block_.count() - 1;
  const bool is_all = end.empty() || block_.compare_key(last, end) < 0;
  const uint32_t slot_end = is_all ? last + 1 : block_.lower_bound(end, UINT64_MAX);
  if (slot_end <= slot_) return 0;
  const size_t count = block_.read_plain(slot_, slot_end, commit, values);
  if (count > 1) {
    slot_ += static_cast<uint32_t>(count) - 1;
    show();
  }
  return count;
}

void TableCursor::previous() {
  valid_ = false;
  if (slot_ > 0) {
    --slot_;
    return show();
  }
  if (block_number_ == 0 || !enter(block_number_ - 1, Going::kBackward)) return;
  slot_ = block_.count() - 1;
  show();
}

void TableCursor::seek_first() {
  slot_ = 0;
  if (enter(0, Going::kForward)) show();
  if (valid_ && !cached_ && key_ < table_->info().smallest) refuse();
}

void TableCursor::seek_last() {
  if (table_->block_count_ == 0 || !enter(table_->block_count_ - 1, Going::kBackward)) return;
  slot_ = block_.count() - 1;
  show();
}

void TableCursor::seek(Bytes key, uint64_t commit) {
  valid_ = false;
  uint32_t number = 0;
  if (table_->block_count_ == 0) return;
  status_ = newest_block_of(key, number);
  Going going = Going::kAnywhere;
  while (status_ && enter(number, going)) {
    slot_ = block_.lower_bound(key, commit);
    if (slot_ < block_.count()) return show();
    const uint32_t next = number + 1;
    if (cached_ && commit != UINT64_MAX) status_ = table_->next_with(key, commit, true, number);
    if (number < next || number == table_->block_count_) number = next;
    going = number == next ? Going::kForward : Going::kAnywhere;
  }
}

void TableCursor::seek_before(Bytes key, uint64_t commit) {
  seek(key, commit);
  if (valid_) return previous();
  if (status_) seek_last();
}

}  // namespace varve
