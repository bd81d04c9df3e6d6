#include "store/repair.h"

#include <algorithm>

#include "engine/bitcask/mend.h"
#include "engine/btree/btree.h"
#include "engine/btree/salvage.h"
#include "engine/memory/checkpoint.h"
#include "engine/memory/memory.h"
#include "storage/table/table.h"
#include "storage/values/values.h"

namespace varve {
namespace {

constexpr uint64_t kCacheBytes = uint64_t{32} << 20;
constexpr int kDoublingsMax = 16;  // Of the memory that a store is saved with: up to 16 TB.
constexpr int kBusyTriesMax = 1000;

bool is_own(const std::string& name) {
  return name == "LOCK" || Manifest::is_own(name) || segment_number(name) != 0 ||
         table_number(name) != 0 || values_number(name) != 0 || bitcask::data_number(name) != 0 ||
         bitcask::hint_number(name) != 0 || bitcask::unfinished_hint_number(name) != 0 ||
         memory::checkpoint_number(name) != 0 || btree::is_btree_file(name);
}

Status within(const char* verb, const std::string& directory, const Status& status) {
  return {status.code(), std::string(verb) + " " + directory + ": " + status.message()};
}

// What is needed to read a store's files without opening it.
struct Site {
  Os& os;
  std::string directory;
  std::unique_ptr<DirectoryLock> lock;
  std::vector<DirectoryEntry> entries;

  static Result<Site> take(Os& os, const std::string& directory, const std::string& holder) {
    Site site{os, directory, nullptr, {}};
    Result<std::vector<DirectoryEntry>> entries = os.list(directory);
    if (!entries) return entries.error();
    site.entries = std::move(*entries);
    const bool any = std::any_of(site.entries.begin(), site.entries.end(), [](const auto& entry) {
      return entry.name != "LOCK" && is_own(entry.name);
    });
    if (!any && !site.entries.empty()) return Status(Code::kForeign, "not a Varve store");
    if (!any) return Status(Code::kNotFound, "no store is there");
    Result<std::unique_ptr<DirectoryLock>> lock = os.lock_directory(directory, holder);
    if (lock)
      site.lock = std::move(*lock);
    else if (lock.code() != Code::kPermission)
      return lock.error();
    return site;
  }
};

// Segments below the floor are read, too: feeds do.
LogSource source_of(const std::string& directory, const ManifestState& state) {
  LogSource source;
  source.directory = directory;
  std::copy(state.identity.begin(), state.identity.end(), source.mark.identity);
  std::copy(state.lineage.begin(), state.lineage.end(), source.mark.lineage);
  source.absorbed = state.absorbed;
  source.must_reach = state.clean_close;
  source.cut = {state.cut.segment, state.cut.offset, state.cut.resume};
  source.cut_below = state.data_files.empty() ? state.log_cut : state.log_floor;
  return source;
}

TableOptions table_options_of(const ManifestState& state, uint64_t number) {
  TableOptions options;
  options.hash_seed = state.hash_seed;
  std::copy(state.identity.begin(), state.identity.end(), options.store_identity);
  options.number = number;
  return options;
}

// The value files that could be opened.
class ValueShelf {
 public:
  // What is wrong with the others is added to `problems`.
  Status open(const Site& site, const ManifestState& state, bool any_store,
              std::vector<VerifyProblem>& problems) {
    for (const auto& [number, info] : state.value_files) {
      ValueOptions options;
      std::copy(state.identity.begin(), state.identity.end(), options.store_identity);
      options.number = number;
      options.any_store = any_store;
      const std::string path = values_path(site.directory, number);
      Result<std::shared_ptr<ValueFile>> file = ValueFile::open(site.os, path, info, options);
      const bool is_damage = file.code() == Code::kCorrupt || file.code() == Code::kNotFound;
      if (!file && !is_damage) return file.error();
      if (!file) problems.push_back({path, 0, file.error().message()});
      if (file) files_[number] = std::move(*file);
    }
    return Status::ok();
  }
  const ValueFile* find(uint64_t number) const {
    const auto file = files_.find(number);
    return file == files_.end() ? nullptr : file->second.get();
  }
  Status verify(std::vector<VerifyProblem>& problems) const {
    for (const auto& [number, file] : files_) {
      if (Status status = file->verify(problems); !status) return status;
    }
    return Status::ok();
  }
  Status verify_reference(const ValueReference& reference) const {
    const ValueFile* const file = find(reference.file);
    return file != nullptr ? file->verify_reference(reference) : missing(reference.file);
  }
  // The value that an edit has or refers to.
  Result<Bytes> value(const Edit& edit, std::string& room) const {
    if ((edit.flags & kFlagSeparateValue) == 0) return edit.value;
    const std::optional<ValueReference> reference = decode_value_reference(edit.value);
    if (!reference) return Status::corrupt("an entry with a value apart and no reference");
    const ValueFile* const file = find(reference->file);
    if (file == nullptr) return missing(reference->file);
    if (Status status = file->check_reference(*reference); !status) return status;
    room.resize(reference->value_bytes);
    const MutableBytes into(reinterpret_cast<uint8_t*>(room.data()), room.size());
    if (Status status = file->read(*reference, into); !status) return status;
    return as_bytes(room);
  }

