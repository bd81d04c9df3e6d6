#include "store/feed.h"

#include <algorithm>

namespace varve {
namespace {

constexpr uint64_t kPortionBytes = uint64_t{256} << 10;

}  // namespace

Feed::Feed(Store& store, const KeyRange& range, uint64_t from, bool durable)
    : store_(store),
      begin_(as_text(range.begin)),
      end_(as_text(range.end)),
      durable_(durable),
      follower_(store.os_, *store.log_, from),
      position_(from) {
  const Lock held(store.feeds_mutex_);
  store.feeds_.insert(this);
}

Feed::~Feed() {
  const Lock held(store_.feeds_mutex_);
  store_.feeds_.erase(this);
}

Result<std::unique_ptr<Feed>> Feed::open(Store& store, const KeyRange& range, uint64_t from,
                                         bool durable) {
  if (!store.log_) {
    return Status::invalid(
        "watch: there is no log to follow, in memory alone, with `log: false`, or "
        "with `readOnly`");
  }
  if (from > store.visible()) {
    const std::string newest = "the newest commit, which is " + std::to_string(store.visible());
    if (from > store.numbers_before_) {
      return Status::invalid("watch: `from` " + std::to_string(from) + " is beyond " + newest);
    }
    return Status(Code::kLost, "watch: commit " + std::to_string(from) +
                                   " did not survive a crash; go on from " + newest);
  }
  return std::unique_ptr<Feed>(new Feed(store, range, from, durable));
}

uint64_t Feed::reach() const {
  const uint64_t visible = store_.visible_.load(std::memory_order_seq_cst);  // See tell_feeds().
  return durable_ ? std::min(store_.through(Durability::kDisk), visible) : visible;
}

bool Feed::is_behind() {
  if (position_.load() < reach()) return true;
  store_.feed_waits_.store(true, std::memory_order_seq_cst);
  return position_.load() < reach();
}

bool Feed::is_asked_for(const LogEdit& edit) const {
  const bool is_range = edit.kind == LogEditKind::kRangeDeletion;
  if (!end_.empty() && compare(edit.key, as_bytes(end_)) >= 0) return false;
  if (!is_range) return compare(edit.key, as_bytes(begin_)) >= 0;
  return edit.value.empty() || compare(edit.value, as_bytes(begin_)) > 0;
}

Status Feed::add(const RecordHeader& header, Bytes body) {
  auto commit = std::make_unique<FeedCommit>();
  commit->commit = header.commit;
  commit->time_ms = header.time_ms;
  commit->body.assign(as_text(body));
  EditReader reader(as_bytes(commit->body));
  LogEdit edit;
  while (true) {
    const Result<bool> more = reader.next(edit);
    if (!more) return more.error();
    if (!*more) break;
    if (!is_asked_for(edit)) continue;
    if (edit.kind == LogEditKind::kRangeDeletion) {  // Of a larger range the part asked for.
      if (compare(edit.key, as_bytes(begin_)) < 0) edit.key = as_bytes(begin_);
      const bool ends_later =
          !end_.empty() && (edit.value.empty() || compare(edit.value, as_bytes(end_)) > 0);
      if (ends_later) edit.value = as_bytes(end_);
    }
    commit->edits.push_back(edit);
  }
  if (!commit->edits.empty()) commits_.push_back(std::move(commit));
  return Status::ok();
}

Result<bool> Feed::poll() {
  const uint64_t through = reach();
  if (store_.log_->written_through() < through) {
    if (Status status = store_.log_->write(); !status) return status;
  }
  // Portions of nothing that is asked for are passed over here, so that each call brings something.
  while (commits_.empty() && follower_.last() < through && !stopped_.load()) {
    const auto take = [this](const RecordHeader& header, Bytes body) { return add(header, body); };
    Status status = follower_.read(through, kPortionBytes, take);
    position_.store(follower_.last());
    if (!status) return status;
  }
  return !commits_.empty();
}

// ---- the store's side

// How far every feed has read.
uint64_t Store::followed() {
  const Lock held(feeds_mutex_);
  uint64_t position = UINT64_MAX;
  for (const Feed* const feed : feeds_) position = std::min(position, feed->position());
  return position;
}

// Whoever arms the flag looks for commits after that, and a commit looks at it after it is visible,
// all in one order: one of the two sees the other.
void Store::tell_feeds() {
  if (!feed_waits_.load(std::memory_order_seq_cst)) return;
  if (feed_waits_.exchange(false)) notify();
}

}  // namespace varve
