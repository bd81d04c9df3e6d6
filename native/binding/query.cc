// binding/query.cc — queries under way: opened, read by the batch or in slices, counted, summed up,
// explained.
//
// A query lies in the data area:
//
//   flags u8 | definition f64 | limit f64 | offset f64 | orders, a count: column, descending u8 …
//   | position, a count of bytes | inclusions, a count | conditions: layer/collection/FORMAT.md
//
// An inclusion (layer/collection/inclusion.h) is: way u8 | collection, a count | definition f64 |
// column, a count | limit f64 | orders | conditions, a count of bytes.
//
// A score (flag 16, layer/collection/score.h) lies before the conditions: weights of text, distance
// and recency f64 | place: column, a count; latitude, longitude, infinity f64; half f64 | time: column,
// a count; now f64, half f64.
//
// A join (flag 8, layer/collection/join.h) has sides and an order behind its conditions' place,
// instead of these: sides, a count | of each parent, a count | way u8 | left u8 | collection, a
// count | definition f64 | column, a count | conditions, a count of bytes || orders, a count: side,
// column, descending u8.
//
// `definition` is the commit whose definition the columns are of; kConflict where the view has
// another. Flags: 1 counted, 2 paged, 4 a position is given, 8 a join,
// 16 a score.
#include <algorithm>

#include "binding/care.h"
#include "binding/collection.h"
#include "binding/entries.h"

