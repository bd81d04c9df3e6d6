// engine/range_facts.h — the range deletions of a run, taken among those that an engine keeps as
// facts in memory until nothing lies beneath them.
//
// A copy comes in parts (Run), and so does what each range deletion covers: one that goes on where
// a fact of its commit ends makes that fact longer, so that a copy of a thousand parts does not
// become a thousand facts.
//
//     fact [a, c)@7, deletion [c, f)@7   →   fact [a, f)@7, and it is worked off anew
//
// Invariants
//   - facts are in the order of their commits, the newest first, before and after.
//   - none of them is empty or turned: one that is would shorten what it is joined with.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace varve {

// Whether a key lies at or behind the end of a range; an empty end is behind all keys.
inline bool at_or_after(Bytes key, Bytes end) { return !end.empty() && compare(key, end) >= 0; }

// A fact begins with `begin`, `end` and `commit`; what else it has, a longer one has as when made.
template <class Fact>
void add_range_facts(std::vector<Fact>& facts, std::span<const RangeDeletion> deletions) {
  const auto is_newer = [](const Fact& a, const Fact& b) { return a.commit > b.commit; };
  const auto known_count = static_cast<ptrdiff_t>(facts.size());
  for (const RangeDeletion& deletion : deletions) {
    if (!deletion.end.empty() && compare(deletion.end, deletion.begin) <= 0) continue;
    Fact fact{std::string(as_text(deletion.begin)), std::string(as_text(deletion.end)),
              deletion.commit};
    const auto [first, last] =
        std::equal_range(facts.begin(), facts.begin() + known_count, fact, is_newer);
    const auto before = std::find_if(first, last, [&](const Fact& known) {
      return !known.end.empty() && known.end == fact.begin;
    });
    if (before == last) {
      facts.push_back(std::move(fact));
    } else {
      fact.begin = std::move(before->begin);
      *before = std::move(fact);
    }
  }
  std::stable_sort(facts.begin(), facts.end(), is_newer);
}

// Those of commits in (from, to] that touch a range, by their keys.
template <class Fact>
std::vector<RangeDeletion> range_deletions_of(const std::vector<Fact>& facts, const KeyRange& range,
                                              uint64_t from, uint64_t to) {
  std::vector<RangeDeletion> answer;
  for (const Fact& fact : facts) {
    const RangeDeletion deletion{as_bytes(fact.begin), as_bytes(fact.end), fact.commit};
    const bool is_apart =
        at_or_after(deletion.begin, range.end) || at_or_after(range.begin, deletion.end);
    if (!is_apart && fact.commit > from && fact.commit <= to) answer.push_back(deletion);
  }
  std::sort(answer.begin(), answer.end(), [](const RangeDeletion& a, const RangeDeletion& b) {
    const int begin = compare(a.begin, b.begin);
    if (begin != 0) return begin < 0;
    if (a.end.empty() != b.end.empty()) return b.end.empty();
    const int end = compare(a.end, b.end);
    return end != 0 ? end < 0 : a.commit < b.commit;
  });
  return answer;
}

}  // namespace varve
