// binding/environment.h — what one JavaScript thread has: a scratch buffer shared with its
// JavaScript, and handles.
//
// Scratch is one ArrayBuffer allocated by JavaScript. Its first bytes are registers, numbers that
// go along with a call without costing an argument; then an area for encoded keys; then an area for
// values. lib/native.ts mirrors the offsets. Native code writes to it only inside a call.
//
// A slab is another one, of which small values that are bytes get a part each, without a copy in
// JavaScript. Callers see it behind their values and may detach it, so it is looked up again for
// each value.
//
// Invariants
//   - a Handle lives until its environment is torn down, so that a late call finds it closed, not
//     gone.
// Threads: one, but for Handle::progress, which any thread may call.
#pragma once

#include <node_api.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "binding/cold.h"
#include "binding/feed.h"
#include "binding/owned.h"
#include "store/batch.h"
#include "store/registry.h"
#include "store/transaction/transaction.h"

namespace varve {

inline constexpr size_t kRegisterBytes = 256;
inline constexpr size_t kKeyAt = kRegisterBytes;
inline constexpr size_t kDataAt = 66048;        // Behind the registers and the longest key.
inline constexpr size_t kDataBytesMin = 65536;  // A scratch has at least so many bytes of data.
// kPlace of a head: kDataAt, or where it lies in the slab with this bit set.
inline constexpr uint32_t kInSlab = 0x80000000u;
inline constexpr size_t kSlabValueBytesMax = 4096;
inline constexpr size_t kKeyBytesMax = 65536;   // As encoded, without the prefix of its level.

// Registers, as indexes of 4-byte or 8-byte cells.
enum class Register32 : uint32_t {
  kKind = 8,
  kHeadBytes = 9,
  kNeededBytes = 10,
  kCount = 11,
  kMore = 12,
  kCursor = 13,
  kPlace = 14,
  kCrowding = 15,
  kBitmap = 24,
  kAnswer = 25,
  kFirst = 26,  // A member of a bitmap takes two cells.
  kLast = 28
};
enum class Register64 : uint32_t {
  kCommit = 0,
  kWritten = 1,
  kDurable = 2,
  kView = 3,
  kHeldMs = 8,
  kLongestMs = 9,
  kWaitCount = 10,
  kSeen = 11,
  kFound = 15,
  kTime = 28,
  kViewTime = 29,
  kExpires = 30
};

// Answers of calls that return a small integer: at or above 0 as each says, below 0 one of these.
enum class Answer : int32_t {
  kOk = 0,
  kAbsent = -1,
  kFailed = -2,
  kGrow = -3,
  kWouldBlock = -4,
  kConflict = -5
};

struct Handle;
struct BitmapRoom;
struct CollectionRoom;

// A range as stored keys; an empty end is the end of the keyspace.
struct StoredRange {
  std::string begin;
  std::string end;
};

struct Cursor {
  StoredRange rest;     // What is still to be read.
  uint64_t commit = 0;  // Held while the cursor lives.
  uint64_t time_ms = 0;  // What expired by then is not shown.
  // Whose edits lie over it, as of its first so many; the same only while the serial is.
  Transaction* transaction = nullptr;
  uint64_t serial = 0;
  size_t edit_count = 0;
  StoredRange unguarded;  // What the transaction was not yet told that it has read.
  size_t count_all = SIZE_MAX;  // Entries that are wanted in all, where the first batch has them.
  Direction direction = Direction::kForward;
  bool want_values = true;
  bool holds = false;
  bool done = false;
};

// A keyspace within a store: what goes before every key of it. The hot functions are bound to one
// of these.
struct Level {
  Handle& handle;
  uint8_t prefix[8];
  size_t prefix_bytes;

  Bytes bytes() const { return Bytes(prefix, prefix_bytes); }
};

struct Environment {
  uint8_t* scratch = nullptr;
  size_t scratch_bytes = 0;
  napi_ref scratch_reference = nullptr;
  napi_ref slab_reference = nullptr;
  size_t slab_used = 0;
  Code error_code = Code::kOk;  // Of the last call that answered kFailed.
  std::string error_message;
  Conflict conflict;  // What that was by, where it was a conflict.
  std::vector<std::unique_ptr<Handle>> handles;
  std::vector<char16_t> wide;  // Strings too long for the stack.
  std::string text;            // A string of a value, narrowed or as UTF-16LE bytes.
  // Room that many entries at once need, kept for the next call.
  std::string batch_text;
  std::string batch_keys;
  std::vector<PointQuery> batch_queries;
  std::shared_ptr<BitmapRoom> bitmaps;
  std::shared_ptr<OwnedThings> owned = std::make_shared<OwnedThings>();

  void set32(Register32 cell, uint32_t value) {
    store<uint32_t>(scratch + static_cast<uint32_t>(cell) * 4, value);
  }
  void set64(Register64 cell, double value) {
    store<double>(scratch + static_cast<uint32_t>(cell) * 8, value);
  }
  double get64(Register64 cell) const {
    return load<double>(scratch + static_cast<uint32_t>(cell) * 8);
  }
  Answer fail(const Status& status) {
    error_code = status.code();
    error_message = status.message();
    conflict.reason = ConflictReason::kNone;
    return Answer::kFailed;
  }
};

struct Handle {
  Environment& environment;
  StoreHold hold;
  std::unique_ptr<Store::Reader> reader;
  std::unique_ptr<Batch> single;   // For put and delete, one edit a commit.
  std::unique_ptr<Batch> batch;    // For batchPut and its like.
  std::shared_ptr<ColdGets> cold;  // Shared with the pool's threads.
  std::vector<std::unique_ptr<Cursor>> cursors;
  std::vector<std::shared_ptr<FeedSlot>> feeds;  // By number; shared with the pool's threads.
  std::vector<std::unique_ptr<Level>> levels;
  std::vector<std::unique_ptr<Transaction>> transactions;  // By number.
  std::vector<uint32_t> free_transactions;                 // Numbers of those that have ended.
  std::shared_ptr<CollectionRoom> collections;  // Made when it is needed first.
  const std::shared_ptr<LockNews> lock_news = std::make_shared<LockNews>();
  uint64_t listener = 0;
  napi_threadsafe_function progress = nullptr;
  std::atomic<bool> progress_pending{false};
  uint32_t working = 0;  // Asynchronous works under way; they use the store.
  bool closed = false;

  explicit Handle(Environment& owner);
  ~Handle();
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  // Waits for gets that are reading, ends cursors, stops listening, and gives the reader back; the
  // hold is released by whoever closes.
  void end();
};

Environment& environment_of(napi_env env);

}  // namespace varve
