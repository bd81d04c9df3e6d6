#include "engine/lsm/lsm.h"

#include <algorithm>
#include <mutex>

#include "engine/lsm/compaction.h"

namespace varve {
namespace {

using Lock = std::unique_lock<std::mutex>;
using Levels = std::array<LsmVersion::Tables, kLevelCount>;

class Lsm final : public Engine {
 public:
  Lsm(Os& os, Manifest& manifest, Cache& cache, EpochDomain& epochs, const LsmOptions& options)
      : os_(os), manifest_(manifest), cache_(cache), epochs_(epochs), options_(options) {
    const ManifestState& state = manifest.state();
    table_options_.block_bytes = options.block_bytes;
    table_options_.hash_seed = state.hash_seed;
    std::copy(state.identity.begin(), state.identity.end(), table_options_.store_identity);
  }
  ~Lsm() override;

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
  void set_memory(uint64_t cache_bytes) override { cache_.set_budget(cache_bytes); }
  Status close() override { return Status::ok(); }

 private:
  std::shared_ptr<const LsmVersion> current() const {
    const Lock held(mutex_);
    return current_;
  }
  uint64_t next_number() { return next_number_.fetch_add(1); }
  uint64_t target_bytes(size_t level) const;
  Result<std::shared_ptr<Table>> open_table(const TableInfo& info);
  void publish(Levels levels, uint64_t absorbed, const Lock& held);
  Status write_run(Run& run, const Retention& retention, std::vector<TableInfo>& made);
  std::optional<CompactionInput> pick() const;
  CompactionInput inputs_of(const LsmVersion& version, size_t level,
                            const LsmVersion::Tables& tables) const;
  Status install(const Compaction& compaction);
  Result<Progress> run_step(uint64_t budget_bytes, const Lock& held);
  Status remove_orphans(const ManifestState& state);

  Os& os_;
  Manifest& manifest_;
  Cache& cache_;
  EpochDomain& epochs_;
  const LsmOptions options_;
  TableOptions table_options_;
  std::atomic<uint64_t> next_number_{1};
  std::atomic<const LsmVersion*> version_{nullptr};
  std::atomic<uint64_t> absorbed_bytes_{0}, written_bytes_{0}, read_bytes_{0};

  mutable std::mutex mutex_;  // Guards current_; held while a version is made from the one before.
  std::shared_ptr<const LsmVersion> current_;

