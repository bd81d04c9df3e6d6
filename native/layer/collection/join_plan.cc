// layer/collection/join_plan.cc — joins as bytes, and which side leads: join.h says how.
#include <algorithm>
#include <cmath>

#include "layer/collection/join.h"
#include "pure/codec/varint.h"

namespace varve::collection {
namespace {

constexpr size_t kOrderMax = 16;
constexpr double kLookCost = 4;       // A guess, as are the next three: a document by its key,
constexpr double kSeekCost = 8;       // a place in an index,
constexpr double kFetchedCost = 5;    // an entry there, and its document,
constexpr double kSortCost = 2;       // a row brought in order.
constexpr double kManyGuess = 1e6;    // Documents of a collection of which nothing is known;
constexpr double kNamingGuess = 4;    // of them name the same;
constexpr double kShareGuess = 0.25;  // meet a condition.

Status no_join() { return Status::invalid("join: bytes that are none"); }

[[nodiscard]] bool take_byte(Bytes& from, uint8_t& byte) {
  if (from.empty()) return false;
  byte = from[0];
  from = from.subspan(1);
  return true;
}

[[nodiscard]] bool take_double(Bytes& from, double& number) {
  if (from.size() < sizeof(double)) return false;
  number = load<double>(from.data());
  from = from.subspan(sizeof(double));
  return true;
}

Status take_side(Bytes& from, uint32_t index, JoinSide& side) {
  uint8_t way = 0, is_left = 0;
  double commit = 0;
  Bytes where;
  const bool is_whole = take_varint(from, side.parent) && take_byte(from, way) &&
                        take_byte(from, is_left) && take_varint(from, side.collection) &&
                        take_double(from, commit) && take_varint(from, side.field) &&
                        take_sized(from, where);
  const bool is_known = way == 1 || way == 2;
  if (!is_whole || !is_known || side.parent > index || (index > 0 && side.parent == index)) {
    return no_join();
  }
  side.way = static_cast<InclusionWay>(way);
  side.is_left = is_left != 0 && index > 0;
  side.commit = commit >= 0 && commit < 9e15 ? static_cast<uint64_t>(commit) : UINT64_MAX;
  Result<Filter> filter = Filter::read(where);
  if (!filter) return filter.error();
  if (filter->root().op != FilterOp::kAnd) return no_join();
  side.where = std::move(*filter);
  return Status::ok();
}

[[nodiscard]] bool take_order(Bytes& from, size_t side_count, std::vector<JoinOrder>& order) {
  uint32_t count = 0;
  if (!take_varint(from, count) || count > kOrderMax) return false;
  order.resize(count);
  return std::all_of(order.begin(), order.end(), [&](JoinOrder& one) {
    uint8_t is_descending = 0;
    const bool is_whole = take_varint(from, one.side) && take_varint(from, one.part.field) &&
                          take_byte(from, is_descending);
    one.part.is_descending = is_descending != 0;
    return is_whole && one.side < side_count;
  });
}

// Whether documents of the collection are named by one value.
bool can_be_named(const Definition& definition) {
  return !definition.key.is_tuple && definition.key.fields.size() == 1;
}

// The tree of sides, turned so that one of them leads.
class Tree {
 public:
  explicit Tree(const JoinRequest& request) : sides_(request.sides) {}

  // No left join is on its way to the first, and each step of the way can be gone backward.
  bool may_lead(uint32_t side) const {
    for (; side != 0; side = sides_[side].parent) {
      if (sides_[side].is_left) return false;
      const uint32_t named = is_forward(side) ? side : sides_[side].parent;
      if (!can_be_named(*sides_[named].definition)) return false;
    }
    return true;
  }

  std::vector<JoinStep> steps(uint32_t leader) {
    steps_.clear();
    visit(leader, JoinStep{leader, StepWay::kLead, 0, 0, false, 0, nullptr});
    return std::move(steps_);
  }

 private:
  bool is_forward(uint32_t side) const { return sides_[side].way == InclusionWay::kForward; }

  bool is_there(uint32_t side) const {
    return std::any_of(steps_.begin(), steps_.end(),
                       [&](const JoinStep& one) { return one.side == side; });
  }

  // From the document of one side to another one that it hangs on, or that hangs on it.
  JoinStep step_to(uint32_t side, uint32_t from_side, uint32_t from) const {
    const bool is_down = side != 0 && sides_[side].parent == from_side && side != from_side;
    const uint32_t edge = is_down ? side : from_side;
    const bool by_key = is_down == is_forward(edge);
    JoinStep step{side,
                  by_key ? StepWay::kKey : StepWay::kField,
                  from,
                  sides_[edge].field,
                  is_down && sides_[side].is_left,
                  0,
                  nullptr};
    const JoinSide& target = sides_[side];
    if (!by_key) step.index = index_by(*target.definition, target.where, step.field);
    return step;
  }

  std::vector<JoinStep> neighbours(uint32_t side, uint32_t at) const {
    std::vector<JoinStep> found;
    for (uint32_t other = 0; other < sides_.size(); ++other) {
      if (other == side || is_there(other)) continue;
      const bool is_next = (other != 0 && sides_[other].parent == side) ||
                           (side != 0 && sides_[side].parent == other);
      if (is_next) found.push_back(step_to(other, side, at));
    }
    // What may end a row, and costs the least, first.
    std::stable_sort(found.begin(), found.end(), [](const JoinStep& a, const JoinStep& b) {
      return a.is_left != b.is_left ? b.is_left : a.way < b.way;
    });
    return found;
  }

