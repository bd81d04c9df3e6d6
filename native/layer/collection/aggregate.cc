#include "layer/collection/aggregate.h"

#include <algorithm>
#include <cmath>

#include "pure/codec/hash.h"
#include "pure/codec/key.h"
#include "pure/codec/record/record_key.h"
#include "pure/codec/varint.h"

namespace varve::collection {
namespace {

constexpr uint64_t kCellBytes = 192;  // What a cell takes, about;
constexpr uint64_t kGroupBytes = 96;  // a group beside it,
constexpr uint64_t kValueBytes = 64;  // and one of different values beside its key.
constexpr size_t kOrderMax = 16;
constexpr size_t kPlacesMin = 64;
constexpr size_t kSpellings = 4096;    // Places of texts whose groups are known; a power of two.
constexpr size_t kSpellingsTried = 4;  // Of them, one behind the other.

Status no_aggregate() { return Status::invalid("aggregate: bytes that are none"); }

bool is_integer(const Type& type) {
  return type.tag == TypeTag::kInt32 || type.tag == TypeTag::kInt64;
}
bool is_number(const Type& type) { return is_integer(type) || type.tag == TypeTag::kFloat64; }

bool take_double(Bytes& from, double& number) {
  if (from.size() < sizeof(double)) return false;
  number = load<double>(from.data());
  from = from.subspan(sizeof(double));
  return true;
}

bool take_whole(Bytes& from, uint64_t& number) {
  double given = 0;
  if (!take_double(from, given)) return false;
  number = given >= 0 && given < 9e15 ? static_cast<uint64_t>(given) : UINT64_MAX;
  return true;
}

bool take_byte(Bytes& from, uint8_t& byte) {
  if (from.empty()) return false;
  byte = from[0];
  from = from.subspan(1);
  return true;
}

bool take_groups(Bytes& from, std::vector<GroupPart>& groups) {
  uint32_t count = 0;
  if (!take_varint(from, count) || count > kGroupPartsMax) return false;
  groups.resize(count);
  return std::all_of(groups.begin(), groups.end(), [&](GroupPart& part) {
    return take_varint(from, part.field) && take_double(from, part.width) &&
           take_double(from, part.origin);
  });
}

bool take_measures(Bytes& from, std::vector<Measure>& measures) {
  uint32_t count = 0;
  if (!take_varint(from, count) || count > kMeasuresMax) return false;
  measures.resize(count);
  for (Measure& measure : measures) {
    uint8_t op = 0;
    if (!take_byte(from, op) || op < 1 || op > 7 || !take_varint(from, measure.field)) return false;
    measure.op = static_cast<MeasureOp>(op);
  }
  return true;
}

bool take_order(Bytes& from, std::vector<OrderPart>& order) {
  uint32_t count = 0;
  if (!take_varint(from, count) || count > kOrderMax) return false;
  order.resize(count);
  for (OrderPart& part : order) {
    uint8_t is_descending = 0;
    if (!take_varint(from, part.field) || !take_byte(from, is_descending)) return false;
    part.is_descending = is_descending != 0;
  }
  return true;
}

bool can_measure(const Measure& measure, const Schema& schema) {
  if (measure.op == MeasureOp::kDocuments) return true;
  if (measure.field >= schema.columns().size()) return false;
  const Type& type = *schema.column(measure.field).type;
  if (measure.op == MeasureOp::kCount) return true;
  const bool is_added = measure.op == MeasureOp::kSum || measure.op == MeasureOp::kAverage;
  return is_added ? is_number(type) : has_key(type);
}

bool can_group(const GroupPart& part, const Schema& schema) {
  if (part.field >= schema.columns().size()) return false;
  const Type& type = *schema.column(part.field).type;
  if (part.width == 0) return has_key(type);
  const bool is_placed =
      type.tag == TypeTag::kInt32 || type.tag == TypeTag::kFloat64 || type.tag == TypeTag::kDate;
  return is_placed && part.width > 0 && std::isfinite(part.width) && std::isfinite(part.origin);
}

bool is_64(uint64_t low, int64_t high) { return high == (static_cast<int64_t>(low) < 0 ? -1 : 0); }

// A sum of 128 bits as the nearest double, or one beside it where it is beyond 64.
double rounded(uint64_t low, int64_t high) {
  if (is_64(low, high)) return static_cast<double>(static_cast<int64_t>(low));
  const uint64_t top = static_cast<uint64_t>(high);
  const uint64_t low_size = high < 0 ? ~low + 1 : low;
  const uint64_t top_size = high < 0 ? ~top + (low == 0 ? 1 : 0) : top;
  const double size =
      static_cast<double>(top_size) * 18446744073709551616.0 + static_cast<double>(low_size);
  return high < 0 ? -size : size;
}

bool fields_are_below(const Filter& filter, uint32_t index, size_t count) {
  const FilterNode& node = filter.node(index);
  if (node.op > FilterOp::kNot && node.field >= count) return false;
  return std::all_of(node.children.begin(), node.children.end(),
                     [&](uint32_t child) { return fields_are_below(filter, child, count); });
}

// Conditions on a row, as Filter has them on documents.
bool compares(const FilterNode& node, const std::string& cell) {
  const bool is_null = is_null_key(as_bytes(cell));
  const auto operand = [&](size_t i) -> const std::string& { return node.operands[i]; };
  switch (node.op) {
    case FilterOp::kEq:
      return cell == operand(0);
    case FilterOp::kNe:
      return cell != operand(0);
    case FilterOp::kGt:
      return !is_null && cell > operand(0);
    case FilterOp::kGte:
      return !is_null && cell >= operand(0);
    case FilterOp::kLt:
      return !is_null && cell < operand(0);
    case FilterOp::kLte:
      return !is_null && cell <= operand(0);
    case FilterOp::kBetween:
      return !is_null && cell >= operand(0) && cell <= operand(1);
    case FilterOp::kIn:
      return std::binary_search(node.operands.begin(), node.operands.end(), cell);
    case FilterOp::kStartsWith:
      return cell.compare(0, operand(0).size(), operand(0)) == 0;
    case FilterOp::kIsNull:
      return is_null;
    default:
      return false;
  }
}

bool holds(const Filter& filter, uint32_t index, const std::vector<std::string>& cells) {
  const FilterNode& node = filter.node(index);
  const auto one = [&](uint32_t child) { return holds(filter, child, cells); };
  if (node.op == FilterOp::kAnd) {
    return std::all_of(node.children.begin(), node.children.end(), one);
  }
  if (node.op == FilterOp::kOr) return std::any_of(node.children.begin(), node.children.end(), one);
  if (node.op == FilterOp::kNot) return !one(node.children.front());
  return compares(node, cells[node.field]);
}

}  // namespace

Result<AggregateRequest> AggregateRequest::read(Bytes bytes, const Schema& schema) {
  AggregateRequest request;
  const bool is_whole = take_groups(bytes, request.groups) &&
                        take_measures(bytes, request.measures) &&
                        take_order(bytes, request.order) && take_whole(bytes, request.limit) &&
                        take_whole(bytes, request.offset);
  if (!is_whole) return no_aggregate();
  Result<Filter> having = Filter::read(bytes);
  if (!having) return having.error();
  request.having = std::move(*having);
  const size_t count = request.groups.size() + request.measures.size();
  const bool is_fine =
      std::all_of(request.groups.begin(), request.groups.end(),
                  [&](const GroupPart& part) { return can_group(part, schema); }) &&
      std::all_of(request.measures.begin(), request.measures.end(),
                  [&](const Measure& measure) { return can_measure(measure, schema); }) &&
      std::all_of(request.order.begin(), request.order.end(),
                  [&](const OrderPart& part) { return part.field < count; }) &&
      fields_are_below(request.having, 0, count);
  if (!is_fine) return no_aggregate();
  return request;
}

Aggregate::Aggregate(std::shared_ptr<const Definition> definition, AggregateRequest request,
                     uint64_t kept_bytes_max, uint64_t hash_seed)
    : definition_(std::move(definition)),
      request_(std::move(request)),
      kept_bytes_max_(kept_bytes_max),
      hash_seed_(hash_seed),
      document_(definition_->schema_set) {
  keeps_values_ =
      std::any_of(request_.measures.begin(), request_.measures.end(), [](const Measure& measure) {
        return measure.op == MeasureOp::kDistinct || measure.op == MeasureOp::kMin ||
               measure.op == MeasureOp::kMax;
      });
  // Of nothing there is a row, too, where it is not by groups.
  if (request_.groups.empty()) add_group();
  places_.resize(kPlacesMin);
  prepare_quick();
}

void Aggregate::prepare_quick() {
  const Schema& newest = definition_->schema_set.newest();
  for (const Measure& measure : request_.measures) {
    const bool is_number = measure.op != MeasureOp::kDocuments;
    if (is_number) {
      const Column& column = newest.column(measure.field);
      const bool is_added = measure.op == MeasureOp::kSum || measure.op == MeasureOp::kAverage;
      if (!is_added || !column.is_plain_double) return;
    }
    quick_measures_.push_back({is_number, is_number ? newest.column(measure.field).slot_at : 0});
  }
  if (request_.groups.size() > 1) return;
  if (!request_.groups.empty()) {
    const GroupPart& part = request_.groups.front();
    const Column& column = newest.column(part.field);
    const bool is_text = column.is_always && column.type->tag == TypeTag::kString;
    if (!is_text || part.width != 0) return;
    group_text_ = column.text;
    spellings_.resize(kSpellings);
  }
  is_quick_ = true;
}

Status Aggregate::keep(uint64_t bytes) {
  kept_bytes_ += bytes;
  if (kept_bytes_ <= kept_bytes_max_) return Status::ok();
  return {Code::kTooLarge, definition_->name + ": groups and different values take more than " +
                               std::to_string(kept_bytes_max_) + " bytes"};
}

Status Aggregate::add(Bytes stored) {
  if (Status status = document_.open(stored); !status) return status;
  return add(document_);
}

Status Aggregate::add(const Document& document) {
  group_.clear();
  ends_.clear();
  for (const GroupPart& part : request_.groups) {
    append_group(document, part, group_);
    ends_.push_back(static_cast<uint32_t>(group_.size()));
  }
  const Result<size_t> group = request_.groups.empty() ? Result<size_t>(0) : group_of_key();
  if (!group) return group.error();
  const size_t first = *group * request_.measures.size();
  for (size_t i = 0; i < request_.measures.size(); ++i) {
    Status status = measure(document, request_.measures[i], first + i);
    if (!status) return status;
  }
  return Status::ok();
}

Status Aggregate::add(const Documents& documents) {
  for (size_t i = 0; i < documents.opened_count; ++i) {
    const Documents::Opened& one = documents.opened[i];
    if (Status status = is_quick_ ? add_quick(one) : add(one.stored); !status) return status;
  }
  for (size_t i = 0; i < documents.other_count; ++i) {
    if (Status status = add(documents.others[i]); !status) return status;
  }
  return Status::ok();
}

// What makes no key of a document's group unless it has to.
Status Aggregate::add_quick(const Documents::Opened& one) {
  size_t group = 0;
  if (group_text_ != kNoColumn) {
    const Result<size_t> found = group_of(one);
    if (!found) return found.error();
    group = *found;
  }
  Cell* cell = &cells_[group * quick_measures_.size()];
  for (const QuickMeasure& measure : quick_measures_) {
    ++cell->count;
    if (measure.is_number) add_number(load<double>(one.slots.at() + measure.slot_at), *cell);
    ++cell;
  }
  return Status::ok();
}

// By the text as it lies there: a group may have two, for another text beside it can make it wide.
Result<size_t> Aggregate::group_of(const Documents::Opened& one) {
  const Text text = one.slots.text(group_text_, definition_->schema_set.newest());
  const uint64_t hash = hash64(text.bytes, hash_seed_);
  Spelling* place = &spellings_[hash & (kSpellings - 1)];
  for (size_t i = 0; i < kSpellingsTried; ++i) {
    Spelling& here = spellings_[(hash + i) & (kSpellings - 1)];
    const bool is_it = here.hash == hash && here.group != SIZE_MAX &&
                       here.is_wide == text.is_wide &&
                       equal(Bytes(here.bytes.data(), here.size), text.bytes);
    if (is_it) return here.group;
    if (here.group != SIZE_MAX) continue;
    place = &here;
    break;
  }
  if (Status status = document_.open(one.stored); !status) return status;
  group_.clear();
  append_group(document_, request_.groups.front(), group_);
  ends_.assign(1, static_cast<uint32_t>(group_.size()));
  Result<size_t> group = group_of_key();
  if (!group || text.bytes.size() > Spelling::kBytesMax) return group;
  *place = {hash, *group, text.is_wide, static_cast<uint8_t>(text.bytes.size()), {}};
  std::copy(text.bytes.begin(), text.bytes.end(), place->bytes.begin());
  return group;
}

// That of group_, which may be new.
Result<size_t> Aggregate::group_of_key() {
  const uint64_t hash = hash64(as_bytes(group_), hash_seed_);
  size_t at = hash & (places_.size() - 1);
  for (; places_[at].group != SIZE_MAX; at = (at + 1) & (places_.size() - 1)) {
    const Place& place = places_[at];
    if (place.hash == hash && groups_[place.group].key == group_) return place.group;
  }
  Status status = keep(group_.size() + kGroupBytes + request_.measures.size() * kCellBytes);
  if (!status) return status;
  places_[at] = {hash, groups_.size()};
  add_group();
  if (groups_.size() * 2 > places_.size()) grow_places();
  return groups_.size() - 1;
}

void Aggregate::add_group() {
  groups_.push_back({group_, ends_});
  const size_t cell_count = groups_.size() * request_.measures.size();
  cells_.resize(cell_count);
  if (keeps_values_) values_.resize(cell_count);
}

void Aggregate::grow_places() {
  std::vector<Place> more(places_.size() * 2);
  for (const Place& place : places_) {
    if (place.group == SIZE_MAX) continue;
    size_t at = place.hash & (more.size() - 1);
    while (more[at].group != SIZE_MAX) at = (at + 1) & (more.size() - 1);
    more[at] = place;
  }
  places_ = std::move(more);
}

void Aggregate::append_group(const Document& document, const GroupPart& part,
                             std::string& to) const {
  if (part.width == 0) return document.append_key(part.field, to);
  const Item item = document.item(part.field);
  if (!item.is_present()) {
    to += static_cast<char>(kNullKeyTag);
    return;
  }
  const size_t at = to.size();
  const double place = std::floor((item.number() - part.origin) / part.width);
  append_number_key(place * part.width + part.origin, to);
  if (item.type().tag == TypeTag::kDate) to[at] = static_cast<char>(kDateKeyTag);
}

// As Neumaier does it.
void Aggregate::add_number(double number, Cell& cell) {
  const double sum = cell.sum + number;
  cell.lost += std::fabs(cell.sum) >= std::fabs(number) ? (cell.sum - sum) + number
                                                        : (number - sum) + cell.sum;
  cell.sum = sum;
}

Status Aggregate::measure(const Document& document, const Measure& measure, size_t at) {
  Cell& cell = cells_[at];
  if (measure.op == MeasureOp::kDocuments) {
    ++cell.count;
    return Status::ok();
  }
  const bool is_added = measure.op == MeasureOp::kSum || measure.op == MeasureOp::kAverage;
  if (is_added) {
    const auto number = document.plain_double(measure.field, TypeTag::kFloat64);
    if (number) {
      ++cell.count;
      add_number(*number, cell);
      return Status::ok();
    }
  }
  const Item item = document.item(measure.field);
  if (!item.is_present()) return Status::ok();
  ++cell.count;
  if (measure.op == MeasureOp::kCount) return Status::ok();
  if (is_added) {
    if (is_integer(item.type())) {
      const int64_t number = item.integer();
      const uint64_t bits = static_cast<uint64_t>(number);
      cell.low += bits;
      cell.high += (number < 0 ? -1 : 0) + (cell.low < bits ? 1 : 0);
    } else {
      add_number(item.number(), cell);
    }
    return Status::ok();
  }
  return measure_value(document, measure, at);
}

// Of one that is there, and has been counted.
Status Aggregate::measure_value(const Document& document, const Measure& measure, size_t at) {
  key_.clear();
  document.append_key(measure.field, key_);
  Values& values = values_[at];
  if (measure.op == MeasureOp::kDistinct) {
    return values.different.insert(key_).second ? keep(key_.size() + kValueBytes) : Status::ok();
  }
  std::string& extreme = values.extreme;
  const bool is_better = measure.op == MeasureOp::kMin ? key_ < extreme : key_ > extreme;
  if (cells_[at].count > 1 && !is_better) return Status::ok();
  const uint64_t more = key_.size() > extreme.size() ? key_.size() - extreme.size() : 0;
  extreme = key_;
  return keep(more);
}

// ---- rows

Result<std::string> Aggregate::value_of(const Measure& measure, size_t at) const {
  const Cell& cell = cells_[at];
  std::string key;
  const auto number = [&](double value) {
    if (std::isnan(value))
      key += static_cast<char>(kNullKeyTag);
    else
      append_number_key(value, key);
  };
  const bool is_added = measure.op == MeasureOp::kSum || measure.op == MeasureOp::kAverage;
  if (!is_added && measure.op != MeasureOp::kMin && measure.op != MeasureOp::kMax) {
    number(static_cast<double>(measure.op == MeasureOp::kDistinct ? values_[at].different.size()
                                                                  : cell.count));
    return key;
  }
  if (cell.count == 0 && measure.op != MeasureOp::kSum) return std::string(1, kNullKeyTag);
  if (!is_added) return values_[at].extreme;
  const Column& column = definition_->schema_set.newest().column(measure.field);
  const bool is_whole = is_integer(*column.type);
  const double lost = std::isfinite(cell.sum) ? cell.lost : 0;
  const double sum = is_whole ? rounded(cell.low, cell.high) : cell.sum + lost;
  if (measure.op == MeasureOp::kAverage) {
    number(sum / static_cast<double>(cell.count));
  } else if (column.type->tag != TypeTag::kInt64) {
    number(sum);
  } else {
    if (!is_64(cell.low, cell.high)) {
      return Status(Code::kTooLarge,
                    definition_->name + ": the sum of " + column.path + " is beyond 64 bits");
    }
    append_integer_key(static_cast<int64_t>(cell.low), key);
  }
  return key;
}

Result<std::vector<Aggregate::Row>> Aggregate::rows() const {
  std::vector<Row> all;
  const size_t measure_count = request_.measures.size();
  for (size_t number = 0; number < groups_.size(); ++number) {
    const Group& group = groups_[number];
    Row row{group.key, {}};
    for (size_t begin = 0; const uint32_t end : group.ends) {
      row.cells.push_back(group.key.substr(begin, end - begin));
      begin = end;
    }
    for (size_t i = 0; i < measure_count; ++i) {
      Result<std::string> value = value_of(request_.measures[i], number * measure_count + i);
      if (!value) return value.error();
      row.cells.push_back(std::move(*value));
    }
    if (holds(request_.having, 0, row.cells)) all.push_back(std::move(row));
  }
  return all;
}

bool Aggregate::comes_before(const Row& a, const Row& b) const {
  for (const OrderPart& part : request_.order) {
    const int order = a.cells[part.field].compare(b.cells[part.field]);
    if (order != 0) return part.is_descending ? order > 0 : order < 0;
  }
  return a.group < b.group;
}

Result<std::string> Aggregate::finish() {
  Result<std::vector<Row>> made = rows();
  if (!made) return made.error();
  std::vector<Row>& all = *made;
  const uint64_t begin = std::min<uint64_t>(request_.offset, all.size());
  const uint64_t end = begin + std::min<uint64_t>(request_.limit, all.size() - begin);
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(end), all.end(),
                    [&](const Row& a, const Row& b) { return comes_before(a, b); });
  std::string bytes;
  for (uint64_t i = begin; i < end; ++i) {
    size_t size = 2;
    for (const std::string& cell : all[i].cells) size += cell.size();
    append_varint(bytes, size);
    bytes += static_cast<char>(kArrayKeyTag);
    for (const std::string& cell : all[i].cells) bytes += cell;
    bytes += static_cast<char>(kKeyArrayEnd);
  }
  return bytes;
}

}  // namespace varve::collection
