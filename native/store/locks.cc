#include "store/locks.h"

#include <algorithm>
#include <set>

#include "store/key_intervals.h"

namespace varve {
namespace {

constexpr uint64_t kLockBytes = 128;  // Of a lock beside its keys, about.

bool covers(const std::string& begin, const std::string& end, std::string_view key) {
  return begin <= key && (end.empty() || key < end);
}

}  // namespace

void LockNews::add(uint32_t number) {
  const Lock held(mutex_);
  numbers_.push_back(number);
}

std::optional<uint32_t> LockNews::take() {
  const Lock held(mutex_);
  if (numbers_.empty()) return std::nullopt;
  const uint32_t number = numbers_.front();
  numbers_.pop_front();
  return number;
}

uint64_t Locks::Request::bytes() const { return kLockBytes + begin.size() + end.size(); }

bool Locks::meet(const Request& a, const Request& b) {
  if (a.is_key && b.is_key) return a.begin == b.begin;
  if (a.is_key) return covers(b.begin, b.end, a.begin);
  if (b.is_key) return covers(a.begin, a.end, b.begin);
  return (b.end.empty() || a.begin < b.end) && (a.end.empty() || b.begin < a.end);
}

Status Locks::lost() {
  return {Code::kDeadlock, "transaction: it waited for others in a circle, and is the youngest"};
}

// ---- owners

uint64_t Locks::enter(uint64_t age, std::shared_ptr<LockNews> news, uint32_t news_number) {
  const Lock held(mutex_);
  const uint64_t number = ++last_owner_;
  Owner& owner = owners_[number];
  owner.age = age == 0 ? number : age;
  owner.news = std::move(news);
  owner.news_number = news_number;
  return number;
}

void Locks::leave(uint64_t owner) {
  Lock held(mutex_);
  const auto found = owners_.find(owner);
  check(found != owners_.end());
  const bool may_matter = found->second.holds_any() || found->second.waiting;
  let_go(owner, held);
  owners_.erase(found);
  if (may_matter) give_turns(held);
  unlock_and_tell(held);
}

Locks::State Locks::state(uint64_t owner) const {
  const Lock held(mutex_);
  const auto found = owners_.find(owner);
  check(found != owners_.end());
  if (found->second.is_lost) return State::kLost;
  return found->second.waiting ? State::kWaits : State::kFree;
}

bool Locks::cancel(uint64_t owner) {
  Lock held(mutex_);
  const auto found = owners_.find(owner);
  check(found != owners_.end());
  if (!found->second.waiting) return false;
  stop_waiting(found->second, held);
  give_turns(held);
  unlock_and_tell(held);
  return true;
}

void Locks::stop_waiting(Owner& owner, const Lock& held) {
  check(held.owns_lock());
  if (owner.waiting) waiting_.erase(*owner.waiting);
  owner.waiting.reset();
}

void Locks::let_go(uint64_t number, const Lock& held) {
  Owner& owner = owners_.at(number);
  stop_waiting(owner, held);
  const auto is_own = [number](const Holder& holder) { return holder.owner == number; };
  for (const Keys::iterator key : owner.keys) {
    std::erase_if(key->second, is_own);
    if (key->second.empty()) keys_.erase(key);
  }
  for (const Requests::iterator range : owner.ranges) ranges_.erase(range);
  owner.keys.clear();
  owner.ranges.clear();
  owner.bytes = 0;
}

void Locks::tell(const Owner& owner, const Lock& held) {
  check(held.owns_lock());
  if (!owner.news) return;
  owner.news->add(owner.news_number);
  has_news_ = true;
}

void Locks::unlock_and_tell(Lock& held) {
  const bool tells = has_news_;
  has_news_ = false;
  held.unlock();
  if (tells && on_news_) on_news_();
}

// ---- locks

Result<bool> Locks::lock_key(uint64_t owner, Bytes key, Mode mode) {
  return lock({owner, std::string(as_text(key)), {}, true, mode, {}});
}

Result<bool> Locks::lock_range(uint64_t owner, Bytes begin, Bytes end, Mode mode) {
  if (!is_before_end(begin, end)) return state(owner) != State::kLost ? Result<bool>(true) : lost();
  return lock({owner, std::string(as_text(begin)), std::string(as_text(end)), false, mode, {}});
}

Result<bool> Locks::lock(Request request) {
  Lock held(mutex_);
  const uint64_t number = request.owner;
  const auto found = owners_.find(number);
  check(found != owners_.end());
  Owner& owner = found->second;
  if (owner.is_lost) return lost();
  if (owner.waiting) return Status::invalid("transaction: it waits for another lock already");
  if (has(request, held)) return true;
  if (owner.bytes + request.bytes() > owner_bytes_max_) {
    return Status(Code::kTooLarge, "transaction: its locks must take at most " +
                                       std::to_string(owner_bytes_max_) + " bytes together");
  }
  const auto never = [](uint64_t) { return false; };
  waiting_.push_back(std::move(request));
  const auto at = std::prev(waiting_.end());
  if (each_blocker(*at, never, held)) {
    give(std::move(*at), held);
    waiting_.erase(at);
    return true;
  }
  owner.waiting = at;
  if (!owner.holds_any()) return false;  // Nobody waits for it: it closes no circle.
  for (uint64_t youngest = 1; owner.waiting && youngest != 0;) {
    youngest = youngest_in_circle(number, held);
    if (youngest != 0) lose(youngest, held);
  }
  give_turns(held);  // By it, somebody may overtake somebody else.
  const bool is_lost = owner.is_lost;
  const bool waits = owner.waiting.has_value();
  unlock_and_tell(held);
  if (is_lost) return lost();
  return !waits;
}

// Whether the owner has as much already.
bool Locks::has(const Request& request, const Lock& held) const {
  check(held.owns_lock());
  const Owner& owner = owners_.at(request.owner);
  for (const Requests::iterator range : owner.ranges) {
    const bool begins = range->begin <= request.begin;
    const bool is_within =
        request.is_key
            ? covers(range->begin, range->end, request.begin)
            : begins && (range->end.empty() || (!request.end.empty() && request.end <= range->end));
    if (is_within && range->mode >= request.mode) return true;
  }
  if (!request.is_key) return false;
  const auto key = keys_.find(request.begin);
  if (key == keys_.end()) return false;
  return std::any_of(key->second.begin(), key->second.end(), [&](const Holder& holder) {
    return holder.owner == request.owner && holder.mode >= request.mode;
  });
}

void Locks::give(Request request, const Lock& held) {
  check(held.owns_lock());
  Owner& owner = owners_.at(request.owner);
  owner.bytes += request.bytes();
  if (!request.is_key) {
    ranges_.push_back(std::move(request));
    owner.ranges.push_back(std::prev(ranges_.end()));
    return;
  }
  const Keys::iterator key = keys_.try_emplace(std::move(request.begin)).first;
  for (Holder& holder : key->second) {
    if (holder.owner != request.owner) continue;
    holder.mode = request.mode;  // It had it as shared.
    return;
  }
  key->second.push_back({request.owner, request.mode});
  owner.keys.push_back(key);
}

void Locks::give_turns(const Lock& held) {
  const auto never = [](uint64_t) { return false; };
  for (auto next = waiting_.begin(); next != waiting_.end();) {
    const auto at = next++;
    if (!each_blocker(*at, never, held)) continue;
    Owner& owner = owners_.at(at->owner);
    owner.waiting.reset();
    give(std::move(*at), held);
    waiting_.erase(at);
    tell(owner, held);
  }
}

// ---- who waits for whom

bool Locks::each_holder(const Request& request, const Visit& visit, const Lock& held) const {
  check(held.owns_lock());
  const auto visit_all = [&](const std::vector<Holder>& holders) {
    return std::all_of(holders.begin(), holders.end(), [&](const Holder& holder) {
      const bool is_free = holder.owner == request.owner || go_together(holder.mode, request.mode);
      return is_free || visit(holder.owner);
    });
  };
  for (auto key = keys_.lower_bound(request.begin); key != keys_.end(); ++key) {
    const bool is_within = request.is_key ? key->first == request.begin
                                          : covers(request.begin, request.end, key->first);
    if (!is_within) break;
    if (!visit_all(key->second)) return false;
  }
  for (const Request& range : ranges_) {
    const bool is_free = range.owner == request.owner || go_together(range.mode, request.mode);
    if (!is_free && meet(range, request) && !visit(range.owner)) return false;
  }
  return true;
}

bool Locks::each_blocker(Request& request, const Visit& visit, const Lock& held) {
  if (!each_holder(request, visit, held)) return false;
  for (const Request& earlier : waiting_) {
    if (&earlier == &request) break;
    if (earlier.owner == request.owner || go_together(earlier.mode, request.mode)) continue;
    if (!meet(earlier, request) || overtakes(request, earlier, held)) continue;
    if (!visit(earlier.owner)) return false;
  }
  return true;
}

bool Locks::overtakes(Request& request, const Request& earlier, const Lock& held) {
  std::vector<uint64_t>& overtaken = request.overtaken;
  const auto known = std::find(overtaken.begin(), overtaken.end(), earlier.owner);
  if (known != overtaken.end()) return true;
  if (!waits_over_held(earlier.owner, request.owner, held)) return false;
  overtaken.push_back(earlier.owner);
  return true;
}

bool Locks::waits_over_held(uint64_t from, uint64_t target, const Lock& held) const {
  if (!owners_.at(target).holds_any()) return false;
  std::set<uint64_t> seen{from};
  std::vector<uint64_t> rest{from};
  bool reaches = false;
  const Visit visit = [&](uint64_t owner) {
    reaches = reaches || owner == target;
    if (seen.insert(owner).second) rest.push_back(owner);
    return !reaches;
  };
  while (!rest.empty() && !reaches) {
    const Owner& owner = owners_.at(rest.back());
    rest.pop_back();
    if (owner.waiting) each_holder(**owner.waiting, visit, held);
  }
  return reaches;
}

// Goes from owner to owner that is waited for, and remembers by whom it came; then back on that
// way.
uint64_t Locks::youngest_in_circle(uint64_t owner, const Lock& held) {
  std::map<uint64_t, uint64_t> came_from;
  std::vector<uint64_t> rest{owner};
  while (!rest.empty() && !came_from.contains(owner)) {
    const uint64_t at = rest.back();
    rest.pop_back();
    if (!owners_.at(at).waiting) continue;
    const Visit visit = [&](uint64_t next) {
      if (came_from.try_emplace(next, at).second) rest.push_back(next);
      return true;
    };
    each_blocker(**owners_.at(at).waiting, visit, held);
  }
  if (!came_from.contains(owner)) return 0;
  const auto is_younger = [this](uint64_t a, uint64_t b) {
    return std::pair(owners_.at(a).age, a) > std::pair(owners_.at(b).age, b);
  };
  uint64_t youngest = owner;
  for (uint64_t at = came_from.at(owner); at != owner; at = came_from.at(at)) {
    if (is_younger(at, youngest)) youngest = at;
  }
  return youngest;
}

void Locks::lose(uint64_t number, const Lock& held) {
  Owner& owner = owners_.at(number);
  let_go(number, held);
  owner.is_lost = true;
  ++deadlock_count_;
  tell(owner, held);
}

LockStats Locks::stats() const {
  const Lock held(mutex_);
  LockStats stats{owners_.size(), ranges_.size(), waiting_.size(), deadlock_count_};
  for (const auto& [key, holders] : keys_) stats.lock_count += holders.size();
  return stats;
}

}  // namespace varve
