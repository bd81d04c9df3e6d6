#include "engine/btree/live_cursor.h"

namespace varve::btree {
namespace {

Status closed() { return {Code::kClosed, "btree: closed"}; }

}  // namespace

// ---- history

Status HistoryWalk::status() const {
  if (!is_sound_) return Status::corrupt("btree: a key in history makes no sense");
  return cursor_.status();
}

void HistoryWalk::show() {
  if (!cursor_.valid()) return;
  cursor_.copy_key(raw_);
  is_sound_ = read_history_key(as_bytes(raw_), key_, commit_);
}

void HistoryWalk::seek(Bytes key, uint64_t commit) {
  raw_.clear();
  append_history_key(raw_, key, commit);
  cursor_.seek(as_bytes(raw_));
  show();
}

void HistoryWalk::seek_before(Bytes key) {
  raw_.clear();
  append_history_key(raw_, key, UINT64_MAX);
  cursor_.seek_before(as_bytes(raw_));
  show();
}

void HistoryWalk::seek_last() {
  cursor_.seek_last();
  show();
}

void HistoryWalk::next() {
  cursor_.next();
  show();
}

// Most keys have few versions.
void HistoryWalk::leave(Bytes key) {
  constexpr int kStepsMax = 8;
  for (int i = 0; i < kStepsMax && valid() && equal(this->key(), key); ++i) next();
  if (!valid() || !equal(this->key(), key)) return;
  const std::string left(as_text(key));
  seek(as_bytes(left), 0);
  if (valid() && equal(this->key(), as_bytes(left))) next();
}

// ---- what a view sees

LiveCursor::LiveCursor(std::shared_ptr<const BtreeVersion> version, const KeyRange& range,
                       uint64_t commit, Direction direction)
    : version_(std::move(version)),
      begin_(as_text(range.begin)),
      end_(as_text(range.end)),
      commit_(commit),
      forward_(direction == Direction::kForward),
      any_past_(commit < version_->absorbed()),
      current_(version_->current(), TreeCursor::Through::kCache),
      history_(version_->history()) {
  start();
}

Status LiveCursor::status() const {
  if (version_->image().is_closed) return closed();
  if (Status status = current_.status(); !status) return status;
  return any_past_ ? history_.status() : Status::ok();
}

void LiveCursor::start() {
  valid_ = false;
  if (!end_.empty() && end_ <= begin_) return;
  if (forward_) {
    place(as_bytes(begin_), false);
  } else if (end_.empty()) {
    current_.seek_last();
    if (any_past_) history_.seek_last();
  } else {
    place(as_bytes(end_), false);
  }
  find();
}

// Both at the first key at or above one; or, backwards, at the last below it, or at it.
void LiveCursor::place(Bytes key, bool with_key) {
  if (forward_) {
    current_.seek(key);
    if (any_past_) history_.seek(key, UINT64_MAX);
    return;
  }
  std::string end(as_text(key));
  if (with_key) end += '\0';  // The next key after it.
  current_.seek_before(as_bytes(end));
  if (any_past_) history_.seek_before(as_bytes(end));
}

void LiveCursor::seek(Bytes key) {
  const bool below = compare(key, as_bytes(begin_)) < 0;
  const bool above = !end_.empty() && compare(key, as_bytes(end_)) >= 0;
  if (forward_ ? below : above) return start();
  valid_ = false;
  if (forward_ ? above : below) return;
  place(key, true);
  find();
}

void LiveCursor::next() {
  leave();
  find();
}

// The next key that either tree has.
bool LiveCursor::choose() {
  in_current_ = current_.valid();
  in_history_ = any_past_ && history_.valid();
  if (!in_current_ && !in_history_) return false;
  if (in_current_) current_.copy_key(key_);
  if (in_history_) {
    const int order = in_current_ ? compare(history_.key(), as_bytes(key_)) : 0;
    const bool is_behind = forward_ ? order > 0 : order < 0;
    if (in_current_ && is_behind) {
      in_history_ = false;
    } else if (!in_current_ || order != 0) {
      in_current_ = false;
      key_.assign(as_text(history_.key()));
    }
  }
  if (forward_) return end_.empty() || compare(as_bytes(key_), as_bytes(end_)) < 0;
  return compare(as_bytes(key_), as_bytes(begin_)) >= 0;
}

void LiveCursor::leave() {
  if (in_current_) forward_ ? current_.next() : current_.previous();
  if (!in_history_) return;
  if (forward_)
    history_.leave(as_bytes(key_));
  else
    history_.seek_before(as_bytes(key_));
}

bool LiveCursor::is_visible() {
  if (in_current_) {
    decode_row(current_.payload(), edit_);
    if (edit_.commit <= commit_) {
      return version_->image().facts->hidden_by(as_bytes(key_), edit_.commit, commit_) == 0;
    }
  }
  if (!in_history_) return false;
  if (!forward_ || history_.commit() > commit_) history_.seek(as_bytes(key_), commit_);
  if (!history_.valid() || !equal(history_.key(), as_bytes(key_))) {
    // All of its versions are newer: the walk stands behind them, or before, backwards.
    if (!forward_ && history_.status()) history_.seek_before(as_bytes(key_));
    in_history_ = false;
    return false;
  }
  decode_row(history_.payload(), edit_);
  const bool stands = edit_.superseded == 0 || edit_.superseded > commit_;
  return edit_.kind == EditKind::kPut && stands;
}

void LiveCursor::find() {
  valid_ = false;
  while (status() && choose()) {
    const bool is_shown = is_visible();
    if (!status()) return;
    if (is_shown) {
      edit_.key = as_bytes(key_);
      valid_ = true;
      return;
    }
    leave();
  }
}

// ---- every version

EveryVersionCursor::EveryVersionCursor(std::shared_ptr<const BtreeVersion> version,
                                       const KeyRange& range, uint64_t from, uint64_t to,
                                       TreeCursor::Through through)
    : version_(std::move(version)),
      end_(as_text(range.end)),
      from_(from),
      to_(to),
      current_(version_->current(), through, from),
      history_(version_->history(), through, from) {
  current_.seek(range.begin);
  history_.seek(range.begin, UINT64_MAX);
  settle();
}

Status EveryVersionCursor::status() const {
  if (version_->image().is_closed) return closed();
  if (Status status = current_.status(); !status) return status;
  return history_.status();
}

void EveryVersionCursor::next() {
  is_current_ ? current_.next() : history_.next();
  settle();
}

// Of one key current has the newest, unless that is a deletion: those are in history.
void EveryVersionCursor::settle() {
  for (valid_ = false; status() && (current_.valid() || history_.valid());) {
    is_current_ = current_.valid();
    if (is_current_) current_.copy_key(key_);
    if (is_current_ && history_.valid()) is_current_ = compare(as_bytes(key_), history_.key()) <= 0;
    if (!is_current_) key_.assign(as_text(history_.key()));
    if (!end_.empty() && compare(as_bytes(key_), as_bytes(end_)) >= 0) return;
    decode_row(is_current_ ? current_.payload() : history_.payload(), edit_);
    edit_.key = as_bytes(key_);
    valid_ = edit_.commit > from_ && edit_.commit <= to_;
    if (valid_) return;
    is_current_ ? current_.next() : history_.next();
  }
}

}  // namespace varve::btree
