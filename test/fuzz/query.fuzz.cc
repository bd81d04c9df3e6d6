// Hostile queries: conditions, orders, positions and figures of any bytes, over a collection with an
// index of each kind. They are refused, or answered as a look at every document answers them.
//
// A position reaches users as a string (`next` of a page), so any may come back. An input is flags
// (1 counted, 2 one position), limit and offset (255: none), the order, a position, an aggregate
// (each with its size before it) and the conditions.
#include <algorithm>

#include "fuzz.h"
#include "layer/collection/aggregate.h"
#include "layer/collection/collection.h"
#include "layer/collection/keys.h"
#include "layer/collection/run.h"
#include "pure/codec/key.h"
#include "pure/codec/record/record_key.h"
#include "pure/codec/varint.h"

namespace varve::collection {
namespace {

constexpr int32_t kDocumentCount = 40;
constexpr size_t kRoundsMax = 1000;
constexpr uint64_t kLooks = 7;
constexpr uint64_t kPageSize = 3;
constexpr uint64_t kKeptBytesMax = uint64_t{1} << 20;
constexpr uint64_t kHashSeed = 7;
constexpr size_t kOrderMax = 16;
const char* const kCities[] = {"Rome", "Oslo", "Rome Oslo", "Bern"};

void append_text(std::string& to, std::string_view text) {
  append_varint(to, text.size());
  to += text;
}

// { id: int32, city: string, score: float64, at: point } by id.
std::string description() {
  std::string bytes(2, '\0');
  append_text(bytes, "places");
  const std::pair<const char*, TypeTag> fields[] = {{"id", TypeTag::kInt32},
                                                    {"city", TypeTag::kString},
                                                    {"score", TypeTag::kFloat64},
                                                    {"at", TypeTag::kPoint}};
  append_varint(bytes, std::size(fields));
  for (size_t i = 0; i < std::size(fields); ++i) {
    append_text(bytes, fields[i].first);
    bytes += {static_cast<char>(i + 1), '\0', static_cast<char>(fields[i].second), '\0'};
  }
  bytes += "\x01\x01";
  append_text(bytes, "id");
  return bytes + std::string(2, '\0');
}

std::string record_of(int32_t id) {
  std::string head("\x08");
  append(head, id);
  append(head, static_cast<double>(id % 5));
  append(head, static_cast<double>(id));
  append(head, static_cast<double>(-id));
  std::string record("\x11");
  append_varint(record, head.size());
  return record + head + kCities[id % 4];
}

IndexDefinition index_on(const char* name, IndexKind kind, std::vector<PartDefinition> parts) {
  IndexDefinition index;
  index.name = name;
  index.kind = kind;
  index.parts = std::move(parts);
  return index;
}

std::shared_ptr<Store> memory_store() {
  StoreOptions options;
  options.engine = EngineKind::kMemory;
  options.memory_bytes = uint64_t{16} << 20;
  options.log = false;
  options.holder = "a fuzzer";
  Result<std::shared_ptr<Store>> store = Store::open(native_os(), options);
  check(static_cast<bool>(store));
  return *store;
}

struct Places {
  std::shared_ptr<Store> store = memory_store();
  Store::Reader reader{*store};
  Collections collections{*store};
  DefinitionRef definition;

