#include "engine/lsm/lsm.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "engine/lsm/closed.h"
#include "engine/lsm/compaction.h"
#include "engine/lsm/keeping.h"

namespace varve {
namespace {

using Lock = std::unique_lock<std::mutex>;

// What a table that is being written may hold of the budget, but some 20,000 keys always.
constexpr uint64_t kHeldShare = 8;
constexpr uint64_t kHeldBytesMin = uint64_t{1} << 20;

class Lsm final : public Engine {
 public:
  Lsm(Os& os, Manifest& manifest, Cache& cache, EpochDomain& epochs, const LsmOptions& options)
      : os_(os),
        manifest_(manifest),
        cache_(cache),
        epochs_(epochs),
        options_(options),
        job_left_(os.gate()) {
    const ManifestState& state = manifest.state();
    table_options_.block_bytes = options.block_bytes;
    table_options_.hash_seed = state.hash_seed;
    table_options_.cache = &cache;
    std::copy(state.identity.begin(), state.identity.end(), table_options_.store_identity);
    std::copy(state.identity.begin(), state.identity.end(), value_options_.store_identity);
    value_options_.compress = options.compressed_levels != 0;
  }
  ~Lsm() override;

  Status open();
  Status absorb(Run& run, const Retention& retention) override;
  const EngineVersion& version() const override {
    return *version_.load(std::memory_order_acquire);
  }
  std::shared_ptr<const EngineVersion> pin() const override {
    const Lock held(mutex_);
    if (closed_) return closed_;
    return current_;
  }
  Result<Progress> maintain(uint64_t budget_bytes, const Retention& retention) override;
  Status compact(const KeyRange& range, const Retention& retention) override;
  using Sink = std::function<Status(Bytes)>;
  Status checkpoint(const Sink& sink) override;
  Status verify(std::vector<VerifyProblem>& problems) override;
  EngineStats stats() const override;
  void set_memory(uint64_t cache_bytes) override { cache_.set_budget(cache_bytes); }
  Status close() override;

 private:
  std::shared_ptr<const LsmVersion> current() const {
    const Lock held(mutex_);
    return current_;
  }
  uint64_t next_number() { return next_number_.fetch_add(1); }
  // History is compressed if any level is.
  TableOptions options_of_level(size_t level) const {
    TableOptions options = table_options_;
    const uint32_t levels = options_.compressed_levels;
    options.compress = level == kHistoryLevel ? levels != 0 : (levels >> level & 1) != 0;
    return options;
  }
  RunWriter::Outside run_outside(size_t level, bool fills_cache = false) {
    TableOptions options = options_of_level(level);
    options.fills_cache = fills_cache;
    const auto number = [this] { return next_number(); };
    return {os_, options_.directory, options, options_.table_bytes, held_bytes_max(), number};
  }
  uint64_t held_bytes_max() const {
    return std::max(kHeldBytesMin, cache_.budget_bytes() / kHeldShare);
  }
  Separating::Outside values_outside() {
    return {os_, options_.directory, value_options_, options_.value_file_bytes,
            [this] { return next_number(); }};
  }
  Result<std::shared_ptr<Table>> open_table(const TableInfo& info);
  Result<ValueFilePointer> open_values(const ValueFileInfo& info);
  Status open_tables(const ManifestState& state, std::vector<LsmRun>& runs);
  Status open_value_files(const ManifestState& state, ValueFiles& values);
  bool note_lost(const Status& status, const std::string& path);
  void publish(std::vector<LsmRun> runs, ValueFiles values, uint64_t absorbed, const Lock& held);
  struct Writing;  // What a run is written to.
  Status write_run(Run& run, const Retention& retention, Writing& to);
  Status fill_tables(Run& run, const Retention& retention, Writing& to);
  struct Made {  // Files that no manifest names yet.
    LsmVersion::Tables current;
    LsmVersion::Tables history;
    std::vector<ValueFilePointer> value_files;
  };
  Result<Made> open_made(const std::vector<TableInfo>& current,
                         const std::vector<TableInfo>& history, const Retention& retention,
                         const std::vector<ValueFileInfo>& value_files);
  Status open_tables_of(const std::vector<TableInfo>& infos, LsmVersion::Tables& tables);
  Status append(const ManifestEdit& edit, const Lock& held);
  void remove_files(const std::vector<std::string>& paths);
  std::vector<std::string> paths_of(const ManifestEdit& edit) const;
  Status remove_orphans(const ManifestState& state);
  Status stream_file(const std::string& path, uint64_t file_bytes, const Sink& sink);

