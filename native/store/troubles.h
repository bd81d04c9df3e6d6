// store/troubles.h — what went wrong behind the commits and did not stop them: a damaged file that
// merges leave alone, a full disk that puts work off. Whoever listens is told of each.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "base/status.h"

namespace varve {

struct Trouble {
  uint64_t number = 0;  // Of this store since it was opened, from 1.
  Code code = Code::kOk;
  std::string message;
};

class Troubles {
 public:
  static constexpr size_t kKeptMax = 64;  // The newest.

  void add(Code code, std::string message);
  // kCorrupt, but each file counts once. False when it was known.
  bool add_damage(const std::string& file, std::string message);
  // The first that is kept and came after that one.
  std::optional<Trouble> after(uint64_t number) const;

 private:
  mutable std::mutex mutex_;  // Guards what follows.
  std::deque<Trouble> kept_;
  std::set<std::string> damaged_;  // Files.
  uint64_t last_number_ = 0;
};

}  // namespace varve
