// layer/collection/spans.h — conditions on the parts of an index as ranges of its keys.
//
// Parts are bound from the first on: to values, each of which makes a prefix longer, and then to
// one range. No tag of an ordered key is ff, so all entries that begin with a prefix lie between it
// and itself with ff behind: a number does not end there where an equal bigint goes on.
//
//   = "Rome"         15 id "Rome"        … 15 id "Rome" ff
//   > 18 behind it   15 id "Rome" 18 ff  … 15 id "Rome" ff
//
// Of a descending part all bits are turned, so its bounds change sides; spans then may hold a
// little more than was asked for, and whoever walks them asks again. A document's key that is one
// value stands alone: its text has no end of its own, and nothing follows.
//
// Invariants
//   - spans rise and none meets another.
#pragma once

#include <string>
#include <vector>

#include "layer/collection/filter.h"

namespace varve::collection {

struct KeySpan {
  std::string begin;
  std::string end;
};

inline constexpr size_t kSpansMax = 1024;

enum class SpanForm : uint8_t { kParts, kSingleKey };
enum class Sense : uint8_t { kAscending, kDescending };

class Spans {
 public:
  Spans(SpanForm form, std::string prefix) : form_(form), prefixes_{std::move(prefix)} {}

  // The next part has one of these values, which rise. False, and nothing has changed, where that
  // would be too many spans.
  bool add_points(Sense sense, const std::vector<std::string>& values);
  // A bound of the part behind those; false where the condition is none.
  bool add_bound(Sense sense, const FilterNode& condition);
  std::vector<KeySpan> take() const;

 private:
  void at_least(std::string bytes);
  void below(std::string bytes);
  std::string form_of(const std::string& value, Sense sense) const;
  void bound_ascending(const FilterNode& condition);
  void bound_descending(const FilterNode& condition);

  const SpanForm form_;
  std::vector<std::string> prefixes_;  // By what is bound to values; they rise.
  std::string begin_;                  // Behind a prefix.
  std::string end_;                    // Empty: none.
  bool is_whole_ = false;              // Of a single key: all of it is known.
};

// An ordered key as it stands in an array, as it stands alone.
std::string alone(Bytes nested);

}  // namespace varve::collection
