#include "engine/btree/tree_writer.h"

#include <algorithm>

#include "base/check.h"

namespace varve::btree {
namespace {

constexpr size_t kPieceBytesMax = size_t{1} << 20;
constexpr size_t kUnderfull = 3;   // A page with less than a third waits for the next one.
constexpr size_t kHeldPages = 16;  // More than that is pending: what is full is written.
constexpr uint64_t kPiecesMax = uint64_t{1} << 32;

// The shortest key above `last` that is not above `first`.
Bytes separator_between(Bytes last, Bytes first) {
  size_t shared = 0;
  while (shared < last.size() && last[shared] == first[shared]) ++shared;
  return first.first(shared + 1);
}

// A reference to a node, with what its items say of what hangs on it.
PageRef summary(const Pending& items, size_t count, uint32_t level, TreeKind kind) {
  PageRef ref;
  for (size_t i = 0; i < count; ++i) {
    if (level != 0) {
      add_child(ref, read_reference(items.payload(i).data()));
      continue;
    }
    Edit edit;
    decode_row(items.payload(i), edit);
    if (kind == TreeKind::kHistory) {
      ref.oldest = std::min(ref.oldest, edit.superseded != 0 ? edit.superseded : edit.commit);
    }
    if ((edit.flags & kFlagSeparateValue) == 0) continue;
    add_child(ref, read_reference(edit.value.data() + 8));
    ref.has_values = true;
  }
  return ref;
}

}  // namespace

// ---- pieces

size_t piece_bytes_max(const ExtentSite& site) {
  const size_t extent = size_t{site.extent_pages} * site.page_bytes;
  return std::min(kPieceBytesMax, extent / 4) - kPieceHeadBytes;
}

// The last is encoded first, since each holds the checksum of the next.
Result<PageRef> write_pieces(const WriteSite& site, PageType type, Bytes bytes,
                             Stretches* places_made) {
  const uint32_t page_bytes = site.pool.site().page_bytes;
  const size_t piece_max = piece_bytes_max(site.pool.site());
  const size_t count = std::max<size_t>(1, (bytes.size() + piece_max - 1) / piece_max);
  const auto piece_at = [&](size_t i) {
    return bytes.subspan(i * piece_max, std::min(piece_max, bytes.size() - i * piece_max));
  };
  std::vector<uint64_t> places;
  for (size_t i = 0; i < count; ++i) {
    const size_t pages = round_up(piece_at(i).size() + kPieceHeadBytes, page_bytes) / page_bytes;
    const Result<uint64_t> place = site.space.allocate(static_cast<uint32_t>(pages));
    if (!place) return place.error();
    places.push_back(*place);
  }
  PageRef next;
  const Extents& extents = *site.space.extents();
  for (size_t i = count; i-- > 0;) {
    PageHead head;
    head.type = type;
    head.commit = site.commit;
    std::string page = encode_piece(head, next, piece_at(i), page_bytes);
    const uint64_t number = extents[site.pool.slot_of(places[i])]->number();
    seal_page(page, place_seed(number, site.pool.index_of(places[i])));
    PageRef ref;
    ref.place = places[i];
    ref.units = static_cast<uint16_t>(page.size() / page_bytes);
    ref.checksum = load<uint32_t>(reinterpret_cast<const uint8_t*>(page.data()));
    ref.weight = ref.units;
    if (next.any()) add_child(ref, next);
    ref.oldest = type == PageType::kSpace ? number : UINT64_MAX;
    if (places_made != nullptr) places_made->push_back({ref.place, ref.units});
    if (Status status = site.pool.put(extents, places[i], std::move(page)); !status) return status;
    next = ref;
  }
  return next;
}

Status read_pieces(const Pool& pool, const Extents& extents, const PageRef& first, PageType type,
                   std::string* bytes, Stretches* places) {
  std::string page;
  uint64_t count = 0;
  for (PageRef ref = first; ref.any(); ++count) {
    if (count == kPiecesMax) return Status::corrupt("btree: a chain of pieces without end");
    if (Status status = pool.read(extents, ref, kind_of(type), page); !status) return status;
    const uint8_t* const at = reinterpret_cast<const uint8_t*>(page.data());
    if (bytes != nullptr) append(*bytes, piece_bytes(at));
    if (places != nullptr) places->push_back({ref.place, ref.units});
    const PageRef next = next_piece(at);
    // What hangs on a piece grows less along the chain, so no chain comes back to itself.
    if (next.any() && next.weight >= ref.weight) {
      return Status::corrupt("btree: a chain of pieces that comes back to itself");
    }
    ref = next;
  }
  return Status::ok();
}

// ---- the walk

TreeWriter::Level& TreeWriter::level_at(uint32_t level) {
  while (levels_.size() <= level) levels_.emplace_back();
  return levels_[level];
}

bool TreeWriter::is_pending(uint32_t level_max) const {
  for (uint32_t level = 0; level <= level_max && level < levels_.size(); ++level) {
    if (!levels_[level].items.empty()) return true;
  }
  return false;
}

Status TreeWriter::visit(uint32_t level, Bytes low, const PageRef& ref, const Bound& high) {
  const bool opens = is_pending(level) || plan_.opens(low, high, ref, level);
  if (!opens && !plan_.moves(ref.place)) return add_child(level + 1, low, ref);
  return level == 0 ? visit_leaf(low, ref, high) : visit_inner(level, low, ref, high);
}

Status TreeWriter::visit_leaf(Bytes low, const PageRef& ref, const Bound& high) {
  std::string page;
  const uint32_t kind = node_kind(old_.kind, 0);
  if (Status status = site_.pool.read(old_.extents, ref, kind, page); !status) return status;
  const NodeView view(reinterpret_cast<const uint8_t*>(page.data()));
  Level& leaf = level_at(0);
  const bool goes_on = !leaf.items.empty();
  if (!goes_on) leaf.low.assign(as_text(low));
  bool any_written = false;
  plan_.is_at_end = false;
  const Result<bool> changed = plan_.fill(&view, high, [&](Bytes key, Bytes payload) -> Status {
    leaf.items.add(key, payload);
    if (leaf.items.bytes() <= kHeldPages * page_bytes()) return Status::ok();
    any_written = true;
    return write_full(0);
  });
  if (!changed) return changed.error();
  if (!*changed && !goes_on && !any_written && !plan_.is_tight && !plan_.moves(ref.place)) {
    leaf.items.clear();
    return add_child(1, low, ref);
  }
  site_.space.free(ref.place, ref.units);
  leaf.replaced = ref.place;
  return settle(0, high);
}

Status TreeWriter::visit_inner(uint32_t level, Bytes low, const PageRef& ref, const Bound& high) {
  std::string page;
  const uint32_t kind = node_kind(old_.kind, level);
  if (Status status = site_.pool.read(old_.extents, ref, kind, page); !status) return status;
  const NodeView view(reinterpret_cast<const uint8_t*>(page.data()));
  const bool goes_on = is_pending(level);
  std::string separator;
  std::string next;
  view.copy_key(0, separator);
  for (uint32_t i = 0; i < view.count(); ++i) {
    Bound child_high = high;
    if (i + 1 < view.count()) {
      view.copy_key(i + 1, next);
      child_high = as_bytes(next);
    }
    Status status = visit(level - 1, as_bytes(separator), view.child(i), child_high);
    if (!status) return status;
    std::swap(separator, next);
  }
  Level& made = level_at(level);
  bool is_same = !goes_on && !is_pending(level - 1) && !plan_.is_tight && !plan_.moves(ref.place) &&
                 made.items.count() == view.count();
  for (uint32_t i = 0; is_same && i < view.count(); ++i) {
    is_same = equal(made.items.payload(i), view.payload(i)) &&
              view.compare_key(i, made.items.key(i)) == 0;
  }
  if (is_same) {
    made.items.clear();
    return add_child(level + 1, low, ref);
  }
  site_.space.free(ref.place, ref.units);
  made.replaced = ref.place;
  return settle(level, high);
}

Status TreeWriter::add_child(uint32_t level, Bytes separator, const PageRef& ref) {
  Level& parent = level_at(level);
  std::string payload;
  append_reference(payload, ref);
  parent.items.add(separator, as_bytes(payload));
  const bool is_much = parent.items.bytes() > kHeldPages * page_bytes();
  return is_much ? write_full(level) : Status::ok();
}

// ---- pages

// How many items at the front fit: one always, two where one would make no node.
size_t TreeWriter::count_within(uint32_t level) const {
  const Pending& items = levels_[level].items;
  size_t bytes = kPageHeadBytes;
  size_t count = 0;
  while (count < items.count() && bytes + items.bytes(count) <= page_bytes()) {
    bytes += items.bytes(count);
    ++count;
  }
  count = std::max(count, std::min<size_t>(items.count(), level == 0 ? 1 : 2));
  // What all share is kept once: so some more may fit, in steps that grow and then shrink again.
  const auto fits = [&](size_t more) {
    return more <= items.count() && node_bytes(items, 0, more) <= page_bytes();
  };
  size_t step = 1;
  for (; fits(count + step); step *= 2) count += step;
  for (; step != 0; step /= 2) count += fits(count + step) ? step : 0;
  return count;
}

// How many make the first of pages that have about as much each.
size_t TreeWriter::count_of_share(uint32_t level) const {
  const Pending& items = levels_[level].items;
  const size_t whole = node_bytes(items, 0, items.count());
  const size_t pages = std::max<size_t>(2, (whole + page_bytes() - 1) / page_bytes());
  const size_t share = items.bytes() / pages;
  const size_t fitting = count_within(level);
  size_t bytes = 0;
  size_t count = 0;
  while (count < fitting && bytes < share) bytes += items.bytes(count++);
  return std::max(count, std::min<size_t>(fitting, level == 0 ? 1 : 2));
}

Status TreeWriter::write_front(uint32_t level, size_t count) {
  Level& from = levels_[level];
  PageHead head;
  head.type = level == 0 ? PageType::kLeaf : PageType::kInner;
  head.tree = old_.kind;
  head.level = static_cast<uint16_t>(level);
  head.commit = site_.commit;
  std::string page = encode_node(head, from.items, 0, count, page_bytes());
  const uint32_t units = static_cast<uint32_t>(page.size() / page_bytes());
  const Result<uint64_t> place = site_.space.allocate(units);
  if (!place) return place.error();
  const Extents& extents = *site_.space.extents();
  const uint64_t number = extents[site_.pool.slot_of(*place)]->number();
  seal_page(page, place_seed(number, site_.pool.index_of(*place)));
  PageRef ref = summary(from.items, count, level, old_.kind);
  const uint64_t weight = uint64_t{ref.weight} + units;
  ref.weight = static_cast<uint32_t>(std::min<uint64_t>(weight, INT32_MAX));
  ref.place = *place;
  ref.units = static_cast<uint16_t>(units);
  ref.checksum = load<uint32_t>(reinterpret_cast<const uint8_t*>(page.data()));
  if (site_.on_node) site_.on_node(ref, from.replaced, as_bytes(page));
  if (Status status = site_.pool.put(extents, *place, std::move(page)); !status) return status;

  const Bytes first = from.items.key(0);
  std::string separator = from.low;
  if (level != 0 || compare(first, as_bytes(separator)) < 0) separator = as_text(first);
  const Bytes last = from.items.key(count - 1);
  if (level == 0 && count < from.items.count()) {
    from.low = as_text(separator_between(last, from.items.key(count)));
  }
  from.items.drop_front(count);
  return add_child(level + 1, as_bytes(separator), ref);
}

// Whole pages, as long as more than one is pending.
Status TreeWriter::write_full(uint32_t level) {
  const Pending& items = levels_[level].items;
  while (items.bytes() > 2 * size_t{page_bytes()}) {
    const size_t count = count_within(level);
    if (count == items.count()) return Status::ok();
    if (Status status = write_front(level, count); !status) return status;
  }
  return Status::ok();
}

// Everything pending, in pages of about one size, or full ones.
Status TreeWriter::drain(uint32_t level, bool evenly) {
  const Pending& items = levels_[level].items;
  while (!items.empty()) {
    const bool is_one = node_bytes(items, 0, items.count()) <= page_bytes();
    size_t count = items.count();
    if (!is_one) count = evenly ? count_of_share(level) : count_within(level);
    // One reference alone would make a node that says nothing.
    if (level != 0 && count + 1 == items.count()) count = count > 2 ? count - 1 : count + 1;
    if (Status status = write_front(level, count); !status) return status;
  }
  return Status::ok();
}

// After a page was opened: what is pending becomes pages, or waits.
Status TreeWriter::settle(uint32_t level, const Bound& high) {
  const Level& pending = levels_[level];
  if (pending.items.empty()) return Status::ok();
  if (plan_.is_tight) return write_full(level);
  if (high && pending.items.bytes() < page_bytes() / kUnderfull) return Status::ok();
  const bool is_at_end = !high || (level == 0 && plan_.is_at_end);
  return drain(level, !is_at_end);
}

// What is left goes into pages, until one reference is.
Result<TreeRoot> TreeWriter::finish() {
  for (uint32_t level = 0; level < levels_.size(); ++level) {
    const bool is_last = !std::any_of(levels_.begin() + level + 1, levels_.end(),
                                      [](const Level& above) { return !above.items.empty(); });
    const Pending& items = levels_[level].items;
    if (is_last && items.empty()) return TreeRoot{};
    if (is_last && level != 0 && items.count() == 1) {
      return TreeRoot{read_reference(items.payload(0).data()), level, 0};
    }
    if (level > kLevelMax) return Status(Code::kTooLarge, "btree: a tree of too many levels");
    if (Status status = drain(level, false); !status) return status;
  }
  return TreeRoot{};
}

Result<TreeRoot> TreeWriter::run() {
  level_at(0);
  Status status;
  if (old_.root.height != 0) {
    status = visit(old_.root.height - 1, {}, old_.root.ref, std::nullopt);
  } else {
    const Result<bool> filled = plan_.fill(nullptr, std::nullopt, [&](Bytes key, Bytes payload) {
      level_at(0).items.add(key, payload);
      const bool is_much = level_at(0).items.bytes() > kHeldPages * page_bytes();
      return is_much ? write_full(0) : Status::ok();
    });
    status = filled.error();
  }
  if (!status) return status;
  Result<TreeRoot> made = finish();
  if (!made) return made;
  if (Status flushed = site_.pool.flush(*site_.space.extents()); !flushed) return flushed;
  return made;
}

}  // namespace varve::btree
