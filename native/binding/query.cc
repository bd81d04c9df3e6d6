// binding/query.cc — queries under way: opened, read by the batch or in slices, counted, explained.
//
// A query lies in the data area:
//
//   flags u8 | definition f64 | limit f64 | offset f64 | orders, a count: column, descending u8 …
//   | position, a count of bytes | conditions: layer/collection/FORMAT.md
//
// `definition` is the commit whose definition the columns are of; kConflict where the view has
// another. Flags: 1 counted, 2 paged, 4 a position is given.
#include <algorithm>

#include "binding/care.h"
#include "binding/collection.h"
#include "binding/entries.h"

namespace varve {
namespace {

constexpr uint8_t kCounted = 1;
constexpr uint8_t kPaged = 2;
constexpr uint8_t kAfter = 4;
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
};

uint64_t whole(double number) {
  return number >= 0 && number < 9e15 ? static_cast<uint64_t>(number) : UINT64_MAX;
}

Status no_query() { return Status::invalid("query: bytes that are none"); }

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
  uint32_t count = 0;
  if (!take_varint(bytes, count) || count > kOrdersMax) return no_query();
  request.order.resize(count);
  for (collection::OrderPart& part : request.order) {
    if (!take_varint(bytes, part.field) || bytes.empty()) return no_query();
    part.is_descending = bytes[0] != 0;
    bytes = bytes.subspan(1);
  }
  Bytes after;
  if (!collection::take_sized(bytes, after)) return no_query();
  if ((flags & kAfter) != 0) {
    Result<collection::Position> position = collection::Position::read(after);
    if (!position) return position.error();
    request.after = std::move(*position);
  }
  Result<collection::Filter> where = collection::Filter::read(bytes);
  if (!where) return where.error();
  request.where = std::move(*where);
  return Status::ok();
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
  query.reader.reset();
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
  const auto definition = room_of(call).collections.definition(reads, id_of(call));
  if (!definition) return environment.fail(definition.error());
  if (!*definition) {
    return environment.fail({Code::kNotFound, "the collection is not there"});
  }
  if ((*definition)->commit != asked.definition) return Answer::kConflict;
  status = room_of(call).collections.find_rows(reads, **definition, asked.request);
  if (!status) return environment.fail(status);
  Result<collection::Plan> plan = collection::make_plan(reads, **definition, asked.request);
  if (!plan) return environment.fail(plan.error());
  query.run = std::make_unique<collection::Run>(*definition, std::move(asked.request),
                                                std::move(*plan), call.store().commit_bytes_max());
  return Answer::kOk;
}

Status go_on(const Call& call, OpenQuery& query, uint64_t look_max,
             const collection::Run::Take& take) {
  const bool has_ended =
      query.transaction != nullptr &&
      !(query.transaction->is_open() && query.serial == query.transaction->serial());
  if (has_ended) return {Code::kClosed, "query: its transaction has ended"};
  const Store::View view(*call.handle().reader, query.commit, query.time_ms);
  return query.run->go_on(collection::Reads(view, query.transaction, query.edit_count), look_max,
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
  if (!is_over && count_max > 0) {
    answer = hand_batch(call, *query, count_max, whole(read_double(call, 3)), is_over);
  }
  if (is_over) {
    end_query(call.store(), *query);
    return answer;
  }
  if (count_max == 0) call.environment().set32(Register32::kMore, 1);
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

Status run_slice(Store& store, OpenQuery& query) {
  const Lock held(query.mutex);
  if (!query.run) return {Code::kClosed, "query: it has ended"};
  if (!query.reader) {
    Result<std::unique_ptr<Store::Reader>> reader = Store::Reader::take(store);
    if (!reader) return reader.error();
    query.reader = std::move(*reader);
  }
  DocumentPage& page = query.page;
  page = {};
  const Store::View view(*query.reader, query.commit, query.time_ms);
  std::string room;
  Status failed;
  Status status =
      query.run->go_on(collection::Reads(view), kSliceLooks, [&](Bytes, const Edit& edit) {
        const bool is_full = page.ends.size() >= kPageDocumentsMax ||
                             (!page.ends.empty() && page.bytes.size() >= kPageBytesMax);
        if (is_full) return false;
        const Result<Bytes> value = view.value(edit, room);
        if (!value) {
          failed = value.error();
          return false;
        }
        append(page.bytes, *value);
        page.ends.push_back(page.bytes.size());
        return true;
      });
  return failed ? std::move(status) : std::move(failed);
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
        return make_int(at, query->run && !query->run->is_done() ? 1 : 0);
      });
}

// queryTake(number, count_max) → text of documents that a slice has brought; kMore is 1 while it
// has others
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
    const EntryBatch::Added added = batch.add_value(edit, view);
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

// ---- one call

// queryCount(size, as_of) → how many documents, or an Answer
napi_value query_count(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  ReadAs as;
  if (Status status = read_as(call, 1, as); !status) return fail(call, status);
  BriefQuery query(call);
  const Answer prepared = prepare(call, 0, as, *query);
  if (prepared != Answer::kOk) return make_answer(env, prepared);
  const Status status = go_on(call, *query, UINT64_MAX, [](Bytes, const Edit&) { return true; });
  if (!status) return fail(call, status);
  return make_double(env, static_cast<double>((*query).run->taken()));
}

// queryExplain(size, as_of) → JSON, or an Answer
napi_value query_explain(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  ReadAs as;
  if (Status status = read_as(call, 1, as); !status) return fail(call, status);
  BriefQuery query(call);
  const Answer prepared = prepare(call, 0, as, *query);
  if (prepared != Answer::kOk) return make_answer(env, prepared);
  return make_text(env, (*query).run->explained());
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
      {"queryExplain", query_explain}, {"queryPosition", query_position},
  };
  return *all;
}

}  // namespace varve
