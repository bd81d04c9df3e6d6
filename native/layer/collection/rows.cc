#include "layer/collection/rows.h"

#include <algorithm>
#include <bit>

#include "layer/collection/entries.h"
#include "layer/collection/keys.h"
#include "layer/collection/upkeep.h"
#include "pure/codec/key.h"

namespace varve::collection {
namespace {

constexpr size_t kHeldMax = 2 * kIndexesMax;        // Indexes that a thread keeps: all of a query;
constexpr size_t kCommitsMax = 3;                   // of each as of so many commits;
constexpr uint64_t kUnusedMax = 1000;               // the older ones while they are asked so often;
constexpr size_t kFrameBytesMax = size_t{2} << 20;  // blocks of each.
constexpr uint64_t kFewEntries = 64;                // Walked sooner than a set is made.
constexpr uint64_t kEntriesForOne = 4;  // A guess: looked at for the price of a document.

// Whole parts of keys, in the order of what they stand for.
uint64_t rising_bits(double number) { return std::bit_cast<uint64_t>(number + 0.0); }

// False where a condition is on no values of a part.
bool add_to(Spans& spans, const FilterNode& node) {
  switch (node.op) {
    case FilterOp::kEq:
    case FilterOp::kIn:
    case FilterOp::kHas:
    case FilterOp::kHasAny:
      return spans.add_points(Sense::kAscending, node.operands);
    case FilterOp::kIsNull:
      return spans.add_points(Sense::kAscending, {std::string(1, kNullKeyTag)});
    default:
      return spans.add_bound(Sense::kAscending, node);
  }
}

Status no_text_index(const Definition& definition, uint32_t field) {
  const auto& columns = definition.schema_set.newest().columns();
  const std::string path = field < columns.size() ? columns[field].path : "?";
  return Status::invalid(definition.name + ": match asks for a text index on " + path +
                         ", of all documents that are asked for, and there is none that is ready");
}

}  // namespace

// What one query asks.
class RowFinder::Work {
 public:
  Work(RowFinder& finder, const Reads& reads, const Definition& definition, Request& request)
      : finder_(finder), reads_(reads), definition_(definition), request_(request) {}

  // Every condition on words, as rows; the one that ranks is left to rank_words().
  Status look_up_words() {
    for (uint32_t i = 0; i < request_.where.node_count(); ++i) {
      if (request_.where.node(i).op != FilterOp::kMatch) continue;
      const bool ranks = request_.rank && *request_.rank == i;
      if (Status status = look_up_words(i, ranks); !status) return status;
    }
    return Status::ok();
  }

  // The first condition on words, else on nearness, that all have to meet.
  void choose_rank() {
    if (!request_.may_rank || request_.is_counted || !request_.order.empty()) return;
    for (const FilterOp op : {FilterOp::kMatch, FilterOp::kNear}) {
      for (const uint32_t i : request_.where.conjuncts()) {
        if (!request_.rank && request_.where.node(i).op == op) request_.rank = i;
      }
    }
  }

  Status find() {
    choose_rank();
    if (Status status = look_up_words(); !status) return status;
    const Result<bool> worth = is_worth_it();
    if (!worth || !*worth) return worth ? Status::ok() : worth.error();
    FoundRows found;
    RowSetRef all;  // Of the conditions that do not rank.
    for (const uint32_t i : request_.where.conjuncts()) {
      const bool ranks = request_.rank && *request_.rank == i;
      if (ranks) continue;
      Result<RowSetRef> rows = rows_of(i);
      if (!rows) return rows.error();
      if (!*rows) continue;
      found.answered.push_back(i);
      if (all)
        all->rows.join(SetOp::kAnd, (*rows)->rows);
      else
        all = std::move(*rows);
    }
    if (all) {
      if (Status status = narrow(*all, found); !status) return status;
    }
    if (Status status = rank(all, found); !status) return status;
    found.set = std::move(all);
    if (found.answered.empty()) return Status::ok();
    found.indexes = used_;
    request_.rows = std::move(found);
    return Status::ok();
  }

 private:
  // ---- choosing

  bool is_usable(const IndexDefinition& index) const {
    return index.is_packed() && index.is_ready() &&
           (!index.filter || implies(request_.where, *index.filter));
  }

