// engine/btree/live_cursor.h — walks over both trees as one: what a view sees, and every version.
//
// A view at or above absorbed() walks over current alone. An older one looks, for each key that is
// in either tree, at current first, and in history for the newest version that is old enough.
//
// Threads: one, inside an epoch guard.
#pragma once

#include <memory>
#include <string>

#include "engine/btree/version.h"

namespace varve::btree {

// A walk over history that knows whose version it stands at.
class HistoryWalk {
 public:
  explicit HistoryWalk(const TreeSource& source,
                       TreeCursor::Through through = TreeCursor::Through::kCache,
                       uint64_t after = 0)
      : cursor_(source, through, after) {}
  bool valid() const { return cursor_.valid() && is_sound_; }
  Bytes key() const { return as_bytes(key_); }
  uint64_t commit() const { return commit_; }
  Bytes payload() const { return cursor_.payload(); }
  Status status() const;
  void seek(Bytes key, uint64_t commit);  // The first at or behind that version.
  void seek_before(Bytes key);            // The last of the keys before.
  void seek_last();
  void next();
  void leave(Bytes key);  // To the first of the keys behind.

 private:
  void show();

  TreeCursor cursor_;
  std::string raw_;
  std::string key_;
  uint64_t commit_ = 0;
  bool is_sound_ = true;
};

class LiveCursor final : public EngineCursor {
 public:
  LiveCursor(std::shared_ptr<const BtreeVersion> version, const KeyRange& range, uint64_t commit,
             Direction direction);
  bool valid() const override { return valid_; }
  const Edit& edit() const override { return edit_; }
  void next() override;
  void seek(Bytes key) override;
  Status status() const override;

 private:
  void start();
  void place(Bytes key, bool after);
  void find();
  bool choose();
  bool is_visible();
  void leave();

  const std::shared_ptr<const BtreeVersion> version_;
  const std::string begin_;
  const std::string end_;
  const uint64_t commit_;
  const bool forward_;
  const bool any_past_;  // Whether history matters.
  TreeCursor current_;
  HistoryWalk history_;
  bool valid_ = false;
  bool in_current_ = false, in_history_ = false;  // Which have the key.
  std::string key_;
  std::string other_;
  Edit edit_;
};

class EveryVersionCursor final : public EditCursor {
 public:
  EveryVersionCursor(std::shared_ptr<const BtreeVersion> version, const KeyRange& range,
                     uint64_t from, uint64_t to, TreeCursor::Through through);
  bool valid() const override { return valid_; }
  const Edit& edit() const override { return edit_; }
  void next() override;
  Status status() const override;

 private:
  void settle();

  const std::shared_ptr<const BtreeVersion> version_;
  const std::string end_;
  const uint64_t from_;
  const uint64_t to_;
  TreeCursor current_;
  HistoryWalk history_;
  bool valid_ = false;
  bool is_current_ = false;
  std::string key_;
  Edit edit_;
};

}  // namespace varve::btree
