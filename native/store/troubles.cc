#include "store/troubles.h"

#include <algorithm>

namespace varve {

using Lock = std::unique_lock<std::mutex>;

void Troubles::add(Code code, std::string message) {
  const Lock held(mutex_);
  kept_.push_back({++last_number_, code, std::move(message)});
  if (kept_.size() > kKeptMax) kept_.pop_front();
}

bool Troubles::add_damage(const std::string& file, std::string message) {
  {
    const Lock held(mutex_);
    if (!damaged_.insert(file).second) return false;
  }
  add(Code::kCorrupt, std::move(message));
  return true;
}

std::optional<Trouble> Troubles::after(uint64_t number) const {
  const Lock held(mutex_);
  const auto next = std::find_if(kept_.begin(), kept_.end(),
                                 [&](const Trouble& one) { return one.number > number; });
  if (next == kept_.end()) return std::nullopt;
  return *next;
}

}  // namespace varve
