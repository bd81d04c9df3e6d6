#include "layer/collection/plan.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

#include "layer/collection/keys.h"
#include "layer/collection/spans.h"
#include "pure/codec/key.h"

namespace varve::collection {
namespace {

constexpr uint64_t kCountedMax = 128;      // Entries that an estimate looks at, of one way;
constexpr uint64_t kCountedWholeMax = 16;  // of one that has no bounds.
constexpr uint64_t kFewEntries = 64;       // Whatever they are asked besides, it costs little.
constexpr uint64_t kManyGuess = 100'000;   // What lies beyond, with nothing bound and no sample;
constexpr uint64_t kEqualShare = 20;       // a value leaves one in so many,
constexpr double kRestShare = 0.25;        // what is asked besides one in four.
constexpr double kEntryCost = 1;           // A guess, as are the next three.
constexpr double kDocumentCost = 1.2;      // Walked where it lies,
constexpr double kFetchedCost = 4;         // found by its key,
constexpr double kSortedCost = 2;          // brought in order.
constexpr double kGatheredCost = 1;        // An entry whose row alone is wanted.
constexpr double kNarrowedMin = 1000;      // Below it nothing is to be gained.
constexpr size_t kNarrowedWays = 4;        // The cheapest are tried in pairs.

std::string quoted(const std::string& text) {
  std::string json = "\"";
  for (const char one : text) {
    if (one == '"' || one == '\\') json += '\\';
    json += static_cast<uint8_t>(one) < 0x20 ? ' ' : one;
  }
  return json + '"';
}

// So many documents end it.
double wanted_of(const Request& request) {
  return static_cast<double>(request.limit) + static_cast<double>(request.offset);
}

// What is kept for sorting says where documents are: those that stay are looked up once more.
double sorting_cost(const Request& request, double match_count) {
  return match_count * kSortedCost + std::min(match_count, wanted_of(request)) * kFetchedCost;
}

// One way of answering while it is being looked at.
class Candidate {
 public:
  Candidate(const Definition& definition, const Request& request, const IndexDefinition* index)
      : definition_(definition), request_(request), index_(index) {}

  // False: this index does not have every document that is asked for.
  bool build() {
    if (index_ != nullptr && index_->filter && !implies(request_.where, *index_->filter)) {
      return false;
    }
    std::vector<Part> parts = parts_of();
    Spans spans = spans_of();
    bind(parts, spans);
    if (index_ != nullptr && has_each(parts) && !each_is_bound_) return false;
    plan_.way = index_ == nullptr ? Way::kDocuments : Way::kIndex;
    plan_.index = index_;
    plan_.spans = spans.take();
    plan_.rest = request_.where.without(answered_);
    plan_.is_ordered = orders(parts);
    if (plan_.is_ordered && plan_.direction == Direction::kReverse) {
      std::reverse(plan_.spans.begin(), plan_.spans.end());
    }
    return true;
  }

  // Counts what lies in the spans, as far as it matters.
  Status count(const Reads& reads) {
    const bool has_bounds = plan_.equal_count > 0 || is_bounded_;
    uint64_t most = has_bounds ? kCountedMax : kCountedWholeMax;
    if (ends_early() && plan_.rest.is_always()) {
      most = std::min(most, std::max<uint64_t>(1, request_.limit));
    }
    for (const KeySpan& span : plan_.spans) {
      const KeyRange range{as_bytes(span.begin), as_bytes(span.end)};
      const auto cursor = reads.view().scan(range, Direction::kForward);
      for (; cursor->valid() && plan_.estimate < most; cursor->next()) ++plan_.estimate;
      plan_.is_more = plan_.is_more || cursor->valid();
      if (Status status = cursor->status(); !status) return status;
      if (plan_.is_more) break;
    }
    return Status::ok();
  }

  bool is_small() const { return !plan_.is_more && plan_.estimate <= kCountedWholeMax; }
  // What its cost depends on is more than was counted.
  bool wants_estimates() const {
    return plan_.is_more || (wants_share() && plan_.estimate > kFewEntries);
  }

  // There is much more than a sample says.
  bool is_beyond(Known& known) const {
    const double said = known.entries(index_, plan_.spans) + 4 * known.weight();
    return plan_.is_more && said < static_cast<double>(plan_.estimate);
  }