  const IndexDefinition* index_on(IndexKind kind, uint32_t field) const {
    for (const IndexDefinition& index : definition_.indexes) {
      if (index.kind != kind || !is_usable(index)) continue;
      const bool is_on =
          std::any_of(index.parts.begin(), index.parts.end(),
                      [&](const PartDefinition& part) { return part.field == field; });
      if (is_on) return &index;
    }
    return nullptr;
  }

  const IndexDefinition* index_of(const FilterNode& node) const {
    switch (node.op) {
      case FilterOp::kNear:
      case FilterOp::kWithinBox:
      case FilterOp::kWithinPolygon:
        return index_on(IndexKind::kGeo, node.field);
      case FilterOp::kMatch:
        return index_on(IndexKind::kText, node.field);
      case FilterOp::kEq:
      case FilterOp::kNe:
      case FilterOp::kIn:
      case FilterOp::kIsNull:
      case FilterOp::kGt:
      case FilterOp::kGte:
      case FilterOp::kLt:
      case FilterOp::kLte:
      case FilterOp::kBetween:
      case FilterOp::kStartsWith: {
        const IndexDefinition* const index = index_on(IndexKind::kBitmap, node.field);
        return index != nullptr && !index->parts.front().is_each ? index : nullptr;
      }
      case FilterOp::kHas:
      case FilterOp::kHasAny:
      case FilterOp::kHasAll: {
        const IndexDefinition* const index = index_on(IndexKind::kBitmap, node.field);
        return index != nullptr && index->parts.front().is_each ? index : nullptr;
      }
      default:
        return nullptr;
    }
  }

  // Knows every document that is asked for.
  const IndexDefinition* whole_index() const {
    for (const IndexDefinition& index : definition_.indexes) {
      if (index.kind == IndexKind::kBitmap && is_usable(index)) return &index;
    }
    return nullptr;
  }

  bool is_answered(uint32_t at) const {
    const FilterNode& node = request_.where.node(at);
    const auto holds = [&](uint32_t child) { return is_answered(child); };
    switch (node.op) {
      case FilterOp::kAnd:
      case FilterOp::kOr:
        return !node.children.empty() &&
               std::all_of(node.children.begin(), node.children.end(), holds);
      case FilterOp::kNot:
        return whole_index() != nullptr && holds(node.children.front());
      case FilterOp::kMatch:
        return true;
      default:
        return index_of(node) != nullptr;
    }
  }

  // Where a walk over keys is short, that is the better way; where rows have a rank or a place to
  // go on from, there is no other.
  Result<bool> is_worth_it() const {
    if (request_.rank) {
      const FilterNode& node = request_.where.node(*request_.rank);
      const bool was_sorted = request_.after && request_.after->is_sorted;
      if (!was_sorted && index_of(node) != nullptr) return true;
    }
    const std::vector<uint32_t> all = request_.where.conjuncts();
    if (std::none_of(all.begin(), all.end(), [&](uint32_t i) { return is_answered(i); })) {
      return false;
    }
    if (request_.after && !request_.after->is_sorted) {
      const IndexDefinition* const index = definition_.index_of(request_.after->index);
      return index != nullptr && index->is_packed();
    }
    const Result<Plan> plan = make_plan(reads_, definition_, request_, nullptr);
    if (!plan) return plan.error();
    return plan->way == Way::kDocuments || plan->is_more || plan->estimate > kFewEntries;
  }

  // ---- reading an index

  void use(const IndexDefinition& index) {
    if (std::find(used_.begin(), used_.end(), &index) == used_.end()) used_.push_back(&index);
  }

  // The index as of the view, with what the transaction has written over it.
  Result<Held*> bring(const IndexDefinition& index) {
    use(index);
    const auto [known, is_new] = brought_.try_emplace(index.id, nullptr);
    if (!is_new) return known->second;
    Held& held = finder_.held(index, reads_.view().commit());
    Status status;
    if (held.members)
      status = bring(index, held, *held.members);
    else if (held.texts)
      status = bring(index, held, *held.texts);
    else if (held.boxes)
      status = bring(index, held, *held.boxes);
    else
      status = bring(index, held, *held.points);
    if (!status) return status;
    known->second = &held;
    return &held;
  }