 private:
  static Status missing(uint64_t number) {
    return Status::corrupt("value file " + std::to_string(number) + " is lost");
  }
  std::map<uint64_t, std::shared_ptr<ValueFile>> files_;
};

}  // namespace

Result<bool> store_exists(Os& os, const std::string& directory) {
  return Manifest::exists(os, directory);
}

Status destroy_store(Os& os, const std::string& directory, const std::string& holder) {
  Result<Site> site = Site::take(os, directory, holder);
  if (!site) return within("destroy", directory, site.error());
  const auto remove_where = [&](bool (*wanted)(const std::string&)) {
    for (const DirectoryEntry& entry : site->entries) {
      if (entry.is_directory || !wanted(entry.name)) continue;
      if (Status status = os.remove(directory + "/" + entry.name); !status) return status;
    }
    return os.sync_directory(directory);
  };
  Status status = remove_where([](const std::string& name) { return Manifest::is_own(name); });
  if (status) {
    status = remove_where([](const std::string& name) {
      return name != "LOCK" && is_own(name) && !Manifest::is_own(name);
    });
  }
  if (!status) return within("destroy", directory, status);
  const bool only_ours = std::all_of(site->entries.begin(), site->entries.end(),
                                     [](const auto& entry) { return is_own(entry.name); });
  status = os.remove(directory + "/LOCK");
  site->lock.reset();
  if (!status) status = os.remove(directory + "/LOCK");  // Where what is open cannot be removed.
  if (!only_ours || (!status && status.code() != Code::kNotFound)) return Status::ok();
  const Status removed = os.remove_directory(directory);
  (void)removed;  // Somebody may have put something there.
  return Status::ok();
}

// ---- verify

namespace {

Status verify_tables(const Site& site, const ManifestState& state, VerifyReport& report) {
  EpochDomain epochs;
  Cache cache(epochs, kCacheBytes);
  ValueShelf values;
  if (Status status = values.open(site, state, false, report.problems); !status) return status;
  if (Status status = values.verify(report.problems); !status) return status;
  for (const auto& [number, info] : state.value_files) report.byte_count += info.file_bytes;
  const auto check_reference = [&](const ValueReference& reference) {
    return values.verify_reference(reference);
  };
  std::map<uint64_t, std::vector<const TableInfo*>> runs;
  for (const auto& [number, entry] : state.tables) {
    const std::string path = table_path(site.directory, number);
    ++report.table_count;
    report.byte_count += entry.info.file_bytes;
    report.entry_count += entry.info.entry_count;
    runs[entry.run].push_back(&entry.info);
    const Result<std::shared_ptr<Table>> table =
        Table::open(site.os, path, entry.info, cache, table_options_of(state, number));
    const bool is_damage = table.code() == Code::kCorrupt || table.code() == Code::kNotFound;
    if (!table && !is_damage) return table.error();
    if (!table) report.problems.push_back({path, 0, table.error().message()});
    if (!table) continue;
    Status status = (*table)->verify(report.problems, check_reference);
    if (!status) return status;
  }
  for (auto& [run, infos] : runs) {
    std::sort(infos.begin(), infos.end(),
              [](const auto* a, const auto* b) { return a->smallest < b->smallest; });
    for (size_t i = 1; i < infos.size(); ++i) {
      if (!infos[i - 1]->unbounded && infos[i - 1]->largest <= infos[i]->smallest) continue;
      report.problems.push_back({table_path(site.directory, infos[i]->number), 0,
                                 "it overlaps its neighbour in run " + std::to_string(run)});
    }
  }
  return Status::ok();
}

Status verify_checkpoint(const Site& site, const ManifestState& state, VerifyReport& report) {
  if (state.checkpoint.number == 0) return Status::ok();
  report.byte_count += state.checkpoint.file_bytes;
  return memory::verify_checkpoint(site.os, site.directory, state.checkpoint, state.identity,
                                   report.problems);
}

Status verify_data_files(const Site& site, const ManifestState& state, VerifyReport& report) {
  for (const auto& [number, info] : state.data_files) {
    report.byte_count += info.file_bytes;
    report.entry_count += info.entry_count;
    Status status =
        bitcask::verify_data_file(site.os, site.directory, info, state.identity, report.problems);
    if (!status) return status;
  }
  return Status::ok();
}

// Opens the trees for reading alone, and what is damaged of them is a problem.
Status verify_btree(const Site& site, Manifest& manifest, VerifyReport& report) {
  if (manifest.state().engine != static_cast<uint8_t>(EngineKind::kBtree)) return Status::ok();
  EpochDomain epochs;
  Cache cache(epochs, kCacheBytes);
  BtreeOptions options;
  options.directory = site.directory;
  options.read_only = true;
  options.lost = &report.problems;
  const Result<std::unique_ptr<Engine>> engine =
      open_btree(site.os, manifest, cache, epochs, options);
  if (!engine) return engine.error();
  const EngineStats stats = (*engine)->stats();
  report.byte_count += stats.disk_bytes;
  report.entry_count += stats.entry_count;
  return (*engine)->verify(report.problems);
}

}  // namespace

Result<VerifyReport> verify_store(Os& os, const std::string& directory, const std::string& holder) {
  VerifyReport report;
  Result<Site> site = Site::take(os, directory, holder);
  if (!site) return within("verify", directory, site.error());
  for (const DirectoryEntry& entry : site->entries) report.file_count += is_own(entry.name) ? 1 : 0;
  Result<std::unique_ptr<Manifest>> manifest = Manifest::open(os, directory);
  if (!manifest) {
    if (manifest.code() != Code::kCorrupt && manifest.code() != Code::kNotFound) {
      return within("verify", directory, manifest.error());
    }
    report.problems.push_back({directory, 0, manifest.error().message()});
    return report;
  }
  const ManifestState& state = (*manifest)->state();
  Status rest = verify_tables(*site, state, report);
  if (rest) rest = verify_checkpoint(*site, state, report);
  if (rest) rest = verify_data_files(*site, state, report);
  if (rest) rest = verify_btree(*site, **manifest, report);
  if (!rest) return within("verify", directory, rest);
  const Result<LogRecovery> log =
      recover_log(os, source_of(directory, state), [&](const RecordHeader& header, Bytes body) {
        ++report.commit_count;
        const Status status = check_edits(body);
        if (!status) {
          report.problems.push_back(
              {directory, 0, "commit " + std::to_string(header.commit) + ": " + status.message()});
        }
        return Status::ok();
      });
  if (!log) return within("verify", directory, log.error());
  for (const RecoveredSegment& segment : log->segments) report.byte_count += segment.size_bytes;
  if (log->corrupt) report.problems.push_back({directory, 0, log->what});
  return report;
}

// ---- salvage

namespace {

// Every version in the whole blocks of one table, but history: what took its place need not have
// left anything that says so.
class SavedTable {
 public:
  SavedTable(std::shared_ptr<Table> table, std::string path, SalvageReport& report)
      : table_(std::move(table)), path_(std::move(path)), report_(report), walk_(*table_) {
    enter();
    if (valid_ && edit_.superseded != 0) next();
  }
  bool valid() const { return valid_; }
  const Edit& edit() const { return edit_; }
  const Table& table() const { return *table_; }
  const std::string& path() const { return path_; }
  uint64_t block_offset() const { return walk_.offset(); }
  void next() {
    do {
      step();
    } while (valid_ && edit_.superseded != 0);
  }

