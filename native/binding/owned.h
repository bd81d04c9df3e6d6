// binding/owned.h — what JavaScript owns by an External: its memory goes when that was collected.
//
// Node runs finalisers in a turn of their own. A loop that makes one thing after another and does
// not end its turn would keep them all, long after the collector has let go of each. So whenever
// much was made since the last look, whoever makes one more looks which Externals are gone, and
// lets go of what they stood for; the finaliser, when it comes, ends the rest.
//
// Invariants
//   - let_go() is called once, and nothing is asked of the thing after that.
//   - nothing is let go of but by a finaliser and while another thing is made, when it is whole.
// Threads: the environment's. Finalisers may run when the environment has ended.
#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace varve {

class OwnedThings;

class Owned {
 public:
  Owned() = default;
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  virtual ~Owned() = default;

 protected:
  // Gives all memory of any size back, and tells the collector.
  virtual void let_go(napi_env env) = 0;

 private:
  friend class OwnedThings;
  std::shared_ptr<OwnedThings> all_;
  size_t place_ = 0;  // In things_, until it is gone.
  napi_ref external_ = nullptr;  // Weak.
  bool is_gone_ = false;
};

class OwnedThings : public std::enable_shared_from_this<OwnedThings> {
 public:
  // An External that stands for the thing. What it takes has been told to the collector.
  napi_value own(napi_env env, std::unique_ptr<Owned> thing);

 private:
  static constexpr int64_t kLookBytes = int64_t{16} << 20;  // Made since the last look,
  static constexpr int64_t kLookShare = 4;                  // and so much of what was there.

  static void finalise(napi_env env, void* data, void*);
  void look_if_due(napi_env env);
  void look(napi_env env);
  void end(napi_env env, Owned& thing);

  std::vector<Owned*> things_;  // Until they are gone, so that none is looked at for nothing.
  int64_t bytes_at_look_ = 0;   // Outside of the collector's heap, as it knows.
};

}  // namespace varve
