#include "layer/collection/join.h"

#include <algorithm>

#include "layer/collection/keys.h"

namespace varve::collection {
namespace {

constexpr size_t kBatchMax = 64;     // Documents that a step brings at once.
constexpr uint64_t kKeptBytes = 64;  // What a row takes beside its keys, and each key, about.

Status gone(const Definition& definition) {
  return Status::corrupt(definition.name + ": a row names a document that is not there");
}

// A row of one side's documents: it is in any order.
Request side_request(const JoinSide& side) {
  Request request;
  request.where = side.where;
  request.may_rank = false;
  return request;
}

}  // namespace

Join::Join(JoinRequest request, JoinPlan plan, uint64_t kept_bytes_max)
    : request_(std::move(request)),
      plan_(std::move(plan)),
      kept_bytes_max_(kept_bytes_max),
      levels_(plan_.steps.size()),
      offset_left_(request_.offset),
      limit_left_(request_.limit),
      records_(request_.sides.size()),
      sorted_(request_.limit, request_.offset) {
  if (limit_left_ == 0) phase_ = Phase::kDone;
}

Status Join::go_on(const Reads& reads, uint64_t look_max, const Take& take) {
  look_left_ = look_max;
  is_full_ = false;
  has_read_ = true;
  while (phase_ == Phase::kWalk && !is_full_ && look_left_ > 0) {
    Status status = has_row_ ? take_row(take) : step(reads);
    if (!status) return status;
  }
  if (phase_ == Phase::kGive && !is_full_) return give(reads, take);
  return Status::ok();
}

// ---- walking

const Join::Kept* Join::kept_at(uint32_t step) const {
  const Level& level = levels_[step];
  return level.is_missing ? nullptr : &level.batch[level.next - 1];
}

// To the next document of the level at work, and down from there, or back.
Status Join::step(const Reads& reads) {
  Level& level = levels_[depth_];
  if (!level.has_begun) {
    if (Status status = begin(reads); !status) return status;
  }
  if (level.next == level.batch.size() && !level.is_over) {
    if (Status status = fill(reads); !status) return status;
  }
  if (level.next < level.batch.size()) {
    --look_left_;
    ++level.next;
    level.is_missing = false;
    descend(depth_ + 1);
  } else if (level.is_over) {
    leave(level);
  }
  return Status::ok();
}

// With nothing more to be found here: a left join that had nothing is left out of a row.
void Join::leave(Level& level) {
  const JoinStep& step = plan_.steps[depth_];
  if (step.is_left && !level.has_matched) {
    for (uint32_t i = depth_; i < step.end; ++i) levels_[i].is_missing = true;
    return descend(step.end);
  }
  level.has_begun = false;
  if (depth_ > 0)
    depth_ = level.from;
  else if (plan_.is_ordered)
    phase_ = Phase::kDone;
  else
    begin_giving();
}

// What hangs on a step is through when one begins that does not.
void Join::descend(uint32_t to) {
  for (uint32_t i = 0; i <= depth_; ++i) {
    if (plan_.steps[i].end == to) levels_[i].has_matched = true;
  }
  if (to == levels_.size()) {
    has_row_ = true;
    return;
  }
  levels_[to].from = depth_;
  levels_[to].has_begun = false;
  depth_ = to;
}

Status Join::begin(const Reads& reads) {
  Level& level = levels_[depth_];
  const JoinStep& step = plan_.steps[depth_];
  const JoinSide& side = side_of(depth_);
  level.has_begun = true;
  level.has_matched = false;
  level.next = 0;
  if (step.way == StepWay::kLead) {
    Request request = side_request(side);
    request.rows = side.rows;
    Plan plan = plan_.lead;
    plan.is_ordered = true;  // As far as it matters: what is not is sorted in whole rows.
    level.run = std::make_unique<Run>(side.definition, std::move(request), std::move(plan),
                                      kept_bytes_max_);
    return Status::ok();
  }
  const JoinSide& from = side_of(step.from);
  Document document(from.definition->schema_set);
  if (Status status = document.open(as_bytes(kept_at(step.from)->record)); !status) return status;
  const bool by_key = step.way == StepWay::kKey;
  std::string bound;
  document.append_key(by_key ? step.field : from.definition->key.fields.front(), bound);
  if (level.is_whole && bound == level.bound) return Status::ok();
  level.bound = std::move(bound);
  level.run.reset();
  level.batch.clear();
  level.is_over = is_null_key(as_bytes(level.bound));
  level.is_whole = level.is_over;
  if (level.is_over) return Status::ok();
  if (by_key) return look_up(reads);
  Request request = side_request(side);
  request.where = side.where.with_equal(step.field, level.bound);
  Plan plan = plan_by(*side.definition, request, step.index);
  level.run =
      std::make_unique<Run>(side.definition, std::move(request), std::move(plan), kept_bytes_max_);
  return Status::ok();
}

Status Join::look_up(const Reads& reads) {
  Level& level = levels_[depth_];
  const JoinSide& side = side_of(depth_);
  level.is_over = true;
  level.is_whole = true;
  Kept kept{prefix_of(kDocuments, side.collection) + alone(as_bytes(level.bound)), {}};
  PointQuery query;
  query.key = as_bytes(kept.key);
  if (Status status = reads.get_many(std::span<PointQuery>(&query, 1)); !status) return status;
  if (query.answer.found != Found::kPut) return Status::ok();
  std::string room;
  const Result<Bytes> value = reads.view().value(query.answer.edit, room);
  if (!value) return value.error();
  if (!side.where.is_always()) {
    Document document(side.definition->schema_set);
    if (Status status = document.open(*value); !status) return status;
    if (!side.where.matches(document)) return Status::ok();
  }
  kept.record = as_text(*value);
  level.batch.push_back(std::move(kept));
  level.brought += 1;
  return Status::ok();
}

// The next batch of a run.
Status Join::fill(const Reads& reads) {
  Level& level = levels_[depth_];
  const bool is_first = level.next == 0;
  level.batch.clear();
  level.next = 0;
  uint64_t count_max = kBatchMax;
  const bool ends_early = plan_.is_ordered && limit_left_ < kBatchMax && offset_left_ < kBatchMax;
  if (ends_early) count_max = std::min(count_max, limit_left_ + offset_left_);
  std::string room;
  Status failed;
  const uint64_t looks = look_left_;
  Status status = level.run->go_on(reads, looks, [&](Bytes key, const Edit& edit) {
    if (level.batch.size() == count_max) return false;
    const Result<Bytes> value = reads.view().value(edit, room);
    if (!value) {
      failed = value.error();
      return false;
    }
    level.batch.push_back({std::string(as_text(key)), std::string(as_text(*value))});
    return true;
  });
  if (!failed || !status) return failed ? std::move(status) : std::move(failed);
  level.brought += level.batch.size();
  // One is left for what was found.
  look_left_ = std::max<uint64_t>(level.run->look_left(), level.batch.empty() ? 0 : 1);
  level.is_over = level.run->is_done();
  level.is_whole = is_first && level.is_over && plan_.steps[depth_].way != StepWay::kLead;
  if (level.is_over) level.run.reset();
  return Status::ok();
}

// ---- rows

Status Join::take_row(const Take& take) {
  if (!plan_.is_ordered) {
    has_row_ = false;
    return keep_row();
  }
  if (offset_left_ > 0) {
    --offset_left_;
    has_row_ = false;
    return Status::ok();
  }
  if (!request_.is_counted) {
    for (uint32_t i = 0; i < levels_.size(); ++i) {
      const Kept* const kept = kept_at(i);
      records_[plan_.steps[i].side] = kept == nullptr ? Bytes() : as_bytes(kept->record);
    }
    if (!take(records_)) {
      is_full_ = true;
      return Status::ok();
    }
  }
  has_row_ = false;
  ++taken_;
  if (--limit_left_ == 0) phase_ = Phase::kDone;
  return Status::ok();
}

Status Join::keep_row() {
  Sorted row;
  row.keys.resize(request_.sides.size());
  std::vector<const Kept*> kept(request_.sides.size());
  row.bytes = kKeptBytes;
  for (uint32_t i = 0; i < levels_.size(); ++i) {
    const uint32_t side = plan_.steps[i].side;
    kept[side] = kept_at(i);
    if (kept[side] != nullptr) row.keys[side] = kept[side]->key;
    row.bytes += kKeptBytes + row.keys[side].size();
  }
  for (const JoinOrder& one : request_.order) {
    const size_t from = row.sort_key.size();
    if (kept[one.side] == nullptr) {
      row.sort_key += static_cast<char>(kNullKeyTag);
    } else {
      Document document(request_.sides[one.side].definition->schema_set);
      Status status = document.open(as_bytes(kept[one.side]->record));
      if (!status) return status;
      document.append_key(one.part.field, row.sort_key);
    }
    for (size_t i = from; one.part.is_descending && i < row.sort_key.size(); ++i) {
      row.sort_key[i] = static_cast<char>(~row.sort_key[i]);
    }
  }
  row.bytes += row.sort_key.size();
  sorted_.add(std::move(row));
  if (sorted_.bytes() <= kept_bytes_max_) return Status::ok();
  return {Code::kTooLarge, "join: what has to be sorted takes more than " +
                               std::to_string(kept_bytes_max_) + " bytes; give a limit"};
}

void Join::begin_giving() {
  sorted_.sort();
  given_ = std::min<uint64_t>(request_.offset, sorted_.size());
  phase_ = given_ < sorted_.size() ? Phase::kGive : Phase::kDone;
}

Result<std::vector<PointQuery>> Join::find_again(const Reads& reads, const Sorted& row) const {
  std::vector<PointQuery> queries;
  for (const std::string& key : row.keys) {
    if (key.empty()) continue;
    queries.emplace_back().key = as_bytes(key);
  }
  if (Status status = reads.get_many(queries); !status) return status;
  return queries;
}

Status Join::give(const Reads& reads, const Take& take) {
  std::vector<std::string> rooms(request_.sides.size());
  while (!is_full_ && phase_ == Phase::kGive) {
    const Sorted& row = sorted_[given_];
    Result<std::vector<PointQuery>> found = find_again(reads, row);
    if (!found) return found.error();
    for (size_t side = 0, at = 0; side < row.keys.size(); ++side) {
      records_[side] = Bytes();
      if (row.keys[side].empty()) continue;
      const Lookup& answer = (*found)[at++].answer;
      if (answer.found != Found::kPut) return gone(*request_.sides[side].definition);
      const Result<Bytes> value = reads.view().value(answer.edit, rooms[side]);
      if (!value) return value.error();
      records_[side] = *value;
    }
    if (!take(records_)) {
      is_full_ = true;
      return Status::ok();
    }
    ++taken_;
    ++given_;
    if (given_ == sorted_.size() || --limit_left_ == 0) phase_ = Phase::kDone;
  }
  return Status::ok();
}

// ---- explaining

std::string Join::explained() const {
  const auto number = [](double value) { return std::to_string(static_cast<uint64_t>(value)); };
  std::string json = "{\"steps\":[";
  for (size_t i = 0; i < plan_.steps.size(); ++i) {
    const JoinStep& step = plan_.steps[i];
    if (i > 0) json += ',';
    const JoinSide& side = request_.sides[step.side];
    json += "{\"side\":" + std::to_string(step.side);
    Request request = side_request(side);
    if (step.way == StepWay::kLead) {
      request.rows = side.rows;
      request.is_explained = true;
      json += ",\"by\":\"walk\",\"plan\":" + explain(plan_.lead, *side.definition, request);
    } else if (step.way == StepWay::kKey) {
      json += ",\"by\":\"key\"";
    } else {  // Of one value, whichever.
      request.where = side.where.with_equal(step.field, std::string(1, kNullKeyTag));
      const Plan plan = plan_by(*side.definition, request, step.index);
      json += ",\"by\":\"reference\",\"plan\":" + explain(plan, *side.definition, request);
    }
    if (has_read_) json += ",\"found\":" + std::to_string(levels_[i].brought);
    json += '}';
  }
  json += "],\"leaders\":[";
  for (size_t i = 0; i < plan_.leaders.size(); ++i) {
    const JoinPlan::Leader& one = plan_.leaders[i];
    json += (i == 0 ? "{\"side\":" : ",{\"side\":") + std::to_string(one.side) +
            ",\"rows\":" + number(one.row_count) + ",\"cost\":" + number(one.cost) + '}';
  }
  json += ']';
  if (has_read_) json += ",\"rows\":" + std::to_string(taken_);
  return json + ",\"sorts\":" + (plan_.is_ordered ? "false" : "true") + '}';
}

}  // namespace varve::collection
