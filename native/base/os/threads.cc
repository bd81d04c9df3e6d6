#include "base/os/threads.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace varve {
namespace {

// One thread that runs a step while there is something to do, and sleeps until woken or until its
// time.
class ThreadWorker final : public Worker {
 public:
  explicit ThreadWorker(std::function<Step()> step)
      : step_(std::move(step)), thread_([this] { run(); }) {}

  ~ThreadWorker() override {
    {
      const std::unique_lock<std::mutex> held(mutex_);
      ending_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

  void wake() override {
    if (woken_.exchange(true)) return;  // The next step has not begun: it will see what we see.
    if (!sleeping_.load()) return;
    const std::unique_lock<std::mutex> held(mutex_);
    changed_.notify_one();
  }

 private:
  void run() {
    while (true) {
      {
        const std::unique_lock<std::mutex> held(mutex_);
        if (ending_) return;
      }
      woken_.store(false);
      const Step step = step_();
      if (step.wait_ns != 0) sleep(step.wait_ns);
    }
  }

  void sleep(uint64_t wait_ns) {
    std::unique_lock<std::mutex> held(mutex_);
    sleeping_.store(true);
    const auto ready = [this] { return ending_ || woken_.load(); };
    if (wait_ns == Step::kUntilWoken) {
      changed_.wait(held, ready);
    } else {
      changed_.wait_for(held, std::chrono::nanoseconds(wait_ns), ready);
    }
    sleeping_.store(false);
  }

  const std::function<Step()> step_;
  std::atomic<bool> woken_{true};
  std::atomic<bool> sleeping_{false};
  std::mutex mutex_;  // Guards ending_.
  std::condition_variable changed_;
  bool ending_ = false;
  std::thread thread_;  // Last: it uses all of the above.
};

class ThreadGate final : public Gate {
 public:
  uint64_t ticket() override { return count_.load(); }

  void open() override {
    count_.fetch_add(1);
    if (waiting_.load() == 0) return;
    const std::unique_lock<std::mutex> held(mutex_);
    changed_.notify_all();
  }

  bool wait(uint64_t ticket, uint64_t deadline_ns) override {
    std::unique_lock<std::mutex> held(mutex_);
    waiting_.fetch_add(1);
    const auto ready = [&] { return count_.load() != ticket; };
    bool in_time = true;
    if (deadline_ns == UINT64_MAX) {
      changed_.wait(held, ready);
    } else {
      const std::chrono::steady_clock::time_point until{std::chrono::nanoseconds(deadline_ns)};
      in_time = changed_.wait_until(held, until, ready);
    }
    waiting_.fetch_sub(1);
    return in_time;
  }

 private:
  std::atomic<uint64_t> count_{0};
  std::atomic<uint32_t> waiting_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
};

}  // namespace

std::unique_ptr<Worker> start_thread(std::function<Step()> step) {
  return std::make_unique<ThreadWorker>(std::move(step));
}

std::unique_ptr<Gate> make_thread_gate() { return std::make_unique<ThreadGate>(); }

}  // namespace varve
