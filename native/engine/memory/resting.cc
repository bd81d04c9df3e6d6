// engine/memory/resting.cc — the memory engine with a directory: the same images, and now and then
// one of them as a file.
//
// Runs go into memory alone; the log keeps them. A checkpoint of the newest image is written a step
// at a time beside readers and writers, and once the manifest names it, the log up to it and the
// older checkpoint may go. An opening reads the checkpoint and replays the log above it, so one is
// due when that log would be longer to read than the data, or when somebody asks.
//
// Invariants
//   - rested() is the commit of the checkpoint that the manifest names, and only that; or less,
//     while a copy comes in that the checkpoint has only a part of.
//   - a checkpoint's file goes only when the manifest does not name it: after the edit that names
//     another, or, a leftover, before the first edit of an opening.
// Threads: as engine.h says; one thread at a time writes a checkpoint.
#include <algorithm>
#include <atomic>
#include <mutex>

#include "engine/memory/checkpoint.h"
#include "engine/memory/memory.h"

namespace varve {
namespace {

using memory::checkpoint_number;
using memory::checkpoint_path;
using memory::CheckpointReader;
using memory::CheckpointWriter;
using Lock = std::unique_lock<std::mutex>;

constexpr uint64_t kEditLogBytes = 64;         // What the log adds to an edit, about.
constexpr uint64_t kRetryNs = 10'000'000'000;  // After the disk was full.
constexpr uint64_t kWorthBytesMin = uint64_t{1} << 20;
constexpr uint64_t kWorthShare = 4;  // Of the data: less than a fourth is replayed sooner.

class RestingMemory final : public Engine {
 public:
  RestingMemory(Os& os, Manifest& manifest, EpochDomain& epochs, RestingMemoryOptions options)
      : os_(os), manifest_(manifest), epochs_(epochs), options_(std::move(options)) {}

  Status open();
  Status absorb(Run& run, const Retention& retention) override;
  uint64_t rested() const override { return rested_.load(std::memory_order_acquire); }
  Status rest(Rest how) override;
  Result<Progress> rest_some(uint64_t budget_bytes) override;
  const EngineVersion& version() const override { return memory_->version(); }
  std::shared_ptr<const EngineVersion> pin() const override { return memory_->pin(); }
  Result<Progress> maintain(uint64_t budget_bytes, const Retention& retention) override;
  Status compact(const KeyRange& range, const Retention& retention) override;
  Status checkpoint(const std::function<Status(Bytes)>& sink) override {
    return memory_->checkpoint(sink);
  }
  Status verify(std::vector<VerifyProblem>& problems) override;
  EngineStats stats() const override;
  uint64_t memory_bytes() const override { return memory_->memory_bytes(); }
  void set_memory(uint64_t cache_bytes) override { memory_->set_memory(cache_bytes); }
  Status close() override;

 private:
  void note_part(uint64_t commit);
  bool is_due() const;
  uint64_t due_bytes() const { return std::max(options_.log_bytes_min, memory_bytes()); }
  Status load(const ManifestCheckpoint& checkpoint);
  Status load_what_is_whole(const ManifestState& state);
  Status remove_leftovers(const ManifestState& state);
  Status begin(const Lock& held);
  Result<Progress> step(uint64_t budget_bytes, const Lock& held);
  Status publish(const Lock& held);
  void give_up(const Lock& held, const Status& status);
  void postpone(const Status& status);  // The next one, where the disk is full.
  Result<Progress> step_whole(uint64_t budget_bytes, const Lock& held);
  Status write_whole(const Lock& held);

  Os& os_;
  Manifest& manifest_;
  EpochDomain& epochs_;
  const RestingMemoryOptions options_;
  std::unique_ptr<Engine> memory_;
  std::atomic<uint64_t> rested_{0};
  std::atomic<uint64_t> since_bytes_{0};  // Of log, about, that an opening would replay.
  std::atomic<uint64_t> file_bytes_{0}, made_ms_{0};  // Of the checkpoint in the manifest.
  std::atomic<uint64_t> time_ms_{0};                 // Of the last run, if it said.
  std::atomic<uint64_t> written_bytes_{0};

