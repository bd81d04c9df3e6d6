// layer/blocks/stored_index.h — an index in a store: packed blocks, and the newest entries beside
// them.
//
//   commit of a user ─▶ one small key an entry: loose
//   fold()           ─▶ many loose entries into blocks: one commit, put-if-version
//                       or a part of the whole index into new blocks, where much was removed
//   sync(view)       ─▶ the index as of a view: packed blocks, and what is loose added in memory
//
// So no commit of a user rewrites a shared block, and none fails because another one changed the
// index. What is loose is added to the same algorithm, over frames that are never committed
// (stored_blocks.h): a query knows nothing of it, and answers what it would if all were packed. An
// entry is added once, by the first sync() that sees it, which asks the store for what was put since
// the last one (store/followed_puts.h) and walks all that is loose only where it does not know; a
// fold begins this anew. Entries of a
// transaction are laid over it in the same way, one by one as it goes on, and taken back one by one.
//
// A Kind says what an index holds, and may have options:
//   using Index                                       the algorithm
//   static constexpr uint8_t kKind                    in the head
//   Status attach(Bytes state, Blocks&, std::optional<Index>&) const     empty: a new one
//   static void detach(Index&)                        its blocks stay
//   static Status apply(Bytes key, Bytes value, Index&) a loose entry; again is as once
//   struct Before                                     what the index says where an entry would stand
//   static Result<Before> before(Bytes key, Bytes value, const Index&)
//   static void put_back(const Before&, Index&)       of what was applied since, the last first
//   static void save(Index&, std::string& state)      all that was applied is in blocks then
// and, if what is removed stays in its blocks until they are written anew:
//   using Rebuild               step(), keep(), go_back(), save(): pure/text/text.h
//   bool wants_rebuild(const Index&) const
//   Result<std::unique_ptr<Rebuild>> begin_rebuild(Bytes state, Blocks&) const
//
// Invariants
//   - loose entries go with a fold alone, which writes the head: so whoever knows the head and up
//     to which commit it has looked knows what is new.
//   - a fold changes no answer, so it breaks no condition: it deletes loose entries silently.
//   - what an index answers counts only if status() is fine afterwards.
//   - while an index is rebuilt nothing else is folded, so that its old blocks stay as they are;
//     one commit puts the new ones in their place. What was written of a rebuild that nobody goes
//     on with goes with the next fold.
// Threads: one; each thread has its own.      Bytes: FORMAT.md
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "layer/blocks/keys.h"
#include "layer/blocks/stored_blocks.h"

namespace varve {

// What is beside the blocks: what a fold starts from, and changes.
struct IndexHead {
  uint64_t commit = 0;       // That wrote it; 0: there is none.
  uint64_t incarnation = 0;  // Of an index that was dropped and made again another one.
  BlockId next_block = 0;
  BlockId rebuilt_from = kNoBlock;  // The first block of a rebuild that is not done.
  std::string state;
};

// Of a head that is known already the state is not read.
Status read_index_head(const Store::View& view, const std::string& prefix, uint8_t kind,
                       const IndexHead& known, IndexHead& head);
// What changes from one head to the next: chunks of the state that are others, and the head.
void put_index_head(Batch& batch, const std::string& prefix, uint8_t kind, const IndexHead& from,
                    const IndexHead& to);

struct FoldReport {
  uint64_t entry_count = 0;
  bool is_done = true;  // Else there was more than goes into a commit.
};

template <class Kind>
concept Rebuilds = requires { typename Kind::Rebuild; };

struct NoRebuild {};

template <class Kind>
struct RebuildOf {
  using Type = NoRebuild;
};
template <Rebuilds Kind>
struct RebuildOf<Kind> {
  using Type = typename Kind::Rebuild;
};

template <class Kind>
class StoredIndex {
 public:
  StoredIndex(std::string prefix, size_t frame_bytes_max, Kind kind = {})
      : prefix_(std::move(prefix)), kind_(std::move(kind)), blocks_(prefix_, frame_bytes_max) {}
  ~StoredIndex() { detach(); }