  Places() {
    Definition draft;
    draft.name = "places";
    draft.schemas.push_back(description());
    draft.indexes = {index_on("score", IndexKind::kOrdered, {{2, false, false}, {1, true, false}}),
                     index_on("city", IndexKind::kBitmap, {{1, false, false}}),
                     index_on("words", IndexKind::kText, {{1, false, false}}),
                     index_on("at", IndexKind::kGeo, {{3, false, false}})};
    std::string name;
    append_utf8_key(as_bytes(std::string_view("places")), KeyPlace::kAlone, name);
    const auto defined = collections.define(reader, as_bytes(name), std::move(draft), 0);
    check(static_cast<bool>(defined));
    definition = *defined;
    for (int32_t id = 0; id < kDocumentCount; ++id) {
      std::string key;
      append_number_key(id, key);
      const std::string record = record_of(id);
      DocumentWrite write;
      write.collection = definition->id;
      write.key = as_bytes(key);
      write.record = as_bytes(record);
      check(static_cast<bool>(collections.commit_put(reader, write)));
    }
  }
};

Places& places() {
  static Places one;
  return one;
}

struct Asked {
  Request request;
  Bytes aggregate;
};

uint64_t limit_of(uint8_t byte) { return byte == 255 ? UINT64_MAX : byte; }

bool read_asked(Bytes bytes, Asked& asked) {
  if (bytes.size() < 3) return false;
  const uint8_t flags = bytes[0];
  Request& request = asked.request;
  request.is_counted = (flags & 1) != 0;
  request.limit = limit_of(bytes[1]);
  request.offset = bytes[2] == 255 ? 0 : bytes[2];
  bytes = bytes.subspan(3);
  uint32_t count = 0;
  if (!take_varint(bytes, count) || count > kOrderMax) return false;
  request.order.resize(count);
  for (OrderPart& part : request.order) {
    uint32_t descends = 0;
    if (!take_varint(bytes, part.field) || !take_varint(bytes, descends)) return false;
    part.is_descending = descends != 0;
  }
  Bytes after;
  if (!take_sized(bytes, after) || !take_sized(bytes, asked.aggregate)) return false;
  if ((flags & 2) != 0) {
    Result<Position> position = Position::read(after);
    if (!position) return false;
    request.after = std::move(*position);
  }
  Result<Filter> where = Filter::read(bytes);
  if (!where) return false;
  request.where = std::move(*where);
  return true;
}

struct Answered {
  std::vector<std::string> keys;
  uint64_t taken = 0;
  std::string position;  // Of one that is paged and has documents.
};

// Nothing where it is refused.
std::optional<Answered> answer(const Reads& reads, Request request) {
  const Definition& definition = *places().definition;
  if (!places().collections.find_rows(reads, definition, request)) return std::nullopt;
  Statistics& statistics = places().collections.statistics();
  Result<Plan> plan = make_plan(reads, definition, request, &statistics);
  if (!plan) return std::nullopt;
  check(!explain(*plan, definition, request).empty());
  Run run(places().definition, std::move(request), std::move(*plan), kKeptBytesMax);
  Answered answered;
  for (size_t round = 0; !run.is_done(); ++round) {
    check(round < kRoundsMax);
    const Status status = run.go_on(reads, kLooks, [&](Bytes key, const Edit&) {
      answered.keys.emplace_back(as_text(key));
      return true;
    });
    if (!status) return std::nullopt;
  }
  answered.taken = run.taken();
  if (run.is_paged() && run.taken() > 0) answered.position = run.position();
  return answered;
}

void check_each_once(std::vector<std::string> keys) {
  std::sort(keys.begin(), keys.end());
  check(std::adjacent_find(keys.begin(), keys.end()) == keys.end());
}

template <class Visit>
void each_document(const Store::View& view, const Visit& visit) {
  const std::string begin = prefix_of(kDocuments, places().definition->id);
  const std::string end = end_of(begin);
  const auto cursor = view.scan({as_bytes(begin), as_bytes(end)}, Direction::kForward);
  std::string room;
  for (; cursor->valid(); cursor->next()) {
    const Result<Bytes> value = view.value(cursor->edit(), room);
    check(static_cast<bool>(value));
    visit(*value);
  }
}

// Page by page there is what there is at once, though maybe in another order among equals.
void check_pages(const Reads& reads, Request request, std::vector<std::string> wanted) {
  request.limit = kPageSize;
  request.is_paged = true;
  std::vector<std::string> found;
  for (size_t page = 0; page <= wanted.size(); ++page) {
    const std::optional<Answered> answered = answer(reads, request);
    check(answered.has_value());
    found.insert(found.end(), answered->keys.begin(), answered->keys.end());
    if (answered->taken < kPageSize) break;
    Result<Position> position = Position::read(as_bytes(answered->position));
    check(static_cast<bool>(position));
    request.after = std::move(*position);
    request.offset = 0;
  }
  std::sort(found.begin(), found.end());
  std::sort(wanted.begin(), wanted.end());
  check(found == wanted);
}

void check_answer(const Reads& reads, const Request& request) {
  const std::optional<Answered> answered = answer(reads, request);
  if (!answered) return;
  check_each_once(answered->keys);
  Request looked_up = request;  // With what words mean.
  check(static_cast<bool>(places().collections.find_rows(reads, *places().definition, looked_up)));
  uint64_t all = 0;
  each_document(reads.view(), [&](Bytes stored) {
    Document document(places().definition->schema_set);
    check(static_cast<bool>(document.open(stored)));
    all += looked_up.where.matches(document) ? 1 : 0;
  });
  const uint64_t left = all - std::min(all, request.offset);
  if (request.after) return check(answered->taken <= all);
  check(answered->taken == std::min(left, request.limit));
  const bool is_whole = request.limit == UINT64_MAX && request.offset == 0 && !request.is_counted;
  if (is_whole) check_pages(reads, request, answered->keys);
}

void run_aggregate(const Reads& reads, Bytes bytes) {
  const DefinitionRef& definition = places().definition;
  auto request = AggregateRequest::read(bytes, definition->schema_set.newest());
  if (!request) return;
  Aggregate aggregate(definition, std::move(*request), kKeptBytesMax, kHashSeed);
  each_document(reads.view(),
                [&](Bytes stored) { check(static_cast<bool>(aggregate.add(stored))); });
  Result<std::string> rows = aggregate.finish();
  if (!rows) return;
  for (Bytes left = as_bytes(*rows); !left.empty();) {
    Bytes row;
    check(take_sized(left, row) && static_cast<bool>(validate_key(row)));
  }
}

void run(Bytes input) {
  Asked asked;
  if (!read_asked(input, asked)) return;
  const Store::View view(places().reader);
  const Reads reads(view);
  check_answer(reads, asked.request);
  run_aggregate(reads, asked.aggregate);
}

const fuzz::Target target("query", run);

}  // namespace
}  // namespace varve::collection
