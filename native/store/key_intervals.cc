#include "store/key_intervals.h"

#include <algorithm>

namespace varve {
namespace {

constexpr size_t kUnsettledMin = 64;  // So many more than were settled are gathered at least.

}  // namespace

void KeyIntervals::add(Bytes begin, Bytes end) {
  if (!is_before_end(begin, end)) return;
  ranges_.push_back({std::string(as_text(begin)), std::string(as_text(end))});
  bytes_ += sizeof(Range) + begin.size() + end.size();
  if (ranges_.size() > 2 * settled_count_ + kUnsettledMin) settle();
}

void KeyIntervals::clear() {
  ranges_.clear();
  settled_count_ = 0;
  bytes_ = 0;
}

void KeyIntervals::settle() {
  if (settled_count_ == ranges_.size()) return;
  const auto begins_before = [](const Range& a, const Range& b) {
    return compare(as_bytes(a.begin), as_bytes(b.begin)) < 0;
  };
  std::sort(ranges_.begin(), ranges_.end(), begins_before);
  size_t kept = 0;
  for (size_t i = 1; i < ranges_.size(); ++i) {
    Range& last = ranges_[kept];
    Range& next = ranges_[i];
    const bool meets = last.end.empty() || next.begin <= last.end;
    if (!meets) {
      if (++kept != i) ranges_[kept] = std::move(next);
    } else if (!last.end.empty() && (next.end.empty() || next.end > last.end)) {
      last.end = std::move(next.end);
    }
  }
  ranges_.resize(kept + 1);
  settled_count_ = ranges_.size();
  bytes_ = 0;
  for (const Range& range : ranges_)
    bytes_ += sizeof(Range) + range.begin.size() + range.end.size();
}

size_t KeyIntervals::begun_by(Bytes key) const {
  check(settled_count_ == ranges_.size());
  const auto after = std::upper_bound(
      ranges_.begin(), ranges_.end(), key,
      [](Bytes at, const Range& range) { return compare(at, as_bytes(range.begin)) < 0; });
  return static_cast<size_t>(after - ranges_.begin());
}

bool KeyIntervals::covers(Bytes key) const {
  const size_t begun = begun_by(key);
  return begun > 0 && is_before_end(key, as_bytes(ranges_[begun - 1].end));
}

std::optional<Bytes> KeyIntervals::first_shared(Bytes begin, Bytes end) const {
  if (!is_before_end(begin, end)) return std::nullopt;
  const size_t begun = begun_by(begin);
  if (begun > 0 && is_before_end(begin, as_bytes(ranges_[begun - 1].end))) return begin;
  if (begun == ranges_.size()) return std::nullopt;
  const Bytes next = as_bytes(ranges_[begun].begin);
  if (!is_before_end(next, end)) return std::nullopt;
  return next;
}

KeyRange KeyIntervals::range(size_t index) const {
  return {as_bytes(ranges_[index].begin), as_bytes(ranges_[index].end)};
}

}  // namespace varve
