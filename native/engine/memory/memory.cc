#include "engine/memory/memory.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>

#include "engine/memory/image.h"
#include "engine/memory/stream.h"
#include "engine/range_facts.h"

namespace varve {

namespace {

using memory::Image;
using memory::Leaf;
using memory::LeafWriter;
using memory::RangeFact;
using memory::read_stream;
using memory::Rows;
using memory::write_stream;
using ImagePointer = std::shared_ptr<const Image>;
using Lock = std::unique_lock<std::mutex>;

// Calls `visit(Edit)` for all edits of a leaf that lie in the range, by (key, commit descending).
template <class Visit>
void visit_leaf(const Leaf& leaf, const KeyRange& range, bool with_history, Visit visit) {
  size_t current = leaf.current.lower_bound(range.begin);
  size_t history = with_history ? leaf.history.lower_bound(range.begin) : leaf.history.size();
  while (current < leaf.current.size() || history < leaf.history.size()) {
    const bool no_history = history == leaf.history.size();
    const bool from_current = current < leaf.current.size() &&
                              (no_history || compare(leaf.current.edit(current).key,
                                                     leaf.history.edit(history).key) <= 0);
    const Edit edit = from_current ? leaf.current.edit(current++) : leaf.history.edit(history++);
    if (at_or_after(edit.key, range.end)) return;
    visit(edit);
  }
}

// Goes through an image a leaf at a time: what a leaf shows is collected when it is reached.
class PageCursor final : public EngineCursor {
 public:
  enum class Shows : uint8_t { kLive, kVersions };
  PageCursor(ImagePointer image, const KeyRange& range, Shows shows, uint64_t from, uint64_t to,
             Direction direction)
      : image_(std::move(image)),
        begin_(as_text(range.begin)),
        end_(as_text(range.end)),
        shows_(shows),
        from_(from),
        to_(to),
        forward_(direction == Direction::kForward) {
    start();
  }
  bool valid() const override { return at_ < page_.size(); }
  const Edit& edit() const override { return page_[at_]; }
  void next() override {
    ++at_;
    settle();
  }
  Status status() const override { return Status::ok(); }
  void seek(Bytes key) override {
    const bool below = compare(key, as_bytes(begin_)) < 0;
    const bool above = at_or_after(key, as_bytes(end_));
    if (forward_ ? below : above) return start();
    done_ = forward_ ? above : below;
    page_.clear();
    at_ = 0;
    if (done_) return;
    leaf_ = image_->leaf_of(key);
    collect();
    const auto in_front = [&](const Edit& edit) {
      const int order = compare(edit.key, key);
      return forward_ ? order < 0 : order > 0;
    };
    at_ = static_cast<size_t>(std::partition_point(page_.begin(), page_.end(), in_front) -
                              page_.begin());
    settle();
  }

 private:
  void start() {
    page_.clear();
    at_ = 0;
    done_ = !end_.empty() && end_ <= begin_;
    if (done_) return;
    const bool from_end = !forward_ && end_.empty();
    leaf_ =
        from_end ? image_->leaves.size() - 1 : image_->leaf_of(as_bytes(forward_ ? begin_ : end_));
    collect();
    settle();
  }
  void collect() {
    page_.clear();
    at_ = 0;
    const KeyRange range{as_bytes(begin_), as_bytes(end_)};
    const bool live = shows_ == Shows::kLive;
    // A view of everything absorbed needs no history.
    const bool with_history = !live || to_ < image_->absorbed;
    Bytes decided;
    bool any_decided = false;
    visit_leaf(*image_->leaves[leaf_], range, with_history, [&](const Edit& edit) {
      if (edit.commit > to_ || edit.commit <= from_) return;
      if (!live) return page_.push_back(edit);
      if (any_decided && equal(decided, edit.key)) return;
      decided = edit.key;
      any_decided = true;
      const bool put = edit.kind == EditKind::kPut;
      if (put && image_->hidden_by(edit.key, edit.commit, to_) == 0) page_.push_back(edit);
    });
    if (!forward_) std::reverse(page_.begin(), page_.end());
  }
  void settle() {
    while (!done_ && at_ == page_.size()) {
      const size_t edge = forward_ ? image_->leaves.size() - 1 : 0;
      if (leaf_ == edge) {
        done_ = true;
        return;
      }
      leaf_ += forward_ ? 1 : size_t{0} - 1;
      const Leaf& leaf = *image_->leaves[leaf_];
      const Leaf* const above =
          leaf_ + 1 < image_->leaves.size() ? image_->leaves[leaf_ + 1].get() : nullptr;
      const bool outside = forward_ ? at_or_after(as_bytes(leaf.low), as_bytes(end_))
                                    : above != nullptr && above->low <= begin_;
      if (outside) {
        page_.clear();
        at_ = 0;
        done_ = true;
        return;
      }
      collect();
    }
  }