namespace varve {
namespace {

constexpr uint8_t kCounted = 1;
constexpr uint8_t kPaged = 2;
constexpr uint8_t kAfter = 4;
constexpr uint8_t kJoined = 8;
constexpr uint8_t kScored = 16;
constexpr size_t kOrdersMax = 16;
constexpr size_t kPageDocumentsMax = 128;  // Of a slice: what JavaScript decodes at a time,
constexpr size_t kPageBytesMax = 32768;
constexpr uint64_t kSliceLooks = 20'000;  // and what a slice looks at before it is asked again.

Status closed_error() { return {Code::kClosed, "the store is closed"}; }

napi_value fail(const Call& call, const Status& status) {
  return make_answer(call.env, call.environment().fail(status));
}

struct Asked {
  uint64_t definition = 0;
  collection::Request request;
  std::vector<collection::Inclusion> inclusions;
  std::optional<collection::JoinRequest> join;  // Instead of these.
};

uint64_t whole(double number) {
  return number >= 0 && number < 9e15 ? static_cast<uint64_t>(number) : UINT64_MAX;
}

Status no_query() { return Status::invalid("query: bytes that are none"); }

[[nodiscard]] bool take_double(Bytes& from, double& number) {
  if (from.size() < sizeof(double)) return false;
  number = load<double>(from.data());
  from = from.subspan(sizeof(double));
  return true;
}

[[nodiscard]] bool take_order(Bytes& from, std::vector<collection::OrderPart>& order) {
  uint32_t count = 0;
  if (!take_varint(from, count) || count > kOrdersMax) return false;
  order.resize(count);
  for (collection::OrderPart& part : order) {
    if (!take_varint(from, part.field) || from.empty()) return false;
    part.is_descending = from[0] != 0;
    from = from.subspan(1);
  }
  return true;
}

[[nodiscard]] bool take_inclusion(Bytes& from, collection::Inclusion& inclusion) {
  using collection::InclusionWay;
  if (from.empty() || from[0] < 1 || from[0] > 2) return false;
  inclusion.way = static_cast<InclusionWay>(from[0]);
  from = from.subspan(1);
  double commit = 0;
  double limit = 0;
  Bytes where;
  const bool is_whole = take_varint(from, inclusion.collection) && take_double(from, commit) &&
                        take_varint(from, inclusion.field) && take_double(from, limit) &&
                        take_order(from, inclusion.order) && collection::take_sized(from, where);
  inclusion.commit = whole(commit);
  inclusion.limit = whole(limit);
  inclusion.where = as_text(where);
  return is_whole;
}

Status read_asked(Bytes bytes, Asked& asked) {
  constexpr size_t kFixedBytes = 1 + 3 * sizeof(double);
  if (bytes.size() < kFixedBytes) return no_query();
  const uint8_t flags = bytes[0];
  collection::Request& request = asked.request;
  asked.definition = whole(load<double>(bytes.data() + 1));
  request.limit = whole(load<double>(bytes.data() + 9));
  request.offset = whole(load<double>(bytes.data() + 17));
  request.is_counted = (flags & kCounted) != 0;
  request.is_paged = (flags & kPaged) != 0;
  bytes = bytes.subspan(kFixedBytes);
  if (!take_order(bytes, request.order)) return no_query();
  Bytes after;
  if (!collection::take_sized(bytes, after)) return no_query();
  if ((flags & kAfter) != 0) {
    Result<collection::Position> position = collection::Position::read(after);
    if (!position) return position.error();
    request.after = std::move(*position);
  }
  uint32_t count = 0;
  if (!take_varint(bytes, count) || count > collection::kInclusionsMax) return no_query();
  asked.inclusions.resize(count);
  for (collection::Inclusion& inclusion : asked.inclusions) {
    if (!take_inclusion(bytes, inclusion)) return no_query();
  }
  if ((flags & kJoined) != 0) {
    Result<collection::JoinRequest> join = collection::JoinRequest::read(bytes);
    if (!join) return join.error();
    join->limit = request.limit;
    join->offset = request.offset;
    join->is_counted = request.is_counted;
    asked.join = std::move(*join);
    return Status::ok();
  }
  if ((flags & kScored) != 0) {
    Result<collection::Score> score = collection::Score::read(bytes);
    if (!score) return score.error();
    request.score = std::make_shared<collection::Score>(std::move(*score));
    request.may_rank = false;
  }
  Result<collection::Filter> where = collection::Filter::read(bytes);
  if (!where) return where.error();
  request.where = std::move(*where);
  return Status::ok();
}

// Of inclusions, or of sides of a join. kConflict where a collection has another definition than its
// columns are of.
template <class One>
Answer find_definitions(const Call& call, const collection::Reads& reads, std::vector<One>& all) {
  for (One& inclusion : all) {
    const auto found = room_of(call).collections.definition(reads, inclusion.collection);
    if (!found) return call.environment().fail(found.error());
    if (!*found || (*found)->commit != inclusion.commit) return Answer::kConflict;
    inclusion.definition = *found;
  }
  return Answer::kOk;
}

uint32_t id_of(const Call& call) {
  uint32_t id = 0;
  for (size_t i = 1; i <= 4; ++i) id = id << 8 | call.level().prefix[i];
  return id;
}

// What the query is as of.
Status hold_commit(Store& store, const ReadAs& as, OpenQuery& query) {
  query.time_ms = as.time_ms;
  if (as.commit == UINT64_MAX) {
    query.commit = store.hold();
    query.time_ms = store.now_ms();
  } else {
    query.commit = as.commit;
    if (Status status = store.hold(query.commit); !status) return status;
  }
  query.holds = true;
  return Status::ok();
}

void end_query(Store& store, OpenQuery& query) {
  const Lock held(query.mutex);
  if (query.holds) store.release(query.commit);
  query.holds = false;
  query.run.reset();
  query.join.reset();
  query.reader.reset();
}

bool has_ended(const OpenQuery& query) { return !query.run && !query.join; }

bool is_done(const OpenQuery& query) {
  return query.run ? query.run->is_done() : !query.join || query.join->is_done();
}

// One that does not outlive its call.
class BriefQuery {
 public:
  explicit BriefQuery(const Call& call) : call_(call) {}
  ~BriefQuery() { end_query(call_.store(), query_); }
  OpenQuery& operator*() { return query_; }

