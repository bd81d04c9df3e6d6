#include "engine/bitcask/bitcask.h"

#include <algorithm>
#include <mutex>
#include <set>

#include "base/check.h"
#include "engine/bitcask/loading.h"
#include "engine/bitcask/merge.h"
#include "engine/bitcask/picking.h"
#include "engine/bitcask/placing.h"
#include "engine/bitcask/version.h"
#include "engine/range_facts.h"

namespace varve {
namespace {

using namespace bitcask;
using Lock = std::unique_lock<std::mutex>;
using VersionPointer = std::shared_ptr<const BitcaskVersion>;

class Bitcask final : public Engine {
 public:
  Bitcask(Os& os, Manifest& manifest, Cache& cache, EpochDomain& epochs,
          const BitcaskOptions& options)
      : os_(os),
        manifest_(manifest),
        cache_(cache),
        epochs_(epochs),
        options_(options),
        identity_(manifest.state().identity) {}
  ~Bitcask() override;

  Status open();
  Status absorb(Run& run, const Retention& retention) override;
  const EngineVersion& version() const override {
    return *version_.load(std::memory_order_acquire);
  }
  std::shared_ptr<const EngineVersion> pin() const override { return current(); }
  Result<Progress> maintain(uint64_t budget_bytes, const Retention& retention) override;
  Status compact(const KeyRange& range, const Retention& retention) override;
  Status checkpoint(const std::function<Status(Bytes)>& sink) override;
  Status verify(std::vector<VerifyProblem>& problems) override;
  EngineStats stats() const override;
  uint64_t memory_bytes() const override { return memory_bytes_.load(std::memory_order_relaxed); }
  void set_memory(uint64_t cache_bytes) override { cache_.set_budget(cache_bytes); }
  Status close() override;

 private:
  VersionPointer current() const {
    const Lock held(mutex_);
    return current_;
  }
  Placing::Outside outside() {
    return {os_, options_.directory, identity_, options_.file_bytes,
            [this] { return next_number_.fetch_add(1); }};
  }
  Status open_files(std::vector<std::shared_ptr<DataFile>>& files);
  Status remove_orphans();
  void publish(Image image, std::vector<FileShare> files, const Lock& held);
  void charge(uint64_t bytes, const Lock& held);
  Status append(const ManifestEdit& edit, const Lock& held);
  void remove_files(const std::vector<uint64_t>& numbers);
  Result<std::vector<FileShare>> open_made(const std::vector<MadeFile>& made);
  static std::vector<uint32_t> take_slots(std::vector<FileShare>& files,
                                          const std::vector<FileShare>& added);
  Status install(Placing& placing, Run& run, const Retention& retention);

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
  Progress settle_some(uint64_t budget_bytes, const Retention& asked);
  void end_pass(Image& image);

  Status begin_merge(std::vector<Merge::Source> sources);
  Result<Progress> work(uint64_t budget_bytes, const Retention& retention, const Lock& merging);
  Status install(const Merge& merge, const Retention& retention);
  bool note_damage(const Merge& merge, const Status& status);
  void end_merge(bool is_done);
  Status merge_until(const std::set<uint64_t>& numbers, const Retention& retention,
                     const Lock& merging);
  Status whole() const;

  Os& os_;
  Manifest& manifest_;
  Cache& cache_;
  EpochDomain& epochs_;
  const BitcaskOptions options_;
  const Identity identity_;
  std::atomic<uint64_t> next_number_{1};
  std::atomic<const EngineVersion*> version_{nullptr};
  std::atomic<uint64_t> memory_bytes_{0};
  std::atomic<uint64_t> absorbed_bytes_{0}, written_bytes_{0}, read_bytes_{0};

  std::mutex merge_mutex_;  // Held by who merges; taken before mutex_. Guards what follows.
  std::unique_ptr<Merge> merge_;
  std::set<uint64_t> damaged_hints_;  // Of files whose entries are to be read from themselves.