  // A merge under way. Whoever has claimed it works on it, without a lock.
  struct Job {
    std::unique_ptr<Compaction> compaction;
    bool is_claimed = false;
    bool is_unreadable = false;  // It ended because a source is.
  };
  using JobPointer = std::shared_ptr<Job>;
  JobPointer claim(const Retention& retention);
  JobPointer begin(CompactionInput input, const Retention& retention, const Lock& held);
  Status work(const JobPointer& job, uint64_t budget_bytes);
  bool note_unreadable(const Compaction& compaction, const Status& status);
  std::vector<VerifyProblem> damaged(const LsmVersion& version) const;
  void keep(Table& table, KeptBlocks kept);
  Status install(Compaction& compaction);
  Status finish_jobs(Lock& held);
  Status finish_one(CompactionInput input, const Retention& retention, Lock& held);
  Status finish_whole(CompactionInput all, const Retention& retention, Lock& held);

  Os& os_;
  Manifest& manifest_;
  Cache& cache_;
  EpochDomain& epochs_;
  const LsmOptions options_;
  TableOptions table_options_;
  ValueOptions value_options_;
  std::atomic<uint64_t> next_number_{1};
  std::atomic<const EngineVersion*> version_{nullptr};
  std::atomic<uint64_t> absorbed_bytes_{0}, written_bytes_{0}, read_bytes_{0};

  // Guards what follows; held while a version is made from the one before.
  mutable std::mutex mutex_;
  std::shared_ptr<const LsmVersion> current_;
  std::shared_ptr<const ClosedVersion> closed_;  // Once close() was called: `current_` is empty.
  std::vector<std::string> uncertain_;  // Files whose entry in the manifest failed.
  std::vector<VerifyProblem> unreadable_;  // Tables that merges leave alone.