 private:
  const Call& call_;
  OpenQuery query_;
};

Answer prepare_join(const Call& call, const collection::Reads& reads,
                    collection::JoinRequest request, OpenQuery& query) {
  const Answer found = find_definitions(call, reads, request.sides);
  if (found != Answer::kOk) return found;
  for (collection::JoinSide& side : request.sides) {
    collection::Request alone;
    alone.where = std::move(side.where);
    alone.may_rank = false;
    Status status = room_of(call).collections.find_rows(reads, *side.definition, alone);
    if (!status) return call.environment().fail(status);
    side.where = std::move(alone.where);
    side.rows = std::move(alone.rows);
  }
  Result<collection::JoinPlan> plan =
      collection::make_join_plan(reads, request, room_of(call).collections.statistics());
  if (!plan) return call.environment().fail(plan.error());
  query.join = std::make_unique<collection::Join>(std::move(request), std::move(*plan),
                                                  query.kept_bytes_max);
  return Answer::kOk;
}

// Reads the query whose size is the argument at `index`, and makes its plan. The answer is kOk,
// kConflict or kFailed.
Answer prepare(const Call& call, size_t index, const ReadAs& as, OpenQuery& query) {
  Environment& environment = call.environment();
  const size_t size = read_uint32(call, index);
  if (size > environment.scratch_bytes - kDataAt) return environment.fail(no_query());
  Asked asked;
  Status status = read_asked(Bytes(environment.scratch + kDataAt, size), asked);
  if (!status) return environment.fail(status);
  if (status = hold_commit(call.store(), as, query); !status) return environment.fail(status);
  const Store::View view(*call.handle().reader, query.commit, query.time_ms);
  query.transaction = as.transaction;
  if (as.transaction != nullptr) {
    query.serial = as.transaction->serial();
    query.edit_count = as.transaction->edit_count();
  }
  const collection::Reads reads(view, as.transaction);
  query.kept_bytes_max = call.store().commit_bytes_max();
  asked.request.is_explained = query.is_explained;
  if (asked.join) return prepare_join(call, reads, std::move(*asked.join), query);
  const auto definition = room_of(call).collections.definition(reads, id_of(call));
  if (!definition) return environment.fail(definition.error());
  if (!*definition) {
    return environment.fail({Code::kNotFound, "the collection is not there"});
  }
  if ((*definition)->commit != asked.definition) return Answer::kConflict;
  status = room_of(call).collections.find_rows(reads, **definition, asked.request);
  if (!status) return environment.fail(status);
  const Answer found = find_definitions(call, reads, asked.inclusions);
  if (found != Answer::kOk) return found;
  Result<collection::Plan> plan = collection::make_plan(reads, **definition, asked.request,
                                                        &room_of(call).collections.statistics());
  if (!plan) return environment.fail(plan.error());
  query.inclusions = std::move(asked.inclusions);
  query.run = std::make_unique<collection::Run>(*definition, std::move(asked.request),
                                                std::move(*plan), query.kept_bytes_max);
  return Answer::kOk;
}

Status check_transaction(const OpenQuery& query) {
  const bool has_ended =
      query.transaction != nullptr &&
      !(query.transaction->is_open() && query.serial == query.transaction->serial());
  return has_ended ? Status(Code::kClosed, "query: its transaction has ended") : Status::ok();
}

// Nothing was taken of what could not be sorted.
Status take_on(const collection::Reads& reads, OpenQuery& query, uint64_t look_max,
               const collection::Run::Take& take) {
  Status status = query.run->go_on(reads, look_max, take);
  if (status.code() != Code::kTooLarge) return status;
  Result<std::unique_ptr<collection::Run>> in_order = query.run->in_order(reads);
  if (!in_order) return in_order.error();
  if (*in_order == nullptr) return status;
  query.run = std::move(*in_order);
  return query.run->go_on(reads, look_max, take);
}

Status go_on(const Call& call, OpenQuery& query, uint64_t look_max,
             const collection::Run::Take& take) {
  if (Status status = check_transaction(query); !status) return status;
  const Store::View view(*call.handle().reader, query.commit, query.time_ms);
  return take_on(collection::Reads(view, query.transaction, query.edit_count), query, look_max,
                 take);
}

uint32_t keep_query(CollectionRoom& room, std::shared_ptr<OpenQuery> query) {
  size_t number = 0;
  while (number < room.queries.size() && room.queries[number]) ++number;
  if (number == room.queries.size()) room.queries.emplace_back();
  room.queries[number] = std::move(query);
  return static_cast<uint32_t>(number);
}

// Null: there is none, or the store is closed.
std::shared_ptr<OpenQuery> query_of(const Call& call, size_t index) {
  if (call.handle().closed || !call.handle().collections) return nullptr;
  const size_t number = read_uint32(call, index);
  const auto& queries = room_of(call).queries;
  return number < queries.size() ? queries[number] : nullptr;
}

// One batch: what goes into the scratch, of at most so many documents.
napi_value hand_batch(const Call& call, OpenQuery& query, size_t count_max, uint64_t look_max,
                      bool& is_over) {
  Environment& environment = call.environment();
  EntryBatch batch(environment, count_max);
  const Store::View view(*call.handle().reader, query.commit, query.time_ms);
  auto last = EntryBatch::Added::kYes;
  const Status status = go_on(call, query, look_max, [&](Bytes, const Edit& edit) {
    last = batch.add_value(edit, view);
    return last == EntryBatch::Added::kYes;
  });
  const bool has_failed = !status || (last == EntryBatch::Added::kFailed && batch.count() == 0);
  is_over = has_failed || (query.run->is_done() && !query.run->is_paged());
  if (has_failed) return fail(call, status ? batch.status() : status.copy());
  if (batch.count() == 0 && last == EntryBatch::Added::kFull) {
    environment.set32(Register32::kNeededBytes, batch.needed_bytes());
    return make_answer(call.env, Answer::kGrow);
  }
  return batch.finish(call.env, !query.run->is_done());
}

// queryOpen(size, as_of, count_max, look_max) → text of the first documents; where more is wanted
// kMore is 1 and kCursor names the query; one that is paged is named in any case. With a count_max
// of 0 nothing is read yet. kConflict: the columns are those of another definition.
napi_value query_open(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  ReadAs as;
  if (Status status = read_as(call, 1, as); !status) return fail(call, status);
  auto query = std::make_shared<OpenQuery>();
  const Answer prepared = prepare(call, 0, as, *query);
  const size_t count_max = read_uint32(call, 2);
  bool is_over = prepared != Answer::kOk;
  napi_value answer = make_answer(env, prepared);
  if (!is_over && count_max > 0 && query->run) {
    answer = hand_batch(call, *query, count_max, whole(read_double(call, 3)), is_over);
  }
  if (is_over) {
    end_query(call.store(), *query);
    return answer;
  }
  if (count_max == 0 || !query->run) call.environment().set32(Register32::kMore, 1);
  call.environment().set32(Register32::kCursor, keep_query(room_of(call), std::move(query)));
  return answer;
}

// queryNext(number, count_max, look_max) → text of the documents, maybe none yet, as kMore says
napi_value query_next(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle().closed) return fail(call, closed_error());
  const std::shared_ptr<OpenQuery> query = query_of(call, 0);
  if (!query || !query->run) return fail(call, {Code::kClosed, "query: it has ended"});
  bool is_over = false;
  const size_t count_max = std::max<size_t>(1, read_uint32(call, 1));
  const napi_value answer =
      hand_batch(call, *query, count_max, whole(read_double(call, 2)), is_over);
  if (is_over) end_query(call.store(), *query);
  return answer;
}

napi_value query_close(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const std::shared_ptr<OpenQuery> query = query_of(call, 0);
  if (!query) return make_answer(env, Answer::kOk);
  end_query(call.store(), *query);
  room_of(call).queries[read_uint32(call, 0)].reset();
  return make_answer(env, Answer::kOk);
}

// ---- slices

// What one document brings along; TOO_LARGE where that is more than a run may keep.
Status add_included(const collection::Reads& reads, OpenQuery& query, Bytes stored) {
  DocumentPage& page = query.page;
  const size_t before = page.bytes.size();
  std::string room;
  for (size_t number = 0; number < query.inclusions.size(); ++number) {
    Status failed;
    const auto take = [&](const Edit& edit) {
      const Result<Bytes> value = reads.view().value(edit, room);
      if (!value) {
        failed = value.error();
        return false;
      }
      append(page.bytes, *value);
      page.ends.push_back(page.bytes.size());
      page.inclusions.push_back(static_cast<uint32_t>(number + 1));
      if (page.bytes.size() - before <= query.kept_bytes_max) return true;
      failed = Status(Code::kTooLarge, "include: one document brings along more than " +
                                           std::to_string(query.kept_bytes_max) +
                                           " bytes; give a limit");
      return false;
    };
    Status status = collection::include(reads, *query.run->definition(), stored,
                                        query.inclusions[number], query.kept_bytes_max, take);
    if (!failed) return failed;
    if (!status) return status;
  }
  return Status::ok();
}

// Figures of some documents; with the last of them, their rows.
Status add_figures(const collection::Reads& reads, OpenQuery& query, uint64_t look_max) {
  std::string room;
  Status failed;
  const auto take = [&](Bytes, const Edit& edit) {
    if (const collection::Document* const opened = query.run->opened()) {
      failed = query.aggregate->add(*opened);
      return static_cast<bool>(failed);
    }
    const Result<Bytes> value = reads.view().value(edit, room);
    failed = value ? query.aggregate->add(*value) : value.error();
    return static_cast<bool>(failed);
  };
  const auto take_many = [&](const collection::Documents& documents) {
    return query.aggregate->add(documents);
  };
  Status status = query.run->go_on(reads, look_max, take, take_many);
  if (!failed || !status) return failed ? std::move(status) : std::move(failed);
  if (!query.run->is_done()) return Status::ok();
  Result<std::string> rows = query.aggregate->finish();
  if (!rows) return rows.error();
  query.page.bytes = std::move(*rows);
  return Status::ok();
}

// The same of rows.
Status fill_rows(const collection::Reads& reads, OpenQuery& query, size_t count_max,
                 uint64_t look_max) {
  DocumentPage& page = query.page;
  size_t count = 0;
  return query.join->go_on(reads, look_max, [&](std::span<const Bytes> records) {
    const bool is_full = count >= count_max || (count > 0 && page.bytes.size() >= kPageBytesMax);
    if (is_full) return false;
    for (size_t side = 0; side < records.size(); ++side) {
      if (records[side].empty()) continue;
      append(page.bytes, records[side]);
      page.ends.push_back(page.bytes.size());
      page.inclusions.push_back(static_cast<uint32_t>(side));
    }
    ++count;
    return true;
  });
}

// A total, and of each part what was found and what it is worth.
Status add_score(OpenQuery& query, Bytes stored) {
  const collection::Score* const score = query.run->score();
  if (score == nullptr) return Status::ok();
  collection::Document document(query.run->definition()->schema_set);
  if (Status status = document.open(stored); !status) return status;
  const collection::Score::Parts parts = score->of(document);
  query.page.scores.push_back(parts.total);
  for (const collection::Score::Part& part : parts.each) {
    query.page.scores.push_back(part.raw);
    query.page.scores.push_back(part.value);
  }
  return Status::ok();
}

// Fills the page, with what comes along, until it has so many documents or bytes.
Status fill_page(const collection::Reads& reads, OpenQuery& query, size_t count_max,
                 uint64_t look_max) {
  DocumentPage& page = query.page;
  page = {};
  if (query.aggregate) return add_figures(reads, query, look_max);
  if (query.join) return fill_rows(reads, query, count_max, look_max);
  size_t count = 0;
  std::string room;
  Status failed;
  Status status = take_on(reads, query, look_max, [&](Bytes, const Edit& edit) {
    const bool is_full = count >= count_max || (count > 0 && page.bytes.size() >= kPageBytesMax);
    if (is_full) return false;
    const Result<Bytes> value = reads.view().value(edit, room);
    if (!value) {
      failed = value.error();
      return false;
    }
    append(page.bytes, *value);
    page.ends.push_back(page.bytes.size());
    page.inclusions.push_back(0);
    ++count;
    failed = add_score(query, *value);
    if (failed) failed = add_included(reads, query, *value);
    return static_cast<bool>(failed);
  });
  return failed ? std::move(status) : std::move(failed);
}

Status run_slice(Store& store, OpenQuery& query) {
  const Lock held(query.mutex);
  if (has_ended(query)) return {Code::kClosed, "query: it has ended"};
  if (!query.reader) {
    Result<std::unique_ptr<Store::Reader>> reader = Store::Reader::take(store);
    if (!reader) return reader.error();
    query.reader = std::move(*reader);
  }
  const Store::View view(*query.reader, query.commit, query.time_ms);
  return fill_page(collection::Reads(view), query, kPageDocumentsMax, kSliceLooks);
}

// queryGather(number, count_max, look_max) → 1, or 0 when what queryTake() then brings is the last:
// a slice on this thread
napi_value query_gather(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle().closed) return fail(call, closed_error());
  const std::shared_ptr<OpenQuery> query = query_of(call, 0);
  if (!query || has_ended(*query)) return fail(call, {Code::kClosed, "query: it has ended"});
  Status status = check_transaction(*query);
  if (status) {
    const Lock held(query->mutex);
    const Store::View view(*call.handle().reader, query->commit, query->time_ms);
    const size_t count_max = std::max<size_t>(1, read_uint32(call, 1));
    status = fill_page(collection::Reads(view, query->transaction, query->edit_count), *query,
                       count_max, whole(read_double(call, 2)));
  }
  if (!status) return fail(call, status);
  return make_int(env, is_done(*query) ? 0 : 1);
}