  // Whether it is as of this view already, with what was laid over it; if so, it is read through
  // this view from here on.
  bool resume(const Store::View& view) {
    if (!index_ || synced_ != view.commit() || !blocks_.status()) return false;
    blocks_.trim();
    blocks_.set_view(&view);
    return true;
  }
  // As of this view, through which it is read until the view ends or the next sync(); nothing is
  // laid over it.
  Status sync(const Store::View& view) {
    blocks_.trim();
    if (Status status = attach(view); !status) return status;
    if (synced_ == view.commit()) return blocks_.status();
    if (Status status = add_loose(view); !status) {
      forget();
      return status;
    }
    synced_ = view.commit();
    return blocks_.status();
  }

  // The commit that it is as of; 0: of none.
  uint64_t synced() const { return synced_; }

  // Lays an entry that is not committed over it, behind a sync() that was fine.
  Status lay(Bytes key, Bytes value) {
    check(index_.has_value());
    Result<typename Kind::Before> before = Kind::before(key, value, *index_);
    if (!before) return before.error();
    laid_.push_back(std::move(*before));
    laid_bytes_ += key.size() + value.size();
    return Kind::apply(key, value, *index_);
  }
  bool has_laid() const { return !laid_.empty(); }

  // Behind a sync() that was fine.
  const typename Kind::Index& index() const {
    check(index_.has_value());
    return *index_;
  }
  // For an algorithm that arranges what is loose when it is asked; it is not changed from here.
  typename Kind::Index& index() {
    check(index_.has_value());
    return *index_;
  }
  // Of what was read since sync().
  Status status() const { return blocks_.status(); }
  const StoredBlocks& blocks() const { return blocks_; }

  // Packs loose entries, as many as fit a commit, which is known when they are packed: so if they
  // do not, half as many are tried. kConflict: somebody wrote one of them, or folded, meanwhile,
  // and nothing has changed.
  Result<FoldReport> fold(Store& store, Store::Reader& reader) {
    if constexpr (Rebuilds<Kind>) {
      if (wants_rebuild_) return fold_anew(store, reader);
    }
    for (uint64_t count_max = UINT64_MAX;;) {
      FoldReport report;
      const Status folded = try_fold(store, reader, count_max, report);
      blocks_.set_view(nullptr);
      if (folded) return report;
      forget();
      if (folded.code() != Code::kTooLarge || report.entry_count <= 1) return folded.copy();
      count_max = report.entry_count / 2;
    }
  }

 private:
  Status try_fold(Store& store, Store::Reader& reader, uint64_t count_max, FoldReport& report) {
    Batch batch(store.hash_seed(), store.commit_bytes_max());
    uint64_t since = 0;
    IndexHead next;
    {
      const Store::View view(reader);
      since = view.commit();
      Result<bool> has_loose = is_any_loose(view);
      if (!has_loose) return has_loose.error();
      if (!*has_loose) return Status::ok();
      if (synced_ != 0) forget();
      blocks_.trim();
      if (Status status = attach(view); !status) return status;
      if (head_.rebuilt_from != kNoBlock) {
        report.is_done = false;
        return drop_rebuild(store, since);
      }
      if (Status status = pack(view, store.commit_bytes_max(), count_max, batch, report); !status) {
        return status;
      }
      if (report.entry_count == 0) return Status::ok();
      next.incarnation = head_.commit == 0 ? since : head_.incarnation;
      Kind::save(*index_, next.state);
      next.next_block = blocks_.next_id();
      if (Status status = blocks_.status(); !status) return status;
      if (cost(batch) > store.commit_bytes_max()) {
        return {Code::kTooLarge, "index: a fold of one entry is more than a commit takes"};
      }
      blocks_.gather(batch);
    }
    if (Status status = put_head(store, batch, std::move(next), since); !status) return status;
    blocks_.commit_done();
    if constexpr (Rebuilds<Kind>) {
      wants_rebuild_ = report.is_done && kind_.wants_rebuild(*index_);
      if (wants_rebuild_) report.is_done = false;
    }
    return Status::ok();  // What is still loose is added by the next sync(), as it knows of none.
  }

  // Somebody has begun it and does not go on with it.
  Status drop_rebuild(Store& store, uint64_t since) {
    Batch batch(store.hash_seed(), store.commit_bytes_max());
    IndexHead next = head_;
    next.rebuilt_from = kNoBlock;
    erase_blocks(batch, head_.rebuilt_from, head_.next_block);
    return put_head(store, batch, std::move(next), since);
  }

