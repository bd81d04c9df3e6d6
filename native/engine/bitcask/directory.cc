#include "engine/bitcask/directory.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "pure/codec/prefix.h"

namespace varve::bitcask {
namespace {

constexpr size_t kLeafRows = 96;
constexpr size_t kLeafBytes = size_t{8} << 10;

constexpr int kOffsetBits = 40;
constexpr int kKindShift = 53;
constexpr int kExpiresShift = 55;
constexpr int kDeadShift = 56;
// Of a packed row: place, stamp, size of the value, ordinal, where the key is.
constexpr size_t kStampAt = 8;
constexpr size_t kValueBytesAt = 16;
constexpr size_t kOrdinalAt = 20;
constexpr size_t kKeyAt = 24;

// The first eight bytes as a number that orders as they do; what is missing counts as zeros.
uint64_t start_of(Bytes key) {
  uint8_t bytes[8] = {};
  std::copy_n(key.begin(), std::min<size_t>(key.size(), 8), bytes);
  return load_big64(bytes);
}

KeyState state_of(const Leaf& leaf, size_t& index) {
  KeyState state;
  state.key = leaf.key(index);
  state.dead_files = leaf.dead_files(index);
  do {
    state.rows.push_back(leaf.row(index++));
  } while (index < leaf.size() && !leaf.begins_key(index));
  return state;
}

}  // namespace

const Row* KeyState::newest_in(uint32_t slot) const {
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& one) {
    return one.kind != RowKind::kGhost && one.slot == slot;
  });
  return row == rows.end() ? nullptr : &*row;
}

bool RangeFact::covers(Bytes key) const {
  return compare(as_bytes(begin), key) <= 0 && (end.empty() || compare(key, as_bytes(end)) < 0);
}

// ---- leaves

// A key lies between where it begins and where the next row's expiry or key does.
Bytes Leaf::key(size_t index) const {
  const uint8_t* const at = packed_at(index);
  const bool has_expiry = (load<uint64_t>(at + kStampAt) >> kExpiresShift & 1) != 0;
  const size_t begin = load<uint32_t>(at + kKeyAt) + (has_expiry ? 8 : 0);
  const size_t end = index + 1 < size_ ? load<uint32_t>(at + kRowBytes + kKeyAt) : bytes_size_;
  return {bytes_.get() + begin, end - begin};
}

uint64_t Leaf::commit(size_t index) const {
  return load<uint64_t>(packed_at(index) + kStampAt) & kCommitMax;
}

uint32_t Leaf::dead_files(size_t index) const {
  return static_cast<uint32_t>(load<uint64_t>(packed_at(index) + kStampAt) >> kDeadShift);
}

Row Leaf::unpack(Bytes packed) {
  const uint8_t* const at = packed.data();
  const uint64_t place = load<uint64_t>(at);
  const uint64_t stamp = load<uint64_t>(at + kStampAt);
  Row row;
  row.commit = stamp & kCommitMax;
  row.kind = static_cast<RowKind>(stamp >> kKindShift & 3);
  row.slot = static_cast<uint32_t>(place >> kOffsetBits);
  row.offset = place & kOffsetMax;
  row.ordinal = load<uint32_t>(at + kOrdinalAt);
  row.value_bytes = load<uint32_t>(at + kValueBytesAt);
  row.expires_ms = stamp >> kExpiresShift & 1;
  return row;
}

Row Leaf::row(size_t index) const {
  Row row = unpack(packed(index));
  if (row.expires_ms != 0) {
    row.expires_ms = load<uint64_t>(bytes_.get() + load<uint32_t>(packed_at(index) + kKeyAt));
  }
  return row;
}