// querySlice(number) → promise of 1, or of 0 when what queryTake() then brings is the last
napi_value query_slice(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle().closed) return fail(call, closed_error());
  const std::shared_ptr<OpenQuery> query = query_of(call, 0);
  if (!query) return fail(call, {Code::kClosed, "query: it has ended"});
  Store* const store = &call.store();
  return start_work(
      env, nullptr, [=] { return run_slice(*store, *query); },
      [=](napi_env at) {
        const Lock held(query->mutex);
        return make_int(at, is_done(*query) ? 0 : 1);
      });
}

// queryTake(number, count_max) → text of documents that a slice has brought, whose key cells are the
// numbers of inclusions; kMore is 1 while it has others
napi_value query_take(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (call.handle().closed) return fail(call, closed_error());
  const std::shared_ptr<OpenQuery> query = query_of(call, 0);
  if (!query) return fail(call, {Code::kClosed, "query: it has ended"});
  const Lock held(query->mutex);
  DocumentPage& page = query->page;
  EntryBatch batch(call.environment(), std::max<size_t>(1, read_uint32(call, 1)));
  const Store::View view(*call.handle().reader);
  for (; page.taken < page.ends.size(); ++page.taken) {
    const size_t begin = page.taken == 0 ? 0 : page.ends[page.taken - 1];
    Edit edit;
    edit.value = as_bytes(page.bytes).subspan(begin, page.ends[page.taken] - begin);
    const EntryBatch::Added added = batch.add_value(edit, view, page.inclusions[page.taken]);
    if (added == EntryBatch::Added::kFailed && batch.count() == 0) {
      return fail(call, batch.status());
    }
    if (added != EntryBatch::Added::kYes) break;
  }
  const bool more = page.taken < page.ends.size();
  if (batch.count() == 0 && more) {
    call.environment().set32(Register32::kNeededBytes, batch.needed_bytes());
    return make_answer(env, Answer::kGrow);
  }
  return batch.finish(env, more);
}