 private:
  void step() {
    if (++slot_ < walk_.block().count()) return show();
    enter();
  }
  void enter() {
    for (valid_ = false; !valid_;) {
      const Result<bool> more = walk_.next();
      if (!more) report_.lost.push_back({path_, walk_.offset(), more.error().message()});
      if (more && !*more) return;
      valid_ = static_cast<bool>(more);
    }
    slot_ = 0;
    show();
  }
  void show() {
    const Block& block = walk_.block();
    key_ = std::string(as_text(block.prefix())) + std::string(as_text(block.suffix(slot_)));
    block.read(slot_, edit_);
    edit_.key = as_bytes(key_);
  }

  const std::shared_ptr<Table> table_;
  const std::string path_;
  SalvageReport& report_;
  BlockWalk walk_;
  uint32_t slot_ = 0;
  std::string key_;
  bool valid_ = false;
  Edit edit_;
};

// Gathers edits into commits of the store that is made. How much memory the largest of them needs,
// or all data where it rests in memory, nobody knows beforehand: what does not fit makes the store
// close, and open again with twice as much.
class Saving {
 public:
  Saving(Os& os, StoreOptions options) : os_(os), options_(std::move(options)) {}

  Status open() {
    Result<std::shared_ptr<Store>> store = Store::open(os_, options_);
    if (!store) return store.error();
    store_ = std::move(*store);
    options_.create = Create::kNever;
    if (!batch_) batch_.emplace(store_->hash_seed());
    return Status::ok();
  }

