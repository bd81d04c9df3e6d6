#include "layer/catalog/expiry.h"

#include <algorithm>

namespace varve {
namespace {

constexpr char kDueBegin[] = "\x01x";
constexpr size_t kDueHeadBytes = sizeof kDueBegin - 1 + 8;
constexpr size_t kSweptMax = 512;         // Of one commit.
constexpr uint64_t kPauseMsMin = 100;     // So that what is due at about one time goes as one.
constexpr uint64_t kPauseMsMax = 60'000;  // The clock may jump.
constexpr uint64_t kRetryMs = 200;
constexpr int kPersistTriesMax = 100;

Step after_ms(uint64_t ms) { return Step{std::clamp(ms, kPauseMsMin, kPauseMsMax) * 1'000'000}; }

struct Due {
  Batch batch;
  uint64_t seen = 0;     // The commit by which it was found.
  uint64_t next_ms = 0;  // When the first that is not yet due will be; 0: none is there.
};

// Puts into the batch what is due, and what of the index goes with it.
Status collect(const Store::View& view, size_t count_max, Due& due) {
  const uint64_t now_ms = view.time_ms();
  due.seen = view.commit();
  const std::string end = expiry_entry({}, UINT64_MAX);
  const KeyRange range{as_bytes(std::string_view(kDueBegin)), as_bytes(end)};
  const auto entries = view.scan(range, Direction::kForward);
  for (; entries->valid(); entries->next()) {
    const Bytes entry = entries->edit().key;
    if (entry.size() < kDueHeadBytes) return Status::corrupt("expiry: an entry of a wrong size");
    const uint64_t expires_ms = load_big64(entry.data() + sizeof kDueBegin - 1);
    if (expires_ms > now_ms || due.batch.size() >= count_max) {
      due.next_ms = expires_ms;
      break;
    }
    const std::string key(as_text(entry.subspan(kDueHeadBytes)));
    due.batch.erase(entry);
    Lookup newest;
    if (Status status = view.version_below(as_bytes(key), UINT64_MAX, newest); !status) {
      return status;
    }
    const bool is_same = newest.found == Found::kPut && newest.edit.expires_ms == expires_ms;
    if (is_same) due.batch.erase(as_bytes(key));
  }
  return entries->status();
}

}  // namespace

std::string expiry_entry(Bytes key, uint64_t expires_ms) {
  std::string entry = kDueBegin;
  uint8_t bytes[8];
  store_big64(bytes, expires_ms);
  append(entry, Bytes(bytes, sizeof bytes));
  append(entry, key);
  return entry;
}

uint64_t expiry_entry_bytes(Bytes key) { return kDueHeadBytes + key.size(); }

// A key that somebody writes meanwhile is found written by the next try.
Step sweep(Store& store) {
  if (!store.may_expire()) return Step::idle();
  for (size_t count_max = kSweptMax; count_max > 0; count_max /= 2) {
    Due due{Batch(store.hash_seed())};
    {
      const Result<std::unique_ptr<Store::Reader>> reader = Store::Reader::take(store);
      if (!reader) return after_ms(kRetryMs);
      const Store::View view(**reader);
      if (!collect(view, count_max, due)) return after_ms(kPauseMsMax);
    }
    const uint64_t now_ms = store.now_ms();
    const uint64_t wait_ms = due.next_ms > now_ms ? due.next_ms - now_ms : 0;
    if (due.batch.empty()) return due.next_ms == 0 ? Step::idle() : after_ms(wait_ms);
    Conditions conditions;
    conditions.add_writes(due.batch, due.seen);
    conditions.passes_prepared = true;  // What has expired is absent to everybody already.
    const Result<uint64_t> commit = store.commit(due.batch, &conditions);
    if (commit) return due.next_ms != 0 && wait_ms == 0 ? Step::again() : after_ms(wait_ms);
    if (commit.code() == Code::kClosed) return Step::idle();
    if (commit.code() != Code::kConflict) return after_ms(kRetryMs);
  }
  return after_ms(kRetryMs);
}

Result<bool> persist(Store& store, Store::Reader& reader, Bytes key) {
  for (int tries = 0; tries < kPersistTriesMax; ++tries) {
    Batch batch(store.hash_seed(), store.commit_bytes_max());
    uint64_t seen = 0;
    {
      const Store::View view(reader);
      seen = view.commit();
      Lookup found;
      if (Status status = view.get(key, true, found); !status) return status;
      if (found.found != Found::kPut || found.edit.expires_ms == 0) return false;
      std::string room;
      const Result<Bytes> value = view.value(found.edit, room);
      if (!value) return value.error();
      batch.put(key, *value);
    }
    Conditions conditions;
    conditions.add_writes(batch, seen);
    const Result<uint64_t> commit = store.commit(batch, &conditions);
    if (commit) return true;
    const bool is_held = conditions.conflict.reason == ConflictReason::kPrepared;
    if (commit.code() != Code::kConflict || is_held) return commit.error();
  }
  return Status(Code::kConflict, "persist: others wrote the key meanwhile, again and again");
}

}  // namespace varve
