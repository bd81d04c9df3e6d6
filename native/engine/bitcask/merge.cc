#include "engine/bitcask/merge.h"

#include <algorithm>
#include <functional>

#include "base/check.h"

namespace varve::bitcask {
namespace {

constexpr uint64_t kKeyCost = 64;  // Of a step's budget, for each key that it looks at.

}  // namespace

Status Merge::open() {
  heads_.resize(sources_.size());
  for (size_t i = 0; i < sources_.size(); ++i) {
    const Source& source = sources_[i];
    std::vector<VerifyProblem> damage;
    Result<std::unique_ptr<Listing>> listing = Listing::open(
        out_.os, out_.directory, *source.file, out_.identity, source.is_hint_damaged, damage);
    if (!listing) return listing.error();
    if (!damage.empty()) {
      unreadable_ = &source;
      return Status::corrupt("bitcask: " + source.file->path() + " is damaged at byte " +
                             std::to_string(damage.front().offset));
    }
    source.file->will_read_all();
    listings_.push_back(std::move(*listing));
  }
  for (size_t i = 0; i < sources_.size(); ++i) {
    if (Status status = advance(i); !status) return status;
  }
  return Status::ok();
}

bool Merge::comes_later(size_t a, size_t b) const {
  const int order = compare(heads_[a].key, heads_[b].key);
  return order != 0 ? order > 0 : heads_[a].commit < heads_[b].commit;
}

void Merge::push(size_t source) {
  heap_.push_back(source);
  std::push_heap(heap_.begin(), heap_.end(),
                 [this](size_t a, size_t b) { return comes_later(a, b); });
}

Status Merge::advance(size_t source) {
  const Result<bool> more = listings_[source]->next(heads_[source]);
  if (!more) {
    if (more.code() == Code::kCorrupt) damaged_hint_ = &sources_[source];
    return more.error();
  }
  if (*more) push(source);
  return Status::ok();
}

bool Merge::is_source(uint32_t slot) const {
  return std::any_of(sources_.begin(), sources_.end(),
                     [&](const Source& source) { return source.slot == slot; });
}

Result<Progress> Merge::step(uint64_t budget_bytes, const Retention& retention) {
  spent_bytes_ = 0;
  while (!heap_.empty()) {
    if (spent_bytes_ >= budget_bytes) return Progress::kMore;
    if (Status status = merge_key(retention); !status) return status;
  }
  if (Status status = finish(); !status) return status;
  return Progress::kIdle;
}

Status Merge::merge_key(const Retention& retention) {
  const bool is_full = writer_ != nullptr && writer_->info().edit_bytes >= out_.file_bytes_max;
  if (is_full) {
    if (Status status = end_file(); !status) return status;
  }
  Change change{
      keys_.size(),  static_cast<uint32_t>(heads_[heap_.front()].key.size()), 0, held_.size(), 0, 0,
      copies_.size()};
  append(keys_, heads_[heap_.front()].key);
  const auto own_key = [&] { return as_bytes(keys_).subspan(change.key_at, change.key_bytes); };
  while (!heap_.empty() && equal(heads_[heap_.front()].key, own_key())) {
    const size_t source = heap_.front();
    std::pop_heap(heap_.begin(), heap_.end(),
                  [this](size_t a, size_t b) { return comes_later(a, b); });
    heap_.pop_back();
    const uint32_t slot = sources_[source].slot;
    const bool is_put = heads_[source].kind == EditKind::kPut;
    const bool is_first = std::none_of(held_.begin() + static_cast<ptrdiff_t>(change.sources_at),
                                       held_.end(), [&](Held held) { return held.slot == slot; });
    if (is_first) held_.push_back({slot, is_put});
    if (Status status = advance(source); !status) return status;
  }
  spent_bytes_ += kKeyCost;
  const std::shared_ptr<const BitcaskVersion> version = latest_();
  change.source_count = static_cast<uint32_t>(held_.size() - change.sources_at);
  for (const Row& row : wanted(*version, own_key(), sources_of(change), retention)) {
    if (Status status = copy(*version, own_key(), row); !status) return status;
  }
  change.copy_count = static_cast<uint32_t>(copies_.size() - change.copies_at);
  if (change.copy_count > 0) change.file = static_cast<uint32_t>(files_.size() - 1);
  changes_.push_back(change);
  return Status::ok();
}

// What of a key lies in the sources and has to stay.
std::vector<Row> Merge::wanted(const BitcaskVersion& version, Bytes key,
                               std::span<const Held> sources, const Retention& retention) const {
  KeyState state;
  state.key = key;
  const Image& image = version.image();
  if (image.leaves.empty()) return {};
  const Leaf& leaf = *image.leaves[image.leaf_of(key)];
  size_t index = leaf.lower_bound(key, UINT64_MAX);
  if (index == leaf.size() || !equal(leaf.key(index), key)) return {};
  state.dead_files = leaf.dead_files(index);
  for (; index < leaf.size() && equal(leaf.key(index), key); ++index) {
    state.rows.push_back(leaf.row(index));
  }
  Settling(image.ranges, retention).settle(state);
  if (state.rows.empty() || state.rows.front().kind == RowKind::kGhost) return {};
  const Row& newest = state.rows.front();
  const bool is_lone_deletion = newest.kind == RowKind::kDelete && state.rows.size() == 1 &&
                                newest.commit <= retention.horizon;
  if (is_lone_deletion && state.dead_files < kDeadFilesMax) {
    const auto going = std::count_if(sources.begin(), sources.end(), [&](Held held) {
      return held.is_put && state.newest_in(held.slot) == nullptr;
    });
    if (state.dead_files <= static_cast<uint64_t>(going)) return {};
  }
  std::erase_if(state.rows, [&](const Row& row) {
    return row.kind == RowKind::kGhost || !is_source(row.slot);
  });
  return state.rows;
}

Status Merge::copy(const BitcaskVersion& version, Bytes key, const Row& row) {
  if (Status status = begin_file(); !status) return status;
  const bool is_put = row.kind == RowKind::kPut;
  value_.resize(row.value_bytes);
  if (is_put) {
    const MutableBytes into(reinterpret_cast<uint8_t*>(value_.data()), value_.size());
    Status status = version.file_of(row).read(key, row.place(), into, room_);
    if (!status) {
      for (const Source& source : sources_) {
        if (source.slot == row.slot && status.code() == Code::kCorrupt) unreadable_ = &source;
      }
      return status;
    }
  }
  const Edit edit{key, row.commit,     is_put ? EditKind::kPut : EditKind::kDelete,
                  0,   row.expires_ms, as_bytes(value_)};
  const Result<uint64_t> offset = writer_->add(edit);
  if (!offset) return offset.error();
  Row moved = row;
  moved.offset = *offset;
  HintWriter& hint = files_.back().hint;
  moved.ordinal = static_cast<uint32_t>(hint.entry_count());
  hint.add({key, row.commit, edit.kind, row.expires_ms, *offset, row.value_bytes});
  copies_.push_back(moved);
  read_bytes_ += row.bytes(key.size());
  spent_bytes_ += 2 * row.bytes(key.size());
  return Status::ok();
}

Status Merge::begin_file() {
  if (writer_ != nullptr) return Status::ok();
  writer_ =
      std::make_unique<DataWriter>(out_.os, out_.directory, out_.next_number(), out_.identity);
  files_.emplace_back();
  files_.back().info.number = writer_->info().number;
  return Status::ok();
}

Status Merge::end_file() {
  if (writer_ == nullptr) return Status::ok();
  const std::unique_ptr<DataWriter> writer = std::move(writer_);
  if (Status status = writer->finish(); !status) return status;
  MadeFile& made = files_.back();
  made.info = writer->info();
  const Result<uint64_t> hint_bytes =
      made.hint.write(out_.os, out_.directory, made.info, out_.identity);
  if (!hint_bytes) return hint_bytes.error();
  made.hint_bytes = *hint_bytes;
  made.hint = HintWriter();
  written_bytes_ += made.info.file_bytes + made.hint_bytes;
  return Status::ok();
}

// Range deletions that are still there for something go on with what was copied.
Status Merge::finish() {
  const std::shared_ptr<const BitcaskVersion> version = latest_();
  const Image& image = version->image();
  for (size_t i = 0; i < sources_.size(); ++i) {
    const Result<std::vector<OwnedRange>> ranges = listings_[i]->ranges();
    if (!ranges) {
      if (ranges.code() == Code::kCorrupt) damaged_hint_ = &sources_[i];
      return ranges.error();
    }
    for (const OwnedRange& range : *ranges) {
      // A fact may be made of several that meet: a file has each for itself.
      const auto is_it = [&](const RangeFact& fact) {
        const bool ends_within = fact.end.empty() || (!range.end.empty() && range.end <= fact.end);
        return fact.commit == range.commit && fact.begin <= range.begin && ends_within;
      };
      const bool is_there = std::any_of(image.ranges.begin(), image.ranges.end(), is_it) ||
                            std::any_of(image.resting.begin(), image.resting.end(), is_it);
      if (!is_there) continue;
      if (Status status = begin_file(); !status) return status;
      const RangeDeletion deletion{as_bytes(range.begin), as_bytes(range.end), range.commit};
      if (Status status = writer_->add_range(deletion); !status) return status;
      files_.back().hint.add_range(deletion);
    }
  }
  return end_file();
}

void Merge::abandon() {
  writer_.reset();
  for (const MadeFile& made : files_) {
    remove_data_file(out_.os, out_.directory, made.info.number);
  }
}

// The sources go, and what was copied of the key is in the new file; some of it may have been
// superseded since, and is dead there.
void Merge::change(size_t index, const std::vector<uint32_t>& slots, KeyState& state) const {
  const Change& change = changes_[index];
  if (state.rows.empty()) return;  // A deletion that had nothing to hide any more.
  const std::span<const Row> copies =
      std::span<const Row>(copies_).subspan(change.copies_at, change.copy_count);
  for (const Held& held : sources_of(change)) {
    if (held.is_put && state.newest_in(held.slot) == nullptr) state.remove_dead_file();
  }
  const uint64_t newest = state.rows.front().commit;
  std::vector<uint64_t> moved;  // Commits, descending.
  std::vector<Row> rows;
  for (const Row& row : state.rows) {
    if (row.kind == RowKind::kGhost || !is_source(row.slot))
      rows.push_back(row);
    else
      moved.push_back(row.commit);
  }
  const auto is_moved = [&](const Row& copy) {
    return std::binary_search(moved.begin(), moved.end(), copy.commit, std::greater<>());
  };
  if (std::any_of(copies.begin(), copies.end(), is_moved)) {
    for (const Row& copy : copies) {
      if (&copy != copies.data() && !is_moved(copy)) continue;
      rows.push_back(copy);
      rows.back().slot = slots[change.file];
    }
    std::sort(rows.begin(), rows.end(),
              [](const Row& a, const Row& b) { return a.commit > b.commit; });
  } else if (!copies.empty() && copies.front().kind == RowKind::kPut) {
    state.add_dead_files(1);
  }
  if (rows.empty() && state.dead_files > 0) rows.push_back(ghost_of(newest));
  state.rows = std::move(rows);
}

}  // namespace varve::bitcask
