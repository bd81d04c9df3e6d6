// layer/collection/reads.h — where documents are read: a view, or a transaction over it.
//
// A walk of a transaction is as of its first so many edits, so that it shows what was there when it
// began; whatever it has really read is told to the transaction.
//
// Lifetime: as long as the view; what is answered is borrowed until the transaction's next edit.
#pragma once

#include <memory>
#include <span>

#include "store/store.h"
#include "store/transaction/transaction.h"

namespace varve::collection {

class Reads {
 public:
  explicit Reads(const Store::View& view, Transaction* transaction = nullptr)
      : view_(view),
        transaction_(transaction),
        edit_count_(transaction == nullptr ? 0 : transaction->edit_count()) {}
  Reads(const Store::View& view, Transaction* transaction, size_t edit_count)
      : view_(view), transaction_(transaction), edit_count_(edit_count) {}

  const Store::View& view() const { return view_; }
  Transaction* transaction() const { return transaction_; }
  size_t edit_count() const { return edit_count_; }

  Status get(Bytes key, Lookup& answer) const {
    if (transaction_ == nullptr) return view_.get(key, true, answer);
    return transaction_->get(view_, key, true, answer);
  }
  Status get_many(std::span<PointQuery> queries) const {
    if (transaction_ == nullptr) return view_.get_many(queries);
    return transaction_->get_many(view_, queries, edit_count_);
  }
  std::unique_ptr<EngineCursor> scan(const KeyRange& range, Direction direction) const {
    if (transaction_ == nullptr) return view_.scan(range, direction);
    return transaction_->scan(view_, range, direction, edit_count_);
  }
  // What the transaction itself has put there, from its edit `first` on, until `visit` answers
  // false.
  void each_own_put(const KeyRange& range, size_t first, const PendingEdits::Visit& visit) const {
    if (transaction_ != nullptr) transaction_->each_put(range, first, edit_count_, visit);
  }
  // Was read, all of it.
  Status note_range(Bytes begin, Bytes end) const {
    if (transaction_ == nullptr) return Status::ok();
    return transaction_->read_range(begin, end, view_.commit());
  }

 private:
  const Store::View& view_;
  Transaction* const transaction_;
  const size_t edit_count_;
};

}  // namespace varve::collection