size_t Leaf::lower_bound(Bytes wanted, uint64_t wanted_commit) const {
  size_t low = 0;
  size_t high = size_;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    const int order = compare(key(middle), wanted);
    if (order < 0 || (order == 0 && commit(middle) > wanted_commit))
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

uint64_t Leaf::memory_bytes() const {
  constexpr uint64_t kAllocations = 2 * 16 + 16;  // And the counts of a shared pointer.
  return sizeof(Leaf) + bytes_size_ + kAllocations + sizeof(LeafPointer) + sizeof(uint64_t);
}

void LeafBuilder::add(const KeyState& state) {
  check(!state.rows.empty());
  for (size_t i = 0; i < state.rows.size(); ++i) {
    const uint8_t dead = i == 0 ? static_cast<uint8_t>(state.dead_files) : 0;
    rows_.push_back(
        {state.rows[i], keys_.size(), static_cast<uint32_t>(state.key.size()), dead, i == 0});
    append(keys_, state.key);
  }
  const size_t bytes = rows_.size() * Leaf::kRowBytes + keys_.size();
  if (rows_.size() < 2 * kLeafRows && bytes < 2 * kLeafBytes) return;
  size_t half = std::max<size_t>(1, rows_.size() / 2);
  while (half < rows_.size() && !rows_[half].begins_key) ++half;
  emit(half);
}

void LeafBuilder::finish() {
  const size_t bytes = rows_.size() * Leaf::kRowBytes + keys_.size();
  if (rows_.size() > kLeafRows || bytes > kLeafBytes) {
    size_t half = std::max<size_t>(1, rows_.size() / 2);
    while (half < rows_.size() && !rows_[half].begins_key) ++half;
    emit(half);
  }
  if (!rows_.empty()) emit(rows_.size());
}

void LeafBuilder::emit(size_t count) {
  auto leaf = std::make_shared<Leaf>();
  size_t size = count * Leaf::kRowBytes;
  for (size_t i = 0; i < count; ++i) {
    size += rows_[i].key_bytes + (rows_[i].row.expires_ms != 0 ? 8 : 0);
  }
  leaf->bytes_ = std::make_unique_for_overwrite<uint8_t[]>(size);
  leaf->size_ = count;
  leaf->bytes_size_ = size;
  check(size <= UINT32_MAX);
  size_t key_at = count * Leaf::kRowBytes;
  for (size_t i = 0; i < count; ++i) {
    const Place& place = rows_[i];
    const Row& row = place.row;
    check(row.slot <= kSlotMax && row.offset <= kOffsetMax && row.commit <= kCommitMax);
    const uint64_t expires = row.expires_ms != 0 ? 1 : 0;
    uint8_t* const at = leaf->bytes_.get() + i * Leaf::kRowBytes;
    store<uint64_t>(at, uint64_t{row.slot} << kOffsetBits | row.offset);
    store<uint64_t>(at + kStampAt,
                    row.commit | uint64_t{static_cast<uint8_t>(row.kind)} << kKindShift |
                        expires << kExpiresShift | uint64_t{place.dead_files} << kDeadShift);
    store<uint32_t>(at + kValueBytesAt, row.value_bytes);
    store<uint32_t>(at + kOrdinalAt, row.ordinal);
    store<uint32_t>(at + kKeyAt, static_cast<uint32_t>(key_at));
    if (expires != 0) {
      store<uint64_t>(leaf->bytes_.get() + key_at, row.expires_ms);
      key_at += 8;
    }
    if (place.key_bytes != 0) {
      std::memcpy(leaf->bytes_.get() + key_at, keys_.data() + place.key_at, place.key_bytes);
    }
    key_at += place.key_bytes;
    const bool is_ghost = row.kind == RowKind::kGhost;
    leaf->data_bytes_ += row.bytes(place.key_bytes);
    if (!place.begins_key) leaf->history_bytes_ += row.bytes(place.key_bytes);
    leaf->key_count_ += place.begins_key && !is_ghost ? 1 : 0;
    uint64_t& oldest = is_ghost ? leaf->oldest_ghost_ : leaf->oldest_commit_;
    oldest = std::min(oldest, row.commit);
    leaf->is_unsettled_ |= !place.begins_key || row.kind != RowKind::kPut;
  }
  into_.push_back(std::move(leaf));
  const size_t gone = count < rows_.size() ? rows_[count].key_at : keys_.size();
  keys_.erase(0, gone);
  rows_.erase(rows_.begin(), rows_.begin() + static_cast<ptrdiff_t>(count));
  for (Place& place : rows_) place.key_at -= gone;
}

// ---- images

void Image::build_index() {
  starts_.clear();
  shared_.clear();
  memory_bytes = row_count = key_count = history_bytes = 0;
  oldest_ghost = UINT64_MAX;
  if (leaves.empty()) return;
  // They are in order: what the first and the last share, all share.
  const Bytes first = leaves.front()->key(0);
  shared_ = as_text(first.first(shared_prefix(first, leaves.back()->key(0))));
  starts_.reserve(leaves.size());
  for (const LeafPointer& leaf : leaves) {
    starts_.push_back(start_of(leaf->key(0).subspan(shared_.size())));
    memory_bytes += leaf->memory_bytes();
    row_count += leaf->size();
    key_count += leaf->key_count();
    history_bytes += leaf->history_bytes();
    oldest_ghost = std::min(oldest_ghost, leaf->oldest_ghost());
  }
}

size_t Image::leaf_of(Bytes key) const {
  if (leaves.size() < 2) return 0;
  const Bytes head = key.first(std::min(key.size(), shared_.size()));
  const int order = compare(head, as_bytes(shared_));
  if (order != 0) return order < 0 ? 0 : leaves.size() - 1;
  const uint64_t start = start_of(key.subspan(shared_.size()));
  const auto [first, last] = std::equal_range(starts_.begin(), starts_.end(), start);
  // Those that begin alike are told apart by the whole.
  const auto begin = leaves.begin() + (first - starts_.begin());
  const auto end = leaves.begin() + (last - starts_.begin());
  const auto after = std::partition_point(
      begin, end, [&](const LeafPointer& leaf) { return compare(leaf->key(0), key) <= 0; });
  return after == leaves.begin() ? 0 : static_cast<size_t>(after - leaves.begin()) - 1;
}

uint64_t Image::hidden_by(Bytes key, uint64_t than, uint64_t commit) const {
  for (const RangeFact& range : ranges) {
    if (range.commit <= than) return 0;
    if (range.commit <= commit && range.covers(key)) return range.commit;
  }
  return 0;
}

// ---- what stays

// The oldest commit after which a version is no longer the answer: that of the next version, or of
// a range deletion in between.
uint64_t Settling::successor_of(Bytes key, uint64_t commit, uint64_t newer) const {
  uint64_t successor = newer;
  for (const RangeFact& range : ranges_) {
    if (range.commit <= commit) break;
    if (range.commit < successor && range.covers(key)) successor = range.commit;
  }
  return successor;
}

// A file of which nothing is kept is dead. One of which something is keeps its newest, too. Answers
// the oldest commit that is the newest of a file that died.
uint64_t Settling::part(KeyState& state, std::vector<bool>& is_kept) {
  uint64_t oldest = UINT64_MAX;
  const std::vector<Row>& rows = state.rows;
  std::vector<size_t> by_file(rows.size());
  std::iota(by_file.begin(), by_file.end(), size_t{0});
  std::stable_sort(by_file.begin(), by_file.end(),
                   [&](size_t a, size_t b) { return rows[a].slot < rows[b].slot; });
  for (size_t begin = 0, end = 0; begin < by_file.size(); begin = end) {
    const size_t newest = by_file[begin];
    bool is_any_kept = false;
    for (; end < by_file.size() && rows[by_file[end]].slot == rows[newest].slot; ++end) {
      is_any_kept = is_any_kept || is_kept[by_file[end]];
    }
    is_kept[newest] = is_any_kept;
    if (is_any_kept || rows[newest].kind != RowKind::kPut) continue;
    state.add_dead_files(1);
    oldest = std::min(oldest, rows[newest].commit);
  }
  return oldest;
}

// Takes ghosts out of the rows; answers the oldest.
uint64_t take_ghosts(std::vector<Row>& rows) {
  uint64_t oldest = UINT64_MAX;
  for (const Row& row : rows) {
    if (row.kind == RowKind::kGhost) oldest = std::min(oldest, row.commit);
  }
  if (oldest != UINT64_MAX) {
    std::erase_if(rows, [](const Row& row) { return row.kind == RowKind::kGhost; });
  }
  return oldest;
}

void Settling::settle(KeyState& state) const {
  std::vector<Row>& rows = state.rows;
  uint64_t ghost = take_ghosts(rows);
  if (rows.empty()) {
    if (ghost != UINT64_MAX && state.dead_files > 0) rows.push_back(ghost_of(ghost));
    return;
  }
  const Row newest = rows.front();
  const bool is_lone_put = rows.size() == 1 && newest.kind == RowKind::kPut && ranges_.empty();
  if (is_lone_put && ghost == UINT64_MAX) return;
  std::vector<bool> is_kept(rows.size());
  uint64_t newer = UINT64_MAX;
  bool is_older_kept = false;
  for (size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    const uint64_t successor = successor_of(state.key, row.commit, newer);
    newer = row.commit;
    const bool is_deletion = row.kind == RowKind::kDelete;
    const bool is_current = i == 0 && !is_deletion && successor == UINT64_MAX;
    const bool is_asked = successor == UINT64_MAX ? row.commit > retention_.horizon
                                                  : retention_.asks_for(row.commit, successor);
    is_kept[i] = is_current || is_asked || (i == 0 && is_deletion);
    is_older_kept = is_older_kept || (i != 0 && is_asked);
  }
  ghost = std::min(ghost, part(state, is_kept));
  // A deletion that is the newest stays while it is above the horizon, or while there is something
  // older, here or dead in a file, that it must hide.
  const bool is_spent = newest.kind == RowKind::kDelete && !is_older_kept &&
                        newest.commit <= retention_.horizon && state.dead_files == 0;
  std::vector<Row> kept;
  for (size_t i = 0; i < rows.size() && !is_spent; ++i) {
    if (is_kept[i]) kept.push_back(rows[i]);
  }
  if (kept.empty() && state.dead_files > 0) kept.push_back(ghost_of(newest.commit));
  // What views at the horizon see is a range deletion, or nothing, and not what is dead.
  const bool is_bare = !kept.empty() && kept.back().commit > retention_.horizon;
  if (is_bare && ghost != UINT64_MAX && state.dead_files > 0) kept.push_back(ghost_of(ghost));
  rows = std::move(kept);
}

bool Settling::may_change(const Leaf& leaf, Bytes end) const {
  if (leaf.is_unsettled()) return true;
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const RangeFact& range) {
    if (range.commit < leaf.oldest_commit()) return false;
    const bool is_before = !range.end.empty() && compare(as_bytes(range.end), leaf.key(0)) <= 0;
    const bool is_behind = !end.empty() && compare(as_bytes(range.begin), end) >= 0;
    return !is_before && !is_behind;
  });
}