  std::mutex mutex_;  // Held while a checkpoint is written; guards everything below.
  std::unique_ptr<CheckpointWriter> writer_;
  uint64_t writer_since_bytes_ = 0;  // What since_bytes_ was when it began.
  uint64_t number_ = 0;              // Of the checkpoint in the manifest; 0: none.
  uint64_t next_number_ = 1;
  uint64_t retry_ns_ = 0;
};

// ---- opening

Status RestingMemory::load(const ManifestCheckpoint& checkpoint) {
  const MemoryEngineOptions options{options_.identity};
  if (checkpoint.number == 0) {
    Result<std::unique_ptr<Engine>> empty = open_memory_engine(epochs_, options);
    if (!empty) return empty.error();
    memory_ = std::move(*empty);
    return Status::ok();
  }
  const Result<std::unique_ptr<CheckpointReader>> reader =
      CheckpointReader::open(os_, options_.directory, checkpoint);
  if (!reader) return reader.error();
  const StreamSource source = [&](MutableBytes into) { return (*reader)->read(into); };
  Result<std::unique_ptr<Engine>> loaded = open_memory_engine(epochs_, options, &source);
  if (!loaded) return (*reader)->error_at(loaded.error());
  memory_ = std::move(*loaded);
  return Status::ok();
}

Status RestingMemory::load_what_is_whole(const ManifestState& state) {
  const std::string path = checkpoint_path(options_.directory, state.checkpoint.number);
  const MemoryEngineOptions options{options_.identity};
  Result<memory::Mended> mended =
      memory::mend_checkpoint(os_, path, options_.identity, state.absorbed);
  if (!mended && mended.code() != Code::kNotFound) return mended.error();
  if (!mended) {
    options_.lost->push_back({path, 0, "it is missing"});
    mended = memory::mend_stream({}, options_.identity, state.absorbed);
    mended->lost.clear();
  }
  for (const auto& loss : mended->lost) options_.lost->push_back({path, loss.offset, loss.what});
  const StreamSource source = stream_source(std::move(mended->stream));
  Result<std::unique_ptr<Engine>> loaded = open_memory_engine(epochs_, options, &source);
  if (!loaded) return loaded.error();
  memory_ = std::move(*loaded);
  return Status::ok();
}

Status RestingMemory::remove_leftovers(const ManifestState& state) {
  const Result<std::vector<DirectoryEntry>> entries = os_.list(options_.directory);
  if (!entries) return entries.error();
  for (const DirectoryEntry& entry : *entries) {
    const uint64_t number = checkpoint_number(entry.name);
    next_number_ = std::max(next_number_, number + 1);
    if (number == 0 || number == state.checkpoint.number || options_.read_only) continue;
    const Status removed = os_.remove(options_.directory + "/" + entry.name);
    (void)removed;  // Its number is not used again, so it is in nobody's way.
  }
  return Status::ok();
}

Status RestingMemory::open() {
  const ManifestState& state = manifest_.state();
  const Lock held(mutex_);
  next_number_ = state.next_table;
  Status loaded = load(state.checkpoint);
  if (loaded.code() == Code::kCorrupt && options_.lost != nullptr) {
    loaded = load_what_is_whole(state);
  }
  if (!loaded) return loaded;
  const uint64_t absorbed = pin()->absorbed();
  if (absorbed != state.absorbed) {
    return Status::corrupt(
        "memory: " + checkpoint_path(options_.directory, state.checkpoint.number) +
        " ends with commit " + std::to_string(absorbed) + "; the manifest says " +
        std::to_string(state.absorbed));
  }
  number_ = state.checkpoint.number;
  rested_.store(absorbed, std::memory_order_release);
  file_bytes_.store(state.checkpoint.file_bytes);
  made_ms_.store(state.checkpoint.made_ms);
  return remove_leftovers(state);
}

// ---- in memory

Status RestingMemory::absorb(Run& run, const Retention& retention) {
  const uint64_t before = memory_->stats().absorbed_bytes;
  const bool is_part = run.commit_last == pin()->absorbed();
  const uint64_t edit_count = run.edit_count_hint;
  if (Status status = memory_->absorb(run, retention); !status) return status;
  if (run.time_ms_last != 0) time_ms_.store(run.time_ms_last);
  const uint64_t taken = memory_->stats().absorbed_bytes - before;
  since_bytes_.fetch_add(taken + edit_count * kEditLogBytes, std::memory_order_relaxed);
  if (is_part) note_part(run.commit_last);
  return Status::ok();
}

// Of a copy that came in parts no checkpoint before the last of them has all.
void RestingMemory::note_part(uint64_t commit) {
  const Lock held(mutex_);
  if (writer_ && writer_->commit() == commit) {
    writer_->abandon();
    writer_.reset();
  }
  if (rested() == commit) rested_.store(0, std::memory_order_release);
}

Result<Progress> RestingMemory::maintain(uint64_t budget_bytes, const Retention& retention) {
  Result<Progress> pass = memory_->maintain(budget_bytes, retention);
  if (!pass) return pass;
  const Lock held(mutex_, std::try_to_lock);
  if (!held.owns_lock()) return pass;  // Another thread writes the checkpoint.
  if (!writer_) {
    if (!is_due()) return pass;
    if (Status status = begin(held); !status) return status;
  }
  Result<Progress> written = step(budget_bytes, held);
  return written && *written == Progress::kIdle ? std::move(pass) : std::move(written);
}

// ---- at rest

bool RestingMemory::is_due() const {
  return since_bytes_.load(std::memory_order_relaxed) > due_bytes() && os_.now_ns() >= retry_ns_;
}

Status RestingMemory::begin(const Lock& held) {
  check(held.owns_lock());
  // Counted before the image is taken: what comes between the two is counted again, never lost.
  writer_since_bytes_ = since_bytes_.load(std::memory_order_relaxed);
  Result<std::unique_ptr<CheckpointWriter>> writer =
      CheckpointWriter::create(os_, options_.directory, next_number_++, pin(), options_.identity);
  if (!writer) {
    postpone(writer.error());
    return writer.error();
  }
  writer_ = std::move(*writer);
  return Status::ok();
}

Result<Progress> RestingMemory::step(uint64_t budget_bytes, const Lock& held) {
  Result<Progress> progress = writer_->step(budget_bytes);
  if (!progress) {
    give_up(held, progress.error());
    return progress;
  }
  if (*progress == Progress::kMore) return progress;
  if (Status status = publish(held); !status) {
    postpone(status);
    return status;
  }
  return progress;
}

void RestingMemory::postpone(const Status& status) {
  if (status.code() == Code::kNoSpace) retry_ns_ = os_.now_ns() + kRetryNs;
}

void RestingMemory::give_up(const Lock& held, const Status& status) {
  check(held.owns_lock());
  writer_->abandon();
  writer_.reset();
  postpone(status);
}

// After a failed append nobody knows whether the manifest names the new file or the old one, so
// both stay.
Status RestingMemory::publish(const Lock& held) {
  check(held.owns_lock());
  const std::unique_ptr<CheckpointWriter> done = std::move(writer_);
  ManifestEdit edit;
  edit.checkpoint = done->made();
  edit.absorbed = done->commit();
  if (const uint64_t time_ms = time_ms_.load(); time_ms != 0) edit.time_ms = time_ms;
  edit.next_table = next_number_;
  if (Status status = manifest_.append(edit); !status) return status;
  const uint64_t old = std::exchange(number_, edit.checkpoint->number);
  rested_.store(done->commit(), std::memory_order_release);
  since_bytes_.fetch_sub(writer_since_bytes_, std::memory_order_relaxed);
  written_bytes_.fetch_add(edit.checkpoint->file_bytes, std::memory_order_relaxed);
  file_bytes_.store(edit.checkpoint->file_bytes);
  made_ms_.store(edit.checkpoint->made_ms);
  if (old == 0) return Status::ok();
  const Status removed = os_.remove(checkpoint_path(options_.directory, old));
  (void)removed;  // A leftover: the next opening removes it.
  return Status::ok();
}

// One under way is gone on with only if it holds all that there is.
Result<Progress> RestingMemory::step_whole(uint64_t budget_bytes, const Lock& held) {
  if (writer_ && writer_->commit() < pin()->absorbed()) {
    writer_->abandon();
    writer_.reset();
  }
  if (!writer_) {
    if (Status status = begin(held); !status) return status;
  }
  return step(budget_bytes, held);
}

Status RestingMemory::write_whole(const Lock& held) {
  const Result<Progress> done = step_whole(UINT64_MAX, held);
  return done ? Status::ok() : done.error();
}

Result<Progress> RestingMemory::rest_some(uint64_t budget_bytes) {
  const Lock held(mutex_);
  if (rested() == pin()->absorbed()) return Progress::kIdle;
  return step_whole(budget_bytes, held);
}

Status RestingMemory::rest(Rest how) {
  const Lock held(mutex_);
  if (rested() == pin()->absorbed()) return Status::ok();
  const uint64_t worth = std::max(kWorthBytesMin, memory_bytes() / kWorthShare);
  if (how == Rest::kIfWorthIt && since_bytes_.load() < worth) return Status::ok();
  return write_whole(held);
}

Status RestingMemory::compact(const KeyRange& range, const Retention& retention) {
  if (Status status = memory_->compact(range, retention); !status) return status;
  const Lock held(mutex_);
  if (writer_) {  // Of an image before this one.
    writer_->abandon();
    writer_.reset();
  }
  return write_whole(held);
}

Status RestingMemory::close() {
  const Lock held(mutex_);
  if (writer_) writer_->abandon();
  writer_.reset();
  return memory_->close();
}

// ---- care

Status RestingMemory::verify(std::vector<VerifyProblem>& problems) {
  const Lock held(mutex_);  // The file stays while it is read.
  if (number_ == 0) return Status::ok();
  const ManifestCheckpoint checkpoint{number_, file_bytes_.load(), made_ms_.load()};
  return memory::verify_checkpoint(os_, options_.directory, checkpoint, options_.identity,
                                   problems);
}

EngineStats RestingMemory::stats() const {
  EngineStats stats = memory_->stats();
  const uint64_t since = since_bytes_.load(std::memory_order_relaxed);
  const uint64_t due = due_bytes();
  const uint64_t made_ms = made_ms_.load();
  const uint64_t now_ms = os_.wall_ms();
  stats.disk_bytes = file_bytes_.load();
  stats.debt_bytes += since > due ? since - due : 0;
  stats.written_bytes = written_bytes_.load(std::memory_order_relaxed);
  stats.detail.emplace_back("checkpointBytes", stats.disk_bytes);
  stats.detail.emplace_back("checkpointCommit", rested());
  stats.detail.emplace_back("checkpointAgeMs",
                            made_ms != 0 && now_ms > made_ms ? now_ms - made_ms : 0);
  stats.detail.emplace_back("sinceCheckpointBytes", since);
  return stats;
}

}  // namespace

Result<std::unique_ptr<Engine>> open_resting_memory(Os& os, Manifest& manifest, EpochDomain& epochs,
                                                    const RestingMemoryOptions& options) {
  auto engine = std::make_unique<RestingMemory>(os, manifest, epochs, options);
  if (Status status = engine->open(); !status) return status;
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace varve