  const ImagePointer image_;
  const std::string begin_;
  const std::string end_;
  const Shows shows_;
  const uint64_t from_;
  const uint64_t to_;
  const bool forward_;
  size_t leaf_ = 0;
  std::vector<Edit> page_;
  size_t at_ = 0;
  bool done_ = false;
};

class MemoryVersion final : public EngineVersion {
 public:
  explicit MemoryVersion(ImagePointer image) : image_(std::move(image)) {}
  const ImagePointer& image() const { return image_; }

  Status get(Bytes key, uint64_t, uint64_t commit, bool, Lookup& answer) const override {
    find(leaf_of(key), key, commit, answer);
    return Status::ok();
  }
  Status get_many(std::span<PointQuery> queries, uint64_t commit) const override {
    constexpr size_t kGroup = 16;  // As many misses at once as a core keeps under way.
    const Leaf* leaves[kGroup];
    while (!queries.empty()) {
      const std::span<PointQuery> group = queries.first(std::min(queries.size(), kGroup));
      queries = queries.subspan(group.size());
      for (size_t i = 0; i < group.size(); ++i) {
        leaves[i] = &leaf_of(group[i].key);
        leaves[i]->current.prefetch(group[i].key);
      }
      for (size_t i = 0; i < group.size(); ++i) {
        PointQuery& query = group[i];
        if (query.answer.found != Found::kAbsent) continue;
        find(*leaves[i], query.key, commit, query.answer);
      }
    }
    return Status::ok();
  }
  std::unique_ptr<EngineCursor> scan(const KeyRange& range, uint64_t commit,
                                     Direction direction) const override {
    return std::make_unique<PageCursor>(image_, range, PageCursor::Shows::kLive, 0, commit,
                                        direction);
  }
  std::unique_ptr<EditCursor> versions(const KeyRange& range, uint64_t from,
                                       uint64_t to) const override {
    return std::make_unique<PageCursor>(image_, range, PageCursor::Shows::kVersions, from, to,
                                        Direction::kForward);
  }
  std::vector<RangeDeletion> range_deletions(const KeyRange& range, uint64_t from,
                                             uint64_t to) const override {
    return range_deletions_of(image_->ranges, range, from, to);
  }
  uint64_t size(const KeyRange& range) const override {
    uint64_t bytes = 0;
    for (size_t i = image_->leaf_of(range.begin); i < image_->leaves.size(); ++i) {
      if (at_or_after(as_bytes(image_->leaves[i]->low), range.end)) break;
      bytes += image_->leaves[i]->size_bytes();
    }
    return bytes;
  }
  uint64_t absorbed() const override { return image_->absorbed; }

 private:
  const Leaf& leaf_of(Bytes key) const { return *image_->leaves[image_->leaf_of(key)]; }
  void find(const Leaf& leaf, Bytes key, uint64_t commit, Lookup& answer) const {
    answer = {};
    const auto take = [&](const Edit& edit) {
      if (edit.commit > commit || !equal(edit.key, key)) return false;
      answer.edit = edit;
      answer.found = edit.kind == EditKind::kPut ? Found::kPut : Found::kDeleted;
      return true;
    };
    const size_t row = leaf.current.find(key);
    const bool found = row < leaf.current.size() && take(leaf.current.edit(row));
    if (!found && commit < image_->absorbed) {
      size_t at = leaf.history.lower_bound(key);
      while (at < leaf.history.size() && equal(leaf.history.edit(at).key, key) &&
             !take(leaf.history.edit(at))) {
        ++at;
      }
    }
    const uint64_t hidden = image_->hidden_by(key, answer.edit.commit, commit);
    if (hidden != 0) answer = {Found::kDeleted, {key, hidden, EditKind::kDelete, 0, 0, {}}};
  }

