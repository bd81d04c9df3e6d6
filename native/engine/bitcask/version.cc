#include "engine/bitcask/version.h"

#include <algorithm>

#include "base/check.h"
#include "engine/range_facts.h"

namespace varve::bitcask {

std::shared_ptr<const BitcaskVersion> BitcaskVersion::closed(uint64_t absorbed) {
  Image image;
  image.absorbed = absorbed;
  auto version = std::make_shared<BitcaskVersion>(std::move(image), std::vector<FileShare>(), 0);
  version->is_closed_ = true;
  return version;
}

Status BitcaskVersion::check_open() const {
  return is_closed_ ? Status(Code::kClosed, "bitcask: closed") : Status::ok();
}

// ---- one key

BitcaskVersion::Position BitcaskVersion::find(Bytes key, uint64_t commit) const {
  if (image_.leaves.empty()) return {};
  const Leaf& leaf = *image_.leaves[image_.leaf_of(key)];
  const size_t index = leaf.lower_bound(key, commit);
  const bool is_there = index < leaf.size() && equal(leaf.key(index), key);
  return is_there ? Position{&leaf, index} : Position{};
}

bool BitcaskVersion::decide(Bytes key, uint64_t commit, const Position& at, Row& row,
                            Lookup& answer) const {
  answer = {};
  if (at.leaf != nullptr) {
    row = at.leaf->row(at.index);
    if (row.kind != RowKind::kGhost) {
      const bool is_put = row.kind == RowKind::kPut;
      answer.found = is_put ? Found::kPut : Found::kDeleted;
      answer.edit = {key, row.commit,     is_put ? EditKind::kPut : EditKind::kDelete,
                     0,   row.expires_ms, {}};
    }
  }
  const uint64_t hidden = image_.hidden_by(key, answer.edit.commit, commit);
  if (hidden != 0) answer = {Found::kDeleted, {key, hidden, EditKind::kDelete, 0, 0, {}}};
  if (answer.found != Found::kPut || row.value_bytes == 0) return true;
  if (!lies_apart(row, UINT64_MAX)) return false;
  answer.edit.flags = kFlagSeparateValue;
  answer.edit.value = at.leaf->packed(at.index);
  return true;
}

Status BitcaskVersion::get(Bytes key, uint64_t, uint64_t commit, bool may_block,
                           Lookup& answer) const {
  if (Status status = check_open(); !status) return status;
  Row row;
  if (decide(key, commit, find(key, commit), row, answer)) return Status::ok();
  const DataFile& file = file_of(row);
  if (!may_block) {
    const std::optional<Bytes> value = file.find(key, row.place());
    if (value) answer.edit.value = *value;
    if (!value) answer = {Found::kWouldBlock, {}};
    return Status::ok();
  }
  const Result<Bytes> value = file.load(key, row.place());
  if (!value) return value.error();
  answer.edit.value = *value;
  return Status::ok();
}

// Of what is not in the cache the system is told all before any is waited for.
Status BitcaskVersion::get_many(std::span<PointQuery> queries, uint64_t commit) const {
  if (Status status = check_open(); !status) return status;
  struct Cold {
    PointQuery* query;
    Row row;
  };
  std::vector<Cold> cold;
  for (PointQuery& query : queries) {
    if (query.answer.found != Found::kAbsent) continue;
    Row row;
    if (decide(query.key, commit, find(query.key, commit), row, query.answer)) continue;
    const std::optional<Bytes> value = file_of(row).find(query.key, row.place());
    if (value)
      query.answer.edit.value = *value;
    else
      cold.push_back({&query, row});
  }
  if (cold.size() > 1) {
    std::sort(cold.begin(), cold.end(), [](const Cold& a, const Cold& b) {
      return a.row.slot != b.row.slot ? a.row.slot < b.row.slot : a.row.offset < b.row.offset;
    });
    for (const Cold& one : cold) file_of(one.row).will_read(one.query->key, one.row.place());
  }
  for (const Cold& one : cold) {
    const Result<Bytes> value = file_of(one.row).load(one.query->key, one.row.place());
    if (!value) return value.error();
    one.query->answer.edit.value = *value;
  }
  return Status::ok();
}

// ---- values that lie apart

Result<uint64_t> BitcaskVersion::value_bytes(const Edit& edit) const {
  if ((edit.flags & kFlagSeparateValue) == 0) return edit.value.size();
  if (Status status = check_open(); !status) return status;
  return uint64_t{Leaf::unpack(edit.value).value_bytes};
}

Status BitcaskVersion::read_value(const Edit& edit, MutableBytes into) const {
  if ((edit.flags & kFlagSeparateValue) == 0) return EngineVersion::read_value(edit, into);
  if (Status status = check_open(); !status) return status;
  if (edit.value.size() == RowCursor::kReferenceBytes) {
    RowCursor* cursor = nullptr;
    std::memcpy(&cursor, edit.value.data() + Leaf::kRowBytes, sizeof cursor);
    cursor->expect_reads();
  }
  const Row row = Leaf::unpack(edit.value);
  std::string room;
  return file_of(row).read(edit.key, row.place(), into, room);
}

// ---- ranges

std::unique_ptr<EngineCursor> BitcaskVersion::scan(const KeyRange& range, uint64_t commit,
                                                   Direction direction) const {
  return std::make_unique<RowCursor>(*this, range, RowCursor::Shows::kLive, 0, commit, direction);
}

std::unique_ptr<EditCursor> BitcaskVersion::versions(const KeyRange& range, uint64_t from,
                                                     uint64_t to) const {
  return std::make_unique<RowCursor>(*this, range, RowCursor::Shows::kVersions, from, to,
                                     Direction::kForward);
}

std::vector<RangeDeletion> BitcaskVersion::range_deletions(const KeyRange& range, uint64_t from,
                                                           uint64_t to) const {
  return range_deletions_of(image_.ranges, range, from, to);
}

uint64_t BitcaskVersion::size(const KeyRange& range) const {
  if (image_.leaves.empty() || at_or_after(range.begin, range.end)) return 0;
  uint64_t bytes = 0;
  for (size_t i = image_.leaf_of(range.begin); i < image_.leaves.size(); ++i) {
    const Leaf& leaf = *image_.leaves[i];
    if (at_or_after(leaf.key(0), range.end)) break;
    const bool is_inside = compare(leaf.key(0), range.begin) >= 0 &&
                           !at_or_after(leaf.key(leaf.size() - 1), range.end);
    if (is_inside) {
      bytes += leaf.data_bytes();
      continue;
    }
    for (size_t index = leaf.lower_bound(range.begin, UINT64_MAX); index < leaf.size(); ++index) {
      const Bytes key = leaf.key(index);
      if (at_or_after(key, range.end)) break;
      bytes += leaf.row(index).bytes(key.size());
    }
  }
  return bytes;
}

// ---- cursors

RowCursor::RowCursor(const BitcaskVersion& version, const KeyRange& range, Shows shows,
                     uint64_t from, uint64_t to, Direction direction)
    : pin_(version.shared_from_this()),
      version_(version),
      begin_(as_text(range.begin)),
      end_(as_text(range.end)),
      shows_(shows),
      from_(from),
      to_(to),
      forward_(direction == Direction::kForward),
      status_(version.check_open()) {
  start();
}

void RowCursor::start() {
  page_.clear();
  at_ = 0;
  done_ = version_.image().leaves.empty() || (!end_.empty() && end_ <= begin_);
  if (done_) return;
  const bool is_from_end = !forward_ && end_.empty();
  enter(is_from_end ? version_.image().leaves.size() - 1
                    : version_.image().leaf_of(as_bytes(forward_ ? begin_ : end_)));
  settle();
}

void RowCursor::seek(Bytes key) {
  status_ = version_.check_open();
  const bool is_below = compare(key, as_bytes(begin_)) < 0;
  const bool is_above = at_or_after(key, as_bytes(end_));
  if (forward_ ? is_below : is_above) return start();
  page_.clear();
  at_ = 0;
  done_ = version_.image().leaves.empty() || (forward_ ? is_above : is_below);
  if (done_) return;
  enter(version_.image().leaf_of(key));
  const auto is_in_front = [&](const Shown& shown) {
    const int order = compare(shown.leaf->key(shown.index), key);
    return forward_ ? order < 0 : order > 0;
  };
  at_ = static_cast<size_t>(std::partition_point(page_.begin(), page_.end(), is_in_front) -
                            page_.begin());
  settle();
}

void RowCursor::enter(size_t leaf) {
  leaf_ = leaf;
  page_.clear();
  at_ = 0;
  announced_ = 0;
  collect();
}

// What of the leaf is to be shown, in the order of the walk.
void RowCursor::collect() {
  const Image& image = version_.image();
  const Leaf& leaf = *image.leaves[leaf_];
  Bytes decided;
  bool is_decided = false;
  for (size_t i = leaf.lower_bound(as_bytes(begin_), UINT64_MAX); i < leaf.size(); ++i) {
    const Bytes key = leaf.key(i);
    if (at_or_after(key, as_bytes(end_))) break;
    const Row row = leaf.row(i);
    if (row.kind == RowKind::kGhost || row.commit > to_ || row.commit <= from_) continue;
    if (shows_ == Shows::kVersions) {
      page_.push_back({&leaf, i});
      continue;
    }
    if (is_decided && equal(decided, key)) continue;
    decided = key;
    is_decided = true;
    const bool is_put = row.kind == RowKind::kPut;
    if (is_put && image.hidden_by(key, row.commit, to_) == 0) page_.push_back({&leaf, i});
  }
  if (!forward_) std::reverse(page_.begin(), page_.end());
}

void RowCursor::settle() {
  const std::vector<LeafPointer>& leaves = version_.image().leaves;
  while (!done_ && at_ == page_.size()) {
    const size_t edge = forward_ ? leaves.size() - 1 : 0;
    bool is_outside = leaf_ == edge;
    if (!is_outside && forward_) {
      is_outside = at_or_after(leaves[leaf_ + 1]->key(0), as_bytes(end_));
    }
    if (!is_outside && !forward_) {
      is_outside = compare(leaves[leaf_]->key(0), as_bytes(begin_)) <= 0;
    }
    page_.clear();
    at_ = 0;
    done_ = is_outside;
    if (!done_) enter(forward_ ? leaf_ + 1 : leaf_ - 1);
  }
  if (!done_) show();
}

void RowCursor::next() {
  ++at_;
  settle();
}

void RowCursor::show() {
  const Shown& shown = page_[at_];
  const Row row = shown.leaf->row(shown.index);
  const Bytes key = shown.leaf->key(shown.index);
  const bool is_put = row.kind == RowKind::kPut;
  edit_ = {key, row.commit, is_put ? EditKind::kPut : EditKind::kDelete, 0, row.expires_ms, {}};
  if (!is_put || row.value_bytes == 0) return;
  if (version_.lies_apart(row, kApartBytes)) {
    edit_.flags = kFlagSeparateValue;
    const Bytes packed = shown.leaf->packed(shown.index);
    std::memcpy(reference_, packed.data(), packed.size());
    RowCursor* const self = this;
    std::memcpy(reference_ + packed.size(), &self, sizeof self);
    edit_.value = Bytes(reference_, sizeof reference_);
    return;
  }
  if (Status status = load(row, key); !status && status_) status_ = std::move(status);
}

Status RowCursor::load(const Row& row, Bytes key) {
  const DataFile& file = version_.file_of(row);
  const std::optional<Bytes> cached = file.find(key, row.place());
  if (cached) {
    edit_.value = *cached;
    return Status::ok();
  }
  read_ahead();
  value_.resize(row.value_bytes);
  const MutableBytes into(reinterpret_cast<uint8_t*>(value_.data()), value_.size());
  Status status = file.read(key, row.place(), into, room_);
  edit_.value = as_bytes(value_);
  return status;
}

void RowCursor::expect_reads() { read_ahead(); }

// Tells the system what of the page will be read next: twice as much each time.
void RowCursor::read_ahead() {
  if (at_ < announced_) return;
  constexpr size_t kAheadMax = 64;
  constexpr uint64_t kAheadBytesMax = uint64_t{1} << 20;
  std::vector<std::pair<Row, Bytes>> wanted;
  uint64_t bytes = 0;
  announced_ = at_;
  for (; announced_ < page_.size() && wanted.size() < ahead_ && bytes < kAheadBytesMax;
       ++announced_) {
    const Shown& shown = page_[announced_];
    const Row row = shown.leaf->row(shown.index);
    if (row.kind != RowKind::kPut || row.value_bytes == 0) continue;
    bytes += row.value_bytes;
    wanted.emplace_back(row, shown.leaf->key(shown.index));
  }
  ahead_ = std::min(ahead_ * 2, kAheadMax);
  if (wanted.size() < 2) return;
  std::sort(wanted.begin(), wanted.end(), [](const auto& a, const auto& b) {
    return a.first.slot != b.first.slot ? a.first.slot < b.first.slot
                                        : a.first.offset < b.first.offset;
  });
  for (const auto& [row, key] : wanted) version_.file_of(row).will_read(key, row.place());
}

}  // namespace varve::bitcask
