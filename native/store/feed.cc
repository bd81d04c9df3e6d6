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
      position_(from) {
  if (store.log_) follower_.emplace(store.os_, *store.log_, from);
  const Lock held(store.feeds_mutex_);
  store.feeds_.insert(this);
}

Feed::~Feed() {
  if (!follower_) store_.ring_.end();
  const Lock held(store_.feeds_mutex_);
  store_.feeds_.erase(this);
}

Result<std::unique_ptr<Feed>> Feed::open(Store& store, const KeyRange& range, uint64_t from,
                                         bool durable) {
  if (store.options_.read_only) {
    return Status::invalid("watch: nothing is written to a store opened with `readOnly`");
  }
  const uint64_t newest = store.visible();
  if (from != kFromNow && from > newest) {
    const std::string which = "the newest commit, which is " + std::to_string(newest);
    if (from > store.numbers_before_) {
      return Status::invalid("watch: `from` " + std::to_string(from) + " is beyond " + which);
    }
    return Status(Code::kLost, "watch: commit " + std::to_string(from) +
                                   " did not survive a crash; go on from " + which);
  }
  uint64_t behind = from == kFromNow ? newest : from;
  uint64_t floor = 0;
  if (!store.log_) {
    const Lock held(store.commit_mutex_);  // No commit comes between.
    floor = store.ring_.begin(store.visible());
    if (from == kFromNow) behind = store.visible();
  }
  std::unique_ptr<Feed> feed(new Feed(store, range, behind, durable));
  if (behind < floor) return CommitRing::not_kept(behind, floor);
  return feed;
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

Status Feed::add(uint64_t number, uint64_t time_ms, Bytes body) {
  auto commit = std::make_unique<FeedCommit>();
  commit->commit = number;
  commit->time_ms = time_ms;
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
  if (follower_ && store_.log_->written_through() < through) {
    if (Status status = store_.log_->write(); !status) return status;
  }
  // Portions of nothing that is asked for are passed over here, so that each call brings something.
  while (commits_.empty() && position_.load() < through && !stopped_.load()) {
    if (Status status = read_portion(through); !status) return status;
  }
  return !commits_.empty();
}

Status Feed::read_portion(uint64_t through) {
  const auto take = [this](uint64_t commit, uint64_t time_ms, Bytes body) {
    return add(commit, time_ms, body);
  };
  uint64_t last = position_.load();
  Status status = Status::ok();
  if (follower_) {
    const auto record = [&](const RecordHeader& header, Bytes body) {
      return take(header.commit, header.time_ms, body);
    };
    status = follower_->read(through, kPortionBytes, record);
    last = follower_->last();
  } else {
    status = store_.ring_.read(last, through, kPortionBytes, take);
  }
  position_.store(last);
  return status;
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
