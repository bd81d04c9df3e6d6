#include "engine/btree/version.h"

#include <algorithm>

#include "base/check.h"
#include "engine/btree/live_cursor.h"
#include "engine/btree/tree_writer.h"
#include "engine/range_facts.h"

namespace varve::btree {
namespace {

constexpr size_t kGroup = 16;  // As many misses at once as a core keeps under way.

Status closed() { return {Code::kClosed, "btree: closed"}; }

struct Apart {
  uint64_t size;
  PageRef ref;
};

Apart apart_of(const Edit& edit) {
  check(edit.value.size() == kApartBytes);
  return {load<uint64_t>(edit.value.data()), read_reference(edit.value.data() + 8)};
}

}  // namespace

// ---- who reads what

void Alive::add(uint64_t change) {
  const std::unique_lock<std::mutex> held(mutex_);
  changes_.insert(change);
}

void Alive::remove(uint64_t change) {
  const std::unique_lock<std::mutex> held(mutex_);
  changes_.erase(changes_.find(change));
}

uint64_t Alive::oldest() const {
  const std::unique_lock<std::mutex> held(mutex_);
  return changes_.empty() ? UINT64_MAX : *changes_.begin();
}

BtreeVersion::BtreeVersion(Image image, std::shared_ptr<const Pool> pool,
                           std::shared_ptr<Alive> alive, uint64_t large_value_bytes)
    : image_(std::move(image)),
      pool_(std::move(pool)),
      alive_(std::move(alive)),
      large_value_bytes_(large_value_bytes) {
  alive_->add(image_.change);
}

// ---- gets

Status BtreeVersion::find_leaf(Bytes key, bool may_block, const uint8_t*& page) const {
  PageRef ref = image_.current.ref;
  for (uint32_t level = image_.current.height; level-- > 0;) {
    const uint32_t kind = node_kind(TreeKind::kCurrent, level);
    Status status = pool_->find(*image_.extents, ref, kind, may_block, page);
    if (!status || level == 0) return status;
    const NodeView view(page);
    ref = view.child(view.child_of(key));
  }
  page = nullptr;
  return Status::ok();
}

// Small enough, a value that lies apart comes through the cache like any page.
Status BtreeVersion::bring_value(bool may_block, Lookup& answer) const {
  const Apart apart = apart_of(answer.edit);
  const bool is_large =
      apart.size >= large_value_bytes_ || apart.size > piece_bytes_max(pool_->site());
  if (is_large) {
    if (!may_block) answer.found = Found::kWouldBlock;
    return Status::ok();
  }
  const uint8_t* page = nullptr;
  Status status =
      pool_->find(*image_.extents, apart.ref, kind_of(PageType::kValue), may_block, page);
  if (!status) return status;
  if (piece_bytes(page).size() != apart.size) {
    return Status::corrupt("btree: a value of another size than its entry says");
  }
  answer.edit.value = piece_bytes(page);
  answer.edit.flags &= static_cast<uint8_t>(~kFlagSeparateValue);
  return Status::ok();
}

// What a leaf of current says of a key, and range deletions; history, if only that knows.
Status BtreeVersion::answer_from(const uint8_t* page, Bytes key, uint64_t commit, bool may_block,
                                 Lookup& answer) const {
  bool is_newer = false;
  if (page != nullptr) {
    const NodeView leaf(page);
    const uint32_t at = leaf.lower_bound(key);
    if (at < leaf.count() && leaf.key_equals(at, key)) {
      decode_row(leaf.payload(at), answer.edit);
      answer.edit.key = key;
      is_newer = answer.edit.commit > commit;
      answer.found = is_newer ? Found::kAbsent : Found::kPut;
    }
  }
  if (answer.found == Found::kAbsent && commit < image_.absorbed) {
    if (Status status = get_past(key, commit, may_block, answer); !status) return status;
  }
  if (answer.found == Found::kWouldBlock) return Status::ok();
  const uint64_t than = answer.found == Found::kAbsent ? 0 : answer.edit.commit;
  const uint64_t hidden = image_.facts->hidden_by(key, than, commit);
  if (hidden != 0) answer = {Found::kDeleted, {key, hidden, EditKind::kDelete, 0, 0, {}}};
  if (answer.found != Found::kPut || (answer.edit.flags & kFlagSeparateValue) == 0) {
    return Status::ok();
  }
  return bring_value(may_block, answer);
}

Status BtreeVersion::get_past(Bytes key, uint64_t commit, bool may_block, Lookup& answer) const {
  answer = {};
  TreeCursor cursor(history(),
                    may_block ? TreeCursor::Through::kCache : TreeCursor::Through::kCacheAlone);
  std::string target;
  append_history_key(target, key, commit);
  cursor.seek(as_bytes(target));
  if (!cursor.valid()) return cursor.status();
  std::string found_key;
  uint64_t found_commit = 0;
  cursor.copy_key(target);
  if (!read_history_key(as_bytes(target), found_key, found_commit)) {
    return Status::corrupt("btree: a key in history makes no sense");
  }
  if (!equal(as_bytes(found_key), key)) return Status::ok();
  decode_row(cursor.payload(), answer.edit);
  answer.edit.key = key;
  answer.found = answer.edit.kind == EditKind::kPut ? Found::kPut : Found::kDeleted;
  const uint64_t ended = answer.edit.superseded;
  if (ended == 0 || ended > commit) return Status::ok();
  answer = {Found::kDeleted, {key, ended, EditKind::kDelete, 0, 0, {}}};
  return Status::ok();
}

Status BtreeVersion::get(Bytes key, uint64_t, uint64_t commit, bool may_block,
                         Lookup& answer) const {
  answer = {};
  if (image_.is_closed) return closed();
  const uint8_t* page = nullptr;
  Status status = find_leaf(key, may_block, page);
  if (status) status = answer_from(page, key, commit, may_block, answer);
  if (status.code() != Code::kWouldBlock) return status;
  answer = {};
  answer.found = Found::kWouldBlock;
  return Status::ok();
}

// All of a group go down a level together: first those that are in memory are fetched toward the
// CPU and the machine is told of the others, then each is read.
Status BtreeVersion::step_down(std::span<Walk> walks, uint32_t level) const {
  const uint32_t kind = node_kind(TreeKind::kCurrent, level);
  for (Walk& walk : walks) {
    walk.page = pool_->peek(*image_.extents, walk.ref, kind);
    if (walk.page != nullptr)
      prefetch(walk.page + kPageHeadBytes);
    else
      pool_->announce(*image_.extents, walk.ref);
  }
  for (Walk& walk : walks) {
    if (walk.page == nullptr) {
      Status status = pool_->find(*image_.extents, walk.ref, kind, true, walk.page);
      if (!status) return status;
    }
    if (level == 0) continue;
    const NodeView view(walk.page);
    walk.ref = view.child(view.child_of(walk.query->key));
  }
  return Status::ok();
}

Status BtreeVersion::get_group(std::span<PointQuery> group, uint64_t commit) const {
  Walk walks[kGroup];
  size_t count = 0;
  for (PointQuery& query : group) {
    if (query.answer.found != Found::kAbsent) continue;
    walks[count++] = {&query, image_.current.ref, nullptr};
  }
  const std::span<Walk> all(walks, count);
  for (uint32_t level = image_.current.height; level-- > 0;) {
    if (Status status = step_down(all, level); !status) return status;
  }
  for (const Walk& walk : all) {
    walk.query->answer = {};
    Status status = answer_from(walk.page, walk.query->key, commit, true, walk.query->answer);
    if (!status) return status;
  }
  return Status::ok();
}

Status BtreeVersion::get_many(std::span<PointQuery> queries, uint64_t commit) const {
  if (image_.is_closed) return closed();
  while (!queries.empty()) {
    const std::span<PointQuery> group = queries.first(std::min(queries.size(), kGroup));
    queries = queries.subspan(group.size());
    if (Status status = get_group(group, commit); !status) return status;
  }
  return Status::ok();
}

// ---- values that lie apart

Result<uint64_t> BtreeVersion::value_bytes(const Edit& edit) const {
  if (image_.is_closed) return closed();
  return (edit.flags & kFlagSeparateValue) == 0 ? edit.value.size() : apart_of(edit).size;
}

// What is small enough comes through the cache, since gets do, too.
Status BtreeVersion::read_value(const Edit& edit, MutableBytes into) const {
  if (image_.is_closed) return closed();
  if ((edit.flags & kFlagSeparateValue) == 0) return EngineVersion::read_value(edit, into);
  Lookup answer{Found::kPut, edit};
  if (Status status = bring_value(true, answer); !status) return status;
  if ((answer.edit.flags & kFlagSeparateValue) == 0) {
    return EngineVersion::read_value(answer.edit, into);
  }
  std::string page;
  size_t at = 0;
  for (PageRef ref = apart_of(edit).ref; ref.any();) {
    Status status = pool_->read(*image_.extents, ref, kind_of(PageType::kValue), page);
    if (!status) return status;
    const uint8_t* const piece = reinterpret_cast<const uint8_t*>(page.data());
    const Bytes bytes = piece_bytes(piece);
    const PageRef next = next_piece(piece);
    const bool goes_on = !bytes.empty() || !next.any();
    if (!goes_on || bytes.size() > into.size() - at) break;
    std::copy(bytes.begin(), bytes.end(), into.begin() + static_cast<ptrdiff_t>(at));
    at += bytes.size();
    ref = next;
  }
  if (at == into.size()) return Status::ok();
  return Status::corrupt("btree: a value of another size than its entry says");
}

// ---- walks

std::unique_ptr<EngineCursor> BtreeVersion::scan(const KeyRange& range, uint64_t commit,
                                                 Direction direction) const {
  return std::make_unique<LiveCursor>(shared_from_this(), range, commit, direction);
}

std::unique_ptr<EditCursor> BtreeVersion::versions(const KeyRange& range, uint64_t from,
                                                   uint64_t to) const {
  return std::make_unique<EveryVersionCursor>(shared_from_this(), range, from, to,
                                              TreeCursor::Through::kCache);
}

std::unique_ptr<EditCursor> BtreeVersion::versions_once(const KeyRange& range, uint64_t from,
                                                        uint64_t to) const {
  return std::make_unique<EveryVersionCursor>(shared_from_this(), range, from, to,
                                              TreeCursor::Through::kDisk);
}

std::vector<RangeDeletion> BtreeVersion::range_deletions(const KeyRange& range, uint64_t from,
                                                         uint64_t to) const {
  return range_deletions_of(image_.facts->all, range, from, to);
}

// Pages before the leaf of a key, or up to and with it.
Result<uint64_t> BtreeVersion::weight_before(Bytes key, bool is_end) const {
  uint64_t weight = 0;
  PageRef ref = image_.current.ref;
  for (uint32_t level = image_.current.height; level-- > 0;) {
    if (level == 0) return weight + (is_end ? ref.weight : 0);
    const uint8_t* page = nullptr;
    const uint32_t kind = node_kind(TreeKind::kCurrent, level);
    Status status = pool_->find(*image_.extents, ref, kind, true, page);
    if (!status) return status;
    const NodeView view(page);
    const uint32_t child = view.child_of(key);
    for (uint32_t i = 0; i < child; ++i) weight += view.child(i).weight;
    ref = view.child(child);
  }
  return weight;
}

// What cannot be read may hold everything.
uint64_t BtreeVersion::size(const KeyRange& range) const {
  const uint64_t all = image_.current.ref.weight;
  const bool is_empty = !range.end.empty() && compare(range.end, range.begin) < 0;
  if (all == 0 || is_empty) return 0;
  const Result<uint64_t> begin = range.begin.empty() ? 0 : weight_before(range.begin, false);
  const Result<uint64_t> end = range.end.empty() ? all : weight_before(range.end, true);
  const uint64_t pages = begin && end && *end >= *begin ? *end - *begin : all;
  return pages * pool_->site().page_bytes;
}

}  // namespace varve::btree
