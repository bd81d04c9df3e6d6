#include "layer/collection/filter.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>

#include "pure/codec/key.h"
#include "pure/codec/varint.h"

namespace varve::collection {
namespace {

Status no_filter() { return Status::corrupt("filter: bytes that are no conditions"); }

bool is_group(FilterOp op) {
  return op == FilterOp::kAnd || op == FilterOp::kOr || op == FilterOp::kNot;
}

bool takes_many(FilterOp op) {
  return op == FilterOp::kIn || op == FilterOp::kHasAny || op == FilterOp::kHasAll;
}

size_t operand_count(FilterOp op) {
  if (op == FilterOp::kIsNull) return 0;
  return op == FilterOp::kBetween ? 2 : 1;
}

bool is_known(uint8_t op) {
  return (op >= static_cast<uint8_t>(FilterOp::kAnd) &&
          op <= static_cast<uint8_t>(FilterOp::kNot)) ||
         (op >= static_cast<uint8_t>(FilterOp::kEq) &&
          op <= static_cast<uint8_t>(FilterOp::kWithinPolygon));
}

bool asks_place(FilterOp op) {
  return op == FilterOp::kNear || op == FilterOp::kWithinBox || op == FilterOp::kWithinPolygon;
}

// Whether what fields are compared with is a key where it stands: else walks of an index and looks at
// documents would disagree about it.
bool is_operand(FilterOp op, const std::string& operand) {
  if (op == FilterOp::kMatch || asks_place(op)) return true;
  const bool is_begun = op == FilterOp::kStartsWith;
  return is_key_element(as_bytes(is_begun ? operand + '\0' : operand));
}

bool is_one_of(const std::vector<std::string>& rising, Bytes key) {
  const auto less = [](const std::string& a, Bytes b) { return compare(as_bytes(a), b) < 0; };
  const auto at = std::lower_bound(rising.begin(), rising.end(), key, less);
  return at != rising.end() && equal(as_bytes(*at), key);
}

bool begins_with(Bytes key, Bytes prefix) {
  return key.size() >= prefix.size() && equal(key.subspan(0, prefix.size()), prefix);
}

constexpr size_t kNumberKeyBytes = 9;
constexpr uint64_t kSignBit = uint64_t{1} << 63;

// Nothing where the key is not one of a double alone.
std::optional<double> number_of(Bytes key) {
  const bool is_one =
      key.size() == kNumberKeyBytes && (key[0] == kNumberKeyTag || key[0] == kDateKeyTag);
  if (!is_one) return std::nullopt;
  const uint64_t sortable = load_big64(key.data() + 1);
  const bool is_positive = (sortable & kSignBit) != 0;
  const double number = std::bit_cast<double>(is_positive ? sortable & ~kSignBit : ~sortable);
  return std::isnan(number) ? std::nullopt : std::optional<double>(number);
}

// Of the keys of such items; 0: they have more, or are no numbers.
uint8_t number_tag_of(const Type& type) {
  if (type.tag == TypeTag::kInt32 || type.tag == TypeTag::kFloat64) return kNumberKeyTag;
  return type.tag == TypeTag::kDate ? kDateKeyTag : 0;
}

// The same as of keys, which are in the order of their numbers.
bool compares_number(const FilterNode& node, double number) {
  const std::vector<double>& operands = node.numbers;
  switch (node.op) {
    case FilterOp::kEq:
      return number == operands[0];
    case FilterOp::kNe:
      return number != operands[0];
    case FilterOp::kIn:
      return std::binary_search(operands.begin(), operands.end(), number);
    case FilterOp::kGt:
      return number > operands[0];
    case FilterOp::kGte:
      return number >= operands[0];
    case FilterOp::kLt:
      return number < operands[0];
    case FilterOp::kLte:
      return number <= operands[0];
    case FilterOp::kBetween:
      return number >= operands[0] && number <= operands[1];
    default:
      return false;
  }
}

}  // namespace

bool take_sized(Bytes& from, Bytes& taken) {
  uint32_t size = 0;
  if (!take_varint(from, size) || size > from.size()) return false;
  taken = from.subspan(0, size);
  from = from.subspan(size);
  return true;
}

Result<Filter> Filter::read(Bytes bytes) {
  Filter filter;
  if (Status status = read_node(bytes, 0, filter.nodes_); !status) return status;
  if (!bytes.empty()) return no_filter();
  return filter;
}

Status Filter::read_node(Bytes& from, size_t depth, std::vector<FilterNode>& nodes) {
  if (from.empty() || !is_known(from[0])) return no_filter();
  if (depth > kFilterDepthMax || nodes.size() >= kFilterNodesMax) {
    return {Code::kTooLarge, "filter: more conditions, or deeper, than a query may have"};
  }
  const auto op = static_cast<FilterOp>(from[0]);
  from = from.subspan(1);
  const size_t index = nodes.size();
  nodes.emplace_back().op = op;
  uint32_t count = 1;
  if (is_group(op)) {
    if (op != FilterOp::kNot && !take_varint(from, count)) return no_filter();
    for (uint32_t i = 0; i < count; ++i) {
      nodes[index].children.push_back(static_cast<uint32_t>(nodes.size()));
      if (Status status = read_node(from, depth + 1, nodes); !status) return status;
    }
    return Status::ok();
  }
  FilterNode& node = nodes[index];
  if (!take_varint(from, node.field)) return no_filter();
  count = static_cast<uint32_t>(operand_count(op));
  if (takes_many(op) && (!take_varint(from, count) || count > kFilterOperandsMax)) {
    return no_filter();
  }
  for (uint32_t i = 0; i < count; ++i) {
    Bytes operand;
    if (!take_sized(from, operand)) return no_filter();
    node.operands.emplace_back(as_text(operand));
    if (!is_operand(op, node.operands.back())) return no_filter();
  }
  if (asks_place(op)) return read_place(node);
  note_numbers(node);
  const bool rises =
      std::is_sorted(node.operands.begin(), node.operands.end(), std::less_equal<std::string>());
  return takes_many(op) && !rises ? no_filter() : Status::ok();
}

// Numbers are compared as they lie, without a key for each document.
void Filter::note_numbers(FilterNode& node) {
  std::vector<double> numbers;
  for (const std::string& operand : node.operands) {
    const std::optional<double> number = number_of(as_bytes(operand));
    if (!number || operand[0] != node.operands[0][0]) return;
    numbers.push_back(*number);
  }
  if (numbers.empty()) return;
  node.numbers = std::move(numbers);
  node.number_tag = static_cast<uint8_t>(node.operands[0][0]);
}

Status Filter::read_place(FilterNode& node) {
  const Bytes operand = as_bytes(node.operands.front());
  Result<PlaceCondition> place = node.op == FilterOp::kNear ? PlaceCondition::read_near(operand)
                                 : node.op == FilterOp::kWithinBox
                                     ? PlaceCondition::read_box(operand)
                                     : PlaceCondition::read_polygon(operand);
  if (!place) return place.error();
  node.place = std::make_shared<const PlaceCondition>(std::move(*place));
  return Status::ok();
}

std::vector<uint32_t> Filter::conjuncts() const {
  if (root().op == FilterOp::kAnd) return root().children;
  return {0};
}

bool Filter::asks(FilterOp op) const {
  return std::any_of(nodes_.begin(), nodes_.end(),
                     [&](const FilterNode& node) { return node.op == op; });
}

Filter Filter::without(const std::vector<uint32_t>& conditions) const {
  const auto is_gone = [&](uint32_t index) {
    return std::find(conditions.begin(), conditions.end(), index) != conditions.end();
  };
  Filter rest = *this;
  FilterNode& top = rest.nodes_.front();
  if (is_gone(0)) {
    top = FilterNode();
  } else if (top.op == FilterOp::kAnd) {
    std::erase_if(top.children, is_gone);
  }
  return rest;
}

Filter Filter::with_equal(uint32_t field, std::string operand) const {
  check(root().op == FilterOp::kAnd);
  Filter more = *this;
  FilterNode node;
  node.op = FilterOp::kEq;
  node.field = field;
  node.operands.push_back(std::move(operand));
  more.nodes_.front().children.push_back(more.node_count());
  more.nodes_.push_back(std::move(node));
  return more;
}

bool Filter::names(uint32_t field) const {
  return std::any_of(nodes_.begin(), nodes_.end(), [&](const FilterNode& node) {
    return !is_group(node.op) && node.field == field;
  });
}

bool Filter::matches(const Document& document, uint32_t index) const {
  const FilterNode& node = nodes_[index];
  const auto holds = [&](uint32_t child) { return matches(document, child); };
  switch (node.op) {
    case FilterOp::kAnd:
      return std::all_of(node.children.begin(), node.children.end(), holds);
    case FilterOp::kOr:
      return std::any_of(node.children.begin(), node.children.end(), holds);
    case FilterOp::kNot:
      return !holds(node.children.front());
    case FilterOp::kHas:
    case FilterOp::kHasAny:
    case FilterOp::kHasAll:
      return has(document, node);
    case FilterOp::kMatch:
      return node.rows != nullptr && node.rows->rows.has(document.row());
    case FilterOp::kNear:
    case FilterOp::kWithinBox:
    case FilterOp::kWithinPolygon: {
      const std::optional<Place> place = place_of(document.item(node.field));
      return place && node.place->matches(*place);
    }
    default:
      return compares(document, node);
  }
}

bool Filter::compares(const Document& document, const FilterNode& node) const {
  if (node.number_tag != 0) {
    const TypeTag tag = node.number_tag == kDateKeyTag ? TypeTag::kDate : TypeTag::kFloat64;
    const std::optional<double> number = document.plain_double(node.field, tag);
    if (number) return compares_number(node, *number);
  }
  const Item item = document.item(node.field);
  if (node.op == FilterOp::kIsNull) return !item.is_present();
  const bool has_number =
      node.number_tag != 0 && item.is_present() && number_tag_of(item.type()) == node.number_tag;
  if (has_number) return compares_number(node, item.number());
  std::string& room = document.room();
  room.clear();
  Document::append_key(item, room);
  const Bytes key = as_bytes(room);
  const bool is_null = key.size() == 1 && key[0] == kNullKeyTag;
  const auto order = [&](size_t operand) { return compare(key, as_bytes(node.operands[operand])); };
  switch (node.op) {
    case FilterOp::kEq:
      return order(0) == 0;
    case FilterOp::kNe:
      return order(0) != 0;
    case FilterOp::kIn:
      return is_one_of(node.operands, key);
    case FilterOp::kGt:
      return !is_null && order(0) > 0;
    case FilterOp::kGte:
      return !is_null && order(0) >= 0;
    case FilterOp::kLt:
      return !is_null && order(0) < 0;
    case FilterOp::kLte:
      return !is_null && order(0) <= 0;
    case FilterOp::kBetween:
      return !is_null && order(0) >= 0 && order(1) <= 0;
    case FilterOp::kStartsWith:
      return begins_with(key, as_bytes(node.operands[0]));
    default:
      return false;
  }
}

// Of elements: one that is an operand, or for hasAll each operand among them.
bool Filter::has(const Document& document, const FilterNode& node) const {
  std::vector<std::string> met;
  bool is_met = false;
  document.each_key(node.field, [&](Bytes key) {
    if (!is_one_of(node.operands, key)) return true;
    is_met = true;
    if (node.op == FilterOp::kHasAll) met.emplace_back(as_text(key));
    return node.op == FilterOp::kHasAll;
  });
  if (node.op != FilterOp::kHasAll) return is_met;
  std::sort(met.begin(), met.end());
  met.erase(std::unique(met.begin(), met.end()), met.end());
  return met.size() == node.operands.size();
}

bool same_condition(const Filter& a, uint32_t in_a, const Filter& b, uint32_t in_b) {
  const FilterNode& one = a.node(in_a);
  const FilterNode& other = b.node(in_b);
  const bool is_same = one.op == other.op && one.field == other.field &&
                       one.operands == other.operands &&
                       one.children.size() == other.children.size();
  if (!is_same) return false;
  for (size_t i = 0; i < one.children.size(); ++i) {
    if (!same_condition(a, one.children[i], b, other.children[i])) return false;
  }
  return true;
}

bool implies(const Filter& where, const Filter& needed) {
  const std::vector<uint32_t> given = where.conjuncts();
  const std::vector<uint32_t> wanted = needed.conjuncts();
  return std::all_of(wanted.begin(), wanted.end(), [&](uint32_t one) {
    return std::any_of(given.begin(), given.end(),
                       [&](uint32_t other) { return same_condition(needed, one, where, other); });
  });
}

}  // namespace varve::collection