  const ImagePointer image_;
};

using VersionPointer = std::shared_ptr<const MemoryVersion>;

class MemoryEngine final : public Engine {
 public:
  MemoryEngine(EpochDomain& epochs, const MemoryEngineOptions& options, Image image)
      : epochs_(epochs), identity_(options.identity) {
    const Lock held(mutex_);
    publish(held, std::move(image));
  }
  Status absorb(Run& run, const Retention& retention) override;
  const EngineVersion& version() const override {
    return *published_.load(std::memory_order_acquire);
  }
  std::shared_ptr<const EngineVersion> pin() const override { return latest(); }
  Result<Progress> maintain(uint64_t budget_bytes, const Retention& retention) override;
  Status compact(const KeyRange& range, const Retention& retention) override;
  Status checkpoint(const std::function<Status(Bytes)>& sink) override {
    return write_stream(latest(), identity_, sink);
  }
  Status verify(std::vector<VerifyProblem>&) override { return Status::ok(); }
  EngineStats stats() const override;
  uint64_t memory_bytes() const override { return memory_bytes_.load(std::memory_order_relaxed); }
  void set_memory(uint64_t) override {}
  Status close() override { return Status::ok(); }

 private:
  VersionPointer latest() const {
    const Lock held(pin_mutex_);
    return version_;
  }
  void publish(const Lock& held, Image image);

  EpochDomain& epochs_;
  const std::array<uint8_t, 16> identity_;
  std::atomic<const MemoryVersion*> published_{nullptr};
  std::atomic<uint64_t> absorbed_bytes_{0};
  std::atomic<uint64_t> written_bytes_{0};
  std::atomic<uint64_t> memory_bytes_{0};

  mutable std::mutex pin_mutex_;  // Guards version_.
  VersionPointer version_;

  // A walk of maintenance over all leaves, in several calls.
  struct Pass {
    uint64_t absorbed = 0;          // When it began,
    Retention retention;            // and what was asked for then.
    std::string low;                // Where it goes on.
    uint64_t floor = UINT64_MAX;    // The oldest commit held at any time of it,
    uint64_t horizon = UINT64_MAX;  // and the lowest horizon.

    bool covers(uint64_t commit, const Retention& asked) const {
      return absorbed == commit && retention == asked;
    }
  };
  void end_pass(Image& image);

