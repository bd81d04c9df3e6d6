#include "storage/log/log.h"

#include <algorithm>

namespace varve {
namespace {

// Threads that hand over a sync and are told of it take 50 to 100 us to wake each other. What takes
// much longer than that is nothing to hold a thread for that may have other things to do.
constexpr uint64_t kQuickSyncNs = 250'000;

}  // namespace

Log::Log(Os& os, LogOptions options)
    : os_(os),
      options_(std::move(options)),
      written_(options_.last_commit),
      durable_(options_.last_commit),
      sync_ns_(2 * kQuickSyncNs),
      next_number_(options_.next_segment),
      first_number_(options_.next_segment),
      last_appended_(options_.last_commit),
      recycles_(options_.recycles),
      progress_(os.gate()) {}

Result<std::unique_ptr<Log>> Log::open(Os& os, LogOptions options) {
  std::unique_ptr<Log> log(new Log(os, std::move(options)));
  if (Status status = log->prepare_one(0); !status) return status;
  log->preparer_ = os.start("varve-log-room", [raw = log.get()] { return raw->run_preparer(); });
  log->writer_ = os.start("varve-log", [raw = log.get()] { return raw->run_writer(); });
  return log;
}

Log::~Log() {
  writer_.reset();
  preparer_.reset();
  end();
}

// ---- the sequencer's side

bool Log::spare_fits(uint64_t bytes, const Lock& held) const {
  check(held.owns_lock());
  return !spares_.empty() && spares_.front()->header.size_bytes >= bytes + kSegmentHeaderBytes;
}

Status Log::reserve(uint64_t body_bytes) {
  if (body_bytes > kBodyBytesMax) {
    return {Code::kTooLarge, "log: a commit of " + std::to_string(body_bytes) + " bytes"};
  }
  const uint64_t bytes = record_bytes(body_bytes);
  bool buffer_full = false;
  {
    const Lock held(mutex_);
    if (failed()) return {error_code_, error_};
    buffer_full = pending_bytes_ > options_.buffer_bytes_max;
    const bool fits_here = current_ && current_->used_bytes + bytes <= current_->header.size_bytes;
    if (!buffer_full && (fits_here || spare_fits(bytes, held))) return Status::ok();
  }
  if (buffer_full) {
    if (Status status = write(); !status) return status;
  }
  {
    const Lock held(mutex_);
    const bool fits_here = current_ && current_->used_bytes + bytes <= current_->header.size_bytes;
    if (fits_here || spare_fits(bytes, held)) return Status::ok();
  }
  return prepare_one(bytes + kSegmentHeaderBytes);
}

void Log::keep_current(const Lock& held) {
  check(held.owns_lock());
  kept_.push_back({current_->header.number, current_->last_commit, current_->header.size_bytes,
                   recycles_, last_time_ms_});
}

void Log::begin_segment(uint64_t commit, uint64_t bytes, const Lock& held) {
  check(spare_fits(bytes, held));
  if (current_) keep_current(held);
  current_ = spares_.front();
  spares_.erase(spares_.begin());
  since_seal_.push_back(current_->header.number);
  check(current_->header.first_commit <= commit);
  preparer_->wake();
}

void Log::append(uint64_t commit, uint64_t time_ms, Bytes body, uint32_t body_checksum) {
  const uint64_t bytes = record_bytes(body.size());
  const Lock held(mutex_);
  check(commit > last_appended_);
  if (!current_ || current_->used_bytes + bytes > current_->header.size_bytes) {
    begin_segment(commit, bytes, held);
  }
  const bool goes_on = !pending_.empty() && pending_.back().segment == current_;
  if (!goes_on) pending_.push_back({current_, current_->used_bytes, 0, {}});
  Chunk& chunk = pending_.back();

  RecordHeader header;
  header.body_bytes = static_cast<uint32_t>(body.size());
  header.life_tag = current_->header.life_tag();
  header.commit = commit;
  header.time_ms = time_ms;
  header.durable_mark = durable_through();
  header.previous = last_appended_;
  header.body_checksum = body_checksum;
  uint8_t head[kRecordHeaderBytes];
  encode_record_header(header, head);
  varve::append(chunk.bytes, Bytes(head, sizeof head));
  varve::append(chunk.bytes, body);
  chunk.bytes.append(bytes - kRecordHeaderBytes - body.size(), '\0');

  chunk.last_commit = commit;
  current_->used_bytes += bytes;
  current_->last_commit = commit;
  pending_bytes_ += bytes;
  last_appended_ = commit;
  last_time_ms_ = time_ms;
}

std::vector<uint64_t> Log::seal() {
  const Lock held(mutex_);
  if (current_ && current_->last_commit != 0) {
    keep_current(held);
    current_.reset();
  }
  std::vector<uint64_t> numbers;
  numbers.swap(since_seal_);
  if (current_) since_seal_.push_back(current_->header.number);
  return numbers;
}

// ---- writing

Status Log::write_holding(const Lock& file_held) {
  check(file_held.owns_lock());
  std::vector<Chunk> chunks;
  uint64_t through = 0;
  {
    const Lock held(mutex_);
    if (failed()) return {error_code_, error_};
    chunks.swap(pending_);
    pending_bytes_ = 0;
    through = last_appended_;
  }
  for (const Chunk& chunk : chunks) {
    const Bytes bytes = as_bytes(chunk.bytes);
    if (Status status = chunk.segment->file->write_at(chunk.offset, bytes); !status) {
      fail(status);
      return status;
    }
    written_bytes_.fetch_add(bytes.size(), std::memory_order_relaxed);
    if (dirty_.empty() || dirty_.back() != chunk.segment) dirty_.push_back(chunk.segment);
  }
  written_.store(through, std::memory_order_release);
  return Status::ok();
}

bool Log::try_write() {
  Lock file_held(file_mutex_, std::try_to_lock);
  if (!file_held.owns_lock()) return false;
  const Status status = write_holding(file_held);
  return static_cast<bool>(status);
}

Status Log::write() {
  const Lock file_held(file_mutex_);
  return write_holding(file_held);
}

Status Log::sync_written(Lock sync_held) {
  check(sync_held.owns_lock());
  std::vector<std::shared_ptr<Segment>> dirty;
  uint64_t through = 0;
  {
    const Lock file_held(file_mutex_);
    if (Status status = write_holding(file_held); !status) return status;
    dirty.swap(dirty_);
    through = written_through();
  }
  const uint64_t begin_ns = os_.now_ns();
  for (const std::shared_ptr<Segment>& segment : dirty) {
    if (Status status = segment->file->sync(); !status) {
      fail(status);
      return status;
    }
    sync_count_.fetch_add(1, std::memory_order_relaxed);
  }
  if (!dirty.empty()) {
    const uint64_t took_ns = os_.now_ns() - begin_ns;
    const uint64_t usual_ns = sync_ns_.load(std::memory_order_relaxed);
    sync_ns_.store(std::max(took_ns, (7 * usual_ns + took_ns) / 8), std::memory_order_relaxed);
  }
  durable_.store(through, std::memory_order_release);
  return Status::ok();
}

void Log::tell_progress() {
  progress_->open();
  if (options_.on_progress) options_.on_progress();
}

void Log::fail(const Status& status) {
  {
    const Lock held(mutex_);
    if (failed()) return;
    error_code_ = Code::kIo;
    error_ = "log: writing stopped after a failure, the outcome of unsettled commits is unknown: " +
             status.message();
    failed_.store(true, std::memory_order_release);
  }
  tell_progress();
}

Status Log::error() const {
  const Lock held(mutex_);
  return failed() ? Status(error_code_, error_) : Status::ok();
}

Step Log::run_writer() {
  const bool sync = sync_wanted_.exchange(false, std::memory_order_acq_rel);
  const bool wanted = write_wanted_.exchange(false, std::memory_order_acq_rel);
  if (!sync && !wanted) return Step::idle();
  if (sync ? sync_written(Lock(sync_mutex_)) : write()) tell_progress();
  return Step::again();
}

bool Log::try_sync() {
  if (sync_ns_.load(std::memory_order_relaxed) > kQuickSyncNs) return false;
  Lock sync_held(sync_mutex_, std::try_to_lock);
  if (!sync_held.owns_lock() || !sync_written(std::move(sync_held))) return false;
  progress_->open();
  return true;
}

void Log::request_sync() {
  sync_wanted_.store(true, std::memory_order_release);
  writer_->wake();
}

void Log::request_write() {
  write_wanted_.store(true, std::memory_order_release);
  writer_->wake();
}

// Another's sync may be one that began too early, so whoever waits for it looks again.
Status Log::sync_now() {
  uint64_t target = 0;
  {
    const Lock held(mutex_);
    target = last_appended_;
  }
  while (true) {
    const uint64_t ticket = progress_->ticket();
    if (failed()) return error();
    if (durable_through() >= target) return Status::ok();
    Lock sync_held(sync_mutex_, std::try_to_lock);
    if (!sync_held.owns_lock())
      progress_->wait(ticket, UINT64_MAX);
    else if (sync_written(std::move(sync_held)))
      tell_progress();
  }
}

// ---- segments

std::string Log::take_recycled(uint64_t size_bytes) {
  const Lock held(mutex_);
  for (size_t i = 0; i < recyclable_.size(); ++i) {
    if (!recyclable_[i].recyclable || recyclable_[i].size_bytes != size_bytes) continue;
    const std::string path = segment_path(options_.directory, recyclable_[i].number);
    recyclable_.erase(recyclable_.begin() + static_cast<ptrdiff_t>(i));
    return path;
  }
  return {};
}

// Each is four times as large as the one before it, up to the full size: where little is written,
// little is made ready.
uint64_t Log::size_of_next(const Lock& held) const {
  check(held.owns_lock());
  uint64_t size = options_.first_segment_bytes;
  for (uint64_t made = next_number_ - first_number_; made > 0; --made) {
    if (size >= options_.segment_bytes) break;
    size *= 4;
  }
  return std::min(size, options_.segment_bytes);
}

Status Log::prepare_one(uint64_t size_bytes_min) {
  const Lock prepare_held(prepare_mutex_);
  uint64_t number = 0;
  uint64_t first_number = 0;
  uint64_t first_commit = 0;
  uint64_t size = 0;
  Recycling recycling;
  {
    const Lock held(mutex_);
    if (failed()) return {error_code_, error_};
    if (is_ended_) return {Code::kClosed, "log: closed"};
    if (size_bytes_min != 0 && spare_fits(size_bytes_min - kSegmentHeaderBytes, held)) {
      return Status::ok();
    }
    number = next_number_;
    first_number = first_number_;
    first_commit = last_appended_ + 1;
    size = size_of_next(held);
    recycling.is_wanted = recycles_;
  }
  size = std::max(size, round_up(size_bytes_min, 4096));
  recycling.path = take_recycled(size);
  Result<std::shared_ptr<Segment>> made = prepare_segment(os_, options_.directory, options_.mark,
                                                          number, size, first_commit, recycling);
  if (!made) return made.error();
  const Lock held(mutex_);
  next_number_ = number + 1;
  const bool has_shrunk = first_number_ != first_number;  // Meanwhile: it would not begin small.
  if (has_shrunk) first_number_ = next_number_;
  if (has_shrunk && size_bytes_min == 0) {
    recyclable_.push_back({number, 0, size, false, 0});
    return Status::ok();
  }
  // Numbers order the segments, so a spare that is too small for the record at hand is passed over
  // for good.
  while (size_bytes_min != 0 && !spares_.empty() &&
         spares_.front()->header.size_bytes < size_bytes_min) {
    recyclable_.push_back(
        {spares_.front()->header.number, 0, spares_.front()->header.size_bytes, true});
    spares_.erase(spares_.begin());
  }
  spares_.push_back(std::move(*made));
  return Status::ok();
}

// Removes idle segments; true when another spare is wanted.
bool Log::tidy_idle() {
  const Lock prepare_held(prepare_mutex_);
  std::vector<Kept> surplus;
  bool more = false;
  {
    const Lock held(mutex_);
    if (failed() || is_ended_) return false;
    more = spares_.size() < options_.spare_count && (current_ || !kept_.empty());
    while (recyclable_.size() > options_.spare_count + 2) {
      surplus.push_back(recyclable_.front());
      recyclable_.erase(recyclable_.begin());
    }
    std::erase_if(recyclable_, [&](const Kept& kept) {
      const bool unfit = !kept.recyclable || kept.size_bytes != options_.segment_bytes;
      if (unfit) surplus.push_back(kept);
      return unfit;
    });
  }
  for (const Kept& kept : surplus) {
    const Status status = os_.remove(segment_path(options_.directory, kept.number));
    (void)status;  // An idle file; the next open removes it.
  }
  return more;
}

Step Log::run_preparer() {
  if (!tidy_idle()) return Step::idle();
  const Status status = prepare_one(0);
  return status ? Step::again() : Step{100'000'000};  // A full disk may empty: look again later.
}

// How many of the kept segments, from the newest on, are to stay for those who follow.
size_t Log::kept_needed(uint64_t followed, const Lock& held) const {
  check(held.owns_lock());
  uint64_t bytes = current_ ? current_->header.size_bytes : 0;
  size_t count = 0;
  for (; count < kept_.size(); ++count) {
    const Kept& kept = kept_[kept_.size() - 1 - count];
    bytes += kept.size_bytes;
    const bool is_young =
        options_.keep.age_ms != 0 && kept.last_time_ms + options_.keep.age_ms >= last_time_ms_;
    const bool is_followed = kept.last_commit > followed && bytes <= kFollowedBytesMax;
    if (bytes > options_.keep.bytes && !is_young && !is_followed) break;
  }
  return count;
}

void Log::trim(uint64_t absorbed, uint64_t followed) {
  {
    const Lock held(mutex_);
    const size_t needed = kept_needed(followed, held);
    while (kept_.size() > needed && kept_.front().last_commit <= absorbed) {
      std::erase(since_seal_, kept_.front().number);
      recyclable_.push_back(kept_.front());
      kept_.erase(kept_.begin());
    }
  }
  preparer_->wake();
}

void Log::shrink() {
  {
    const Lock held(mutex_);
    for (const auto& spare : spares_)
      recyclable_.push_back({spare->header.number, 0, spare->header.size_bytes, false, 0});
    spares_.clear();
    for (Kept& kept : recyclable_) kept.recyclable = false;
    first_number_ = next_number_;
  }
  preparer_->wake();
}

void Log::tidy() { tidy_idle(); }

void Log::remove_idle(uint64_t absorbed) {
  const Lock prepare_held(prepare_mutex_);
  std::vector<uint64_t> idle;
  {
    const Lock held(mutex_);
    check(pending_.empty());
    is_ended_ = true;
    for (const auto& spare : spares_) idle.push_back(spare->header.number);
    for (const Kept& kept : recyclable_) idle.push_back(kept.number);
    const bool keeps_current = options_.keep.any() && current_ && current_->last_commit != 0;
    if (current_ && current_->last_commit <= absorbed && !keeps_current) {
      idle.push_back(current_->header.number);
      current_.reset();
    }
    const size_t needed = kept_needed(UINT64_MAX, held);
    while (kept_.size() > needed && kept_.front().last_commit <= absorbed) {
      idle.push_back(kept_.front().number);
      kept_.erase(kept_.begin());
    }
    spares_.clear();
    recyclable_.clear();
  }
  for (const uint64_t number : idle) {
    const Status status = os_.remove(segment_path(options_.directory, number));
    (void)status;  // The next open reads it, finds nothing that is new, and removes it.
  }
}

void Log::end() {
  const Status status = write();
  (void)status;  // Nobody is left to tell; recovery will find what was written.
  {
    const Lock prepare_held(prepare_mutex_);
    const Lock sync_held(sync_mutex_);
    const Lock file_held(file_mutex_);
    const Lock held(mutex_);
    is_ended_ = true;
    spares_.clear();
    current_.reset();
    dirty_.clear();
    pending_.clear();  // There is some only in a log that has failed.
  }
  progress_->open();
}

void Log::set_recycles(bool recycles) {
  const Lock held(mutex_);
  recycles_ = recycles;
  if (recycles) return;
  for (Kept& kept : kept_) kept.recyclable = false;
}

void Log::adopt_recovered(const RecoveredSegment& segment) {
  const Lock held(mutex_);
  kept_.push_back(
      {segment.number, segment.last_commit, segment.size_bytes, false, segment.last_time_ms});
  last_time_ms_ = std::max(last_time_ms_, segment.last_time_ms);
}

std::vector<uint64_t> Log::segments() const {
  const Lock held(mutex_);
  std::vector<uint64_t> numbers;
  for (const Kept& kept : kept_) numbers.push_back(kept.number);
  if (current_) numbers.push_back(current_->header.number);
  return numbers;
}

LogStats Log::stats() const {
  const Lock held(mutex_);
  LogStats stats;
  stats.written_bytes = written_bytes_.load(std::memory_order_relaxed);
  stats.sync_count = sync_count_.load(std::memory_order_relaxed);
  stats.segment_count = kept_.size() + recyclable_.size() + spares_.size() + (current_ ? 1 : 0);
  for (const Kept& kept : kept_) stats.disk_bytes += kept.size_bytes;
  for (const Kept& kept : recyclable_) stats.disk_bytes += kept.size_bytes;
  for (const auto& spare : spares_) stats.disk_bytes += spare->header.size_bytes;
  if (current_) stats.disk_bytes += current_->header.size_bytes;
  return stats;
}

}  // namespace varve
