// store/turnstile.h — who uses the engine at length, and who changes it for another.
//
// Whoever merges, compacts, verifies or asks for numbers is inside for as long as that takes. Who
// wants the engine alone says so and is let in when nobody else is inside: until then none of those
// who can wait comes in any more.
//
// Invariants: alone means alone. Nobody waits here: whoever is refused looks again later.
// Threads: any.
#pragma once

#include <cstdint>
#include <mutex>

namespace varve {

class Turnstile {
 public:
  // Whoever may keep others out for long lets go first who is waiting.
  bool enter(bool lets_go_first) {
    const std::unique_lock<std::mutex> held(mutex_);
    if (is_alone_ || (lets_go_first && is_wanted_)) return false;
    ++inside_count_;
    return true;
  }
  void leave() {
    const std::unique_lock<std::mutex> held(mutex_);
    --inside_count_;
  }
  bool enter_alone() {
    const std::unique_lock<std::mutex> held(mutex_);
    is_wanted_ = inside_count_ != 0;
    is_alone_ = !is_wanted_;
    return is_alone_;
  }
  void leave_alone() {  // Or wants it no more.
    const std::unique_lock<std::mutex> held(mutex_);
    is_wanted_ = is_alone_ = false;
  }

 private:
  std::mutex mutex_;  // Guards what follows.
  uint64_t inside_count_ = 0;
  bool is_wanted_ = false;
  bool is_alone_ = false;
};

}  // namespace varve