  std::mutex mutex_;            // Held by whoever makes a new image; guards everything below.
  std::optional<Pass> pass_;    // Under way.
  std::optional<Pass> passed_;  // The last whole one.
};

void MemoryEngine::publish(const Lock&, Image image) {
  image.build_index();
  memory_bytes_.store(image.size_bytes(), std::memory_order_relaxed);
  auto next =
      std::make_shared<const MemoryVersion>(std::make_shared<const Image>(std::move(image)));
  VersionPointer old;
  {
    const Lock held(pin_mutex_);
    old = std::exchange(version_, next);
    published_.store(version_.get(), std::memory_order_release);
  }
  if (old == nullptr) return;
  epochs_.retire([held_until_then = std::move(old)]() mutable { held_until_then.reset(); });
  epochs_.collect();
}

Status MemoryEngine::absorb(Run& run, const Retention& retention) {
  const Lock held(mutex_);
  const ImagePointer old = latest()->image();
  if (run.commit_last < old->absorbed) {
    return Status::invalid("engine/memory: a run older than what is absorbed");
  }
  Image next;
  next.absorbed = run.commit_last;
  next.ranges = old->ranges;
  add_range_facts(next.ranges, run.range_deletions);

  LeafWriter writer(next.ranges, retention);
  uint64_t taken_bytes = 0;
  uint64_t written_bytes = 0;
  for (size_t i = 0; i < old->leaves.size(); ++i) {
    const Leaf& leaf = *old->leaves[i];
    const bool last = i + 1 == old->leaves.size();
    const Bytes end = last ? Bytes() : as_bytes(old->leaves[i + 1]->low);
    // A cursor's bytes hold only until it moves: they are copied first.
    Rows added;
    for (; run.edits != nullptr && run.edits->valid(); run.edits->next()) {
      const Edit& edit = run.edits->edit();
      if (at_or_after(edit.key, end)) break;
      added.add(edit);
      taken_bytes += edit.key.size() + edit.value.size();
    }
    if (added.size() == 0) {
      next.leaves.push_back(old->leaves[i]);
      continue;
    }
    std::vector<Edit> edits;
    for (size_t n = 0; n < added.size(); ++n) edits.push_back(added.edit(n));
    writer.write(leaf, edits, next.leaves);
    written_bytes += leaf.size_bytes() + added.size_bytes();
  }
  if (run.edits != nullptr) {
    Status read = run.edits->status();
    if (!read) return read;
  }
  absorbed_bytes_.fetch_add(taken_bytes, std::memory_order_relaxed);
  written_bytes_.fetch_add(written_bytes, std::memory_order_relaxed);
  if (run.commit_last == old->absorbed)
    pass_ = passed_ = std::nullopt;  // They counted it as absorbed.
  publish(held, std::move(next));
  return Status::ok();
}

// A pass writes anew the leaves that have history or lie under a range deletion, as many in one
// call as the budget allows, and goes on by key, whatever is absorbed or let go of meanwhile. At
// its end the range deletions go that were there when it began and that nothing asked for at any
// time of it lies beneath: what came since is newer than they are.
Result<Progress> MemoryEngine::maintain(uint64_t budget_bytes, const Retention& asked) {
  const Lock held(mutex_);
  const ImagePointer old = latest()->image();
  const Retention retention = asked.at_rest(old->absorbed);
  if (!pass_ && passed_ && passed_->covers(old->absorbed, retention)) return Progress::kIdle;
  if (!pass_) pass_ = Pass{old->absorbed, retention, {}};
  if (!retention.held.empty()) pass_->floor = std::min(pass_->floor, retention.held.front());
  pass_->horizon = std::min(pass_->horizon, retention.horizon);

  Image next;
  next.absorbed = old->absorbed;
  next.ranges = old->ranges;
  LeafWriter writer(old->ranges, retention);
  const size_t first = old->leaf_of(as_bytes(pass_->low));
  uint64_t spent = 0;
  bool whole = true;
  for (size_t i = 0; i < old->leaves.size(); ++i) {
    const Leaf& leaf = *old->leaves[i];
    const bool touched = leaf.history.size() != 0 || !old->ranges.empty();
    if (i >= first && touched && whole && spent >= budget_bytes) {
      whole = false;
      pass_->low = leaf.low;
    }
    if (i < first || !touched || !whole) {
      next.leaves.push_back(old->leaves[i]);
      continue;
    }
    spent += leaf.size_bytes() + 1;
    writer.write(leaf, {}, next.leaves);
  }
  if (whole) end_pass(next);
  written_bytes_.fetch_add(spent, std::memory_order_relaxed);
  if (spent != 0 || next.ranges.size() != old->ranges.size()) publish(held, std::move(next));
  const bool is_done = !pass_ && passed_->covers(old->absorbed, retention);
  return is_done ? Progress::kIdle : Progress::kMore;
}

void MemoryEngine::end_pass(Image& image) {
  std::erase_if(image.ranges, [&](const RangeFact& range) {
    return range.commit <= pass_->absorbed && range.commit <= pass_->horizon &&
           range.commit <= pass_->floor;
  });
  passed_ = std::exchange(pass_, std::nullopt);
}

// What a pass under way has left behind it by other holds takes another one.
Status MemoryEngine::compact(const KeyRange&, const Retention& retention) {
  for (int i = 0; i < 2; ++i) {
    const Result<Progress> done = maintain(UINT64_MAX, retention);
    if (!done) return done.error();
    if (*done == Progress::kIdle) break;
  }
  return Status::ok();
}

EngineStats MemoryEngine::stats() const {
  EngineStats stats;
  const ImagePointer image = latest()->image();
  for (const auto& leaf : image->leaves) {
    stats.entry_count += leaf->current.size();
    stats.history_bytes += leaf->history.size_bytes();
  }
  stats.absorbed_bytes = absorbed_bytes_.load(std::memory_order_relaxed);
  stats.written_bytes = written_bytes_.load(std::memory_order_relaxed);
  stats.detail.emplace_back("dataBytes", memory_bytes());
  stats.detail.emplace_back("leaves", image->leaves.size());
  stats.detail.emplace_back("range deletions", image->ranges.size());
  return stats;
}

}  // namespace

StreamSource stream_source(std::string stream) {
  return [stream = std::move(stream), at = size_t{0}](MutableBytes into) mutable {
    const size_t size = std::min(into.size(), stream.size() - at);
    std::copy_n(stream.data() + at, size, into.data());
    at += size;
    return Result<size_t>(size);
  };
}

Result<std::unique_ptr<Engine>> open_memory_engine(EpochDomain& epochs,
                                                   const MemoryEngineOptions& options,
                                                   const StreamSource* source) {
  Image image;
  if (source == nullptr) {
    auto leaf = std::make_shared<Leaf>();
    leaf->finish();
    image.leaves.push_back(std::move(leaf));
  } else {
    Result<Image> loaded = read_stream(*source, options.identity);
    if (!loaded) return loaded.error();
    image = std::move(*loaded);
  }
  return std::unique_ptr<Engine>(std::make_unique<MemoryEngine>(epochs, options, std::move(image)));
}

}  // namespace varve
