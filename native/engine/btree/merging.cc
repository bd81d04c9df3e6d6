#include "engine/btree/merging.h"

#include <algorithm>

#include "base/check.h"

namespace varve::btree {
namespace {

constexpr size_t kHeldBytes = size_t{4} << 20;  // Of what is superseded, before history is written.

uint64_t first_of(uint64_t a, uint64_t b) {
  if (a == 0 || b == 0) return a + b;
  return std::min(a, b);
}

}  // namespace

Merging::Merging(WriteSite site, const Image& from, const Facts& facts, const Retention& retention)
    : site_(std::move(site)),
      facts_(facts),
      retention_(retention),
      current_(from.current),
      history_(from.history) {}

Result<TreeRoot> Merging::write(const TreeRoot& old, TreeKind kind, TreePlan& plan) {
  const std::shared_ptr<const Extents> extents = site_.space.extents();
  TreeWriter writer(site_, {site_.pool, *extents, old, kind}, plan);
  return writer.run();
}

// ---- values that lie apart

Result<Edit> Merging::with_value_apart(const Edit& edit, std::string& room) {
  const Result<PageRef> ref = write_pieces(site_, PageType::kValue, edit.value);
  if (!ref) return ref.error();
  room.clear();
  append<uint64_t>(room, edit.value.size());
  append_reference(room, *ref);
  Edit apart = edit;
  apart.flags |= kFlagSeparateValue;
  apart.value = as_bytes(room);
  return apart;
}

// Where its end cannot be read, what is left of it stays in use.
Status Merging::free_value(const Edit& edit) {
  if ((edit.flags & kFlagSeparateValue) == 0) return Status::ok();
  const PageRef ref = read_reference(edit.value.data() + 8);
  Stretches places;
  if (ref.units == ref.weight) {
    places.push_back({ref.place, ref.units});
  } else {
    const std::shared_ptr<const Extents> extents = site_.space.extents();
    const Status read = read_pieces(site_.pool, *extents, ref, PageType::kValue, nullptr, &places);
    if (!read && read.code() != Code::kCorrupt) return read.copy();
  }
  for (const Stretch& stretch : places) {
    if (site_.space.has(stretch)) site_.space.free(stretch.place, stretch.units);
  }
  return Status::ok();
}

// ---- history

bool Merging::is_kept(const Edit& edit, uint64_t superseded) const {
  if (edit.kind == EditKind::kDelete) return edit.commit > retention_.horizon;
  return superseded == 0 || retention_.asks_for(edit.commit, superseded);
}

Status Merging::add_history(Bytes key, const Edit& edit) {
  std::string history_key;
  append_history_key(history_key, key, edit.commit);
  encode_row(edit, payload_);
  superseded_.add(as_bytes(history_key), as_bytes(payload_));
  return superseded_.bytes() > kHeldBytes ? flush_history() : Status::ok();
}

// A version that is not, or no more, what current has.
Status Merging::keep(Bytes key, const Edit& edit, uint64_t superseded) {
  if (!is_kept(edit, superseded)) return free_value(edit);
  Edit kept = edit;
  kept.superseded = superseded;
  const bool is_large =
      (edit.flags & kFlagSeparateValue) == 0 && edit.value.size() > inline_bytes_max();
  if (!is_large) return add_history(key, kept);
  std::string room;
  const Result<Edit> apart = with_value_apart(kept, room);
  return apart ? add_history(key, *apart) : apart.error();
}

Status Merging::flush_history() {
  if (superseded_.empty()) return Status::ok();
  any_change_ = true;
  size_t next = 0;
  TreePlan plan;
  plan.opens = [&](Bytes, const Bound& high, const PageRef&, uint32_t) {
    return next < superseded_.count() && is_below(superseded_.key(next), high);
  };
  plan.fill = [&](const NodeView* old, const Bound& high, const Out& out) -> Result<bool> {
    uint32_t i = 0;
    plan.is_at_end = true;
    for (; next < superseded_.count() && is_below(superseded_.key(next), high); ++next) {
      const Bytes key = superseded_.key(next);
      for (; old != nullptr && i < old->count() && old->compare_key(i, key) < 0; ++i) {
        old->copy_key(i, key_);
        if (Status status = out(as_bytes(key_), old->payload(i)); !status) return status;
      }
      plan.is_at_end = old == nullptr || i == old->count();
      if (Status status = out(key, superseded_.payload(next)); !status) return status;
      ++history_.entry_count;
    }
    for (; old != nullptr && i < old->count(); ++i) {
      old->copy_key(i, key_);
      if (Status status = out(as_bytes(key_), old->payload(i)); !status) return status;
    }
    return true;
  };
  Result<TreeRoot> made = write(history_, TreeKind::kHistory, plan);
  if (!made) return made.error();
  made->entry_count = history_.entry_count;
  history_ = *made;
  superseded_.clear();
  return Status::ok();
}

Status Merging::finish() { return flush_history(); }

// ---- a run

Status Merging::put(const Edit& edit, const Out& out) {
  ++current_.entry_count;
  std::string room;
  if (edit.value.size() <= inline_bytes_max()) {
    encode_row(edit, payload_);
    return out(edit.key, as_bytes(payload_));
  }
  const Result<Edit> apart = with_value_apart(edit, room);
  if (!apart) return apart.error();
  encode_row(*apart, payload_);
  return out(edit.key, as_bytes(payload_));
}

// All versions of one key, the newest first, and what current had.
Status Merging::merge_key(EditCursor& edits, std::optional<Bytes> old, const Out& out) {
  const std::string key(as_text(edits.edit().key));
  uint64_t newer = 0;
  for (; edits.valid() && equal(edits.edit().key, as_bytes(key)); edits.next()) {
    const Edit& edit = edits.edit();
    taken_bytes_ += edit.key.size() + edit.value.size();
    const uint64_t superseded = first_of(newer, facts_.ended_by(as_bytes(key), edit.commit));
    const bool is_current = superseded == 0 && edit.kind == EditKind::kPut;
    newer = edit.commit;
    Status status = is_current ? put(edit, out) : keep(as_bytes(key), edit, superseded);
    if (!status) return status;
  }
  if (!old) return Status::ok();
  Edit before;
  decode_row(*old, before);
  --current_.entry_count;
  return keep(as_bytes(key), before,
              first_of(newer, facts_.ended_by(as_bytes(key), before.commit)));
}

Status Merging::fill_run(EditCursor& edits, const NodeView* old, const Bound& high, const Out& out,
                         bool& is_at_end) {
  const uint32_t count = old == nullptr ? 0 : old->count();
  uint32_t i = 0;
  std::string key;
  const auto copy_old = [&] {
    old->copy_key(i, key);
    return out(as_bytes(key), old->payload(i++));
  };
  is_at_end = true;
  while (edits.valid() && is_below(edits.edit().key, high)) {
    while (i < count && old->compare_key(i, edits.edit().key) < 0) {
      if (Status status = copy_old(); !status) return status;
    }
    const bool is_there = i < count && old->key_equals(i, edits.edit().key);
    const std::optional<Bytes> before =
        is_there ? std::optional<Bytes>(old->payload(i)) : std::nullopt;
    if (is_there) ++i;
    is_at_end = i == count;
    if (Status status = merge_key(edits, before, out); !status) return status;
  }
  while (i < count) {
    if (Status status = copy_old(); !status) return status;
  }
  return edits.status();
}

Status Merging::absorb(EditCursor& edits) {
  if (!edits.valid()) return edits.status();
  any_change_ = true;
  TreePlan plan;
  plan.opens = [&](Bytes, const Bound& high, const PageRef&, uint32_t) {
    return edits.valid() && is_below(edits.edit().key, high);
  };
  plan.fill = [&](const NodeView* old, const Bound& high, const Out& out) -> Result<bool> {
    bool is_at_end = false;
    if (Status status = fill_run(edits, old, high, out, is_at_end); !status) return status;
    plan.is_at_end = is_at_end;
    return true;
  };
  Result<TreeRoot> made = write(current_, TreeKind::kCurrent, plan);
  if (!made) return made.error();
  if (Status status = edits.status(); !status) return status;
  made->entry_count = current_.entry_count;
  current_ = *made;
  return Status::ok();
}

// ---- maintenance

bool Merging::any_undone(Bytes low, const Bound& high) const {
  if (high && high->empty()) return false;
  return std::any_of(facts_.all.begin(), facts_.all.end(), [&](const Fact& fact) {
    return !fact.is_done && fact.touches(low, high ? *high : Bytes());
  });
}

Result<bool> Merging::is_value_to_move(const Edit& edit) const {
  const PageRef ref = read_reference(edit.value.data() + 8);
  if (site_.space.is_chosen(ref.place) || ref.units == ref.weight) {
    return site_.space.is_chosen(ref.place);
  }
  Stretches places;
  const std::shared_ptr<const Extents> extents = site_.space.extents();
  Status status = read_pieces(site_.pool, *extents, ref, PageType::kValue, nullptr, &places);
  if (!status) return status;
  return std::any_of(places.begin(), places.end(),
                     [&](const Stretch& stretch) { return site_.space.is_chosen(stretch.place); });
}

Result<bool> Merging::move_value(Bytes key, const Edit& edit, const Out& out) {
  std::string value;
  const PageRef ref = read_reference(edit.value.data() + 8);
  const std::shared_ptr<const Extents> extents = site_.space.extents();
  Status status = read_pieces(site_.pool, *extents, ref, PageType::kValue, &value, nullptr);
  if (!status) return status;
  if (status = free_value(edit); !status) return status;
  Edit whole = edit;
  whole.value = as_bytes(value);
  std::string room;
  const Result<Edit> moved = with_value_apart(whole, room);
  if (!moved) return moved.error();
  encode_row(*moved, payload_);
  if (status = out(key, as_bytes(payload_)); !status) return status;
  return true;
}

// Whether the row is not what it was.
Result<bool> Merging::fill_row(const Walk& walk, Bytes key, Bytes payload, const Out& out) {
  Edit edit;
  decode_row(payload, edit);
  if (walk.kind == TreeKind::kHistory) {
    if (!is_kept(edit, edit.superseded)) {
      --history_.entry_count;
      if (Status status = free_value(edit); !status) return status;
      return true;
    }
  } else if (const uint64_t ended = facts_.ended_by(key, edit.commit); ended != 0) {
    --current_.entry_count;
    if (Status status = keep(key, edit, ended); !status) return status;
    return true;
  }
  if (walk.is_moving && (edit.flags & kFlagSeparateValue) != 0) {
    const Result<bool> moves = is_value_to_move(edit);
    if (!moves) return moves.error();
    if (*moves) return move_value(key, edit, out);
  }
  if (Status status = out(key, payload); !status) return status;
  return false;
}

Result<bool> Merging::fill_walk(const Walk& walk, const NodeView& old, const Out& out) {
  bool is_changed = walk.is_everything;
  std::string key;
  for (uint32_t i = 0; i < old.count(); ++i) {
    old.copy_key(i, key);
    const Result<bool> changed = fill_row(walk, as_bytes(key), old.payload(i), out);
    if (!changed) return changed.error();
    is_changed = is_changed || *changed;
  }
  any_change_ = any_change_ || is_changed;
  return is_changed;
}

Status Merging::walk(Walk& walk) {
  const bool is_current = walk.kind == TreeKind::kCurrent;
  if (!is_current) {
    if (Status status = flush_history(); !status) return status;
  }
  const TreeRoot& old = is_current ? current_ : history_;
  walk.is_whole = true;
  if (old.height == 0) return Status::ok();
  const std::string from = walk.resume;
  uint64_t spent = 0;
  TreePlan plan;
  plan.is_tight = walk.is_everything;
  plan.opens = [&](Bytes low, const Bound& high, const PageRef& ref, uint32_t level) {
    if (!is_below(as_bytes(from), high)) return false;  // It was done before.
    const bool is_wanted = walk.is_everything ||
                           (walk.is_moving && (level != 0 || ref.has_values)) ||
                           (is_current ? any_undone(low, high) : ref.oldest <= retention_.horizon);
    const bool must_open = is_wanted || (walk.is_moving && site_.space.is_chosen(ref.place));
    if (!must_open || !walk.is_whole) return false;
    if (spent >= walk.budget_bytes) {
      walk.is_whole = false;
      walk.resume.assign(as_text(low));
      plan.is_tight = false;
      return false;
    }
    spent += uint64_t{ref.units} * site_.pool.site().page_bytes;
    return true;
  };
  plan.moves = [&](uint64_t place) {
    const bool moves = walk.is_moving && walk.is_whole && site_.space.is_chosen(place);
    any_change_ = any_change_ || moves;
    return moves;
  };
  plan.fill = [&](const NodeView* leaf, const Bound&, const Out& out) -> Result<bool> {
    check(leaf != nullptr);
    return fill_walk(walk, *leaf, out);
  };
  Result<TreeRoot> made = write(old, walk.kind, plan);
  if (!made) return made.error();
  made->entry_count = is_current ? current_.entry_count : history_.entry_count;
  (is_current ? current_ : history_) = *made;
  if (walk.is_whole) walk.resume.clear();
  return Status::ok();
}

}  // namespace varve::btree