  // Sets what it costs; null: nothing is known.
  double weigh(Known* known) {
    const double entries = all_entries(known);
    const double share = share_of(known, entries);
    plan_.row_count = ends_early() ? std::min(entries, wanted_of(request_) / share) : entries;
    plan_.match_count = plan_.row_count * share;
    double each = kEntryCost;
    if (index_ == nullptr)
      each = kDocumentCost;
    else if (plan_.needs_documents(request_))
      each += kFetchedCost;
    plan_.cost = plan_.row_count * each;
    if (!ends_early()) plan_.cost += sorting_cost(request_, plan_.match_count);
    return plan_.cost;
  }

  // The rows of another way are gathered before. False: it says nothing that this one does not.
  bool narrow(const Candidate& other, Known& known) {
    std::vector<uint32_t> answered = answered_;
    std::vector<uint32_t> others = request_.where.conjuncts();
    for (const uint32_t condition : other.answered_) {
      if (std::find(answered_.begin(), answered_.end(), condition) != answered_.end()) continue;
      answered.push_back(condition);
      std::erase(others, condition);
    }
    if (index_ == nullptr || other.index_ == nullptr) return false;
    if (answered.size() == answered_.size()) return false;
    const Filter left = plan_.rest;
    plan_.narrowings.push_back({other.index_, other.plan_.spans});
    plan_.rest = request_.where.without(answered);
    kept_ *= known.share(index_, plan_.spans, request_.where.without(others));
    gathered_ += other.all_entries(&known);
    answered_ = std::move(answered);
    weigh_narrowed(known, left);
    return true;
  }

  const Plan& plan() const { return plan_; }
  Plan& plan() { return plan_; }

  // All of its entries are wanted, in the order in which they come.
  bool is_exact() const { return ends_early() && plan_.rest.is_always(); }
  // An index of which not all is walked.
  bool is_bounded() const { return index_ != nullptr && (plan_.equal_count > 0 || is_bounded_); }
  // An index that neither leaves anything out nor is in an order that is wanted.
  bool is_pointless() const {
    const bool has_bounds = plan_.equal_count > 0 || is_bounded_;
    const bool has_order = plan_.is_ordered && !request_.order.empty();
    return index_ != nullptr && !index_->filter && !has_bounds && !has_order && !request_.after;
  }
  void skip_count() {
    plan_.estimate = 0;
    plan_.is_more = true;
  }

 private:
  // What is left of the conditions without the last narrowing says what it ends with.
  void weigh_narrowed(Known& known, const Filter& left) {
    share_ *= plan_.narrowings.size() > 1 ? 1 : known.share(index_, plan_.spans, left);
    double walked = all_entries(&known);
    if (ends_early()) walked = std::min(walked, wanted_of(request_) / share_);
    plan_.row_count = walked + gathered_;
    plan_.match_count = walked * share_;
    plan_.cost = gathered_ * kGatheredCost + walked * kEntryCost;
    if (plan_.needs_documents(request_)) plan_.cost += walked * kept_ * kFetchedCost;
    if (!ends_early()) plan_.cost += sorting_cost(request_, plan_.match_count);
  }

  // In the spans.
  double all_entries(Known* known) const {
    const double counted = static_cast<double>(plan_.estimate);
    if (!plan_.is_more) return counted;
    if (known != nullptr) return std::max(counted, known->entries(index_, plan_.spans));
    double guess = kManyGuess;
    for (size_t i = 0; i < plan_.equal_count; ++i) guess /= kEqualShare;
    if (is_bounded_) guess /= 4;
    return std::max(counted * 2, guess);
  }

  // Whether it matters how many of its documents meet the other conditions.
  bool wants_share() const {
    if (plan_.rest.is_always()) return false;
    return request_.limit != UINT64_MAX || request_.is_weighed || request_.is_explained;
  }

  double share_of(Known* known, double entries) const {
    if (plan_.rest.is_always() || !wants_share() || entries <= kFewEntries) return 1;
    return known == nullptr ? kRestShare : known->share(index_, plan_.spans, plan_.rest);
  }

  bool ends_early() const {
    return plan_.is_ordered || (request_.order.empty() && !request_.rank && !request_.score);
  }

  struct Part {
    uint32_t field;
    bool is_descending;
    bool is_each;
    bool is_equal = false;  // Bound to one value.
  };

