// engine/btree/facts.h — range deletions as facts, and which versions retention asks for.
//
// A fact hides every version below it within its range, wherever that lies in current; versions in
// history say themselves what superseded them. It stays until nothing lies beneath it and the
// horizon has passed.
//
// Threads: a Facts never changes once made.     Bytes: FORMAT.md
#pragma once

#include <string>
#include <vector>

#include "engine/engine.h"

namespace varve::btree {

struct Fact {
  std::string begin;
  std::string end;  // Empty: to the end of the keyspace.
  uint64_t commit = 0;
  bool is_done = false;  // Nothing lies beneath it any more.

  bool covers(Bytes key) const {
    return compare(as_bytes(begin), key) <= 0 && (end.empty() || compare(key, as_bytes(end)) < 0);
  }
  // Whether it covers anything from `low` on and below `high`; empty: to the end.
  bool touches(Bytes low, Bytes high) const {
    return (high.empty() || compare(as_bytes(begin), high) < 0) &&
           (end.empty() || compare(low, as_bytes(end)) < 0);
  }
};

// More than that, and writers wait until some are worked off.
inline constexpr size_t kFactsMax = 4096;

struct Facts {
  std::vector<Fact> all;  // By commit, descending.

  // The newest at or below `commit` over the key, if above `than`; 0: none.
  uint64_t hidden_by(Bytes key, uint64_t than, uint64_t commit) const;
  // The oldest above a commit over the key: what put an end to such a version. 0: none.
  uint64_t ended_by(Bytes key, uint64_t commit) const;
};

std::string encode_facts(const Facts& facts);
Result<Facts> decode_facts(Bytes bytes);

}  // namespace varve::btree