  void erase_blocks(Batch& batch, BlockId begin, BlockId end) const {
    batch.erase_range(as_bytes(block_key(prefix_, begin)), as_bytes(block_key(prefix_, end)));
  }

  // A step of a rebuild. What fails for good is left alone until more was folded.
  Result<FoldReport> fold_anew(Store& store, Store::Reader& reader)
    requires Rebuilds<Kind>
  {
    forget();
    const Status stepped = step_rebuild(store, reader);
    blocks_.set_view(nullptr);
    if (stepped) return FoldReport{0, false};
    if (stepped.code() != Code::kBusy)
      end_rebuild();
    else if (rebuild_)
      rebuild_->go_back();
    return stepped.copy();
  }

  void end_rebuild() {
    rebuild_.reset();
    wants_rebuild_ = false;
  }

  Status step_rebuild(Store& store, Store::Reader& reader)
    requires Rebuilds<Kind>
  {
    Batch batch(store.hash_seed(), store.commit_bytes_max());
    uint64_t since = 0;
    bool is_more = true;
    IndexHead next;
    {
      const Store::View view(reader);
      since = view.commit();
      blocks_.set_view(&view);
      const uint64_t known = head_.commit;
      if (Status status = read_head(view); !status) return status;
      if (head_.commit != known) return {Code::kConflict, "index: folded by another"};
      blocks_.trim();
      if (!rebuild_) {
        auto begun = kind_.begin_rebuild(as_bytes(head_.state), blocks_);
        if (!begun) return begun.error();
        rebuild_ = std::move(*begun);
      }
      while (is_more && cost(batch) * 2 < store.commit_bytes_max()) is_more = rebuild_->step();
      next = head_;
      next.next_block = blocks_.next_id();
      if (next.rebuilt_from == kNoBlock) next.rebuilt_from = head_.next_block;
      if (!is_more) {
        erase_blocks(batch, 0, next.rebuilt_from);
        next.rebuilt_from = kNoBlock;
        next.state.clear();
        rebuild_->save(next.state);
      }
      if (Status status = blocks_.status(); !status) return status;
      if (cost(batch) > store.commit_bytes_max()) {
        return {Code::kTooLarge, "index: a step of a rebuild is more than a commit takes"};
      }
      blocks_.gather(batch);
    }
    if (Status status = put_head(store, batch, std::move(next), since); !status) return status;
    blocks_.commit_done();
    rebuild_->keep();
    if (!is_more) end_rebuild();
    return Status::ok();
  }

  Status put_head(Store& store, Batch& batch, IndexHead next, uint64_t since) {
    put_index_head(batch, prefix_, Kind::kKind, head_, next);
    Conditions conditions;
    conditions.add_writes(batch, since);
    conditions.passes_prepared = true;  // Who reads or writes loose entries sees no difference.
    const Result<uint64_t> commit = store.commit(batch, &conditions);
    if (!commit) return commit.error();
    head_ = std::move(next);
    head_.commit = *commit;
    return Status::ok();
  }

  uint64_t cost(const Batch& batch) const {
    return batch.body_bytes() + batch.size() * kEditBytes + blocks_.changed_bytes();
  }

  // Adds loose entries and deletes their keys, as many as take half of a commit: the rest is for
  // the state and its head.
  Status pack(const Store::View& view, uint64_t bytes_max, uint64_t count_max, Batch& batch,
              FoldReport& report) {
    if (head_.next_block > kBlockNumbersMax) {
      return {Code::kTooLarge, "index: the numbers of its blocks are used up; make it anew"};
    }
    Status applied;
    const std::string begin = key_of_part(prefix_, StoredPart::kLoose);
    const Status walked = each_loose(view, [&](Bytes key, const Edit&, Bytes value) {
      report.is_done = cost(batch) * 2 < bytes_max && report.entry_count < count_max;
      if (!report.is_done) return false;
      applied = Kind::apply(key, value, *index_);
      batch.erase_silently(as_bytes(begin + std::string(as_text(key))));
      report.entry_count += 1;
      return static_cast<bool>(applied);
    });
    return walked ? std::move(applied) : walked.copy();
  }