  // Guards what follows; held while a version is made from the one before.
  mutable std::mutex mutex_;
  VersionPointer current_;
  bool is_closed_ = false;
  std::vector<uint64_t> uncertain_;        // Files whose entry in the manifest failed.
  std::vector<VerifyProblem> unreadable_;  // Files that merges leave alone.
  std::optional<Pass> pass_;               // Under way.
  std::optional<Pass> passed_;             // The last whole one.
};

Bitcask::~Bitcask() {
  const Status status = close();
  (void)status;  // It has none to tell.
}

Status Bitcask::close() {
  const Lock merging(merge_mutex_);
  if (merge_) merge_->abandon();
  merge_.reset();
  const Lock held(mutex_);
  if (is_closed_ || !current_) return Status::ok();
  is_closed_ = true;
  charge(0, held);
  const VersionPointer old = std::exchange(current_, BitcaskVersion::closed(current_->absorbed()));
  version_.store(current_.get(), std::memory_order_seq_cst);
  epochs_.retire([kept = old]() mutable { kept.reset(); });
  return Status::ok();
}

// ---- opening

Status Bitcask::open_files(std::vector<std::shared_ptr<DataFile>>& files) {
  for (const auto& [number, info] : manifest_.state().data_files) {
    Result<std::shared_ptr<DataFile>> file =
        DataFile::open(os_, options_.directory, info, identity_, &cache_);
    if (file) {
      if (!options_.read_only && info.segment != 0) (*file)->cut(os_);
      files.push_back(std::move(*file));
      continue;
    }
    if (file.code() != Code::kCorrupt || options_.lost == nullptr) return file.error();
    options_.lost->push_back({data_path(options_.directory, number), 0, file.error().message()});
  }
  return Status::ok();
}

Status Bitcask::remove_orphans() {
  const ManifestState& state = manifest_.state();
  const Result<std::vector<DirectoryEntry>> entries = os_.list(options_.directory);
  if (!entries) return entries.error();
  for (const DirectoryEntry& entry : *entries) {
    const uint64_t unfinished = unfinished_hint_number(entry.name);
    const uint64_t number =
        std::max({data_number(entry.name), hint_number(entry.name), unfinished});
    if (number == 0) continue;
    next_number_ = std::max(next_number_.load(), number + 1);
    const bool is_named = state.data_files.contains(number) && unfinished == 0;
    if (is_named || options_.read_only) continue;
    const Status status = os_.remove(options_.directory + "/" + entry.name);
    (void)status;  // Its number is not used again, so it is in nobody's way.
  }
  return Status::ok();
}

Status Bitcask::open() {
  next_number_ = manifest_.state().next_table;
  if (Status status = remove_orphans(); !status) return status;
  std::vector<std::shared_ptr<DataFile>> files;
  if (Status status = open_files(files); !status) return status;
  const LoadSource source{os_,           options_.directory, identity_, options_.read_only,
                          options_.lost, options_.ahead_min};
  Result<Loaded> loaded = load_directory(source, files);
  if (!loaded) return loaded.error();
  loaded->image.absorbed = manifest_.state().absorbed;
  const Lock held(mutex_);
  publish(std::move(loaded->image), std::move(loaded->files), held);
  return Status::ok();
}

// ---- versions

void Bitcask::charge(uint64_t bytes, const Lock& held) {
  check(held.owns_lock());
  const uint64_t before = memory_bytes_.exchange(bytes, std::memory_order_relaxed);
  cache_.charge(static_cast<int64_t>(bytes) - static_cast<int64_t>(before));
}

void Bitcask::publish(Image image, std::vector<FileShare> files, const Lock& held) {
  check(held.owns_lock() && !is_closed_);
  image.build_index();
  std::erase_if(image.resting,
                [&](const RangeFact& range) { return image.oldest_ghost >= range.commit; });
  charge(image.memory_bytes, held);
  auto next = std::make_shared<const BitcaskVersion>(std::move(image), std::move(files),
                                                     options_.large_value_bytes);
  version_.store(next.get(), std::memory_order_seq_cst);
  VersionPointer old = std::exchange(current_, std::move(next));
  if (old) epochs_.retire([kept = std::move(old)]() mutable { kept.reset(); });
}

void Bitcask::remove_files(const std::vector<uint64_t>& numbers) {
  for (const uint64_t number : numbers) remove_data_file(os_, options_.directory, number);
}

// After a failure nobody knows whether the disk names the new files: they stay until a later change
// of the manifest, which writes the state anew, has said that it does not.
Status Bitcask::append(const ManifestEdit& edit, const Lock& held) {
  check(held.owns_lock());
  if (Status status = manifest_.append(edit); !status) {
    for (const ManifestDataFile& file : edit.add_data_files) uncertain_.push_back(file.number);
    return status;
  }
  remove_files(uncertain_);
  uncertain_.clear();
  return Status::ok();
}

// Opens what no manifest names yet.
Result<std::vector<FileShare>> Bitcask::open_made(const std::vector<MadeFile>& made) {
  std::vector<FileShare> files;
  if (made.empty()) return files;
  if (Status status = os_.sync_directory(options_.directory); !status) return status;
  for (const MadeFile& one : made) {
    Result<std::shared_ptr<DataFile>> file =
        DataFile::open(os_, options_.directory, one.info, identity_, &cache_);
    if (!file) return file.error();
    (*file)->expect_entries(one.info.entry_count);
    files.push_back({std::move(*file), 0, one.hint_bytes});
  }
  return files;
}

// Puts new files where there are none, and says where.
std::vector<uint32_t> Bitcask::take_slots(std::vector<FileShare>& files,
                                          const std::vector<FileShare>& added) {
  std::vector<uint32_t> slots;
  size_t slot = 0;
  for (const FileShare& share : added) {
    while (slot < files.size() && files[slot].file) ++slot;
    if (slot == files.size()) files.emplace_back();
    files[slot] = share;
    slots.push_back(static_cast<uint32_t>(slot));
  }
  return slots;
}

void count_live(const LiveChange& live, std::vector<FileShare>& files) {
  for (size_t slot = 0; slot < live.by_slot().size(); ++slot) {
    const int64_t change = live.by_slot()[slot];
    if (change == 0) continue;
    const int64_t bytes = static_cast<int64_t>(files[slot].live_bytes) + change;
    check(bytes >= 0);
    files[slot].live_bytes = static_cast<uint64_t>(bytes);
  }
}

// ---- absorbing

Status Bitcask::absorb(Run& run, const Retention& retention) {
  if (run.commit_last < current()->absorbed()) {
    return Status::invalid("bitcask: a run older than what is absorbed");
  }
  Placing placing(outside(), run, retention);
  Status status = placing.place();
  if (!status) {
    placing.abandon();
    return status;
  }
  return install(placing, run, retention);
}

Status Bitcask::install(Placing& placing, Run& run, const Retention& retention) {
  Result<std::vector<FileShare>> made = open_made(placing.files());
  if (!made) {
    placing.abandon();
    return made.error();
  }
  ManifestEdit edit;
  edit.absorbed = run.commit_last;
  if (run.time_ms_last != 0) edit.time_ms = run.time_ms_last;
  for (const MadeFile& one : placing.files()) edit.add_data_files.push_back(one.info);
  // Whatever of the log the run was in is replayed no more: what is adopted may be cut.
  for (const uint64_t segment : run.segments) {
    edit.log_floor = std::max(edit.log_floor.value_or(0), segment + 1);
  }
  const Lock held(mutex_);
  if (is_closed_) return {Code::kClosed, "bitcask: closed"};
  edit.next_table = next_number_.load();
  const Image& old = current_->image();
  std::vector<FileShare> files = current_->files();
  const std::vector<uint32_t> slots = take_slots(files, *made);
  Image next;
  next.absorbed = run.commit_last;
  next.ranges = old.ranges;
  next.resting = old.resting;
  add_range_facts(next.ranges, run.range_deletions);
  const Settling settling(next.ranges, retention);
  Rewrite changes;
  changes.count = placing.changes().size();
  changes.key_of = [&](size_t index) { return placing.key(placing.changes()[index]); };
  changes.change = [&](size_t index, KeyState& state) {
    const Placing::Change& change = placing.changes()[index];
    std::vector<Row> rows(placing.rows(change).begin(), placing.rows(change).end());
    for (Row& row : rows) row.slot = slots[row.slot];
    rows.insert(rows.end(), state.rows.begin(), state.rows.end());
    if (change.dead_files > 0) rows.push_back(ghost_of(change.dead_commit));
    state.rows = std::move(rows);
    state.add_dead_files(change.dead_files);
  };
  changes.settling = &settling;
  LiveChange live;
  next.leaves = rewrite(old, changes, live);
  if (Status status = append(edit, held); !status) return status;
  count_live(live, files);
  if (run.commit_last == old.absorbed)
    pass_ = passed_ = std::nullopt;  // They counted it as absorbed.
  publish(std::move(next), std::move(files), held);
  for (const FileShare& share : *made) {
    if (share.file->info().segment != 0) share.file->cut(os_);
  }
  absorbed_bytes_.fetch_add(placing.taken_bytes(), std::memory_order_relaxed);
  written_bytes_.fetch_add(placing.written_bytes(), std::memory_order_relaxed);
  return Status::ok();
}

// ---- what nobody asks for any more

// A pass makes leaves anew of which something may go, as many in one call as the budget allows, and
// goes on by key, whatever is absorbed or let go of meanwhile. At its end the range deletions that
// were there when it began have nothing left beneath them but ghosts, or what is asked for.
Progress Bitcask::settle_some(uint64_t budget_bytes, const Retention& asked) {
  const Lock held(mutex_);
  if (is_closed_) return Progress::kIdle;
  const Image& old = current_->image();
  const Retention retention = asked.at_rest(old.absorbed);
  if (!pass_ && passed_ && passed_->covers(old.absorbed, retention)) return Progress::kIdle;
  if (!pass_) pass_ = Pass{old.absorbed, retention, {}};
  if (!retention.held.empty()) pass_->floor = std::min(pass_->floor, retention.held.front());
  pass_->horizon = std::min(pass_->horizon, retention.horizon);

  Image next;
  next.absorbed = old.absorbed;
  next.ranges = old.ranges;
  next.resting = old.resting;
  LiveChange live;
  const Settling settling(old.ranges, retention);
  const size_t first = old.leaf_of(as_bytes(pass_->low));
  const size_t behind = settle_leaves(old, first, budget_bytes, settling, next.leaves, live);
  const bool is_whole = behind == old.leaves.size();
  if (is_whole)
    end_pass(next);
  else
    pass_->low = as_text(old.leaves[behind]->key(0));
  const bool is_changed = next.leaves != old.leaves || next.ranges.size() != old.ranges.size();
  if (is_changed) {
    std::vector<FileShare> files = current_->files();
    count_live(live, files);
    publish(std::move(next), std::move(files), held);
  }
  const bool is_done = !pass_ && passed_->covers(current_->absorbed(), retention);
  return is_done ? Progress::kIdle : Progress::kMore;
}

void Bitcask::end_pass(Image& image) {
  const auto is_worked_off = [&](const RangeFact& range) {
    return range.commit <= pass_->absorbed && range.commit <= pass_->horizon &&
           range.commit <= pass_->floor;
  };
  for (const RangeFact& range : image.ranges) {
    if (is_worked_off(range)) image.resting.push_back(range);
  }
  std::erase_if(image.ranges, is_worked_off);
  passed_ = std::exchange(pass_, std::nullopt);
}

// ---- merging

Status Bitcask::begin_merge(std::vector<Merge::Source> sources) {
  for (Merge::Source& source : sources) {
    source.is_hint_damaged = damaged_hints_.contains(source.file->info().number);
  }
  merge_ = std::make_unique<Merge>(outside(), [this] { return current(); }, std::move(sources));
  Status status = merge_->open();
  if (status) return status;
  const bool is_noted = note_damage(*merge_, status);
  end_merge(false);
  return is_noted ? Status::ok() : std::move(status);
}

// Whether a merge failed because a source cannot be read: that one is taken into no other, or its
// hint is not.
bool Bitcask::note_damage(const Merge& merge, const Status& status) {
  if (const Merge::Source* const source = merge.damaged_hint(); source != nullptr) {
    return damaged_hints_.insert(source->file->info().number).second;
  }
  const Merge::Source* const source = merge.unreadable();
  if (source == nullptr) return false;
  const Lock held(mutex_);
  if (source->file->is_damaged()) return true;
  source->file->note_damage();
  unreadable_.push_back({source->file->path(), 0, status.message()});
  return true;
}

void Bitcask::end_merge(bool is_done) {
  if (!is_done) merge_->abandon();
  merge_.reset();
}

// A step of the merge under way. Runs are absorbed meanwhile, of which retention knows nothing but
// that they are above the horizon: it counts as it was asked.
Result<Progress> Bitcask::work(uint64_t budget_bytes, const Retention& retention,
                               const Lock& merging) {
  check(merging.owns_lock());
  Result<Progress> progress = merge_->step(budget_bytes, retention);
  if (!progress) {
    const bool is_noted = note_damage(*merge_, progress.error());
    end_merge(false);
    if (is_noted) return Progress::kMore;
    return progress;
  }
  if (*progress == Progress::kMore) return progress;
  Status status = install(*merge_, retention);
  // Whether a failed change to the manifest took place only the next opening knows: then what was
  // written stays, and it removes it if not.
  end_merge(true);
  if (!status) return status;
  return Progress::kMore;
}

Status Bitcask::install(const Merge& merge, const Retention& retention) {
  Result<std::vector<FileShare>> made = open_made(merge.files());
  if (!made) {
    merge_->abandon();
    return made.error();
  }
  ManifestEdit edit;
  for (const MadeFile& one : merge.files()) edit.add_data_files.push_back(one.info);
  std::vector<uint64_t> gone;
  for (const Merge::Source& source : merge.sources()) gone.push_back(source.file->info().number);
  edit.remove_data_files = gone;
  const Lock held(mutex_);
  if (is_closed_) return {Code::kClosed, "bitcask: closed"};
  edit.next_table = next_number_.load();
  const Image& old = current_->image();
  std::vector<FileShare> files = current_->files();
  const std::vector<uint32_t> slots = take_slots(files, *made);
  Image next;
  next.absorbed = old.absorbed;
  next.ranges = old.ranges;
  next.resting = old.resting;
  const Settling settling(next.ranges, retention);
  Rewrite changes;
  changes.count = merge.change_count();
  changes.key_of = [&](size_t index) { return merge.key(index); };
  changes.change = [&](size_t index, KeyState& state) { merge.change(index, slots, state); };
  changes.settling = &settling;
  LiveChange live;
  next.leaves = rewrite(old, changes, live);
  if (Status status = append(edit, held); !status) return status;
  count_live(live, files);
  for (const Merge::Source& source : merge.sources()) {
    check(files[source.slot].live_bytes == 0);
    files[source.slot] = {};
  }
  publish(std::move(next), std::move(files), held);
  remove_files(gone);
  written_bytes_.fetch_add(merge.written_bytes(), std::memory_order_relaxed);
  read_bytes_.fetch_add(merge.read_bytes(), std::memory_order_relaxed);
  return Status::ok();
}

Result<Progress> Bitcask::maintain(uint64_t budget_bytes, const Retention& retention) {
  const Progress settled = settle_some(budget_bytes, retention);
  const Lock merging(merge_mutex_, std::try_to_lock);
  if (!merging.owns_lock()) return settled;  // Another thread is at it.
  if (!merge_) {
    std::vector<Merge::Source> sources = pick_due(options_, *current());
    if (sources.empty()) return settled;
    if (Status status = begin_merge(std::move(sources)); !status) return status;
    if (!merge_) return Progress::kMore;  // Without what turned out to be damaged.
  }
  return work(budget_bytes, retention, merging);
}

// Merges those of the files that are there and need it.
Status Bitcask::merge_until(const std::set<uint64_t>& numbers, const Retention& retention,
                            const Lock& merging) {
  while (true) {
    if (!merge_) {
      std::vector<Merge::Source> sources = pick_wasteful(options_, *current(), numbers);
      if (sources.empty()) return Status::ok();
      if (Status status = begin_merge(std::move(sources)); !status) return status;
      if (!merge_) continue;
    }
    const Result<Progress> progress = work(UINT64_MAX, retention, merging);
    if (!progress) return progress.error();
  }
}

// What lets go of keys in one round may leave something dead that was written in it.
Status Bitcask::compact(const KeyRange&, const Retention& retention) {
  constexpr int kRoundsMax = 3;
  const Lock merging(merge_mutex_);
  if (merge_) end_merge(false);
  for (int round = 0; round < kRoundsMax; ++round) {
    for (int i = 0; i < 2; ++i) {
      if (settle_some(UINT64_MAX, retention) == Progress::kIdle) break;
    }
    const VersionPointer version = current();
    std::set<uint64_t> numbers;
    for (const FileShare& share : version->files()) {
      if (share.file) numbers.insert(share.file->info().number);
    }
    if (Status status = merge_until(numbers, retention, merging); !status) return status;
  }
  return whole();
}

Status Bitcask::whole() const {
  const VersionPointer version = current();
  for (const FileShare& share : version->files()) {
    if (!share.file || !share.file->is_damaged()) continue;
    return Status::corrupt("bitcask: " + share.file->path() +
                           " is damaged, and cannot be merged with the rest");
  }
  return Status::ok();
}

// ---- care

Status Bitcask::checkpoint(const std::function<Status(Bytes)>& sink) {
  const VersionPointer version = current();
  std::string buffer(size_t{1} << 20, '\0');
  for (const FileShare& share : version->files()) {
    if (!share.file) continue;
    const uint64_t file_bytes = share.file->info().file_bytes;
    for (uint64_t at = 0; at < file_bytes;) {
      const size_t size = std::min<uint64_t>(buffer.size(), file_bytes - at);
      const MutableBytes into(reinterpret_cast<uint8_t*>(buffer.data()), size);
      if (Status status = share.file->read_raw(at, into); !status) return status;
      if (Status status = sink(into); !status) return status;
      at += size;
    }
  }
  return Status::ok();
}

Status Bitcask::verify(std::vector<VerifyProblem>& problems) {
  const VersionPointer version = current();
  for (const FileShare& share : version->files()) {
    if (!share.file) continue;
    Status status = verify_file(os_, options_.directory, *share.file, identity_, problems);
    if (!status) return status;
  }
  return Status::ok();
}

EngineStats Bitcask::stats() const {
  const VersionPointer version = current();
  EngineStats stats;
  {
    const Lock held(mutex_);
    stats.damaged = unreadable_;
  }
  const Image& image = version->image();
  uint64_t file_count = 0, adopted_count = 0, live_bytes = 0, dead_bytes = 0;
  for (const FileShare& share : version->files()) {
    if (!share.file) continue;
    ++file_count;
    adopted_count += share.file->info().segment != 0 ? 1 : 0;
    stats.disk_bytes += share.file->info().file_bytes + share.hint_bytes;
    live_bytes += share.live_bytes;
    dead_bytes += share.dead_bytes();
  }
  stats.entry_count = image.key_count;
  stats.history_bytes = image.history_bytes;
  const Due due = due_of(options_, *version);
  stats.debt_bytes = due.debt_bytes;
  stats.stop_writes = due.stop_writes;
  stats.absorbed_bytes = absorbed_bytes_.load();
  stats.written_bytes = written_bytes_.load();
  stats.read_bytes = read_bytes_.load();
  stats.detail.emplace_back("directoryBytes", memory_bytes());
  stats.detail.emplace_back("directoryRows", image.row_count);
  stats.detail.emplace_back("dataFiles", file_count);
  stats.detail.emplace_back("adoptedFiles", adopted_count);
  stats.detail.emplace_back("liveBytes", live_bytes);
  stats.detail.emplace_back("deadBytes", dead_bytes);
  stats.detail.emplace_back("rangeDeletions", image.ranges.size() + image.resting.size());
  return stats;
}

}  // namespace

bool is_bitcask_file(const std::string& name) {
  return data_number(name) != 0 || hint_number(name) != 0 || unfinished_hint_number(name) != 0;
}

Result<std::unique_ptr<Engine>> open_bitcask(Os& os, Manifest& manifest, Cache& cache,
                                             EpochDomain& epochs, const BitcaskOptions& options) {
  auto engine = std::make_unique<Bitcask>(os, manifest, cache, epochs, options);
  if (Status status = engine->open(); !status) return status;
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace varve