  // An entry by itself: what goes together is of no matter. kTooLarge for what no commit can have.
  Status put(const Edit& edit, Bytes value) {
    const uint64_t bytes = edit.key.size() + value.size();
    if (!batch_->fits(bytes)) {
      if (Status status = commit(); !status) return status;
    }
    if (Status status = batch_->fits(bytes); !status) return status;
    batch_->put(edit.key, value, edit.expires_ms);
    any_prepared_ |= is_prepared_key(edit.key);
    const bool is_enough = batch_->payload_bytes() >= options_.memory_bytes / 64;
    return is_enough ? commit() : Status::ok();
  }

  // All edits of a commit of the log, which check_edits() has found whole.
  Status commit(Bytes body) {
    EditReader reader(body);
    LogEdit edit;
    for (Result<bool> more = reader.next(edit); more && *more; more = reader.next(edit)) {
      any_prepared_ |= is_prepared_key(edit.key);
      if (edit.kind == LogEditKind::kPut)
        batch_->put(edit.key, edit.value, edit.expires_ms);
      else if (edit.kind == LogEditKind::kDelete)
        batch_->erase(edit.key);
      else
        batch_->erase_range(edit.key, edit.value);
    }
    return commit();
  }

  Status commit() {
    Status status = try_commit();
    for (int i = 0; status.code() == Code::kTooLarge && i < kDoublingsMax; ++i) {
      if (Status enlarged = enlarge(); !enlarged) return enlarged;
      status = try_commit();
    }
    batch_->clear();
    return status;
  }

