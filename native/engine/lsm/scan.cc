// engine/lsm/scan.cc — walks over a version: the live entries of a view, or every version.
#include <algorithm>

#include "engine/lsm/version.h"

namespace varve {
namespace {

// Current, and of history what `wanted` says; of tables those with a commit above `after`.
template <class Wanted>
std::vector<LevelCursor> level_cursors(const LsmVersion& version, const KeyRange& range,
                                       Wanted wanted, CacheUse use = CacheUse::kKeep,
                                       uint64_t after = 0) {
  std::vector<LevelCursor> cursors;
  const auto add = [&](const LsmRun& run) {
    LsmRun::Tables tables = run.overlapping(range);
    std::erase_if(tables, [&](const auto& table) { return table->info().commit_last <= after; });
    if (!tables.empty()) cursors.emplace_back(std::move(tables), use);
  };
  for (const LsmRun& run : version.runs()) add(run);
  for (const LsmRun& run : version.history()) {
    if (wanted(run)) add(run);
  }
  return cursors;
}

// What a view sees.
std::vector<LevelCursor> cursors_of_view(const LsmVersion& version, const KeyRange& range,
                                         uint64_t commit) {
  return level_cursors(version, range, [&](const LsmRun& run) {
    return commit < version.absorbed() && run.may_stand(commit);
  });
}

// The range deletions that a walk must look at, and whether one hides a version.
class Hiding {
 public:
  explicit Hiding(std::vector<RangeDeletion> deletions) : deletions_(std::move(deletions)) {}
  bool empty() const { return deletions_.empty(); }
  bool hides(const Edit& edit) const {
    return std::any_of(deletions_.begin(), deletions_.end(), [&](const RangeDeletion& deletion) {
      return deletion.commit > edit.commit && compare(edit.key, deletion.begin) >= 0 &&
             (deletion.end.empty() || compare(edit.key, deletion.end) < 0);
    });
  }

 private:
  const std::vector<RangeDeletion> deletions_;
};

class LiveCursor final : public EngineCursor {
 public:
  LiveCursor(const LsmVersion& version, const KeyRange& range, uint64_t commit, Direction direction)
      : merge_(cursors_of_view(version, range, commit)),
        hiding_(version.range_deletions(range, 0, commit)),
        begin_(as_text(range.begin)),
        end_(as_text(range.end)),
        commit_(commit),
        forward_(direction == Direction::kForward) {
    if (forward_) {
      merge_.seek(as_bytes(begin_), UINT64_MAX);
      find_forward();
      return;
    }
    if (end_.empty())
      merge_.seek_last();
    else
      merge_.seek_before(as_bytes(end_), UINT64_MAX);
    find_reverse();
  }

  bool valid() const override { return valid_; }
  const Edit& edit() const override { return forward_ ? merge_.edit() : edit_; }
  Status status() const override { return merge_.status(); }

  void next() override {
    if (!forward_) return find_reverse();
    merge_.next_key();
    find_forward();
  }

  size_t take_values(Bytes end, std::span<Bytes> values) override {
    if (!forward_ || !hiding_.empty()) return 0;
    const bool is_nearer = !end.empty() && (end_.empty() || compare(end, as_bytes(end_)) < 0);
    return merge_.take_values(is_nearer ? end : as_bytes(end_), commit_, values);
  }

  void seek(Bytes key) override {
    if (forward_) {
      merge_.seek(compare(key, as_bytes(begin_)) < 0 ? as_bytes(begin_) : key, UINT64_MAX);
      return find_forward();
    }
    // At the key or before it: before the place behind its oldest version.
    const bool beyond = !end_.empty() && compare(key, as_bytes(end_)) >= 0;
    const std::string behind = beyond ? end_ : std::string(as_text(key)) + '\0';
    merge_.seek_before(as_bytes(behind), UINT64_MAX);
    find_reverse();
  }

