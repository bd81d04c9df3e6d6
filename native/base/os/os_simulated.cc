#include "base/os/os_simulated.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace varve {
namespace {

constexpr uint64_t kCallNsMax = 50'000;         // What one call to the disk takes.
constexpr uint64_t kStepCountMax = 50'000'000;  // More in one wait is a worker that spins.

}  // namespace

// ---- files

class SimulatedOs::SimulatedFile final : public File {
 public:
  SimulatedFile(SimulatedOs& os, SimulatedDisk::NodePtr node, std::string path, bool writable)
      : os_(os),
        boot_(os.boot_),
        node_(std::move(node)),
        path_(std::move(path)),
        writable_(writable) {
    ++os_.open_count_;
  }
  ~SimulatedFile() override {
    if (boot_ == os_.boot_) --os_.open_count_;
  }

  Result<size_t> read_at(uint64_t offset, MutableBytes into) override {
    if (Status status = call(); !status) return status;
    if (offset >= node_->bytes.size()) return size_t{0};
    const size_t count = std::min<uint64_t>(into.size(), node_->bytes.size() - offset);
    std::memcpy(into.data(), node_->bytes.data() + offset, count);
    return count;
  }

  Status write_at(uint64_t offset, Bytes bytes) override {
    check(writable_);
    if (Status status = call(); !status) {
      // A call that fails may have done a part of its work.
      const size_t part = os_.random_.below(bytes.size() + 1);
      if (alive() && part > 0) {
        const Status written = os_.disk_.write(*node_, path_, offset, bytes.first(part));
        (void)written;  // It fails one way or the other.
      }
      return status;
    }
    return os_.disk_.write(*node_, path_, offset, bytes);
  }

  Status sync() override {
    if (Status status = call(); !status) {
      if (alive()) os_.disk_.fail_sync(*node_);
      return status;
    }
    os_.disk_.sync(*node_);
    return Status::ok();
  }

  Result<uint64_t> size() override {
    if (Status status = call(); !status) return status;
    return uint64_t{node_->bytes.size()};
  }

  Status resize(uint64_t size) override {
    check(writable_);
    if (Status status = call(); !status) return status;
    os_.disk_.resize(*node_, size);
    return Status::ok();
  }

  Result<bool> allocate(uint64_t size) override {
    check(writable_);
    if (Status status = call(); !status) return status;
    if (Status status = os_.disk_.allocate(*node_, path_, size); !status) return status;
    return true;
  }

  void will_read(uint64_t, uint64_t) override {}

 private:
  bool alive() const { return boot_ == os_.boot_ && !os_.is_down_; }
  Status call() {
    if (boot_ != os_.boot_) return {Code::kIo, "os: of a machine that went down: " + path_};
    return os_.call(path_);
  }

  SimulatedOs& os_;
  const uint64_t boot_;
  const SimulatedDisk::NodePtr node_;
  const std::string path_;
  const bool writable_;
};

class SimulatedOs::SimulatedLock final : public DirectoryLock {
 public:
  SimulatedLock(SimulatedOs& os, std::string directory)
      : os_(os), boot_(os.boot_), directory_(std::move(directory)) {
    ++os_.open_count_;
  }
  ~SimulatedLock() override {
    if (boot_ != os_.boot_) return;
    os_.locks_.erase(directory_);
    --os_.open_count_;
  }

 private:
  SimulatedOs& os_;
  const uint64_t boot_;
  const std::string directory_;
};

// ---- work

class SimulatedOs::SimulatedWorker final : public Worker {
 public:
  SimulatedWorker(SimulatedOs& os, std::function<Step()> step) : os_(os), step_(std::move(step)) {
    os_.workers_.push_back(this);
  }
  ~SimulatedWorker() override {
    check(!running_);
    std::erase(os_.workers_, this);
  }

  void wake() override { woken_ = true; }

  bool is_ready() const { return !running_ && (woken_ || wake_ns_ <= os_.now_ns_); }
  uint64_t wake_ns() const { return running_ ? UINT64_MAX : wake_ns_; }

  void run() {
    running_ = true;
    woken_ = false;
    const Step step = step_();
    running_ = false;
    wake_ns_ = step.wait_ns == Step::kUntilWoken ? UINT64_MAX : os_.now_ns_ + step.wait_ns;
  }

 private:
  SimulatedOs& os_;
  const std::function<Step()> step_;
  bool woken_ = true;
  bool running_ = false;
  uint64_t wake_ns_ = UINT64_MAX;
};

class SimulatedOs::SimulatedGate final : public Gate {
 public:
  explicit SimulatedGate(SimulatedOs& os) : os_(os) {}
  uint64_t ticket() override { return count_; }
  void open() override { ++count_; }

  bool wait(uint64_t ticket, uint64_t deadline_ns) override {
    for (uint64_t steps = 0; count_ == ticket; ++steps) {
      check(steps < kStepCountMax);
      if (os_.now_ns_ >= deadline_ns) return false;
      if (os_.run_one()) continue;
      const uint64_t next = std::min(os_.next_wake_ns(), deadline_ns);
      check(next != UINT64_MAX);  // A deadlock: nothing will ever open this gate.
      os_.now_ns_ = std::max(os_.now_ns_, next);
    }
    return true;
  }

 private:
  SimulatedOs& os_;
  uint64_t count_ = 0;
};

// ---- the machine

SimulatedOs::SimulatedOs(uint64_t seed) : random_(seed), disk_(random_) {}
SimulatedOs::~SimulatedOs() { check(workers_.empty()); }