  template <class Stored>
  Status bring(const IndexDefinition& index, Held& held, Stored& stored) {
    const Transaction* const transaction = reads_.transaction();
    const Laid now = {transaction == nullptr ? 0 : transaction->serial(),
                      transaction == nullptr ? 0 : transaction->rewind_count(),
                      reads_.edit_count()};
    Laid& laid = held.laid;
    const bool goes_on = laid.serial == now.serial && laid.rewind_count == now.rewind_count &&
                         laid.edit_count <= now.edit_count;
    const bool is_right = goes_on || !stored.has_laid();
    if (!goes_on) laid = {};
    if (!is_right || !stored.resume(reads_.view())) {
      laid = {};
      if (Status status = stored.sync(reads_.view()); !status) return status;
    }
    const std::string begin = key_of_part(packed_prefix(index.id), StoredPart::kLoose);
    const std::string end = key_of_part(packed_prefix(index.id), StoredPart::kEnd);
    Status status;
    reads_.each_own_put({as_bytes(begin), as_bytes(end)}, laid.edit_count,
                        [&](Bytes key, Bytes value) {
                          status = stored.lay(key.subspan(begin.size()), value);
                          return static_cast<bool>(status);
                        });
    if (status) laid = now;
    return status;
  }

  // What was looked up must be so at the commit.
  Status note_all(const IndexDefinition& index) {
    const std::string begin = key_of_part(packed_prefix(index.id), StoredPart::kLoose);
    const std::string end = key_of_part(packed_prefix(index.id), StoredPart::kEnd);
    return reads_.note_range(as_bytes(begin), as_bytes(end));
  }

  Status note_members(const IndexDefinition& index, uint64_t first, uint64_t last) {
    std::string begin = key_of_part(packed_prefix(index.id), StoredPart::kLoose);
    std::string end = begin;
    append_big64(begin, first);
    append_big64(end, last);
    end += '\0';
    return reads_.note_range(as_bytes(begin), as_bytes(end));
  }

  Status add_value(const IndexDefinition& index, std::optional<uint32_t> value, RowSet& to) {
    if (!value) return Status::ok();
    const Result<Held*> held = bring(index);
    if (!held) return held.error();
    const StoredBitmapIndex& members_of = *(*held)->members;
    const uint64_t first = member_of(*value, 0);
    const uint64_t last = member_of(*value, kRowMax);
    if (Status status = note_members(index, first, last); !status) return status;
    Bitmap rows = members_of.index().slice_down(first, last, to.blocks);
    if (to.rows.total() == 0)
      to.rows = std::move(rows);
    else
      to.rows.join(SetOp::kOr, rows);
    return members_of.status();
  }

  Status add_key(const IndexDefinition& index, Bytes key, RowSet& to) {
    const Result<std::optional<uint32_t>> value = ValueNumbers(reads_).find(index, key);
    return value ? add_value(index, *value, to) : value.error();
  }

  Status find_places(const IndexDefinition& index, const PlaceCondition& place, size_t limit,
                     std::vector<geo::Match>& found) {
    const Result<Held*> held = bring(index);
    if (!held) return held.error();
    if (Status status = note_all(index); !status) return status;
    if (index.holds_boxes) {
      place.find((*held)->boxes->index(), limit, found);
      return (*held)->boxes->status();
    }
    place.find((*held)->points->index(), limit, found);
    return (*held)->points->status();
  }

  // ---- sets

  // Null: no index answers it.
  Result<RowSetRef> rows_of(uint32_t at) {
    if (!is_answered(at)) return RowSetRef();
    auto rows = std::make_shared<RowSet>();
    if (Status status = add_rows(at, *rows); !status) return status;
    return rows;
  }