// queryScores(number) → those of what queryTake() brings, as doubles
napi_value query_scores(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const std::shared_ptr<OpenQuery> query = query_of(call, 0);
  if (!query) return fail(call, {Code::kClosed, "query: it has ended"});
  const Lock held(query->mutex);
  const std::vector<double>& scores = query->page.scores;
  napi_value copy = nullptr;
  napi_create_buffer_copy(env, scores.size() * sizeof(double), scores.data(), nullptr, &copy);
  return copy;
}

// ---- one call

Status count_all(const Call& call, OpenQuery& query) {
  if (query.run) {
    return go_on(call, query, UINT64_MAX, [](Bytes, const Edit&) { return true; });
  }
  const Store::View view(*call.handle().reader, query.commit, query.time_ms);
  return query.join->go_on(collection::Reads(view, query.transaction, query.edit_count), UINT64_MAX,
                           [](std::span<const Bytes>) { return true; });
}

// queryCount(size, as_of) → how many documents, or an Answer
napi_value query_count(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  ReadAs as;
  if (Status status = read_as(call, 1, as); !status) return fail(call, status);
  BriefQuery query(call);
  const Answer prepared = prepare(call, 0, as, *query);
  if (prepared != Answer::kOk) return make_answer(env, prepared);
  const Status status = count_all(call, *query);
  if (!status) return fail(call, status);
  const uint64_t count = (*query).run ? (*query).run->taken() : (*query).join->taken();
  return make_double(env, static_cast<double>(count));
}