// ---- making anew

void LiveChange::count(const Row& row, size_t key_bytes, int64_t sign) {
  if (row.kind == RowKind::kGhost) return;
  if (by_slot_.size() <= row.slot) by_slot_.resize(row.slot + 1);
  by_slot_[row.slot] += sign * static_cast<int64_t>(row.bytes(key_bytes));
}

namespace {

void finish_key(KeyState& state, const Settling* settling, LeafBuilder& builder, LiveChange& live) {
  if (settling != nullptr) settling->settle(state);
  if (state.rows.empty()) return;
  for (const Row& row : state.rows) live.add(row, state.key.size());
  builder.add(state);
}

}  // namespace

std::vector<LeafPointer> rewrite(const Image& image, const Rewrite& rewrite, LiveChange& live) {
  std::vector<LeafPointer> leaves;
  leaves.reserve(image.leaves.size() + rewrite.count / kLeafRows + 1);
  LeafBuilder builder(leaves);
  size_t next = 0;    // Change.
  size_t shared = 0;  // Leaves that are there already.
  while (next < rewrite.count) {
    const size_t at = image.leaf_of(rewrite.key_of(next));
    if (at > shared) {
      builder.finish();
      leaves.insert(leaves.end(), image.leaves.begin() + static_cast<ptrdiff_t>(shared),
                    image.leaves.begin() + static_cast<ptrdiff_t>(at));
    }
    shared = std::min(at + 1, image.leaves.size());
    const Leaf* const leaf = image.leaves.empty() ? nullptr : image.leaves[at].get();
    const Leaf* const behind = shared < image.leaves.size() ? image.leaves[shared].get() : nullptr;
    const auto is_here = [&] {
      return next < rewrite.count &&
             (behind == nullptr || compare(rewrite.key_of(next), behind->key(0)) < 0);
    };
    size_t index = 0;
    while ((leaf != nullptr && index < leaf->size()) || is_here()) {
      const bool is_any = leaf != nullptr && index < leaf->size();
      const int order = !is_any      ? 1
                        : !is_here() ? -1
                                     : compare(leaf->key(index), rewrite.key_of(next));
      KeyState state;
      if (order <= 0) {
        state = state_of(*leaf, index);
        for (const Row& row : state.rows) live.remove(row, state.key.size());
      } else {
        state.key = rewrite.key_of(next);
      }
      if (order >= 0) rewrite.change(next++, state);
      finish_key(state, rewrite.settling, builder, live);
    }
  }
  builder.finish();
  leaves.insert(leaves.end(), image.leaves.begin() + static_cast<ptrdiff_t>(shared),
                image.leaves.end());
  return leaves;
}

size_t settle_leaves(const Image& image, size_t first, uint64_t budget_bytes,
                     const Settling& settling, std::vector<LeafPointer>& leaves, LiveChange& live) {
  leaves.assign(image.leaves.begin(), image.leaves.begin() + static_cast<ptrdiff_t>(first));
  LeafBuilder builder(leaves);
  uint64_t spent = 0;
  size_t at = first;
  for (; at < image.leaves.size() && spent < budget_bytes; ++at) {
    const Leaf& leaf = *image.leaves[at];
    const Bytes end = at + 1 < image.leaves.size() ? image.leaves[at + 1]->key(0) : Bytes();
    spent += 64;
    if (!settling.may_change(leaf, end)) {
      builder.finish();
      leaves.push_back(image.leaves[at]);
      continue;
    }
    spent += leaf.memory_bytes();
    for (size_t index = 0; index < leaf.size();) {
      KeyState state = state_of(leaf, index);
      for (const Row& row : state.rows) live.remove(row, state.key.size());
      finish_key(state, &settling, builder, live);
    }
  }
  builder.finish();
  leaves.insert(leaves.end(), image.leaves.begin() + static_cast<ptrdiff_t>(at),
                image.leaves.end());
  return at;
}

}  // namespace varve::bitcask
