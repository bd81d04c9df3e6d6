// test/native/store/transaction/history.h — what transactions read and wrote, and whether that could be so: Adya's phenomena as
// cycles of dependencies.
//
// Every put has a value of its own, so that a read tells whose write it saw; the versions of a key are
// in the order of the commits. Edges: ww to who wrote the next version, wr to who read a version, rw
// from who read a version to who wrote the next. A range counts as a read of every key in it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace varve::test {

struct Observed {
  uint64_t key = 0;
  uint64_t value = 0;  // 0: absent, as everything was at first.
};

// A transaction that has ended.
struct Past {
  uint64_t commit = 0;           // 0: it was refused or rolled back.
  std::vector<Observed> reads;   // Of others' writes.
  std::vector<Observed> writes;  // In their order.
};

struct Phenomena {
  bool g0 = false;        // a circle of ww
  bool g1a = false;       // read what was never committed
  bool g1b = false;       // read what was overwritten before its commit
  bool g1c = false;       // a circle of ww and wr
  bool g_single = false;  // a circle with one rw
  bool g2 = false;        // a circle with any
};

Phenomena phenomena_of(const std::vector<Past>& history);

}  // namespace varve::test