  Status add_rows(uint32_t at, RowSet& to) {
    const FilterNode& node = request_.where.node(at);
    switch (node.op) {
      case FilterOp::kAnd:
      case FilterOp::kOr:
        return add_joined(node, to);
      case FilterOp::kNot:
        return add_others(node.children.front(), to);
      case FilterOp::kMatch:
        to.rows.join(SetOp::kOr, node.rows->rows);
        return Status::ok();
      case FilterOp::kNear:
      case FilterOp::kWithinBox:
      case FilterOp::kWithinPolygon: {
        std::vector<geo::Match> found;
        Status status = find_places(*index_of(node), *node.place, SIZE_MAX, found);
        if (!status) return status;
        std::vector<uint64_t> rows(found.size());
        std::transform(found.begin(), found.end(), rows.begin(),
                       [](const geo::Match& match) { return match.id; });
        to.rows.add_many(std::span<const uint64_t>(rows));
        return Status::ok();
      }
      default:
        return add_values(node, to);
    }
  }

  Status add_joined(const FilterNode& node, RowSet& to) {
    bool is_first = true;
    for (const uint32_t child : node.children) {
      RowSet rows;
      if (Status status = add_rows(child, rows); !status) return status;
      const bool is_and = node.op == FilterOp::kAnd && !is_first;
      to.rows.join(is_and ? SetOp::kAnd : SetOp::kOr, rows.rows);
      is_first = false;
    }
    return Status::ok();
  }

  Status add_others(uint32_t child, RowSet& to) {
    RowSet rows;
    if (Status status = add_rows(child, rows); !status) return status;
    if (Status status = add_value(*whole_index(), kEveryValue, to); !status) return status;
    to.rows.join(SetOp::kAndNot, rows.rows);
    return Status::ok();
  }

  Status add_values(const FilterNode& node, RowSet& to) {
    const IndexDefinition& index = *index_of(node);
    use(index);
    if (node.op == FilterOp::kIsNull) {
      const char null = static_cast<char>(kNullKeyTag);
      return add_key(index, as_bytes(std::string_view(&null, 1)), to);
    }
    if (node.op == FilterOp::kNe) {
      RowSet rows;
      if (Status status = add_key(index, as_bytes(node.operands.front()), rows); !status) {
        return status;
      }
      if (Status status = add_value(index, kEveryValue, to); !status) return status;
      to.rows.join(SetOp::kAndNot, rows.rows);
      return Status::ok();
    }
    if (asks_range(node.op)) return add_range(index, node, to);
    const bool is_all = node.op == FilterOp::kHasAll;
    if (is_all && node.operands.empty()) return add_value(index, kEveryValue, to);
    for (size_t i = 0; i < node.operands.size(); ++i) {
      if (!is_all || i == 0) {
        Status status = add_key(index, as_bytes(node.operands[i]), to);
        if (!status) return status;
        continue;
      }
      RowSet rows;
      Status status = add_key(index, as_bytes(node.operands[i]), rows);
      if (!status) return status;
      to.rows.join(SetOp::kAnd, rows.rows);
    }
    return Status::ok();
  }

  // The values of a range, each by its number.
  Status add_range(const IndexDefinition& index, const FilterNode& node, RowSet& to) {
    Spans spans(SpanForm::kParts, values_prefix(index.id));
    spans.add_bound(Sense::kAscending, node);
    for (const KeySpan& span : spans.take()) {
      const KeyRange range{as_bytes(span.begin), as_bytes(span.end)};
      if (Status status = reads_.note_range(range.begin, range.end); !status) return status;
      const auto cursor = reads_.scan(range, Direction::kForward);
      for (; cursor->valid(); cursor->next()) {
        const Bytes number = cursor->edit().value;
        if (number.size() != 4) return Status::corrupt("index: a number of a wrong size");
        Status status = add_value(index, load<uint32_t>(number.data()), to);
        if (!status) return status;
      }
      if (Status status = cursor->status(); !status) return status;
    }
    return Status::ok();
  }

  // ---- entries of ordered indexes

  // One whose first part says exactly which documents meet the condition.
  const IndexDefinition* entries_on(const FilterNode& node) const {
    const bool is_on_each = node.op == FilterOp::kHas || node.op == FilterOp::kHasAny;
    for (const IndexDefinition& index : definition_.indexes) {
      if (index.is_packed() || !index.is_ready()) continue;
      if (index.filter && !implies(request_.where, *index.filter)) continue;
      const PartDefinition& first = index.parts.front();
      const auto is_each = [](const PartDefinition& part) { return part.is_each; };
      const bool has_all = std::none_of(index.parts.begin() + 1, index.parts.end(), is_each);
      const bool is_it = first.field == node.field && first.is_each == is_on_each;
      if (is_it && has_all && !first.is_descending) return &index;
    }
    return nullptr;
  }