  std::mutex jobs_mutex_;  // Guards what follows. Taken before mutex_.
  std::vector<JobPointer> jobs_;
  bool is_compacting_ = false;       // compact() is at it: no other merge begins.
  std::string resume_[kLevelCount];  // Where the next pick of a level begins.
  std::unique_ptr<Gate> job_left_;   // Opened when a job is let go of.
};

// What tables become part of: a run that is there, or a new one with the number of the first.
struct Target {
  uint64_t run = 0;
  size_t level = 0;
};

Target new_run(const LsmVersion::Tables& tables, size_t level) {
  return {tables.front()->info().number, level};
}

// Adds tables to their run, and to the edit that says so.
void add_tables(const LsmVersion::Tables& tables, const Target& target, std::vector<LsmRun>& runs,
                ManifestEdit& edit) {
  auto run = std::find_if(runs.begin(), runs.end(),
                          [&](const LsmRun& one) { return one.number == target.run; });
  if (run == runs.end()) run = runs.insert(run, {target.run, target.level});
  run->tables.insert(run->tables.end(), tables.begin(), tables.end());
  const bool is_history = target.level == kHistoryLevel;
  const uint8_t level = is_history ? 0 : static_cast<uint8_t>(target.level);
  const uint8_t place = is_history ? kPlaceHistory : kPlaceCurrent;
  for (const auto& table : tables) {
    edit.add_tables.push_back({table->info(), level, place, target.run});
  }
}

// Where a merge of current leaves what is current.
Target target_of(const CompactionInput& input, const LsmVersion::Tables& tables,
                 const std::vector<LsmRun>& runs) {
  const auto found = std::find_if(runs.begin(), runs.end(), [&](const LsmRun& run) {
    if (input.joins_run != 0) return run.number == input.joins_run;
    return input.joins_level && run.level == input.target_level;
  });
  if (found != runs.end()) return {found->number, found->level};
  return new_run(tables, input.target_level);
}

void count_uses(const std::vector<LsmRun>& runs, ValueFiles& values) {
  values.clear_uses();
  for (const LsmRun& run : runs) {
    for (const auto& table : run.tables) values.count_uses(table->info());
  }
}

Lsm::~Lsm() {
  const Status status = close();
  (void)status;  // It has none to tell.
}

// What a merge has written so far goes while the directory is still ours, and then the files that
// are open, each with its last reader.
Status Lsm::close() {
  const Lock jobs_held(jobs_mutex_);
  for (const JobPointer& job : jobs_) job->compaction->abandon();
  jobs_.clear();
  const Lock held(mutex_);
  if (closed_ || !current_) return Status::ok();
  const uint64_t absorbed = current_->absorbed();
  closed_ = std::make_shared<const ClosedVersion>(absorbed);
  publish({}, {}, absorbed, held);
  return Status::ok();
}

// ---- opening

Result<std::shared_ptr<Table>> Lsm::open_table(const TableInfo& info) {
  TableOptions options = table_options_;
  options.number = info.number;
  return Table::open(os_, table_path(options_.directory, info.number), info, cache_, options);
}

Status Lsm::remove_orphans(const ManifestState& state) {
  const Result<std::vector<DirectoryEntry>> entries = os_.list(options_.directory);
  if (!entries) return entries.error();
  for (const DirectoryEntry& entry : *entries) {
    const uint64_t table = table_number(entry.name);
    const uint64_t values = values_number(entry.name);
    if (table == 0 && values == 0) continue;
    next_number_ = std::max(next_number_.load(), std::max(table, values) + 1);
    if (state.tables.contains(table) || state.value_files.contains(values)) continue;
    const Status status = os_.remove(options_.directory + "/" + entry.name);
    (void)status;  // On a directory that may only be read it stays.
  }
  return Status::ok();
}

Result<ValueFilePointer> Lsm::open_values(const ValueFileInfo& info) {
  ValueOptions options = value_options_;
  options.number = info.number;
  Result<std::shared_ptr<ValueFile>> file =
      ValueFile::open(os_, values_path(options_.directory, info.number), info, options);
  if (!file) return file.error();
  return ValueFilePointer(std::move(*file));
}

// Whether a file is one to do without.
bool Lsm::note_lost(const Status& status, const std::string& path) {
  const bool is_damaged = status.code() == Code::kCorrupt || status.code() == Code::kNotFound;
  if (!is_damaged || options_.lost == nullptr) return false;
  options_.lost->push_back({path, 0, status.message()});
  return true;
}

Status Lsm::open_value_files(const ManifestState& state, ValueFiles& values) {
  for (const auto& [number, info] : state.value_files) {
    Result<ValueFilePointer> file = open_values(info);
    if (file) values.add(std::move(*file));
    if (file || note_lost(file.error(), values_path(options_.directory, number))) continue;
    return file.error();
  }
  return Status::ok();
}

Status Lsm::open_tables(const ManifestState& state, std::vector<LsmRun>& all) {
  std::map<std::pair<uint8_t, uint64_t>, LsmRun> runs;
  for (const auto& [number, entry] : state.tables) {
    if (entry.level >= kLevelCount) {
      return {Code::kNewerFormat, "lsm: a table on level " + std::to_string(entry.level)};
    }
    Result<std::shared_ptr<Table>> table = open_table(entry.info);
    if (!table) {
      if (note_lost(table.error(), table_path(options_.directory, number))) continue;
      return table.error();
    }
    LsmRun& run = runs[{entry.place, entry.run}];
    run.number = entry.run;
    run.level = entry.place == kPlaceHistory ? kHistoryLevel : entry.level;
    run.tables.push_back(std::move(*table));
  }
  for (auto& [place, run] : runs) all.push_back(std::move(run));
  return Status::ok();
}

Status Lsm::open() {
  const ManifestState& state = manifest_.state();
  next_number_ = state.next_table;
  if (Status status = remove_orphans(state); !status) return status;
  std::vector<LsmRun> runs;
  ValueFiles values;
  if (Status status = open_value_files(state, values); !status) return status;
  if (Status status = open_tables(state, runs); !status) return status;
  count_uses(runs, values);
  const Lock held(mutex_);
  publish(std::move(runs), std::move(values), state.absorbed, held);
  return Status::ok();
}

void Lsm::publish(std::vector<LsmRun> runs, ValueFiles values, uint64_t absorbed,
                  const Lock& held) {
  check(held.owns_lock());
  auto next = std::make_shared<const LsmVersion>(std::move(runs), std::move(values), absorbed);
  const EngineVersion* const shown =
      closed_ ? closed_.get() : static_cast<const EngineVersion*>(next.get());
  version_.store(shown, std::memory_order_seq_cst);
  std::shared_ptr<const LsmVersion> old = std::move(current_);
  current_ = std::move(next);
  if (old) epochs_.retire([old]() mutable { old.reset(); });
}

// ---- absorbing

struct Lsm::Writing {
  RunWriter current;
  RunWriter history;
  Separating values;
};

// Files that do not become part of the store go again: on a full disk they must not be what fills
// it.
Status Lsm::write_run(Run& run, const Retention& retention, Writing& to) {
  Status status = fill_tables(run, retention, to);
  if (status) return status;
  to.current.abandon();
  to.history.abandon();
  to.values.abandon();
  return status;
}

// Of a run nothing may be left to keep.
Status Lsm::fill_tables(Run& run, const Retention& retention, Writing& to) {
  Keeping keeping(retention, run.range_deletions, false);
  const auto out = [&](const Edit& edit) {
    RunWriter& place = edit.superseded == 0 ? to.current : to.history;
    const bool is_large =
        edit.kind == EditKind::kPut && edit.value.size() >= options_.large_value_bytes;
    if (!is_large) return place.add(edit);
    const Result<Edit> referring = to.values.separate(edit);
    return referring ? place.add(*referring) : referring.error();
  };
  uint64_t taken_bytes = 0;
  for (; run.edits != nullptr && run.edits->valid(); run.edits->next()) {
    const Edit& edit = run.edits->edit();
    taken_bytes += edit.key.size() + edit.value.size();
    if (Status status = keeping.add(edit, out); !status) return status;
  }
  if (run.edits != nullptr) {
    if (Status status = run.edits->status(); !status) return status;
  }
  if (Status status = to.values.finish(); !status) return status;
  if (Status status = to.current.finish(); !status) return status;
  if (Status status = to.history.finish(); !status) return status;
  const uint64_t written = to.current.written_bytes() + to.history.written_bytes();
  written_bytes_.fetch_add(written + to.values.written_bytes(), std::memory_order_relaxed);
  absorbed_bytes_.fetch_add(taken_bytes, std::memory_order_relaxed);
  return Status::ok();
}

Status Lsm::absorb(Run& run, const Retention& retention) {
  if (run.commit_last < current()->absorbed()) {
    return Status::invalid("lsm: a run older than what is absorbed");
  }
  Writing to{RunWriter(run_outside(0), run.range_deletions), RunWriter(run_outside(kHistoryLevel)),
             Separating(values_outside())};
  if (Status status = write_run(run, retention, to); !status) return status;
  Result<Made> made = open_made(to.current.made(), to.history.made(), retention, to.values.made());
  if (!made) return made.error();
  ManifestEdit edit;
  edit.absorbed = run.commit_last;
  if (run.time_ms_last != 0) edit.time_ms = run.time_ms_last;
  edit.next_table = next_number_.load();
  edit.add_value_files = to.values.made();
  const Lock held(mutex_);
  std::vector<LsmRun> runs = current_->all_runs();
  ValueFiles values = current_->values();
  if (!made->current.empty()) add_tables(made->current, new_run(made->current, 0), runs, edit);
  if (!made->history.empty()) {
    add_tables(made->history, new_run(made->history, kHistoryLevel), runs, edit);
  }
  if (Status status = append(edit, held); !status) return status;
  for (ValueFilePointer& file : made->value_files) values.add(std::move(file));
  count_uses(runs, values);
  publish(std::move(runs), std::move(values), run.commit_last, held);
  return Status::ok();
}

// ---- what was written becomes part of the store

void Lsm::remove_files(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    const Status status = os_.remove(path);
    (void)status;  // What stays, the next open removes.
  }
}

// The files that an edit adds.
std::vector<std::string> Lsm::paths_of(const ManifestEdit& edit) const {
  std::vector<std::string> paths;
  for (const ManifestTable& table : edit.add_tables) {
    paths.push_back(table_path(options_.directory, table.info.number));
  }
  for (const ValueFileInfo& info : edit.add_value_files) {
    paths.push_back(values_path(options_.directory, info.number));
  }
  return paths;
}

Status Lsm::open_tables_of(const std::vector<TableInfo>& infos, LsmVersion::Tables& tables) {
  for (const TableInfo& info : infos) {
    Result<std::shared_ptr<Table>> table = open_table(info);
    if (!table) return table.error();
    tables.push_back(std::move(*table));
  }
  return Status::ok();
}

// Opens what no manifest names yet. If one file cannot be opened, all go.
Result<Lsm::Made> Lsm::open_made(const std::vector<TableInfo>& current,
                                 const std::vector<TableInfo>& history, const Retention& retention,
                                 const std::vector<ValueFileInfo>& value_files) {
  Made made;
  Status status = os_.sync_directory(options_.directory);
  if (status) status = open_tables_of(current, made.current);
  for (size_t i = 0; i < made.current.size() && status; ++i) status = made.current[i]->warm();
  if (status) status = open_tables_of(history, made.history);
  for (const auto& table : made.history) {
    const bool is_behind = table->info().superseded_last <= retention.horizon;
    if (is_behind) table->note_views(views_within(retention, table->info()));
  }
  for (size_t i = 0; i < value_files.size() && status; ++i) {
    Result<ValueFilePointer> file = open_values(value_files[i]);
    if (file) made.value_files.push_back(std::move(*file));
    status = file.error();
  }
  if (status) return made;
  made = {};  // Closes what is open before it is removed.
  ManifestEdit edit;
  for (const TableInfo& info : current) edit.add_tables.push_back({info});
  for (const TableInfo& info : history) edit.add_tables.push_back({info});
  edit.add_value_files = value_files;
  remove_files(paths_of(edit));
  return status;
}

// After a failure nobody knows whether the disk names the new files: they stay until a
// later change of the manifest, which writes the state anew, has said that it does not.
Status Lsm::append(const ManifestEdit& edit, const Lock& held) {
  check(held.owns_lock());
  if (Status status = manifest_.append(edit); !status) {
    for (std::string& path : paths_of(edit)) uncertain_.push_back(std::move(path));
    return status;
  }
  remove_files(uncertain_);
  uncertain_.clear();
  return Status::ok();
}

// ---- compaction

Lsm::JobPointer Lsm::begin(CompactionInput input, const Retention& retention, const Lock& held) {
  check(held.owns_lock());
  auto job = std::make_shared<Job>();
  job->compaction = std::make_unique<Compaction>(
      Compaction::Outside{run_outside(input.target_level, input.fills_cache),
                          run_outside(kHistoryLevel), values_outside()},
      std::move(input), retention);
  job->is_claimed = true;
  jobs_.push_back(job);
  return job;
}

// A merge that nobody works on, or a new one; null when there is nothing to do.
Lsm::JobPointer Lsm::claim(const Retention& retention) {
  const Lock held(jobs_mutex_);
  for (const JobPointer& job : jobs_) {
    if (job->is_claimed) continue;
    job->is_claimed = true;
    return job;
  }
  if (is_compacting_) return nullptr;
  std::vector<const CompactionInput*> under_way;
  for (const JobPointer& job : jobs_) under_way.push_back(&job->compaction->input());
  const std::shared_ptr<const LsmVersion> version = current();
  std::optional<CompactionInput> input =
      Picker(options_, *version, under_way).pick(resume_, retention);
  if (!input) return nullptr;
  const size_t level = input->target_level - 1;
  if (input->joins_level && level != 0) {
    resume_[level] = input->sources.front().front()->info().smallest;
  }
  return begin(std::move(*input), retention, held);
}

// A step of a claimed merge; then it is let go of, or done with.
Status Lsm::work(const JobPointer& job, uint64_t budget_bytes) {
  Result<Progress> progress = job->compaction->step(budget_bytes);
  const bool more = progress && *progress == Progress::kMore;
  // Whether a failed change to the manifest took place only the next open knows: then the outputs
  // stay, and it removes them if not.
  Status status = more ? Status::ok() : progress ? install(*job->compaction) : progress.error();
  if (!progress) job->compaction->abandon();
  if (!progress) job->is_unreadable = note_unreadable(*job->compaction, status);
  const Lock held(jobs_mutex_);
  if (more)
    job->is_claimed = false;
  else
    std::erase(jobs_, job);
  job_left_->open();
  return status;
}

// Whether a merge failed because a source cannot be read. That one is taken into no other.
bool Lsm::note_unreadable(const Compaction& compaction, const Status& status) {
  const Table* const table = compaction.unreadable();
  if (table == nullptr) return false;
  const Lock held(mutex_);
  if (table->is_damaged()) return true;  // compact() and maintain() may have met it at once.
  table->note_damage();
  const uint64_t number = table->info().number;
  unreadable_.push_back({table_path(options_.directory, number), 0, status.message()});
  return true;
}

// Before anybody reads the table. What does not come into the cache now, readers load.
void Lsm::keep(Table& table, KeptBlocks kept) {
  EpochDomain::Slot* const slot = epochs_.take_slot();
  if (slot == nullptr) return;
  Status status;
  kept.take([&](KeptBlocks::One one) {
    const EpochDomain::Guard guard(epochs_, *slot);
    if (status) status = table.keep(std::move(one));
  });
  epochs_.give_back(slot);
}

Status Lsm::install(Compaction& compaction) {
  const CompactionInput& input = compaction.input();
  Result<Made> made = open_made(compaction.current(), compaction.history(), compaction.retention(),
                                compaction.value_files());
  if (!made) return made.error();
  for (size_t i = 0; i < made->current.size(); ++i) {
    keep(*made->current[i], compaction.take_kept(i));
  }
  LsmVersion::Tables taken;
  for (const LsmVersion::Tables& tables : input.sources)
    taken.insert(taken.end(), tables.begin(), tables.end());

  const Lock held(mutex_);
  ManifestEdit edit;
  std::vector<LsmRun> runs = current_->all_runs();
  for (LsmRun& run : runs) {
    std::erase_if(run.tables, [&](const auto& table) {
      return std::find(taken.begin(), taken.end(), table) != taken.end();
    });
  }
  if (input.is_moved) {
    Target target = target_of(input, taken, runs);
    // Tables that stay where it was may be a run of the first one's number.
    if (target.run == taken.front()->info().number) target.run = next_number();
    add_tables(taken, target, runs, edit);
  }
  if (!made->current.empty()) {
    add_tables(made->current, target_of(input, made->current, runs), runs, edit);
  }
  if (!made->history.empty()) {
    const bool stays = input.target_level == kHistoryLevel && input.joins_run != 0;
    const Target fresh = new_run(made->history, kHistoryLevel);
    add_tables(made->history, stays ? Target{input.joins_run, kHistoryLevel} : fresh, runs, edit);
  }
  ValueFiles values = current_->values();
  for (ValueFilePointer& file : made->value_files) values.add(std::move(file));
  count_uses(runs, values);
  const std::vector<ValueFilePointer> dead = values.take_dead();

  for (const auto& table : taken) edit.remove_tables.push_back(table->info().number);
  edit.add_value_files = compaction.value_files();
  edit.next_table = next_number_.load();
  for (const ValueFilePointer& file : dead) {
    edit.remove_value_files.push_back(file->info().number);
  }
  if (Status status = append(edit, held); !status) return status;
  const LsmVersion::Tables gone = input.is_moved ? LsmVersion::Tables() : std::move(taken);
  for (const auto& table : gone) table->drop();
  for (const ValueFilePointer& file : dead) file->drop();
  std::erase_if(unreadable_, [&](const VerifyProblem& problem) {
    return std::any_of(gone.begin(), gone.end(), [&](const auto& table) {
      return problem.file == table_path(options_.directory, table->info().number);
    });
  });
  publish(std::move(runs), std::move(values), current_->absorbed(), held);
  written_bytes_.fetch_add(compaction.written_bytes(), std::memory_order_relaxed);
  read_bytes_.fetch_add(compaction.read_bytes(), std::memory_order_relaxed);
  return Status::ok();
}

Result<Progress> Lsm::maintain(uint64_t budget_bytes, const Retention& retention) {
  const JobPointer job = claim(retention);
  if (!job) return Progress::kIdle;
  Status status = work(job, budget_bytes);
  if (!status && !job->is_unreadable) return status;
  return Progress::kMore;  // Of this merge, or of another that is due.
}

// Waits until no merge is under way, helping with those that nobody works on.
Status Lsm::finish_jobs(Lock& held) {
  while (!jobs_.empty()) {
    const auto idle = std::find_if(jobs_.begin(), jobs_.end(),
                                   [](const JobPointer& job) { return !job->is_claimed; });
    if (idle == jobs_.end()) {
      const uint64_t ticket = job_left_->ticket();
      held.unlock();
      job_left_->wait(ticket, UINT64_MAX);
      held.lock();
      continue;
    }
    const JobPointer job = *idle;
    job->is_claimed = true;
    held.unlock();
    Status status = work(job, UINT64_MAX);
    held.lock();
    if (!status && !job->is_unreadable) return status;
  }
  return Status::ok();
}

Status Lsm::finish_one(CompactionInput input, const Retention& retention, Lock& held) {
  const JobPointer job = begin(std::move(input), retention, held);
  held.unlock();
  Status status = work(job, UINT64_MAX);
  held.lock();
  return status;
}

// Everything into one run, as deep as its size asks, and nothing dead in value files.
Status Lsm::compact(const KeyRange&, const Retention& retention) {
  Lock held(jobs_mutex_);
  while (is_compacting_) {
    const uint64_t ticket = job_left_->ticket();
    held.unlock();
    job_left_->wait(ticket, UINT64_MAX);
    held.lock();
  }
  is_compacting_ = true;
  Status status = finish_jobs(held);
  if (status) {
    status = finish_whole(Picker(options_, *current(), {}).everything(), retention, held);
  }
  if (status) {
    status = finish_whole(Picker(options_, *current(), {}).all_history(), retention, held);
  }
  // What that left dead in value files is known only now.
  while (status) {
    std::optional<CompactionInput> input = Picker(options_, *current(), {}).pick_wasteful(0);
    if (!input) break;
    status = finish_one(std::move(*input), retention, held);
  }
  is_compacting_ = false;
  job_left_->open();
  return status;
}

// A merge of all that one place has.
Status Lsm::finish_whole(CompactionInput all, const Retention& retention, Lock& held) {
  if (all.sources.empty()) return Status::ok();
  if (const Table* const table = Picker::damaged(all); table != nullptr) {
    return Status::corrupt("lsm: " + table_path(options_.directory, table->info().number) +
                           " is damaged, and cannot be merged with the rest");
  }
  return finish_one(std::move(all), retention, held);
}

// ---- care

Status Lsm::stream_file(const std::string& path, uint64_t file_bytes, const Sink& sink) {
  Result<std::unique_ptr<File>> file = os_.open(path, OpenMode::kRead);
  if (!file) return file.error();
  std::string buffer(size_t{1} << 20, '\0');
  for (uint64_t at = 0; at < file_bytes;) {
    const Result<size_t> got = (*file)->read_at(
        at, MutableBytes(reinterpret_cast<uint8_t*>(buffer.data()), buffer.size()));
    if (!got) return got.error();
    if (*got == 0) return Status::corrupt("lsm: " + path + " is cut");
    if (Status status = sink(as_bytes(buffer).first(*got)); !status) return status;
    at += *got;
  }
  return Status::ok();
}

Status Lsm::checkpoint(const Sink& sink) {
  const std::shared_ptr<const LsmVersion> version = current();
  for (const auto& [number, share] : version->values().shares()) {
    Status status = stream_file(share.file->path(), share.file->info().file_bytes, sink);
    if (!status) return status;
  }
  for (const LsmRun& run : version->all_runs()) {
    for (const auto& table : run.tables) {
      const std::string path = table_path(options_.directory, table->info().number);
      if (Status status = stream_file(path, table->info().file_bytes, sink); !status) return status;
    }
  }
  return Status::ok();
}

Status Lsm::verify(std::vector<VerifyProblem>& problems) {
  const std::shared_ptr<const LsmVersion> version = current();
  for (const auto& [number, share] : version->values().shares()) {
    if (Status status = share.file->verify(problems); !status) return status;
  }
  const auto check_reference = [&](const ValueReference& reference) {
    const Result<ValueFilePointer> file = version->values().file_of(reference);
    return file ? (*file)->verify_reference(reference) : file.error();
  };
  for (const LsmRun& run : version->all_runs()) {
    for (size_t i = 0; i < run.tables.size(); ++i) {
      Status status = run.tables[i]->verify(problems, check_reference);
      if (!status) return status;
      if (i == 0) continue;
      const TableInfo& before = run.tables[i - 1]->info();
      if (before.unbounded || before.largest > run.tables[i]->info().smallest) {
        problems.push_back({table_path(options_.directory, run.tables[i]->info().number), 0,
                            "it overlaps its neighbour in run " + std::to_string(run.number)});
      }
    }
  }
  return Status::ok();
}

// Value files that are damaged are known to the version alone.
std::vector<VerifyProblem> Lsm::damaged(const LsmVersion& version) const {
  std::vector<VerifyProblem> all;
  {
    const Lock held(mutex_);
    all = unreadable_;
  }
  for (const auto& [number, share] : version.values().shares()) {
    if (!share.file->is_damaged()) continue;
    all.push_back({share.file->path(), 0, "lsm: " + share.file->path() + " has a damaged value"});
  }
  return all;
}

EngineStats Lsm::stats() const {
  const std::shared_ptr<const LsmVersion> version = current();
  EngineStats stats;
  stats.damaged = damaged(*version);
  struct Sums {
    uint64_t runs = 0, tables = 0, bytes = 0;
  };
  std::map<size_t, Sums> levels;
  for (const LsmRun& run : version->runs()) {
    Sums& sums = levels[run.level];
    ++sums.runs;
    sums.tables += run.tables.size();
    sums.bytes += run.bytes;
    stats.disk_bytes += run.bytes;
    for (const auto& table : run.tables) stats.entry_count += table->info().entry_count;
  }
  size_t history_tables = 0;
  uint64_t history_entries = 0;
  for (const LsmRun& run : version->history()) {
    stats.history_bytes += run.bytes;
    stats.disk_bytes += run.bytes;
    history_tables += run.tables.size();
    for (const auto& table : run.tables) history_entries += table->info().entry_count;
  }
  stats.detail.emplace_back("historyRuns", version->history().size());
  stats.detail.emplace_back("historyTables", history_tables);
  stats.detail.emplace_back("historyEntries", history_entries);
  for (const auto& [level, sums] : levels) {
    const std::string name = "level" + std::to_string(level);
    stats.detail.emplace_back(name + "Runs", sums.runs);
    stats.detail.emplace_back(name + "Tables", sums.tables);
    stats.detail.emplace_back(name + "Bytes", sums.bytes);
  }
  for (const auto& [number, share] : version->values().shares()) {
    ++stats.value_file_count;
    stats.value_bytes += share.file->info().payload_bytes();
    stats.value_dead_bytes += share.dead_bytes();
    stats.disk_bytes += share.file->info().file_bytes;
  }
  const Picker picker(options_, *version, {});
  stats.debt_bytes = picker.debt_bytes();
  stats.stop_writes = picker.stop_writes();
  stats.absorbed_bytes = absorbed_bytes_.load();
  stats.written_bytes = written_bytes_.load();
  stats.read_bytes = read_bytes_.load();
  return stats;
}

}  // namespace

Result<std::unique_ptr<Engine>> open_lsm(Os& os, Manifest& manifest, Cache& cache,
                                         EpochDomain& epochs, const LsmOptions& options) {
  auto engine = std::make_unique<Lsm>(os, manifest, cache, epochs, options);
  if (Status status = engine->open(); !status) return status;
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace varve