// What is asked of figures is the argument at `index`, behind the query's own.
Answer prepare_aggregate(const Call& call, size_t index, OpenQuery& query) {
  if (!query.run) return call.environment().fail(no_query());
  const auto& definition = query.run->definition();
  const std::span<uint8_t> asked = read_elements<uint8_t>(call, index);
  auto request = collection::AggregateRequest::read(Bytes(asked.data(), asked.size()),
                                                    definition->schema_set.newest());
  if (!request) return call.environment().fail(request.error());
  query.aggregate = std::make_unique<collection::Aggregate>(
      definition, std::move(*request), query.kept_bytes_max, call.store().hash_seed());
  return Answer::kOk;
}

napi_value rows_of(napi_env env, const OpenQuery& query) {
  napi_value copy = nullptr;
  const std::string& rows = query.page.bytes;
  napi_create_buffer_copy(env, rows.size(), rows.data(), nullptr, &copy);
  return copy;
}

// queryAggregate(size, as_of, asked: Uint8Array) → rows as bytes (layer/collection/aggregate.h), or
// an Answer
napi_value query_aggregate(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  ReadAs as;
  if (Status status = read_as(call, 1, as); !status) return fail(call, status);
  BriefQuery query(call);
  Answer prepared = prepare(call, 0, as, *query);
  if (prepared == Answer::kOk) prepared = prepare_aggregate(call, 2, *query);
  if (prepared != Answer::kOk) return make_answer(env, prepared);
  const Store::View view(*call.handle().reader, (*query).commit, (*query).time_ms);
  const collection::Reads reads(view, (*query).transaction, (*query).edit_count);
  if (Status status = add_figures(reads, *query, UINT64_MAX); !status) return fail(call, status);
  return rows_of(env, *query);
}

