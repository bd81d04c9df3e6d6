// binding/feed.cc — feeds: polled on a thread of Node's pool, taken by the batch.
//
//   feedOpen(begin_size, end_size, from, durable)   → its number; from below 0: from now on
//   feedPoll(number)                                → promise of 1 when there is something to take
//   feedTake(number, Float64Array)                  → entries, as entries.h tells, and of what
//   commits feedIsBehind(number)                            → 1 when polling would bring more; else
//   progress tells feedClose(number)
//
// The array has, for each entry, when it expires; and behind kCountMax of these a row for each
// commit: number, time, how many of the entries are its, and whether that is the last of it.
#include "binding/feed.h"

#include <algorithm>

#include "binding/care.h"
#include "binding/entries.h"
#include "binding/kv.h"

namespace varve {
namespace {

constexpr size_t kRowCells = 4;
constexpr size_t kArrayCells = EntryBatch::kCountMax * (1 + kRowCells);

Status closed_error() { return {Code::kClosed, "the store is closed"}; }

std::shared_ptr<FeedSlot> slot_of(const Call& call) {
  const size_t number = read_uint32(call, 0);
  const auto& feeds = call.handle().feeds;
  return number < feeds.size() ? feeds[number] : nullptr;
}

napi_value feed_open(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Handle& handle = call.handle();
  if (handle.closed) return make_answer(env, handle.environment.fail(closed_error()));
  StoredRange range;
  if (!read_range(call, 0, range)) {
    return make_answer(env, handle.environment.fail(Status::invalid("watch: no range")));
  }
  const double from = read_double(call, 2);
  const uint64_t behind = from < 0 ? Feed::kFromNow : static_cast<uint64_t>(from);
  Result<std::unique_ptr<Feed>> feed =
      Feed::open(call.store(), {as_bytes(range.begin), as_bytes(range.end)}, behind,
                 read_uint32(call, 3) != 0);
  if (!feed) return make_answer(env, handle.environment.fail(feed.error()));
  auto slot = std::make_shared<FeedSlot>();
  slot->feed = std::move(*feed);
  size_t number = 0;
  while (number < handle.feeds.size() && handle.feeds[number]) ++number;
  if (number == handle.feeds.size()) handle.feeds.emplace_back();
  handle.feeds[number] = std::move(slot);
  return make_int(env, static_cast<int32_t>(number));
}

napi_value feed_poll(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const std::shared_ptr<FeedSlot> slot = slot_of(call);
  auto is_any = std::make_shared<bool>(false);
  const auto run = [slot, is_any] {
    if (!slot) return closed_error();
    const Lock held(slot->mutex);
    if (!slot->feed) return closed_error();
    const Result<bool> polled = slot->feed->poll();
    if (polled) *is_any = *polled;
    return polled ? Status::ok() : polled.error();
  };
  return start_work(env, nullptr, run,
                    [is_any](napi_env at) { return make_int(at, *is_any ? 1 : 0); });
}

// Fills the batch from the commits that were polled, and says in the array whose the entries are.
class Taking {
 public:
  Taking(const Call& call, FeedSlot& slot, double* cells, EntryBatch& batch)
      : slot_(slot),
        view_(*call.handle().reader),
        prefix_bytes_(call.level().prefix_bytes),
        cells_(cells),
        batch_(batch) {}

  EntryBatch::Added run() {
    Feed& feed = *slot_.feed;
    while (!feed.empty() && rows_ < EntryBatch::kCountMax) {
      const FeedCommit& commit = feed.front();
      const size_t before = batch_.count();
      auto added = EntryBatch::Added::kYes;
      while (slot_.next_edit < commit.edits.size()) {
        added = add(commit.edits[slot_.next_edit]);
        if (added != EntryBatch::Added::kYes) break;
        ++slot_.next_edit;
      }
      const bool is_whole = slot_.next_edit == commit.edits.size();
      if (is_whole || batch_.count() > before) add_row(commit, batch_.count() - before, is_whole);
      if (!is_whole) return added;
      feed.pop();
      slot_.next_edit = 0;
    }
    return EntryBatch::Added::kYes;
  }
  size_t rows() const { return rows_; }

