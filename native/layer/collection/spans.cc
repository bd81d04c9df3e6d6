#include "layer/collection/spans.h"

#include <algorithm>

#include "layer/collection/keys.h"
#include "pure/codec/key.h"

namespace varve::collection {
namespace {

constexpr char kBehindAll = '\xff';            // Behind whatever begins with a prefix.
constexpr char kBehindNull = kNullKeyTag + 1;  // Below every other key.
constexpr char kNullTurned = static_cast<char>(~kNullKeyTag);

std::string turned(std::string bytes) {
  for (char& byte : bytes) byte = static_cast<char>(~byte);
  return bytes;
}

}  // namespace

std::string alone(Bytes nested) {
  const bool has_end = !nested.empty() && (nested[0] == kTextKeyTag || nested[0] == kBytesKeyTag);
  if (!has_end) return std::string(as_text(nested));
  std::string key;
  for (size_t i = 0; i < nested.size(); ++i) {
    const bool is_escaped = nested[i] == 0 && i + 1 < nested.size() && nested[i + 1] == 0xff;
    if (nested[i] == 0 && !is_escaped) break;
    key += static_cast<char>(nested[i]);
    if (is_escaped) ++i;
  }
  return key;
}

std::string Spans::form_of(const std::string& value, Sense sense) const {
  if (form_ == SpanForm::kSingleKey) return alone(as_bytes(value));
  return sense == Sense::kDescending ? turned(value) : value;
}

bool Spans::add_points(Sense sense, const std::vector<std::string>& values) {
  if (prefixes_.size() * values.size() > kSpansMax) return false;
  std::vector<std::string> all;
  for (const std::string& prefix : prefixes_) {
    for (size_t i = 0; i < values.size(); ++i) {
      const bool turns = sense == Sense::kDescending;
      all.push_back(prefix + form_of(values[turns ? values.size() - 1 - i : i], sense));
    }
  }
  prefixes_ = std::move(all);
  is_whole_ = form_ == SpanForm::kSingleKey;
  return true;
}

void Spans::at_least(std::string bytes) { begin_ = std::max(begin_, bytes); }

void Spans::below(std::string bytes) {
  if (end_.empty() || bytes < end_) end_ = std::move(bytes);
}

bool Spans::add_bound(Sense sense, const FilterNode& condition) {
  if (!asks_range(condition.op)) return false;
  if (sense == Sense::kDescending)
    bound_descending(condition);
  else
    bound_ascending(condition);
  return true;
}

void Spans::bound_ascending(const FilterNode& condition) {
  const char behind = form_ == SpanForm::kSingleKey ? '\0' : kBehindAll;
  const std::string low = form_of(condition.operands.front(), Sense::kAscending);
  const std::string high = form_of(condition.operands.back(), Sense::kAscending);
  at_least(std::string(1, kBehindNull));
  switch (condition.op) {
    case FilterOp::kGt:
      return at_least(low + behind);
    case FilterOp::kGte:
      return at_least(low);
    case FilterOp::kLt:
      return below(high);
    case FilterOp::kLte:
      return below(high + behind);
    case FilterOp::kBetween:
      at_least(low);
      return below(high + behind);
    default:
      at_least(low);
      return below(end_of(low));
  }
}

void Spans::bound_descending(const FilterNode& condition) {
  const std::string low = form_of(condition.operands.front(), Sense::kDescending);
  const std::string high = form_of(condition.operands.back(), Sense::kDescending);
  below(std::string(1, kNullTurned));
  switch (condition.op) {
    case FilterOp::kGt:
    case FilterOp::kGte:
      return below(low + kBehindAll);
    case FilterOp::kLt:
      return at_least(high + kBehindAll);
    case FilterOp::kLte:
      return at_least(high);
    case FilterOp::kBetween:
      at_least(high);
      return below(low + kBehindAll);
    default:
      at_least(low);
      return below(end_of(low));
  }
}

std::vector<KeySpan> Spans::take() const {
  std::vector<KeySpan> spans;
  for (const std::string& prefix : prefixes_) {
    KeySpan span{prefix + begin_, prefix + (end_.empty() ? std::string(1, kBehindAll) : end_)};
    if (is_whole_) span.end = prefix + '\0';
    if (span.begin < span.end) spans.push_back(std::move(span));
  }
  return spans;
}

}  // namespace varve::collection