  // What else can be said of the rows that are left for less than looking at each of them.
  Status narrow(RowSet& all, FoundRows& found) {
    for (const uint32_t i : request_.where.conjuncts()) {
      const bool is_answered =
          std::find(found.answered.begin(), found.answered.end(), i) != found.answered.end();
      if (is_answered || all.rows.total() <= kFewEntries) continue;
      const FilterNode& node = request_.where.node(i);
      const IndexDefinition* const index = entries_on(node);
      if (index == nullptr) continue;
      Spans spans(SpanForm::kParts, prefix_of(kEntries, index->id));
      if (!add_to(spans, node)) continue;
      RowSet rows;
      const Result<bool> is_whole = add_entries(spans.take(), all.rows.total(), rows);
      if (!is_whole) return is_whole.error();
      if (!*is_whole) continue;
      all.rows.join(SetOp::kAnd, rows.rows);
      found.answered.push_back(i);
      use(*index);
    }
    return Status::ok();
  }

  // False where there are too many to be worth it.
  Result<bool> add_entries(const std::vector<KeySpan>& spans, uint64_t row_count, RowSet& to) {
    uint64_t left = row_count * kEntriesForOne;
    std::vector<uint64_t> rows;
    std::string room;
    for (const KeySpan& span : spans) {
      const KeyRange range{as_bytes(span.begin), as_bytes(span.end)};
      const auto cursor = reads_.scan(range, Direction::kForward);
      for (; cursor->valid(); cursor->next()) {
        if (left-- == 0) return false;
        const Result<Bytes> value = reads_.view().value(cursor->edit(), room);
        if (!value) return value.error();
        const std::optional<EntryView> entry = read_entry(cursor->edit().key, *value);
        if (!entry)
          return Status::corrupt(definition_.name + ": an index has an entry that is none");
        rows.push_back(entry->row);
      }
      if (Status status = cursor->status(); !status) return status;
      if (Status status = reads_.note_range(range.begin, range.end); !status) return status;
    }
    std::sort(rows.begin(), rows.end());
    to.rows.add_many(std::span<const uint64_t>(rows));
    return true;
  }

  // ---- words and ranks

  // So many are wanted, where nothing else chooses among them.
  uint64_t wanted() const {
    const bool is_alone = request_.where.conjuncts().size() == 1 && !request_.is_paged &&
                          !request_.is_counted && !request_.after;
    if (!is_alone || request_.limit > UINT32_MAX || request_.offset > UINT32_MAX) return UINT64_MAX;
    return request_.limit + request_.offset;
  }

  Status look_up_words(uint32_t at, bool ranks) {
    const FilterNode& node = request_.where.node(at);
    const IndexDefinition* const index = index_of(node);
    if (index == nullptr) return no_text_index(definition_, node.field);
    const Result<Held*> held = bring(*index);
    if (!held) return held.error();
    if (Status status = note_all(*index); !status) return status;
    TextIndex& texts = (*held)->texts->index();
    TextRequest text;
    text.query = node.operands.front();
    const uint64_t most = ranks ? wanted() : UINT64_MAX;
    text.limit = static_cast<uint32_t>(std::min<uint64_t>(most, texts.stats().document_count));
    std::vector<TextHit> hits;
    if (text.limit > 0) {
      if (Status status = texts.search(text, hits); !status) return status;
    }
    if (Status status = (*held)->texts->status(); !status) return status;
    auto rows = std::make_shared<RowSet>();
    std::vector<uint64_t> all(hits.size());
    std::transform(hits.begin(), hits.end(), all.begin(),
                   [](const TextHit& hit) { return uint64_t{hit.id}; });
    rows->rows.add_many(std::span<const uint64_t>(all));
    request_.where.set_rows(at, std::move(rows));
    const std::vector<uint32_t> all_of = request_.where.conjuncts();
    const bool is_needed = std::find(all_of.begin(), all_of.end(), at) != all_of.end();
    if (request_.score && is_needed) {
      for (const TextHit& hit : hits) request_.score->add_rank(hit.id, hit.score);
    }
    if (ranks) hits_ = std::move(hits);
    return Status::ok();
  }