 private:
  EntryBatch::Added add(const LogEdit& edit) {
    const Bytes key = edit.key.subspan(std::min(prefix_bytes_, edit.key.size()));
    if (edit.kind == LogEditKind::kRangeDeletion) {
      const bool is_open = edit.value.size() < prefix_bytes_ ||
                           !equal(edit.value.first(prefix_bytes_), edit.key.first(prefix_bytes_));
      return batch_.add_bounds(key, is_open ? Bytes() : edit.value.subspan(prefix_bytes_));
    }
    const bool is_put = edit.kind == LogEditKind::kPut;
    const Edit entry{edit.key, 0, is_put ? EditKind::kPut : EditKind::kDelete, 0, 0, edit.value};
    const EntryBatch::Added added = batch_.add(key, entry, view_, is_put);
    if (added == EntryBatch::Added::kYes) {
      cells_[batch_.count() - 1] = static_cast<double>(edit.expires_ms);
    }
    return added;
  }

  void add_row(const FeedCommit& commit, size_t count, bool is_whole) {
    double* const row = cells_ + EntryBatch::kCountMax + rows_ * kRowCells;
    row[0] = static_cast<double>(commit.commit);
    row[1] = static_cast<double>(commit.time_ms);
    row[2] = static_cast<double>(count);
    row[3] = is_whole ? 1 : 0;
    ++rows_;
  }

  FeedSlot& slot_;
  const Store::View view_;
  const size_t prefix_bytes_;
  double* const cells_;
  EntryBatch& batch_;
  size_t rows_ = 0;
};

napi_value feed_take(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  Environment& environment = call.environment();
  const std::shared_ptr<FeedSlot> slot = slot_of(call);
  if (!slot || call.handle().closed) return make_answer(env, environment.fail(closed_error()));
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* data = nullptr;
  napi_get_typedarray_info(env, call.arguments[1], &type, &length, &data, nullptr, nullptr);
  if (type != napi_float64_array || length < kArrayCells) {
    return make_answer(env, environment.fail(Status::invalid("watch: no room for commits")));
  }
  const Lock held(slot->mutex);
  EntryBatch batch(environment, EntryBatch::kCountMax);
  Taking taking(call, *slot, static_cast<double*>(data), batch);
  const EntryBatch::Added added = taking.run();
  environment.set32(Register32::kAnswer, static_cast<uint32_t>(taking.rows()));
  if (taking.rows() == 0 && added == EntryBatch::Added::kFull) {
    environment.set32(Register32::kNeededBytes, batch.needed_bytes());
    return make_answer(env, Answer::kGrow);
  }
  if (taking.rows() == 0 && added == EntryBatch::Added::kFailed) {
    return make_answer(env, environment.fail(batch.status()));
  }
  return batch.finish(env, !slot->feed->empty());
}

napi_value feed_is_behind(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const std::shared_ptr<FeedSlot> slot = slot_of(call);
  if (!slot || call.handle().closed) return make_int(env, 1);  // Polling tells.
  const Lock held(slot->mutex);
  return make_int(env, slot->feed->is_behind() ? 1 : 0);
}

napi_value feed_close(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const std::shared_ptr<FeedSlot> slot = slot_of(call);
  if (!slot) return make_answer(env, Answer::kOk);
  call.handle().feeds[read_uint32(call, 0)].reset();
  if (!call.handle().closed) end_feed(*slot);
  return make_answer(env, Answer::kOk);
}

}  // namespace

void end_feed(FeedSlot& slot) {
  if (slot.feed) slot.feed->stop();
  const Lock held(slot.mutex);
  slot.feed.reset();
}

const std::vector<Method>& feed_methods() {
  static const std::vector<Method>* const all = new std::vector<Method>{
      {"feedOpen", feed_open},          {"feedPoll", feed_poll},   {"feedTake", feed_take},
      {"feedIsBehind", feed_is_behind}, {"feedClose", feed_close},
  };
  return *all;
}

}  // namespace varve