 private:
  void find_forward() {
    valid_ = false;
    uint32_t passed = 0;
    while (merge_.valid()) {
      const Edit& edit = merge_.edit();
      if (!end_.empty() && compare(edit.key, as_bytes(end_)) >= 0) return;
      if (edit.commit > commit_ && ++passed % kStepsMax == 0) {  // Most may be this key's.
        key_.assign(as_text(edit.key));
        merge_.seek(as_bytes(key_), commit_);
        continue;
      }
      if (edit.commit > commit_ || !stands(edit, commit_)) {
        merge_.next();
        continue;
      }
      if (edit.kind == EditKind::kPut && !hiding_.hides(edit)) {
        valid_ = true;
        return;
      }
      merge_.next_key();
    }
  }

  // Backwards the versions of a key come oldest first: the last at or below the commit is the one.
  void find_reverse() {
    valid_ = false;
    while (merge_.valid() && !valid_) {
      key_.assign(as_text(merge_.edit().key));
      if (compare(as_bytes(key_), as_bytes(begin_)) < 0) return;
      bool any = false;
      uint32_t passed = 0;
      for (; is_at_key() && ++passed < kStepsMax; merge_.previous()) {
        if (merge_.edit().commit > commit_ || !stands(merge_.edit(), commit_)) continue;
        keep();
        any = true;
      }
      if (is_at_key()) any = find_among_many();
      if (!merge_.valid() && !merge_.status()) return;  // A newer version may be what is damaged.
      edit_.key = as_bytes(key_);
      edit_.value = as_bytes(value_);
      valid_ = any && edit_.kind == EditKind::kPut && !hiding_.hides(edit_);
    }
  }

  bool is_at_key() const { return merge_.valid() && equal(merge_.edit().key, as_bytes(key_)); }

  void keep() {
    edit_ = merge_.edit();
    value_.assign(as_text(edit_.value));
  }

  // The version that a key is seen by, from its newest on; then it is left backwards.
  bool find_among_many() {
    merge_.seek(as_bytes(key_), commit_);
    while (is_at_key() && !stands(merge_.edit(), commit_)) merge_.next();
    const bool any = is_at_key();
    if (any) keep();
    if (merge_.status()) merge_.seek_before(as_bytes(key_), UINT64_MAX);
    return any;
  }

  static constexpr uint32_t kStepsMax =
      256;  // Through versions before the one that is wanted is sought.

  VersionMerge merge_;
  const Hiding hiding_;
  const std::string begin_;
  const std::string end_;
  const uint64_t commit_;
  const bool forward_;
  bool valid_ = false;
  std::string key_;  // And value: of the entry shown, in reverse.
  std::string value_;
  Edit edit_;
};

class EveryVersionCursor final : public EditCursor {
 public:
  EveryVersionCursor(const LsmVersion& version, const KeyRange& range, uint64_t from, uint64_t to,
                     CacheUse use)
      : merge_(level_cursors(
            version, range, [](const LsmRun&) { return true; }, use, from)),
        end_(as_text(range.end)),
        from_(from),
        to_(to) {
    merge_.seek(range.begin, UINT64_MAX);
    settle();
  }
  bool valid() const override { return valid_; }
  const Edit& edit() const override { return merge_.edit(); }
  Status status() const override { return merge_.status(); }
  void next() override {
    merge_.next();
    settle();
  }

 private:
  void settle() {
    for (valid_ = false; merge_.valid(); merge_.next()) {
      const Edit& edit = merge_.edit();
      if (!end_.empty() && compare(edit.key, as_bytes(end_)) >= 0) return;
      valid_ = edit.commit > from_ && edit.commit <= to_;
      if (valid_) return;
    }
  }

  VersionMerge merge_;
  const std::string end_;
  const uint64_t from_;
  const uint64_t to_;
  bool valid_ = false;
};

}  // namespace

std::unique_ptr<EngineCursor> LsmVersion::scan(const KeyRange& range, uint64_t commit,
                                               Direction direction) const {
  return std::make_unique<LiveCursor>(*this, range, commit, direction);
}

std::unique_ptr<EditCursor> LsmVersion::versions(const KeyRange& range, uint64_t from,
                                                 uint64_t to) const {
  return std::make_unique<EveryVersionCursor>(*this, range, from, to, CacheUse::kKeep);
}

std::unique_ptr<EditCursor> LsmVersion::versions_once(const KeyRange& range, uint64_t from,
                                                      uint64_t to) const {
  return std::make_unique<EveryVersionCursor>(*this, range, from, to, CacheUse::kAround);
}

}  // namespace varve