// queryAggregateOpen(size, as_of, asked) → kOk, and kCursor names the query: slices of it bring no
// documents, and the last one rows
napi_value query_aggregate_open(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  ReadAs as;
  if (Status status = read_as(call, 1, as); !status) return fail(call, status);
  auto query = std::make_shared<OpenQuery>();
  Answer prepared = prepare(call, 0, as, *query);
  if (prepared == Answer::kOk) prepared = prepare_aggregate(call, 2, *query);
  if (prepared == Answer::kOk) {
    call.environment().set32(Register32::kCursor, keep_query(room_of(call), std::move(query)));
  } else {
    end_query(call.store(), *query);
  }
  return make_answer(env, prepared);
}

// queryRows(number) → rows as bytes, once no slice is left
napi_value query_rows(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const std::shared_ptr<OpenQuery> query = query_of(call, 0);
  if (!query) return fail(call, {Code::kClosed, "query: it has ended"});
  const Lock held(query->mutex);
  return rows_of(env, *query);
}

// queryExplain(size, as_of, runs) → JSON, or an Answer; with `runs` 1 it is answered, too, and what
// was read is told
napi_value query_explain(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  ReadAs as;
  if (Status status = read_as(call, 1, as); !status) return fail(call, status);
  BriefQuery query(call);
  (*query).is_explained = true;
  const Answer prepared = prepare(call, 0, as, *query);
  if (prepared != Answer::kOk) return make_answer(env, prepared);
  if (read_uint32(call, 2) != 0) {
    if (Status status = count_all(call, *query); !status) return fail(call, status);
  }
  return make_text(env, (*query).run ? (*query).run->explained() : (*query).join->explained());
}

// queryPosition(number) → bytes: where the query goes on
napi_value query_position(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  const std::shared_ptr<OpenQuery> query = query_of(call, 0);
  if (!query || !query->run || query->run->taken() == 0) {
    return fail(call, Status::invalid("query: it has no position"));
  }
  const std::string position = query->run->position();
  napi_value copy = nullptr;
  napi_create_buffer_copy(env, position.size(), position.data(), nullptr, &copy);
  return copy;
}

}  // namespace

void end_queries(Handle& handle) {
  if (!handle.collections) return;
  for (const auto& query : handle.collections->queries) {
    if (query) end_query(handle.hold.store(), *query);
  }
  handle.collections.reset();
}

const std::vector<Method>& query_methods() {
  static const std::vector<Method>* const all = new std::vector<Method>{
      {"queryOpen", query_open},       {"queryNext", query_next},
      {"queryClose", query_close},     {"querySlice", query_slice},
      {"queryTake", query_take},       {"queryCount", query_count},
      {"queryGather", query_gather},   {"queryAggregate", query_aggregate},
      {"queryExplain", query_explain}, {"queryPosition", query_position},
      {"queryScores", query_scores},   {"queryAggregateOpen", query_aggregate_open},
      {"queryRows", query_rows},
  };
  return *all;
}

}  // namespace varve