  std::mutex compaction_mutex_;  // One merge at a time. Taken before mutex_.
  std::unique_ptr<Compaction> compaction_;
  std::string round_robin_[kLevelCount];  // Where the next pick of a level begins.
};

Lsm::~Lsm() {
  if (compaction_) compaction_->abandon();
}

// ---- opening

Result<std::shared_ptr<Table>> Lsm::open_table(const TableInfo& info) {
  TableOptions options = table_options_;
  options.number = info.number;
  return Table::open(os_, table_path(options_.directory, info.number), info, cache_, epochs_,
                     options);
}

Status Lsm::remove_orphans(const ManifestState& state) {
  const Result<std::vector<DirectoryEntry>> entries = os_.list(options_.directory);
  if (!entries) return entries.error();
  for (const DirectoryEntry& entry : *entries) {
    const uint64_t number = table_number(entry.name);
    if (number == 0) continue;
    next_number_ = std::max(next_number_.load(), number + 1);
    if (state.tables.contains(number)) continue;
    const Status status = os_.remove(options_.directory + "/" + entry.name);
    (void)status;  // On a directory that may only be read it stays.
  }
  return Status::ok();
}

Status Lsm::open() {
  const ManifestState& state = manifest_.state();
  next_number_ = state.next_table;
  if (Status status = remove_orphans(state); !status) return status;
  Levels levels;
  for (const auto& [number, entry] : state.tables) {
    if (entry.level >= kLevelCount) {
      return {Code::kNewerFormat, "lsm: a table on level " + std::to_string(entry.level)};
    }
    Result<std::shared_ptr<Table>> table = open_table(entry.info);
    const bool is_damaged = table.code() == Code::kCorrupt || table.code() == Code::kNotFound;
    if (is_damaged && options_.lost != nullptr) {
      options_.lost->push_back(
          {table_path(options_.directory, number), 0, table.error().message()});
      continue;
    }
    if (!table) return table.error();
    levels[entry.level].push_back(std::move(*table));
  }
  const Lock held(mutex_);
  publish(std::move(levels), state.absorbed, held);
  return Status::ok();
}

void Lsm::publish(Levels levels, uint64_t absorbed, const Lock& held) {
  check(held.owns_lock());
  std::sort(levels[0].begin(), levels[0].end(), [](const auto& a, const auto& b) {
    return a->info().commit_last > b->info().commit_last;
  });
  for (size_t level = 1; level < kLevelCount; ++level) {
    std::sort(levels[level].begin(), levels[level].end(),
              [](const auto& a, const auto& b) { return a->info().smallest < b->info().smallest; });
  }
  auto next = std::make_shared<const LsmVersion>(std::move(levels), absorbed);
  version_.store(next.get(), std::memory_order_seq_cst);
  std::shared_ptr<const LsmVersion> old = std::move(current_);
  current_ = std::move(next);
  if (old) epochs_.retire([old]() mutable { old.reset(); });
}

// ---- absorbing

Status Lsm::write_run(Run& run, const Retention& retention, std::vector<TableInfo>& made) {
  Keeping keeping(retention, run.range_deletions, false);
  TableOptions options = table_options_;
  options.number = next_number();
  Result<std::unique_ptr<TableWriter>> writer =
      TableWriter::create(os_, table_path(options_.directory, options.number), options);
  if (!writer) return writer.error();
  const auto out = [&](const Edit& edit) { return (*writer)->add(edit); };
  for (; run.edits->valid(); run.edits->next()) {
    const Edit& edit = run.edits->edit();
    absorbed_bytes_.fetch_add(edit.key.size() + edit.value.size(), std::memory_order_relaxed);
    if (Status status = keeping.add(edit, out); !status) return status;
  }
  if (Status status = run.edits->status(); !status) return status;
  for (const RangeDeletion& deletion : run.range_deletions) (*writer)->add(deletion);
  if ((*writer)->empty()) {
    return os_.remove(table_path(options_.directory, options.number));
  }
  const Result<TableInfo> info = (*writer)->finish();
  if (!info) return info.error();
  written_bytes_.fetch_add(info->file_bytes, std::memory_order_relaxed);
  made.push_back(*info);
  return Status::ok();
}

Status Lsm::absorb(Run& run, const Retention& retention) {
  std::vector<TableInfo> made;
  if (Status status = write_run(run, retention, made); !status) return status;
  if (Status status = os_.sync_directory(options_.directory); !status) return status;
  ManifestEdit edit;
  edit.absorbed = run.commit_last;
  edit.next_table = next_number_.load();
  LsmVersion::Tables tables;
  for (const TableInfo& info : made) {
    edit.add_tables.push_back({info, 0, 0});
    Result<std::shared_ptr<Table>> table = open_table(info);
    if (!table) return table.error();
    tables.push_back(std::move(*table));
  }
  const Lock held(mutex_);
  if (Status status = manifest_.append(edit); !status) return status;
  Levels levels = current_->levels();
  levels[0].insert(levels[0].end(), tables.begin(), tables.end());
  publish(std::move(levels), run.commit_last, held);
  return Status::ok();
}

// ---- compaction

uint64_t Lsm::target_bytes(size_t level) const {
  uint64_t bytes = options_.level1_bytes;
  for (size_t i = 1; i < level; ++i) bytes *= 10;
  return bytes;
}

// The tables and what they overlap on the next level.
CompactionInput Lsm::inputs_of(const LsmVersion& version, size_t level,
                               const LsmVersion::Tables& tables) const {
  CompactionInput input;
  input.target_level = level + 1;
  std::string begin = tables.front()->info().smallest;
  std::string end;
  bool unbounded = false;
  for (const auto& table : tables) {
    begin = std::min(begin, table->info().smallest);
    end = std::max(end, table->info().largest + '\0');
    unbounded = unbounded || table->info().unbounded;
    if (level == 0) input.sources.push_back({table});
  }
  if (level != 0) input.sources.push_back(tables);
  if (unbounded) end.clear();
  const KeyRange range{as_bytes(begin), as_bytes(end)};
  LsmVersion::Tables below = version.overlapping(level + 1, range);
  if (!below.empty()) input.sources.push_back(std::move(below));
  input.bottom = true;
  for (size_t deeper = level + 2; deeper < kLevelCount; ++deeper) {
    input.bottom = input.bottom && version.overlapping(deeper, range).empty();
  }
  return input;
}

std::optional<CompactionInput> Lsm::pick() const {
  const std::shared_ptr<const LsmVersion> version = current();
  double worst = 1.0;
  size_t chosen = kLevelCount;
  const Levels& levels = version->levels();
  if (levels[0].size() >= options_.level0_count) {
    worst = static_cast<double>(levels[0].size()) / options_.level0_count;
    chosen = 0;
  }
  for (size_t level = 1; level + 1 < kLevelCount; ++level) {
    const double fullness =
        static_cast<double>(version->level_bytes(level)) / static_cast<double>(target_bytes(level));
    if (fullness > worst) {
      worst = fullness;
      chosen = level;
    }
  }
  if (chosen == kLevelCount) return std::nullopt;
  if (chosen == 0) return inputs_of(*version, 0, levels[0]);
  const auto next = std::find_if(
      levels[chosen].begin(), levels[chosen].end(),
      [&](const auto& table) { return table->info().smallest > round_robin_[chosen]; });
  const auto& table = next == levels[chosen].end() ? levels[chosen].front() : *next;
  return inputs_of(*version, chosen, {table});
}

Status Lsm::install(const Compaction& compaction) {
  if (Status status = os_.sync_directory(options_.directory); !status) return status;
  const CompactionInput& input = compaction.input();
  ManifestEdit edit;
  edit.next_table = next_number_.load();
  LsmVersion::Tables made;
  for (const TableInfo& info : compaction.outputs()) {
    edit.add_tables.push_back({info, static_cast<uint8_t>(input.target_level), 0});
    Result<std::shared_ptr<Table>> table = open_table(info);
    if (!table) return table.error();
    made.push_back(std::move(*table));
  }
  LsmVersion::Tables gone;
  for (const LsmVersion::Tables& tables : input.sources)
    gone.insert(gone.end(), tables.begin(), tables.end());
  for (const auto& table : gone) edit.remove_tables.push_back(table->info().number);

  const Lock held(mutex_);
  if (Status status = manifest_.append(edit); !status) return status;
  Levels levels = current_->levels();
  for (LsmVersion::Tables& level : levels) {
    std::erase_if(level, [&](const auto& table) {
      return std::find(gone.begin(), gone.end(), table) != gone.end();
    });
  }
  LsmVersion::Tables& target = levels[input.target_level];
  target.insert(target.end(), made.begin(), made.end());
  for (const auto& table : gone) table->drop();
  publish(std::move(levels), current_->absorbed(), held);
  written_bytes_.fetch_add(compaction.written_bytes(), std::memory_order_relaxed);
  read_bytes_.fetch_add(compaction.read_bytes(), std::memory_order_relaxed);
  return Status::ok();
}

Result<Progress> Lsm::run_step(uint64_t budget_bytes, const Lock& held) {
  check(held.owns_lock());
  Result<Progress> progress = compaction_->step(budget_bytes);
  if (progress && *progress == Progress::kMore) return progress;
  // Whether a failed change to the manifest took place only the next open knows: then the outputs
  // stay, and it removes them if not.
  Status status = progress ? install(*compaction_) : progress.error();
  if (!progress) compaction_->abandon();
  compaction_.reset();
  if (!status) return status;
  return Progress::kMore;  // Another may be due.
}

Result<Progress> Lsm::maintain(uint64_t budget_bytes, const Retention& retention) {
  const Lock held(compaction_mutex_, std::try_to_lock);
  if (!held.owns_lock()) return Progress::kIdle;  // Another thread is at it.
  if (!compaction_) {
    std::optional<CompactionInput> input = pick();
    if (!input) return Progress::kIdle;
    const size_t level = input->target_level - 1;
    if (level != 0) round_robin_[level] = input->sources.front().front()->info().smallest;
    compaction_ = std::make_unique<Compaction>(
        Compaction::Outside{os_, options_.directory, table_options_, options_.table_bytes,
                            [this] { return next_number(); }},
        std::move(*input), retention);
  }
  return run_step(budget_bytes, held);
}

// Everything into one level, as deep as its size asks.
Status Lsm::compact(const KeyRange&, const Retention& retention) {
  const Lock held(compaction_mutex_);
  while (compaction_) {
    const Result<Progress> progress = run_step(UINT64_MAX, held);
    if (!progress) return progress.error();
  }
  const std::shared_ptr<const LsmVersion> version = current();
  CompactionInput input;
  uint64_t bytes = 0;
  size_t deepest = 0;
  for (size_t level = 0; level < kLevelCount; ++level) {
    const LsmVersion::Tables& tables = version->levels()[level];
    bytes += version->level_bytes(level);
    if (tables.empty()) continue;
    deepest = level;
    if (level != 0) input.sources.push_back(tables);
    for (const auto& table : tables) {
      if (level == 0) input.sources.push_back({table});
    }
  }
  if (input.sources.empty()) return Status::ok();
  input.target_level = std::max<size_t>(deepest, 1);
  while (input.target_level + 1 < kLevelCount && bytes > target_bytes(input.target_level))
    ++input.target_level;
  input.bottom = true;
  compaction_ = std::make_unique<Compaction>(
      Compaction::Outside{os_, options_.directory, table_options_, options_.table_bytes,
                          [this] { return next_number(); }},
      std::move(input), retention);
  const Result<Progress> progress = run_step(UINT64_MAX, held);
  return progress ? Status::ok() : progress.error();
}

// ---- care

Status Lsm::checkpoint(const std::function<Status(Bytes)>& sink) {
  const std::shared_ptr<const LsmVersion> version = current();
  std::string buffer(size_t{1} << 20, '\0');
  for (const LsmVersion::Tables& level : version->levels()) {
    for (const auto& table : level) {
      const std::string path = table_path(options_.directory, table->info().number);
      Result<std::unique_ptr<File>> file = os_.open(path, OpenMode::kRead);
      if (!file) return file.error();
      for (uint64_t at = 0; at < table->info().file_bytes;) {
        const Result<size_t> got = (*file)->read_at(
            at, MutableBytes(reinterpret_cast<uint8_t*>(buffer.data()), buffer.size()));
        if (!got) return got.error();
        if (*got == 0) return Status::corrupt("lsm: " + path + " is cut");
        if (Status status = sink(as_bytes(buffer).first(*got)); !status) return status;
        at += *got;
      }
    }
  }
  return Status::ok();
}

Status Lsm::verify(std::vector<VerifyProblem>& problems) {
  const std::shared_ptr<const LsmVersion> version = current();
  for (size_t level = 0; level < kLevelCount; ++level) {
    const LsmVersion::Tables& tables = version->levels()[level];
    for (size_t i = 0; i < tables.size(); ++i) {
      if (Status status = tables[i]->verify(problems); !status) return status;
      if (level == 0 || i == 0) continue;
      const TableInfo& before = tables[i - 1]->info();
      if (before.unbounded || before.largest > tables[i]->info().smallest) {
        problems.push_back({table_path(options_.directory, tables[i]->info().number), 0,
                            "it overlaps its neighbour on level " + std::to_string(level)});
      }
    }
  }
  return Status::ok();
}

EngineStats Lsm::stats() const {
  const std::shared_ptr<const LsmVersion> version = current();
  EngineStats stats;
  for (size_t level = 0; level < kLevelCount; ++level) {
    const LsmVersion::Tables& tables = version->levels()[level];
    const uint64_t bytes = version->level_bytes(level);
    stats.disk_bytes += bytes;
    for (const auto& table : tables) stats.entry_count += table->info().entry_count;
    const uint64_t target = target_bytes(std::max<size_t>(level, 1));
    if (level == 0 && tables.size() >= options_.level0_count) stats.debt_bytes += bytes;
    if (level != 0 && bytes > target) stats.debt_bytes += bytes - target;
    if (tables.empty()) continue;
    const std::string name = "level" + std::to_string(level);
    stats.detail.emplace_back(name + "Tables", tables.size());
    stats.detail.emplace_back(name + "Bytes", bytes);
  }
  stats.stop_writes = version->levels()[0].size() >= options_.level0_count_max;
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