void SimulatedOs::fail_call(uint64_t nth, Code code, uint64_t times) {
  fail_from_ = call_count_ + nth;
  fail_through_ = fail_from_ + times - 1;
  fail_code_ = code;
}

void SimulatedOs::heal() { fail_from_ = UINT64_MAX; }

void SimulatedOs::go_down_at_call(uint64_t nth) { down_at_ = call_count_ + nth; }

void SimulatedOs::restart() {
  ++boot_;
  locks_.clear();
  open_count_ = 0;
  is_down_ = false;
  down_at_ = UINT64_MAX;
  fail_from_ = UINT64_MAX;
  disk_.crash();
}

Status SimulatedOs::call(const std::string& path) {
  now_ns_ += random_.below(kCallNsMax);
  ++call_count_;
  if (call_count_ >= down_at_) is_down_ = true;
  const bool is_fault = call_count_ >= fail_from_ && call_count_ <= fail_through_;
  if (is_down_ || is_fault) ++failed_count_;
  if (is_down_) return {Code::kIo, "os: the machine is down: " + path};
  if (is_fault) {
    return {fail_code_, "os: a fault was asked for: " + path};
  }
  return Status::ok();
}

bool SimulatedOs::run_one() {
  std::vector<SimulatedWorker*> ready;
  for (SimulatedWorker* worker : workers_) {
    if (worker->is_ready()) ready.push_back(worker);
  }
  if (ready.empty()) return false;
  ready[random_.below(ready.size())]->run();
  return true;
}

uint64_t SimulatedOs::next_wake_ns() const {
  uint64_t next = UINT64_MAX;
  for (const SimulatedWorker* worker : workers_) next = std::min(next, worker->wake_ns());
  return next;
}

void SimulatedOs::run(uint64_t step_count) {
  for (uint64_t i = 0; i < step_count && run_one(); ++i) {
  }
}

Result<std::unique_ptr<File>> SimulatedOs::open(const std::string& path, OpenMode mode) {
  if (Status status = call(path); !status) return status;
  if (mode == OpenMode::kCreate) {
    if (Status status = disk_.create(path, false); !status) return status;
  }
  const SimulatedDisk::NodePtr node = disk_.find(path);
  if (!node) return Status(Code::kNotFound, "os: no such file: " + path);
  if (node->is_directory) return Status(Code::kIo, "os: a directory: " + path);
  const bool writable = mode != OpenMode::kRead;
  return std::unique_ptr<File>(std::make_unique<SimulatedFile>(*this, node, path, writable));
}

Status SimulatedOs::remove(const std::string& path) {
  if (Status status = call(path); !status) return status;
  return disk_.remove(path, false);
}

Status SimulatedOs::rename(const std::string& from, const std::string& to) {
  if (Status status = call(from); !status) return status;
  return disk_.rename(from, to);
}

Status SimulatedOs::link(const std::string& from, const std::string& to) {
  if (Status status = call(from); !status) return status;
  return disk_.link(from, to);
}

Result<bool> SimulatedOs::exists(const std::string& path) {
  if (Status status = call(path); !status) return status;
  return disk_.find(path) != nullptr;
}

Result<std::vector<DirectoryEntry>> SimulatedOs::list(const std::string& directory) {
  if (Status status = call(directory); !status) return status;
  const SimulatedDisk::NodePtr node = disk_.find(directory);
  if (!node || !node->is_directory) {
    return Status(Code::kNotFound, "os: no such directory: " + directory);
  }
  return disk_.list(directory);
}

Status SimulatedOs::create_directory(const std::string& path) {
  if (Status status = call(path); !status) return status;
  return disk_.create(path, true);
}

Status SimulatedOs::remove_directory(const std::string& path) {
  if (Status status = call(path); !status) return status;
  return disk_.remove(path, true);
}

Status SimulatedOs::sync_directory(const std::string& path) {
  if (Status status = call(path); !status) return status;
  disk_.sync_directory(path);
  return Status::ok();
}

Result<std::unique_ptr<DirectoryLock>> SimulatedOs::lock_directory(const std::string& directory,
                                                                   const std::string& holder) {
  if (Status status = call(directory); !status) return status;
  const auto found = locks_.find(directory);
  if (found != locks_.end()) {
    return Status(Code::kLocked, "os: " + directory + " is in use by " + found->second);
  }
  const std::string path = directory + "/LOCK";
  if (!disk_.find(path)) {
    if (Status status = disk_.create(path, false); !status) return status;
  }
  locks_[directory] = holder;
  return std::unique_ptr<DirectoryLock>(std::make_unique<SimulatedLock>(*this, directory));
}

Result<std::string> SimulatedOs::identity(const std::string& directory) {
  if (Status status = call(directory); !status) return status;
  if (!disk_.find(directory)) return Status(Code::kNotFound, "os: no such file: " + directory);
  return directory;
}

Result<uint64_t> SimulatedOs::free_bytes(const std::string& directory) {
  if (Status status = call(directory); !status) return status;
  return disk_.free_bytes();
}

uint64_t SimulatedOs::now_ns() { return now_ns_ += 100; }

uint64_t SimulatedOs::wall_ms() {
  return static_cast<uint64_t>(wall_offset_ms_ + static_cast<int64_t>(now_ns_ / 1'000'000));
}

void SimulatedOs::random(MutableBytes into) {
  for (uint8_t& byte : into) byte = static_cast<uint8_t>(random_.next());
}

std::unique_ptr<Worker> SimulatedOs::start(const std::string&, std::function<Step()> step) {
  return std::make_unique<SimulatedWorker>(*this, std::move(step));
}

std::unique_ptr<Gate> SimulatedOs::gate() { return std::make_unique<SimulatedGate>(*this); }

}  // namespace varve
