#include "engine/btree/cursor.h"

#include <algorithm>

#include "base/check.h"

namespace varve::btree {
namespace {

constexpr uint32_t kAheadMax = 32;  // Leaves: as measured, bench/native/README.md.
// Longer than a read of what the machine has in memory takes, and shorter than one of any disk.
constexpr uint64_t kDiskNs = 20'000;

}  // namespace

bool TreeCursor::begin() {
  valid_ = false;
  status_ = Status::ok();
  depth_ = 0;
  steps_ = 0;
  announced_ = 0;
  const TreeRoot& root = source_.root;
  return root.height != 0 && enter(root.ref, root.height - 1);
}

Status TreeCursor::find(const PageRef& ref, uint32_t kind, const uint8_t*& page) {
  page = source_.pool.peek(source_.extents, ref, kind);
  if (page != nullptr) return Status::ok();
  const bool may_block = through_ == Through::kCache;
  Os& os = source_.pool.site().os;
  const uint64_t begun = has_waited_ ? 0 : os.now_ns();
  Status status = source_.pool.find(source_.extents, ref, kind, may_block, page);
  has_waited_ = has_waited_ || os.now_ns() - begun > kDiskNs;
  return status;
}

bool TreeCursor::enter(const PageRef& ref, uint32_t level) {
  if (frames_.size() <= source_.root.height) frames_.resize(source_.root.height);
  Frame& frame = frames_[depth_];
  const uint32_t kind = node_kind(source_.kind, level);
  const uint8_t* page = nullptr;
  if (through_ == Through::kDisk) {
    status_ = source_.pool.read(source_.extents, ref, kind, frame.own);
    page = reinterpret_cast<const uint8_t*>(frame.own.data());
  } else {
    status_ = find(ref, kind, page);
  }
  if (!status_) return false;
  frame.view = NodeView(page);
  frame.at = 0;
  ++depth_;
  return true;
}

bool TreeCursor::enter_child() {
  const Frame& parent = frames_[depth_ - 1];
  return enter(parent.view.child(parent.at), parent.view.level() - 1);
}

// What is below the page that was entered last was all there when commit `after_` had been taken
// in.
bool TreeCursor::is_old() const {
  return after_ != 0 && frames_[depth_ - 1].view.commit() <= after_;
}

void TreeCursor::seek_first() { seek({}); }

void TreeCursor::seek_last() {
  bool is_in = begin();
  while (is_in) {
    Frame& frame = frames_[depth_ - 1];
    frame.at = frame.view.count() - 1;
    if (depth_ == source_.root.height) break;
    is_in = enter_child();
  }
  valid_ = is_in;
}

void TreeCursor::seek(Bytes key) {
  bool is_in = begin();
  if (is_in && is_old()) return;
  while (is_in && depth_ < source_.root.height) {
    Frame& frame = frames_[depth_ - 1];
    frame.at = frame.view.child_of(key);
    is_in = enter_child();
    if (!is_in || !is_old()) continue;
    --depth_;
    return walk(true);
  }
  if (!is_in) return;
  Frame& leaf = frames_[depth_ - 1];
  leaf.at = leaf.view.lower_bound(key);
  valid_ = true;
  if (leaf.at < leaf.view.count()) return;
  leaf.at = leaf.view.count() - 1;
  walk(true);
}

void TreeCursor::seek_before(Bytes key) {
  bool is_in = begin();
  while (is_in && depth_ < source_.root.height) {
    Frame& frame = frames_[depth_ - 1];
    frame.at = frame.view.child_of(key);
    is_in = enter_child();
  }
  if (!is_in) return;
  Frame& leaf = frames_[depth_ - 1];
  leaf.at = leaf.view.lower_bound(key);
  valid_ = true;
  if (leaf.at != 0) {
    --leaf.at;
    return;
  }
  walk(false);
}

void TreeCursor::next() {
  Frame& leaf = frames_[depth_ - 1];
  if (leaf.at + 1 < leaf.view.count()) {
    ++leaf.at;
    return;
  }
  walk(true);
}

void TreeCursor::previous() {
  Frame& leaf = frames_[depth_ - 1];
  if (leaf.at != 0) {
    --leaf.at;
    return;
  }
  walk(false);
}

// From a leaf, or from a child that was left out, to its neighbour.
void TreeCursor::walk(bool forward) {
  valid_ = false;
  const auto at_edge = [&](const Frame& frame) {
    return forward ? frame.at + 1 == frame.view.count() : frame.at == 0;
  };
  while (true) {
    while (depth_ != 0 && at_edge(frames_[depth_ - 1])) {
      if (depth_ != source_.root.height) announced_ = 0;  // Of another node's children from now on.
      --depth_;
    }
    if (depth_ == 0) return;
    frames_[depth_ - 1].at += forward ? 1 : uint32_t{0} - 1;
    if (announced_ != 0) --announced_;
    if (!go_down(forward)) return;
    if (depth_ == source_.root.height) break;
  }
  valid_ = true;
}

// To a leaf, or to above what is old; false when a page cannot be read.
bool TreeCursor::go_down(bool forward) {
  while (depth_ < source_.root.height) {
    Frame& parent = frames_[depth_ - 1];
    if (parent.view.level() == 1) look_ahead(parent, forward);
    if (!enter_child()) return false;
    if (is_old()) {
      --depth_;
      return true;
    }
    Frame& frame = frames_[depth_ - 1];
    frame.at = forward ? 0 : frame.view.count() - 1;
  }
  return true;
}

void TreeCursor::look_ahead(Frame& parent, bool forward) {
  const bool is_of_use = through_ == Through::kDisk || has_waited_;
  if (!is_of_use || through_ == Through::kCacheAlone) return;
  steps_ = std::min(steps_ + 1, kAheadMax);
  const uint32_t left = forward ? parent.view.count() - parent.at - 1 : parent.at;
  const uint32_t wanted = std::min(left, steps_);
  for (; announced_ < wanted; ++announced_) {
    const uint32_t child = parent.at + (forward ? announced_ + 1 : 0 - announced_ - 1);
    source_.pool.announce(source_.extents, parent.view.child(child));
  }
}

}  // namespace varve::btree
