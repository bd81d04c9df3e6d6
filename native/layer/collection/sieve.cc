#include "layer/collection/sieve.h"

#include <cmath>
#include <limits>

#include "pure/codec/key.h"

namespace varve::collection {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();  // No number is beyond it.

double above(double number) {
  return number == kInfinity ? kNothing : std::nextafter(number, kInfinity);
}
double below(double number) {
  return number == -kInfinity ? kNothing : std::nextafter(number, -kInfinity);
}

}  // namespace

Sieve::Sieve(std::shared_ptr<const Definition> definition, const Filter& where)
    : definition_(std::move(definition)), where_(where), document_(definition_->schema_set) {
  std::vector<uint32_t> said;
  for (const uint32_t index : where.conjuncts()) {
    const std::optional<Bounds> bounds = bounds_of(where.node(index));
    if (!bounds) continue;
    bounds_.push_back(*bounds);
    said.push_back(index);
  }
  rest_ = where.without(said);
}

std::optional<Sieve::Bounds> Sieve::bounds_of(const FilterNode& condition) const {
  const Schema& newest = definition_->schema_set.newest();
  if (condition.number_tag == 0 || condition.field >= newest.columns().size()) return std::nullopt;
  const Column& column = newest.column(condition.field);
  const bool is_date = condition.number_tag == kDateKeyTag;
  if (!column.is_always || (column.type->tag == TypeTag::kDate) != is_date) return std::nullopt;
  Bounds bounds{column.slot_at, Slot::kDouble, -kInfinity, kInfinity};
  if (column.type->tag == TypeTag::kInt32) {
    const IntegerWidth width = width_of_int32(column.type->rules);
    bounds.slot = width.bytes == 1   ? (width.is_signed ? Slot::kInt8 : Slot::kUint8)
                  : width.bytes == 2 ? (width.is_signed ? Slot::kInt16 : Slot::kUint16)
                                     : Slot::kInt32;
  } else if (!column.is_plain_double) {
    return std::nullopt;
  }
  const double first = condition.numbers.front();
  switch (condition.op) {
    case FilterOp::kEq:
      bounds.low = bounds.high = first;
      return bounds;
    case FilterOp::kGt:
      bounds.low = above(first);
      return bounds;
    case FilterOp::kGte:
      bounds.low = first;
      return bounds;
    case FilterOp::kLt:
      bounds.high = below(first);
      return bounds;
    case FilterOp::kLte:
      bounds.high = first;
      return bounds;
    case FilterOp::kBetween:
      bounds.low = first;
      bounds.high = condition.numbers.back();
      return bounds;
    default:
      return std::nullopt;
  }
}

// Each is written over the last that was not kept.
template <class Number>
void Sieve::keep_within(const Bounds& bounds, Documents& kept) {
  const double low = bounds.low;
  const double high = bounds.high;
  size_t count = 0;
  for (size_t i = 0; i < kept.opened_count; ++i) {
    const auto number =
        static_cast<double>(load<Number>(kept.opened[i].slots.at() + bounds.slot_at));
    kept.opened[count] = kept.opened[i];
    count +=
        static_cast<size_t>(static_cast<int>(number >= low) & static_cast<int>(number <= high));
  }
  kept.opened_count = count;
}

Status Sieve::sift(std::span<const Bytes> stored, Documents& kept) {
  const Schema& newest = definition_->schema_set.newest();
  kept.opened_count = kept.other_count = 0;
  for (const Bytes one : stored) {
    Documents::Opened& opened = kept.opened[kept.opened_count];
    if (opened.slots.open(one, newest)) [[likely]] {
      opened.stored = one;
      ++kept.opened_count;
      continue;
    }
    if (Status status = document_.open(one); !status) return status;
    if (where_.matches(document_)) kept.others[kept.other_count++] = one;
  }
  for (const Bounds& bounds : bounds_) {
    switch (bounds.slot) {
      case Slot::kDouble:
        keep_within<double>(bounds, kept);
        break;
      case Slot::kUint8:
        keep_within<uint8_t>(bounds, kept);
        break;
      case Slot::kInt8:
        keep_within<int8_t>(bounds, kept);
        break;
      case Slot::kUint16:
        keep_within<uint16_t>(bounds, kept);
        break;
      case Slot::kInt16:
        keep_within<int16_t>(bounds, kept);
        break;
      case Slot::kInt32:
        keep_within<int32_t>(bounds, kept);
        break;
    }
  }
  if (rest_.is_always()) return Status::ok();
  size_t count = 0;
  for (size_t i = 0; i < kept.opened_count; ++i) {
    if (Status status = document_.open(kept.opened[i].stored); !status) return status;
    if (rest_.matches(document_)) kept.opened[count++] = kept.opened[i];
  }
  kept.opened_count = count;
  return Status::ok();
}

}  // namespace varve::collection
