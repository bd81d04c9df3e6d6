// store/transaction/transaction.h — the door of transactions: what was read and what is to be
// written, until the sequencer takes or refuses it.
//
//   begin ──▶ get · scan ──▶ put · erase ──▶ commit, or prepare ──▶ taken, or kConflict
//               │               │
//               ▼               ▼
//           Conditions      PendingEdits          both in memory, and nobody else's
//
// Optimistic: nobody waits for it. It reads the newest commit of its begin, which it holds, with
// its own edits over it. commit() hands edits and conditions to the sequencer, which refuses them
// if what was read has been written since. What was written meanwhile is remembered by the store
// for as long as a transaction is open (recent_writes.h), so that a validation costs what was read
// and what was written, and never a look at the disk.
//
//   isolation        reads                     conditions of the commit
//   serializable     the begin                 keys and ranges read, as far as they were read
//   snapshot         the begin                 keys and ranges written: the first to commit wins
//   read committed   the newest at each read   none
//   all                                        guarded keys and ranges: what an invariant hangs on
//
// Without writes there is nothing to validate: it has seen one commit, or what was committed.
//
// One that locks (locks.h) is serializable, too, but reads the newest commit each time: its caller
// takes the lock of a key or range before the read or write, and waits for it meanwhile, so that it
// sees what those have written who had the lock before. What it read is a condition since that
// read; between those that lock keys none is ever broken. Without writes its conditions count all
// the same.
//
// What cannot say before which keys it is about tries: what it reads and writes is held apart, its
// locks are taken then, and if nobody has written meanwhile what was read, it stays; else it is
// tried again, under the locks that it has. So an index is locked where it was really looked up.
//
//   begin_trial ─▶ get · scan · put ─▶ lock_trial, until it has all ─▶ keep_trial ─▶ kept, or again
//
// Invariants
//   - before commit() nobody sees an edit; after it everybody sees all of them, or none.
//   - a transaction that has ended holds nothing and can be begun again.
// Threads: one, with a Reader of its own.
#pragma once

#include <cstdint>
#include <memory>

#include "store/conditions.h"
#include "store/store.h"
#include "store/transaction/pending.h"

namespace varve {

enum class Isolation : uint8_t { kSerializable = 0, kSnapshot = 1, kReadCommitted = 2 };

class Transaction {
 public:
  explicit Transaction(Store& store);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  void begin(Isolation isolation);
  // To lock: `age`, `news` and the number in it are for Locks::enter(), whose answer is owner().
  void begin_locking(uint64_t age, std::shared_ptr<LockNews> news, uint32_t news_number);
  bool is_locking() const { return owner_ != 0; }
  uint64_t owner() const { return owner_; }
  // ---- trying, by one that locks
  void begin_trial();
  // Locks what was written, and what was read as shared: true when it has all of these; false: it
  // waits for one, and this is to be asked again when it has that.
  Result<bool> lock_trial();
  // False: something was written meanwhile that was read; it is taken back, and tried again.
  Result<bool> keep_trial();
  void drop_trial();
  bool is_trying() const { return trial_ != nullptr; }

  bool is_open() const { return is_open_; }
  // A number of this begin alone, of all transactions of the store: what was asked for in one is
  // not answered in another.
  uint64_t serial() const { return serial_; }
  // What its reads are as of; UINT64_MAX: the newest.
  uint64_t view_commit() const;
  uint64_t view_time_ms() const;  // 0: now.

  // As a View's, with the own edits over it. An own value has commit 0. The view is of
  // view_commit() and view_time_ms(), by which own values expire, too.
  Status get(const Store::View& view, Bytes key, bool may_block, Lookup& answer);
  // As of the first `edit_count` edits.
  Status get_many(const Store::View& view, std::span<PointQuery> queries,
                  size_t edit_count = SIZE_MAX);
  // As of the first `edit_count` edits. What of the range was really read, and as of which commit,
  // is told by read_range().
  std::unique_ptr<EngineCursor> scan(const Store::View& view, const KeyRange& range,
                                     Direction direction, size_t edit_count);
  size_t edit_count() const { return edits_.mark().item_count; }
  // What of the edits from `first` on was put in the range, and how often edits were taken back:
  // for whoever lays them over something and goes on from there.
  void each_put(const KeyRange& range, size_t first, size_t last,
                const PendingEdits::Visit& visit) const {
    edits_.each_put(range, first, last, visit);
  }
  uint64_t rewind_count() const { return edits_.rewind_count(); }
  Status read_range(Bytes begin, Bytes end, uint64_t commit);
  // A condition at every level: the commit is refused if the key is written after `since`.
  Status guard(Bytes key, uint64_t since);
  Status guard_range(Bytes begin, Bytes end, uint64_t since);

  // The edit has to fit: see Batch::fits().
  Status fits(uint64_t edit_bytes) const { return edits_.fits(edit_bytes); }
  void put(Bytes key, std::initializer_list<Bytes> value_parts, uint64_t expires_ms = 0) {
    edits_.put(key, value_parts, expires_ms);
  }
  void erase(Bytes key) { edits_.erase(key); }
  // Adds to the number that the commit will find there: no condition at any isolation, unless the
  // sum is read. kInvalid when what the view has there is no such number.
  Status increment(const Store::View& view, Bytes key, Bytes by);
  void erase_range(Bytes begin, Bytes end) { edits_.erase_range(begin, end); }

  // A savepoint's number, for one of the two below, which end it and those made after it. Edits go
  // back to it; what was read since stays a condition, since it may have been acted on.
  uint32_t save();
  Status rewind(uint32_t savepoint);
  Status forget(uint32_t savepoint);

  // Ends it, whatever the answer: the commit's number, or, where nothing was written, that of what
  // was read. kConflict: conflict() says by what. kDeadlock: its locks were lost.
  Result<uint64_t> commit();
  // In place of it: what is committed is that it will be, when Store::commit_prepared() says so.
  Result<uint64_t> prepare(std::string_view id);
  void rollback();
  const Conflict& conflict() const { return conflict_; }

 private:
  bool reads_newest() const;
  Result<uint64_t> commit_reads();
  Status check_locks() const;
  void add_last_conditions();
  Status add_to_own(const Store::View& view, Bytes key, uint64_t hash, Bytes by);
  struct Trial {
    Conditions before;
    Batch::Mark mark;
    size_t locked_count = 0;  // Of what is to be locked, in the order of lock_nth().
  };
  Result<bool> lock_nth(size_t index);
  Status remember(Bytes key, uint64_t hash, uint64_t commit);
  Status check_size() const;
  void end();

  Store& store_;
  PendingEdits edits_;
  Conditions conditions_;
  Conflict conflict_;
  Isolation isolation_ = Isolation::kSerializable;
  std::vector<Batch::Mark> savepoints_;
  std::unique_ptr<Trial> trial_;  // Null: it tries nothing.
  uint64_t since_ = 0;  // Held by the store while open.
  uint64_t owner_ = 0;  // Of locks; 0: it takes none.
  uint64_t begun_ms_ = 0;
  uint64_t serial_ = 0;
  bool is_open_ = false;
};

}  // namespace varve