  // What is prepared holds nothing against what is still being saved: so it is known only now.
  Status close() {
    if (any_prepared_) {
      if (Status status = store_->expect_prepared(); !status) return status;
    }
    return store_->close();
  }

 private:
  Status try_commit() {
    Status status;
    for (int i = 0; i < kBusyTriesMax; ++i) {  // Each waits a while.
      status = store_->commit(*batch_).error();
      if (status.code() != Code::kBusy) break;
    }
    return status;
  }

  Status enlarge() {
    if (Status status = store_->close(); !status) return status;
    store_.reset();
    options_.memory_bytes *= 2;
    return open();
  }

  Os& os_;
  StoreOptions options_;
  std::shared_ptr<Store> store_;
  std::optional<Batch> batch_;
  bool any_prepared_ = false;
};

bool is_hidden(const Edit& edit, const std::vector<RangeDeletion>& deletions) {
  return std::any_of(deletions.begin(), deletions.end(), [&](const RangeDeletion& deletion) {
    return deletion.commit > edit.commit && compare(edit.key, deletion.begin) >= 0 &&
           (deletion.end.empty() || compare(edit.key, deletion.end) < 0);
  });
}

// The newest version of each key, by a merge of all tables. A key whose value is lost is left out:
// what it was before is not what it is.
Status save_tables(std::vector<std::unique_ptr<SavedTable>>& tables, const ValueShelf& values,
                   Saving& saving, SalvageReport& report) {
  std::string room;
  std::vector<RangeDeletion> deletions;
  for (const auto& saved : tables) {
    const auto& own = saved->table().range_deletions();
    deletions.insert(deletions.end(), own.begin(), own.end());
  }
  while (true) {
    SavedTable* newest = nullptr;
    for (const auto& saved : tables) {
      if (!saved->valid()) continue;
      const int order = newest == nullptr ? -1 : compare(saved->edit().key, newest->edit().key);
      if (order < 0 || (order == 0 && saved->edit().commit > newest->edit().commit)) {
        newest = saved.get();
      }
    }
    if (newest == nullptr) return Status::ok();
    const Edit& edit = newest->edit();
    // Times are of commits of the store that was: the one that is made has its own.
    const bool is_saved = edit.kind == EditKind::kPut && !is_time_key(edit.key);
    if (is_saved && !is_hidden(edit, deletions)) {
      const Result<Bytes> value = values.value(edit, room);
      const Status status = value ? saving.put(edit, *value) : value.error();
      const bool is_loss = status.code() == Code::kCorrupt || status.code() == Code::kTooLarge;
      if (!status && !is_loss) return status.copy();
      if (is_loss)
        report.lost.push_back({newest->path(), newest->block_offset(), status.message()});
      report.entry_count += is_loss ? 0 : 1;
    }
    const std::string key(as_text(edit.key));
    for (const auto& saved : tables) {
      while (saved->valid() && equal(saved->edit().key, as_bytes(key))) saved->next();
    }
  }
}

// What is whole of a store in memory, up to where the log goes on.
Status save_checkpoint(const Site& site, const ManifestState& state, Saving& saving,
                       SalvageReport& report) {
  if (state.checkpoint.number == 0) return Status::ok();
  const std::string path = memory::checkpoint_path(site.directory, state.checkpoint.number);
  Result<memory::Mended> mended =
      memory::mend_checkpoint(site.os, path, state.identity, state.absorbed);
  if (!mended) report.lost.push_back({path, 0, mended.error().message()});
  if (!mended) return Status::ok();
  for (const auto& loss : mended->lost) report.lost.push_back({path, loss.offset, loss.what});
  const StreamSource source = stream_source(std::move(mended->stream));
  EpochDomain epochs;
  const MemoryEngineOptions options{state.identity};
  const Result<std::unique_ptr<Engine>> engine = open_memory_engine(epochs, options, &source);
  if (!engine) return engine.error();
  const std::shared_ptr<const EngineVersion> version = (*engine)->pin();
  const auto cursor = version->scan({}, version->absorbed(), Direction::kForward);
  for (; cursor->valid(); cursor->next()) {
    const Edit& edit = cursor->edit();
    if (is_time_key(edit.key)) continue;
    if (Status status = saving.put(edit, edit.value); !status) return status;
    ++report.entry_count;
  }
  return cursor->status();
}

// An entry whose value is damaged is lost alone.
Status save_data_files(const Site& site, const ManifestState& state, Saving& saving,
                       SalvageReport& report) {
  if (state.data_files.empty()) return Status::ok();
  EpochDomain epochs;
  Cache cache(epochs, kCacheBytes);
  std::vector<ManifestDataFile> files;
  for (const auto& [number, info] : state.data_files) files.push_back(info);
  Result<std::shared_ptr<const EngineVersion>> version = bitcask::open_whole(
      site.os, site.directory, files, state.identity, state.absorbed, cache, report.lost);
  if (!version) return version.error();
  const auto cursor = (*version)->scan({}, UINT64_MAX, Direction::kForward);
  std::string value;
  for (; cursor->valid(); cursor->next()) {
    const Edit& edit = cursor->edit();
    if (is_time_key(edit.key)) continue;
    const Result<uint64_t> size = (*version)->value_bytes(edit);
    if (!size) return size.error();
    value.resize(*size);
    const MutableBytes into(reinterpret_cast<uint8_t*>(value.data()), value.size());
    Status status = (*version)->read_value(edit, into);
    if (status) status = saving.put(edit, into);
    const bool is_loss = status.code() == Code::kCorrupt || status.code() == Code::kTooLarge;
    if (!status && !is_loss) return status;
    if (is_loss) report.lost.push_back({site.directory, 0, status.message()});
    report.entry_count += is_loss ? 0 : 1;
  }
  return cursor->status();
}

// What is whole of a B+tree, up to where the log goes on.
Status save_btree(const Site& site, const ManifestState& state, Saving& saving,
                  SalvageReport& report) {
  if (state.engine != static_cast<uint8_t>(EngineKind::kBtree)) return Status::ok();
  const auto save = [&](const Edit& edit, Bytes value) {
    if (is_time_key(edit.key)) return Status::ok();
    Status status = saving.put(edit, value);
    report.entry_count += status ? 1 : 0;
    return status;
  };
  return btree::salvage_btree(site.os, site.directory, {state.identity, state.absorbed}, save,
                              report.lost);
}

// Of several checkpoints the newest whose header is whole counts.
void note_checkpoint(const Site& site, const std::string& name, ManifestState& state,
                     SalvageReport& report) {
  const uint64_t number = memory::checkpoint_number(name);
  if (number == 0 || number < state.checkpoint.number) return;
  const std::string path = site.directory + "/" + name;
  const Result<memory::CheckpointOwner> owner = memory::describe_checkpoint(site.os, path);
  if (!owner) report.lost.push_back({path, 0, owner.error().message()});
  if (!owner) return;
  state.checkpoint.number = number;
  state.engine = static_cast<uint8_t>(EngineKind::kMemory);
  state.identity = owner->identity;
  state.absorbed = owner->absorbed;
}

void note_data_file(const Site& site, uint64_t number, ManifestState& state,
                    SalvageReport& report) {
  const std::string path = bitcask::data_path(site.directory, number);
  const Result<bitcask::DescribedFile> file =
      bitcask::describe_data_file(site.os, site.directory, number);
  if (!file) report.lost.push_back({path, 0, file.error().message()});
  if (!file) return;
  state.engine = static_cast<uint8_t>(EngineKind::kBitcask);
  state.identity = file->identity;
  state.data_files[number] = file->info;
  state.absorbed = std::max(state.absorbed, file->info.commit_last);
}

// What the files themselves say, when no manifest does.
ManifestState state_of_files(const Site& site, SalvageReport& report) {
  ManifestState state;
  for (const DirectoryEntry& entry : site.entries) {
    const std::string path = site.directory + "/" + entry.name;
    note_checkpoint(site, entry.name, state, report);
    if (const uint64_t number = bitcask::data_number(entry.name); number != 0) {
      note_data_file(site, number, state, report);
      continue;
    }
    if (const uint64_t number = values_number(entry.name); number != 0) {
      const Result<ValueFileInfo> info = ValueFile::describe(site.os, path);
      if (info) state.value_files[number] = *info;
      if (!info) report.lost.push_back({path, 0, info.error().message()});
      continue;
    }
    const uint64_t number = table_number(entry.name);
    if (number == 0) continue;
    const Result<TableInfo> info = Table::describe(site.os, path);
    if (!info) report.lost.push_back({path, 0, info.error().message()});
    if (!info) continue;
    state.tables[number].info = *info;
    state.absorbed = std::max(state.absorbed, info->commit_last);
  }
  if (const auto owner = btree::describe_btree(site.os, site.directory)) {
    state.engine = static_cast<uint8_t>(EngineKind::kBtree);
    state.identity = owner->identity;
    state.absorbed = owner->absorbed;
  }
  return state;
}

}  // namespace

Result<SalvageReport> salvage_store(Os& os, const std::string& directory, const std::string& target,
                                    const std::string& holder, uint64_t memory_bytes) {
  SalvageReport report;
  Result<Site> site = Site::take(os, directory, holder);
  if (!site) return within("salvage", directory, site.error());
  Result<std::unique_ptr<Manifest>> manifest = Manifest::open(os, directory);
  if (!manifest && manifest.code() == Code::kNewerFormat) {
    return within("salvage", directory, manifest.error());
  }
  report.manifest_lost = !manifest;
  if (!manifest) report.lost.push_back({directory, 0, manifest.error().message()});
  const ManifestState state = manifest ? (*manifest)->state() : state_of_files(*site, report);

  StoreOptions options;
  options.directory = target;
  options.create = Create::kAlwaysNew;
  options.holder = holder;
  options.memory_bytes = memory_bytes;
  options.engine = static_cast<EngineKind>(state.engine);
  Saving saving(os, options);
  if (Status status = saving.open(); !status) return status;
  ValueShelf values;
  if (Status status = values.open(*site, state, !manifest, report.lost); !status) {
    return within("salvage", directory, status);
  }
  EpochDomain epochs;
  Cache cache(epochs, kCacheBytes);
  std::vector<std::unique_ptr<SavedTable>> tables;
  for (const auto& [number, entry] : state.tables) {
    const std::string path = table_path(directory, number);
    TableOptions table_options = table_options_of(state, number);
    table_options.any_store = !manifest;
    Result<std::shared_ptr<Table>> table = Table::open(os, path, entry.info, cache, table_options);
    if (!table) report.lost.push_back({path, 0, table.error().message()});
    if (table) tables.push_back(std::make_unique<SavedTable>(std::move(*table), path, report));
  }
  Status status = save_tables(tables, values, saving, report);
  if (status) status = save_checkpoint(*site, state, saving, report);
  if (status) status = save_data_files(*site, state, saving, report);
  if (status) status = save_btree(*site, state, saving, report);
  if (status) status = saving.commit();
  if (!status) return within("salvage", directory, status);

  LogSource source = source_of(directory, state);
  source.any_store = !manifest;
  source.whole_commits = true;
  const auto save = [&](const RecordHeader& header, Bytes body) {
    if (const Status damage = check_edits(body); !damage) {
      report.lost.push_back(
          {directory, 0, "commit " + std::to_string(header.commit) + ": " + damage.message()});
      return Status::ok();
    }
    ++report.commit_count;
    return saving.commit(body);
  };
  const Result<LogRecovery> log = recover_log(os, source, save);
  if (!log) return within("salvage", directory, log.error());
  if (log->corrupt) report.lost.push_back({directory, 0, log->what});
  if (status = saving.close(); !status) return within("salvage", target, status);
  return report;
}

}  // namespace varve
