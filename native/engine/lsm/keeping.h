// engine/lsm/keeping.h — which versions of a key must be written on, and which may be forgotten.
//
// A version is superseded by the next newer version of its key, or by a range deletion over it,
// whichever came first. A superseded version is kept while a held commit lies between the two, or
// its successor is above the horizon. A deletion is kept while it is above the horizon itself, or
// something may lie beneath it.
//
// Invariants: edits come by (key, commit descending); what is kept goes out in that order.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace varve {

class Keeping {
 public:
  // `bottom`: nothing of these keys lies beneath what is being merged.
  Keeping(const Retention& retention, std::vector<RangeDeletion> deletions, bool bottom)
      : retention_(retention), deletions_(std::move(deletions)), bottom_(bottom) {}

  using Out = std::function<Status(const Edit&)>;
  Status add(const Edit& edit, const Out& out);
  void finish_key() { waiting_ = false; }

  // Whether a range deletion itself must be kept.
  bool keeps(const RangeDeletion& deletion) const;

 private:
  bool asked_for(uint64_t commit, uint64_t successor) const;
  uint64_t deleted_at(
      const Edit& edit) const;  // By the oldest newer range deletion over it; 0: none.

  const Retention retention_;
  const std::vector<RangeDeletion> deletions_;
  const bool bottom_;
  std::string key_;
  bool any_key_ = false;
  uint64_t newer_ = 0;    // Commit of the next newer version of the key; 0: none.
  bool waiting_ = false;  // A deletion that goes out only if something older of its key does.
  Edit waiting_edit_;
};

}  // namespace varve