  Spans spans_of() const {
    if (index_ != nullptr) return Spans(SpanForm::kParts, prefix_of(kEntries, index_->id));
    std::string prefix = prefix_of(kDocuments, definition_.id);
    if (definition_.key.is_tuple) prefix += static_cast<char>(kArrayKeyTag);
    return Spans(definition_.key.is_tuple ? SpanForm::kParts : SpanForm::kSingleKey, prefix);
  }

  std::vector<Part> parts_of() const {
    std::vector<Part> parts;
    if (index_ == nullptr) {
      for (const uint32_t field : definition_.key.fields) parts.push_back({field, false, false});
    } else {
      for (const PartDefinition& part : index_->parts) {
        parts.push_back({part.field, part.is_descending, part.is_each});
      }
    }
    return parts;
  }

  static bool has_each(const std::vector<Part>& parts) {
    return std::any_of(parts.begin(), parts.end(), [](const Part& part) { return part.is_each; });
  }

  // Equal values from the first part on, then at most one range.
  void bind(std::vector<Part>& parts, Spans& spans) {
    for (Part& part : parts) {
      const Sense sense = part.is_descending ? Sense::kDescending : Sense::kAscending;
      const uint32_t point = find_point(part);
      if (point != kNone) {
        const FilterNode& node = request_.where.node(point);
        if (!spans.add_points(sense, points_of(node))) return;
        note_answered(point, part, node);
        part.is_equal = points_of(node).size() == 1;
        if (part.is_equal) plan_.equal_count += 1;
        if (!part.is_equal) {
          is_bounded_ = true;
          return;
        }
        continue;
      }
      if (!part.is_each) add_bounds(part, sense, spans);
      return;
    }
  }

  // The condition that says which values a part has: the one with the fewest.
  uint32_t find_point(const Part& part) const {
    uint32_t best = kNone;
    for (const uint32_t index : request_.where.conjuncts()) {
      const FilterNode& node = request_.where.node(index);
      if (node.field != part.field || !is_point(node, part)) continue;
      if (best == kNone || points_of(node).size() < points_of(request_.where.node(best)).size()) {
        best = index;
      }
    }
    return best;
  }

  static bool is_point(const FilterNode& node, const Part& part) {
    switch (node.op) {
      case FilterOp::kEq:
      case FilterOp::kIn:
      case FilterOp::kIsNull:
        return !part.is_each;
      case FilterOp::kHas:
      case FilterOp::kHasAny:
        return part.is_each;
      case FilterOp::kHasAll:
        return part.is_each && !node.operands.empty();
      default:
        return false;
    }
  }

  // Of hasAll one value is looked up, and the document asked for the others.
  static std::vector<std::string> points_of(const FilterNode& node) {
    if (node.op == FilterOp::kIsNull) return {std::string(1, static_cast<char>(kNullKeyTag))};
    if (node.op == FilterOp::kHasAll) return {node.operands.front()};
    return node.operands;
  }

  void note_answered(uint32_t condition, const Part& part, const FilterNode& node) {
    if (part.is_each) {
      each_is_bound_ = true;
      plan_.may_repeat = node.op == FilterOp::kHasAny && node.operands.size() > 1;
    }
    const bool is_all = node.op == FilterOp::kHasAll && node.operands.size() > 1;
    if (!is_all && !part.is_descending) answered_.push_back(condition);
  }

  void add_bounds(const Part& part, Sense sense, Spans& spans) {
    for (const uint32_t index : request_.where.conjuncts()) {
      const FilterNode& node = request_.where.node(index);
      if (node.field != part.field || !spans.add_bound(sense, node)) continue;
      is_bounded_ = true;
      if (!part.is_descending) answered_.push_back(index);
    }
  }

  // Whether the walk, in one direction or the other, is in the order that is asked for.
  bool orders(const std::vector<Part>& parts) {
    if (request_.rank || request_.score) return false;
    if (request_.after && request_.after->is_sorted) return false;
    if (plan_.may_repeat) return request_.order.empty() && !request_.is_paged;
    size_t at = 0;
    bool is_turned = false;
    bool is_first = true;
    for (const OrderPart& wanted : request_.order) {
      const auto is_it = [&](const Part& part) { return part.field == wanted.field; };
      const auto bound = std::find_if(parts.begin(), parts.end(), is_it);
      if (bound != parts.end() && bound->is_equal && !bound->is_each) continue;
      while (at < parts.size() && parts[at].is_equal) ++at;
      if (at == parts.size()) {  // A key is there once.
        if (index_ != nullptr || at == 0) return false;
        break;
      }
      if (parts[at].field != wanted.field || parts[at].is_each) return false;
      const bool turns = parts[at].is_descending != wanted.is_descending;
      if (!is_first && turns != is_turned) return false;
      is_turned = turns;
      is_first = false;
      ++at;
    }
    plan_.direction = is_turned ? Direction::kReverse : Direction::kForward;
    return true;
  }

