// test/native/engine/compare.h — holds what an engine answers against the oracle. Every difference
// is a Status whose message says what was asked, what came and what should have come.
#pragma once

#include "engine/oracle.h"
#include "engine/subject.h"

namespace varve::test {

// The views that stay answerable: from the horizon up, and at the commits that are held.
class Promise {
 public:
  Promise(const Retention& retention, uint64_t absorbed);
  const std::vector<uint64_t>& views() const { return views_; }
  uint64_t horizon() const { return horizon_; }  // At most what is absorbed.

 private:
  uint64_t horizon_;
  std::vector<uint64_t> views_;
};

class Compare {
 public:
  Compare(const Subject& subject, const EngineVersion& version, const Oracle& oracle)
      : subject_(subject), version_(version), oracle_(oracle) {}

  Status get(const std::string& key, uint64_t view, bool may_block = true) const;
  // Of every key ever written and its next neighbour, one by one and as a batch.
  Status gets(uint64_t view) const;
  // As a batch, in this order.
  Status gets_of(const std::vector<std::string>& keys, uint64_t view) const;
  Status scan(const Bounds& bounds, uint64_t view, Direction direction) const;
  Status values(const Bounds& bounds, uint64_t view, size_t room) const;
  Status scans(const Bounds& bounds, uint64_t view) const;  // Both directions, and values alone.
  // One cursor that seeks every target in turn.
  Status seeks(const Bounds& bounds, uint64_t view, Direction direction,
               const std::vector<std::string>& targets) const;
  // Exact: nothing of it may be forgotten.
  Status versions(const Bounds& bounds, uint64_t from, uint64_t to) const;
  // In order, and nothing that was never written.
  Status nothing_invented() const;
  // Every get, the whole scan both ways, and seeks all along it.
  Status view(uint64_t view) const;
  Status everything(const Promise& promise) const;

 private:
  Status same_answer(const std::string& asked, const std::string& key, uint64_t view,
                     const Lookup& answer) const;

  const Subject& subject_;
  const EngineVersion& version_;
  const Oracle& oracle_;
};

// The newest version of the subject's engine against the oracle, and verify().
Status same(const Subject& subject, const Oracle& oracle, const Retention& retention);
Status verified(Engine& engine);

}  // namespace varve::test