  // The rows of what ranks that are in the set, the best first.
  Status rank(const RowSetRef& among, FoundRows& found) {
    if (!request_.rank) return Status::ok();
    const FilterNode& node = request_.where.node(*request_.rank);
    const bool was_sorted = request_.after && request_.after->is_sorted;
    const IndexDefinition* const index = index_of(node);
    if (index == nullptr || was_sorted) return Status::ok();
    const auto add = [&](uint64_t rank, uint64_t row) {
      if (!among || among->rows.has(row)) found.ranked.push_back({rank, row});
    };
    if (node.op == FilterOp::kMatch) {
      for (const TextHit& hit : hits_) add(~rising_bits(hit.score), hit.id);
    } else {
      std::vector<geo::Match> places;
      const size_t most = static_cast<size_t>(std::min<uint64_t>(wanted(), SIZE_MAX));
      Status status = find_places(*index, *node.place, most, places);
      if (!status) return status;
      for (const geo::Match& match : places) add(rising_bits(match.haversine), match.id);
    }
    found.is_ranked = true;
    found.answered.push_back(*request_.rank);
    return Status::ok();
  }

  RowFinder& finder_;
  const Reads& reads_;
  const Definition& definition_;
  Request& request_;
  std::vector<const IndexDefinition*> used_;
  std::map<uint32_t, Held*> brought_;  // As of the view, by their ids.
  std::vector<TextHit> hits_;          // Of the condition that ranks.
};

RowFinder::Held::Held(const IndexDefinition& index) {
  const std::string prefix = packed_prefix(index.id);
  if (index.kind == IndexKind::kBitmap) {
    members = std::make_unique<StoredBitmapIndex>(prefix, kFrameBytesMax);
  } else if (index.kind == IndexKind::kText) {
    texts = std::make_unique<StoredTextIndex>(prefix, kFrameBytesMax,
                                              StoredTexts{text_options_of(index)});
  } else if (index.holds_boxes) {
    boxes = std::make_unique<StoredBoxIndex>(prefix, kFrameBytesMax);
  } else {
    points = std::make_unique<StoredPointIndex>(prefix, kFrameBytesMax);
  }
}

uint64_t RowFinder::Held::synced() const {
  if (members) return members->synced();
  if (texts) return texts->synced();
  return boxes ? boxes->synced() : points->synced();
}

RowFinder::Held& RowFinder::held(const IndexDefinition& index, uint64_t commit) {
  const auto [first, last] = held_.equal_range(index.id);
  auto nearest = last;
  auto oldest = last;
  size_t count = 0;
  for (auto one = first; one != last; ++one, ++count) {
    if (oldest == last || one->second.used < oldest->second.used) oldest = one;
    const uint64_t synced = one->second.synced();
    if (synced > commit) continue;
    if (nearest == last || synced > nearest->second.synced()) nearest = one;
  }
  if (nearest == last && count == kCommitsMax) nearest = oldest;
  if (nearest == last) nearest = held_.emplace(index.id, Held(index));
  nearest->second.used = used_;
  return nearest->second;
}

// What one question uses is never more than is kept.
void RowFinder::drop_unused() {
  std::erase_if(held_, [&](const auto& one) {
    return one.second.used + kUnusedMax < used_ && held_.count(one.first) > 1;
  });
  while (held_.size() > kHeldMax) {
    held_.erase(std::min_element(held_.begin(), held_.end(), [](const auto& a, const auto& b) {
      return a.second.used < b.second.used;
    }));
  }
}

Status RowFinder::find(const Reads& reads, const Definition& definition, Request& request) {
  const bool is_asked =
      definition.has_rows() || request.where.asks_words() || request.where.asks_nearness();
  if (!is_asked) return Status::ok();
  ++used_;
  drop_unused();
  return Work(*this, reads, definition, request).find();
}

}  // namespace varve::collection
