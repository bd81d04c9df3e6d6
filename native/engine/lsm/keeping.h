// engine/lsm/keeping.h — which versions of a key must be written on, where, and which may be
// forgotten.
//
// A version is superseded by the next newer version of its key, or by a range deletion over it,
// whichever came first. A superseded version goes to history while a held commit lies between the
// two, or its successor is above the horizon; there it says what superseded it. A deletion stays
// while it is above the horizon itself, or something may lie beneath it: no version in history
// needs it.
//
// Between a version and the one that a merge sees supersede it others may have been, which went to
// history before. So what is said there may be later than what happened, never earlier; and of all
// that stand to a view the newest is the one.
//
//     merged      a@9   a@5   a@2          horizon 6
//     current     a@9
//     history           a@5, superseded by 9                 (a@2 was superseded by 5: forgotten)
//
// Invariants: edits come by (key, commit descending); what goes to either place goes in that order.
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

  // Takes what is kept: with Edit::superseded, of history.
  using Out = std::function<Status(const Edit&)>;
  Status add(const Edit& edit, const Out& out);

  // The range deletions that must be kept: above the horizon, or with something beneath them.
  std::vector<RangeDeletion> kept_deletions() const;

 private:
  const Retention retention_;
  const std::vector<RangeDeletion> deletions_;
  const bool bottom_;
  std::string key_;
  bool any_key_ = false;
  uint64_t newer_ = 0;  // Commit of the next newer version of the key; 0: none.
};

}  // namespace varve