  static constexpr uint32_t kNone = UINT32_MAX;

  const Definition& definition_;
  const Request& request_;
  const IndexDefinition* index_;
  Plan plan_;
  std::vector<uint32_t> answered_;
  bool is_bounded_ = false;
  bool each_is_bound_ = false;
  double gathered_ = 0;  // Entries of narrowings;
  double kept_ = 1;      // which part of the walk they leave,
  double share_ = 1;     // and which all conditions do.
};

Status no_position() {
  return Status::invalid(
      "after: no place of this query; another one made it, or the index that it walked is gone");
}

// Whether a way may be taken, where the query goes on from a position.
bool leads_on(const Request& request, const Plan& plan) {
  if (!request.after || request.after->is_sorted) return true;
  return plan.is_ordered && request.after->index == (plan.index == nullptr ? 0 : plan.index->id);
}

// Rows that were looked up.
Plan plan_of_rows(const Request& request, Known* known) {
  const FoundRows& rows = *request.rows;
  Plan plan;
  plan.way = Way::kRows;
  plan.index = rows.indexes.front();
  plan.rest = request.where.without(rows.answered);
  const bool was_sorted = request.after && request.after->is_sorted;
  plan.is_ordered =
      request.order.empty() && !was_sorted && !request.score && (rows.is_ranked || !request.rank);
  plan.estimate = rows.count();
  double share = 1;
  if (!plan.rest.is_always()) share = known == nullptr ? kRestShare : known->share(plan.rest);
  plan.row_count = static_cast<double>(plan.estimate);
  if (plan.is_ordered) plan.row_count = std::min(plan.row_count, wanted_of(request) / share);
  plan.match_count = plan.row_count * share;
  if (!plan.needs_documents(request)) return plan;
  plan.cost = plan.row_count * (kEntryCost + kFetchedCost);
  if (!plan.is_ordered) plan.cost += sorting_cost(request, plan.match_count);
  return plan;
}

std::string names_of(const std::vector<const IndexDefinition*>& indexes) {
  std::string json;
  for (const IndexDefinition* one : indexes) {
    json += (json.empty() ? "" : ",") + quoted(one->name);
  }
  return json;
}

// A position is a rank and a row, or a row, whichever of the indexes it names.
bool rows_lead_on(const Request& request, const Plan& plan) {
  if (!request.after || request.after->is_sorted) return true;
  const FoundRows& rows = *request.rows;
  const bool is_used =
      std::any_of(rows.indexes.begin(), rows.indexes.end(),
                  [&](const IndexDefinition* one) { return one->id == request.after->index; });
  const size_t size = (rows.is_ranked ? 2 : 1) * sizeof(uint64_t);
  return plan.is_ordered && is_used && request.after->key.size() == size;
}

// What is known of the collection, once it is asked.
class Estimates {
 public:
  Estimates(const Reads& reads, const Definition& definition, Statistics* statistics)
      : reads_(reads), definition_(definition), statistics_(statistics) {}

  Known* known() const { return known_; }

  Status ask(std::span<Candidate> ways) {
    if (statistics_ == nullptr) return Status::ok();
    Result<Known*> known = statistics_->of(reads_, definition_);
    const auto is_beyond = [&](const Candidate& way) { return way.is_beyond(**known); };
    if (known && *known != nullptr && std::any_of(ways.begin(), ways.end(), is_beyond)) {
      known = statistics_->doubt(reads_, definition_);
    }
    if (!known) return known.error();
    known_ = *known;
    return Status::ok();
  }