  // At most as deep as there are sides.
  void visit(uint32_t side, JoinStep step) {
    const uint32_t at = static_cast<uint32_t>(steps_.size());
    steps_.push_back(step);
    for (const JoinStep& next : neighbours(side, at)) visit(next.side, next);
    steps_[at].end = static_cast<uint32_t>(steps_.size());
  }

  const std::vector<JoinSide>& sides_;
  std::vector<JoinStep> steps_;
};

// What the leader is asked. With a limit that holds for its documents, too, as far as is known,
// which only its cost is made of.
Request lead_request(const JoinRequest& request, uint32_t leader) {
  const JoinSide& side = request.sides[leader];
  Request lead;
  lead.where = side.where;
  lead.rows = side.rows;
  lead.may_rank = false;
  lead.is_weighed = true;
  for (const JoinOrder& one : request.order) lead.order.push_back(one.part);
  const bool is_own = std::all_of(request.order.begin(), request.order.end(),
                                  [&](const JoinOrder& one) { return one.side == leader; });
  if (!is_own) lead.order.clear();
  bool is_alone = is_own;
  for (uint32_t i = 0; i < request.sides.size(); ++i) {
    is_alone = is_alone && (i == leader || request.sides[i].where.is_always());
  }
  if (is_alone && request.limit < UINT64_MAX - request.offset) {
    lead.limit = std::max<uint64_t>(1, request.limit + request.offset);
  }
  return lead;
}

// What a side brings into rows.
struct Weight {
  double document_count = kManyGuess;
  double share = 1;  // That meets its conditions.
  double naming = kNamingGuess;
};

Result<Weight> weight_of(const Reads& reads, const JoinSide& side, const JoinStep& step,
                         Statistics& statistics) {
  Weight weight;
  const Result<Known*> known = statistics.of(reads, *side.definition);
  if (!known) return known.error();
  if (*known == nullptr) {
    if (!side.where.is_always()) weight.share = kShareGuess;
    return weight;
  }
  weight.document_count = (*known)->document_count();
  weight.share = (*known)->share(side.where);
  if (step.way == StepWay::kField) weight.naming = (*known)->per_value(step.field);
  return weight;
}

// Rows go on with what a step finds, each from where the one before has left them.
Result<double> cost_of(const Reads& reads, const JoinRequest& request, const JoinPlan& plan,
                       Statistics& statistics) {
  double rows = plan.lead.match_count;
  double cost = plan.lead.cost;
  for (const JoinStep& step : plan.steps) {
    if (step.way == StepWay::kLead) continue;
    const Result<Weight> weight = weight_of(reads, request.sides[step.side], step, statistics);
    if (!weight) return weight.error();
    double found = weight->share;
    if (step.way == StepWay::kKey) {
      cost += rows * kLookCost;
    } else {
      found *= weight->naming;
      const double each = step.index == nullptr ? weight->document_count
                                                : kSeekCost + weight->naming * kFetchedCost;
      cost += rows * each;
    }
    rows *= step.is_left ? std::max(found, 1.0) : found;
  }
  return plan.is_ordered ? cost : cost + rows * kSortCost;
}

}  // namespace

Result<JoinRequest> JoinRequest::read(Bytes bytes) {
  JoinRequest request;
  uint32_t count = 0;
  if (!take_varint(bytes, count) || count == 0 || count > kJoinSidesMax) return no_join();
  request.sides.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    if (Status status = take_side(bytes, i, request.sides[i]); !status) return status;
  }
  const bool is_whole = take_order(bytes, count, request.order) && bytes.empty();
  return is_whole ? Result<JoinRequest>(std::move(request)) : no_join();
}

Result<JoinPlan> make_join_plan(const Reads& reads, const JoinRequest& request,
                                Statistics& statistics) {
  for (const JoinSide& side : request.sides) {
    const bool is_backward = &side != &request.sides.front() && side.way != InclusionWay::kForward;
    const Definition& parent = *request.sides[side.parent].definition;
    if (!is_backward || can_be_named(parent)) continue;
    return Status::invalid(parent.name + ": nobody can refer to a key of several fields");
  }
  Tree tree(request);
  std::optional<JoinPlan> best;
  std::vector<JoinPlan::Leader> leaders;
  double least = INFINITY;
  for (uint32_t side = 0; side < request.sides.size(); ++side) {
    if (!tree.may_lead(side)) continue;
    JoinPlan plan;
    plan.steps = tree.steps(side);
    const Request lead = lead_request(request, side);
    Result<Plan> walk = make_plan(reads, *request.sides[side].definition, lead, &statistics);
    if (!walk) return walk.error();
    plan.lead = std::move(*walk);
    plan.is_ordered = request.order.empty() || (!lead.order.empty() && plan.lead.is_ordered);
    const Result<double> cost = cost_of(reads, request, plan, statistics);
    if (!cost) return cost.error();
    leaders.push_back({side, plan.lead.match_count, *cost});
    if (best && !(*cost < least)) continue;
    least = *cost;
    best = std::move(plan);
  }
  best->leaders = std::move(leaders);
  return std::move(*best);
}

}  // namespace varve::collection
