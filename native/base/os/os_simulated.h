// base/os/os_simulated.h — a whole machine in one thread, run from a seed: a disk that forgets, a
// clock, chance, and workers whose steps follow each other in an order that the seed chooses.
//
// Faults are asked for by number: every call that reaches the disk is counted, and the Nth from now
// can fail, or can be the one at which the machine goes down. A machine that is down fails every
// call until restart(), which settles what was not synced (simulated_disk.h) and gives a machine
// without workers, locks or open files; objects of the old one may still be destroyed.
//
// Workers run while somebody waits at a Gate, and in run(). A wait that nothing could ever end
// stops the process: it is a deadlock.
//
// Threads: one.
#pragma once

#include <set>

#include "base/os/os.h"
#include "base/os/simulated_disk.h"
#include "base/random.h"

namespace varve {

class SimulatedOs final : public Os {
 public:
  explicit SimulatedOs(uint64_t seed);
  ~SimulatedOs() override;

  // ---- faults
  uint64_t call_count() const { return call_count_; }
  uint64_t failed_count() const { return failed_count_; }  // Calls that a fault made fail.
  size_t open_count() const { return open_count_; }        // Files that are open, and locks held.
  // The `nth` call from now (1 is the next) and the `times - 1` after it fail.
  void fail_call(uint64_t nth, Code code, uint64_t times = 1);
  void heal();  // No call that was asked to fail will.
  void go_down_at_call(uint64_t nth);
  bool is_down() const { return is_down_; }
  void restart();  // A crash, and what is left after it.
  void set_capacity(uint64_t bytes) { disk_.set_capacity(bytes); }
  void jump_wall_clock(int64_t milliseconds) { wall_offset_ms_ += milliseconds; }
  SimulatedDisk& disk() { return disk_; }

  // Lets workers run for so many steps, or until none has anything to do.
  void run(uint64_t step_count);

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Status remove(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status link(const std::string& from, const std::string& to) override;
  Result<bool> exists(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> list(const std::string& directory) override;
  Status create_directory(const std::string& path) override;
  Status remove_directory(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& directory,
                                                        const std::string& holder) override;
  Result<std::string> identity(const std::string& directory) override;
  Result<uint64_t> free_bytes(const std::string& directory) override;

  uint64_t now_ns() override;
  uint64_t wall_ms() override;
  void random(MutableBytes into) override;
  uint64_t process_id() override { return 1; }
  uint32_t processor_count() override { return 2; }

  std::unique_ptr<Worker> start(const std::string& name, std::function<Step()> step) override;
  std::unique_ptr<Gate> gate() override;

 private:
  class SimulatedFile;
  class SimulatedLock;
  class SimulatedWorker;
  class SimulatedGate;

  Status call(const std::string& path);  // Counts, and fails if it is time to.
  bool run_one();                        // One step of one worker, chosen by chance.
  uint64_t next_wake_ns() const;

  Random random_;
  SimulatedDisk disk_;
  std::map<std::string, std::string> locks_;  // Directory to holder.
  std::vector<SimulatedWorker*> workers_;
  uint64_t boot_ = 1;  // Files and locks of another boot are dead.
  uint64_t call_count_ = 0;
  uint64_t failed_count_ = 0;
  size_t open_count_ = 0;
  uint64_t fail_from_ = UINT64_MAX;
  uint64_t fail_through_ = 0;
  Code fail_code_ = Code::kIo;
  uint64_t down_at_ = UINT64_MAX;
  bool is_down_ = false;
  uint64_t now_ns_ = 1'000'000'000;
  int64_t wall_offset_ms_ = 1'700'000'000'000;
};

}  // namespace varve