 private:
  const Reads& reads_;
  const Definition& definition_;
  Statistics* const statistics_;
  Known* known_ = nullptr;
};

std::vector<Candidate> ways_of(const Definition& definition, const Request& request) {
  std::vector<Candidate> ways;
  const auto add = [&](const IndexDefinition* index) {
    ways.emplace_back(definition, request, index);
    Candidate& way = ways.back();
    if (!way.build() || !leads_on(request, way.plan()) || way.is_pointless()) ways.pop_back();
  };
  add(nullptr);
  for (const IndexDefinition& index : definition.indexes) {
    if (index.is_ready() && !index.is_packed()) add(&index);
  }
  return ways;
}

// Where one of them has hardly any entries it is the one, whatever is said of the others.
Status weigh_all(const Reads& reads, std::span<Candidate> ways, Estimates& estimates) {
  bool is_any_small = false;
  bool wants_any = false;
  for (Candidate& way : ways) {
    if (Status status = way.count(reads); !status) return status;
    is_any_small = is_any_small || way.is_small();
    wants_any = wants_any || way.wants_estimates();
  }
  if (wants_any && !is_any_small) {
    if (Status status = estimates.ask(ways); !status) return status;
  }
  for (Candidate& way : ways) way.weigh(estimates.known());
  return Status::ok();
}

Candidate& cheapest_of(std::vector<Candidate>& ways) {
  const auto is_cheaper = [](Candidate& a, Candidate& b) { return a.plan().cost < b.plan().cost; };
  return *std::min_element(ways.begin(), ways.end(), is_cheaper);
}

// Two or more of them that cost less than each alone; none: there are no such.
std::optional<Candidate> narrowed(std::vector<Candidate>& ways, Known& known, double least) {
  const auto is_less = [](const Candidate& a, const Candidate& b) {
    return a.plan().cost < b.plan().cost;
  };
  std::vector<const Candidate*> cheapest;
  for (const Candidate& way : ways) {
    if (way.is_bounded()) cheapest.push_back(&way);
  }
  std::sort(cheapest.begin(), cheapest.end(),
            [&](const Candidate* a, const Candidate* b) { return is_less(*a, *b); });
  if (cheapest.size() > kNarrowedWays) cheapest.resize(kNarrowedWays);
  std::optional<Candidate> best;
  const auto offer = [&](Candidate way, const Candidate& other) {
    if (!way.narrow(other, known) || !(way.plan().cost < least)) return;
    least = way.plan().cost;
    best.emplace(std::move(way));
  };
  for (const Candidate* way : cheapest) {
    for (const Candidate* other : cheapest) offer(*way, *other);
  }
  for (size_t count = 1; best && count < kNarrowingsMax; ++count) {
    const Candidate base = *best;
    for (const Candidate* other : cheapest) offer(base, *other);
    if (best->plan().narrowings.size() == base.plan().narrowings.size()) break;
  }
  return best;
}

// What older documents hold in such a column is not what is asked for: lib/collection/converting.ts
// asks it of documents that are converted.
Status check_converted(const Definition& definition, const Request& request) {
  for (const uint32_t column : definition.rewritten_columns) {
    const auto is_it = [&](const OrderPart& part) { return part.field == column; };
    if (!request.where.names(column) &&
        std::none_of(request.order.begin(), request.order.end(), is_it)) {
      continue;
    }
    const std::string& path = definition.schema_set.newest().column(column).path;
    return {Code::kBusy, definition.name + ": " + path + " is being converted; await ready()"};
  }
  return Status::ok();
}

}  // namespace

std::string Position::write() const {
  std::string bytes(1, is_sorted ? 1 : 0);
  append_big32(bytes, index);
  bytes += is_sorted ? key : key.substr(kPrefixBytes);
  return bytes;
}

Result<Position> Position::read(Bytes bytes) {
  if (bytes.size() <= 1 + kIdBytes || bytes[0] > 1) return no_position();
  Position position;
  position.is_sorted = bytes[0] == 1;
  for (size_t i = 0; i < kIdBytes; ++i) position.index = position.index << 8 | bytes[1 + i];
  position.key = as_text(bytes.subspan(1 + kIdBytes));
  return position;
}

Result<Plan> make_plan(const Reads& reads, const Definition& definition, const Request& request,
                       Statistics* statistics) {
  Estimates estimates(reads, definition, statistics);
  const bool has_place = request.after && !request.after->is_sorted;
  if (request.rows && (request.rows->is_ranked || has_place)) {
    Plan rows = plan_of_rows(request, nullptr);
    return rows_lead_on(request, rows) ? Result<Plan>(std::move(rows)) : no_position();
  }
  if (Status status = check_converted(definition, request); !status) return status;
  std::vector<Candidate> ways = ways_of(definition, request);
  if (ways.empty()) return no_position();
  // One that reads nothing but what is wanted needs no count to be the best, nor one that is alone.
  const auto is_exact = [](const Candidate& way) { return way.is_exact(); };
  const bool may_skip = !request.rows && !request.is_weighed;
  const bool is_alone = ways.size() == 1;
  if (may_skip && (is_alone || std::count_if(ways.begin(), ways.end(), is_exact) == 1)) {
    Candidate& only = is_alone ? ways.front() : *std::find_if(ways.begin(), ways.end(), is_exact);
    if (request.is_explained) {
      if (Status status = weigh_all(reads, {&only, 1}, estimates); !status) return status;
    }
    only.skip_count();
    return std::move(only.plan());
  }
  if (Status status = weigh_all(reads, ways, estimates); !status) return status;
  Candidate& cheapest = cheapest_of(ways);
  std::optional<Candidate> both;
  if (estimates.known() != nullptr && cheapest.plan().cost > kNarrowedMin) {
    std::optional<Candidate> found = narrowed(ways, *estimates.known(), cheapest.plan().cost);
    if (found) both.emplace(std::move(*found));
  }
  Plan best = std::move(both ? both->plan() : cheapest.plan());
  if (request.rows) {
    Plan rows = plan_of_rows(request, estimates.known());
    if (rows.cost <= best.cost) return rows;
  }
  return best;
}

Result<std::optional<Plan>> plan_in_order(const Reads& reads, const Definition& definition,
                                          const Request& request) {
  std::vector<Candidate> ways;
  for (Candidate& way : ways_of(definition, request)) {
    if (way.plan().is_ordered) ways.push_back(std::move(way));
  }
  if (ways.empty()) return std::optional<Plan>();
  Estimates estimates(reads, definition, nullptr);
  if (Status status = weigh_all(reads, ways, estimates); !status) return status;
  return std::optional<Plan>(std::move(cheapest_of(ways).plan()));
}

const IndexDefinition* index_by(const Definition& definition, const Filter& where, uint32_t field) {
  for (const IndexDefinition& index : definition.indexes) {
    const bool is_usable =
        index.is_ready() && !index.is_packed() && (!index.filter || implies(where, *index.filter));
    const auto is_each = [](const PartDefinition& part) { return part.is_each; };
    const bool has_all = std::none_of(index.parts.begin(), index.parts.end(), is_each);
    if (is_usable && has_all && index.parts.front().field == field) return &index;
  }
  return nullptr;
}

Plan plan_by(const Definition& definition, const Request& request, const IndexDefinition* index) {
  Candidate way(definition, request, index);
  check(way.build());
  way.skip_count();
  return std::move(way.plan());
}

std::string explain(const Plan& plan, const Definition& definition, const Request& request) {
  std::string json = "{\"way\":\"";
  json += plan.way == Way::kDocuments ? "documents" : "index";
  json += '"';
  if (plan.index != nullptr) json += ",\"index\":" + quoted(plan.index->name);
  if (plan.way == Way::kRows) json += ",\"indexes\":[" + names_of(request.rows->indexes) + "]";
  if (!plan.narrowings.empty()) {
    std::vector<const IndexDefinition*> others;
    for (const Narrowing& one : plan.narrowings) others.push_back(one.index);
    json += ",\"narrowedBy\":[" + names_of(others) + "]";
  }
  json += ",\"spans\":" + std::to_string(plan.spans.size());
  json += ",\"entries\":" + std::to_string(plan.estimate);
  json += ",\"atLeast\":" + std::string(plan.is_more ? "true" : "false");
  const auto whole = [](double count) { return std::to_string(std::llround(count)); };
  if (request.is_explained) {
    json += ",\"estimate\":" + whole(plan.row_count) + ",\"matches\":" + whole(plan.match_count);
  }
  json += ",\"filters\":" + std::string(plan.rest.is_always() ? "false" : "true");
  json += ",\"sorts\":" + std::string(plan.is_ordered ? "false" : "true");
  json += ",\"reads\":" + std::string(plan.needs_documents(request) ? "true" : "false");
  json += ",\"building\":[";
  bool is_first = true;
  for (const IndexDefinition& index : definition.indexes) {
    if (index.is_ready()) continue;
    json += (is_first ? "" : ",") + quoted(index.name);
    is_first = false;
  }
  return json + "]}";
}

}  // namespace varve::collection