  // The index as the head has it, without what is loose, or as it was at the last sync().
  Status attach(const Store::View& view) {
    blocks_.set_view(&view);
    const uint64_t known = head_.commit;
    IndexHead head;
    if (Status status = read_index_head(view, prefix_, Kind::kKind, head_, head); !status) {
      return status;
    }
    const bool is_known = index_.has_value() && head.commit == known && blocks_.status() &&
                          laid_bytes_ <= kLaidBytesMax;
    if (is_known && synced_ <= view.commit()) {
      take_back();
      if (blocks_.status()) return Status::ok();
    }
    detach();
    take_head(std::move(head));
    blocks_.trim();
    synced_ = 0;
    return kind_.attach(as_bytes(head_.state), blocks_, index_);
  }

  Status read_head(const Store::View& view) {
    IndexHead head;
    Status status = read_index_head(view, prefix_, Kind::kKind, head_, head);
    if (status) take_head(std::move(head));
    return status;
  }

  // The blocks are those that were committed with it.
  void take_head(IndexHead head) {
    const bool is_other = head.incarnation != head_.incarnation;
    if (head.commit != head_.commit) head_ = std::move(head);
    blocks_.drop_changes(head_.next_block);
    if (is_other) blocks_.clear();
  }

  void detach() {
    if (index_) Kind::detach(*index_);
    index_.reset();
    laid_.clear();
    laid_bytes_ = 0;
  }

  void take_back() {
    for (; !laid_.empty(); laid_.pop_back()) Kind::put_back(laid_.back(), *index_);
  }

  void forget() {
    detach();
    blocks_.set_view(nullptr);
    synced_ = 0;
  }

  // What is loose above synced_: as commits put it, where that is known; else of all that is loose.
  Status add_loose(const Store::View& view) {
    Status applied;
    const auto add = [&](Bytes key, Bytes value) {
      if (applied) applied = Kind::apply(key, value, *index_);
    };
    const std::string loose = key_of_part(prefix_, StoredPart::kLoose);
    if (view.each_followed(loose, synced_, add)) return applied;
    const Status walked = each_loose(view, [&](Bytes key, const Edit& edit, Bytes value) {
      if (edit.commit > synced_) add(key, value);
      return static_cast<bool>(applied);
    });
    return walked ? std::move(applied) : walked.copy();
  }

  Result<bool> is_any_loose(const Store::View& view) const {
    bool is_any = false;
    Status walked = each_loose(view, [&](Bytes, const Edit&, Bytes) { return !(is_any = true); });
    if (!walked) return walked;
    return is_any;
  }

  template <class Visit>
  Status each_loose(const Store::View& view, const Visit& visit) const {
    const std::string begin = key_of_part(prefix_, StoredPart::kLoose);
    const std::string end = key_of_part(prefix_, StoredPart::kEnd);
    const std::unique_ptr<EngineCursor> cursor =
        view.scan({as_bytes(begin), as_bytes(end)}, Direction::kForward);
    std::string room;
    for (; cursor->valid(); cursor->next()) {
      const Edit& edit = cursor->edit();
      const Result<Bytes> value = view.value(edit, room);
      if (!value) return value.error();
      if (!visit(edit.key.subspan(begin.size()), edit, *value)) break;
    }
    return cursor->status();
  }

  // What was laid over an index leaves something in it, as words of a text that was there: when it
  // was more than this, the index is brought back anew.
  static constexpr uint64_t kLaidBytesMax = uint64_t{16} << 20;
  // Above it an index is not folded any more, though it is read: numbers are left for what is
  // loose.
  static constexpr BlockId kBlockNumbersMax = kNoBlock - (1u << 26);

  const std::string prefix_;
  const Kind kind_;
  StoredBlocks blocks_;
  IndexHead head_;
  std::optional<typename Kind::Index> index_;
  std::vector<typename Kind::Before> laid_;  // What the index says without each of those.
  uint64_t laid_bytes_ = 0;                  // Also of what was taken back since.
  bool wants_rebuild_ = false;
  std::unique_ptr<typename RebuildOf<Kind>::Type> rebuild_;
  uint64_t synced_ = 0;  // What is loose is in it up to this commit.
};

}  // namespace varve
