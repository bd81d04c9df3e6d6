// test/native/hasty_os.h — the machine's own files without their syncs, and failures, slow syncs or a
// thread that stands still on command; what is read of them, and who waits.
//
// What a crash would leave is proved elsewhere; a contract that opens hundreds of stores would only
// wait for the disk.
#pragma once

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "base/os/os.h"

namespace varve::test {

class HastyOs final : public Os {
 public:
  // After so many more writes and syncs each of them fails, until mend().
  void fail_after(int64_t count, Code code) {
    code_ = code;
    left_.store(count);
  }
  void mend() { left_.store(INT64_MAX); }
  // From now on each sync takes so long.
  void slow_down(uint64_t sync_ns) { sync_ns_.store(sync_ns); }

  // From now on time stands still but for reads, each of which takes so long.
  void time_reads(uint64_t read_ns) {
    now_ns_.store(native_os().now_ns());
    read_ns_.store(read_ns);
  }

  // From now on no file of that path can be read; empty: all can.
  void fail_reads_of(const std::string& path) { unreadable_ = path; }

  // Whoever is the next to create a table stands still there, until let_go().
  void stop_next_table() { stop_.store(Stop::kNext); }
  bool has_stopped() const { return stop_.load() == Stop::kStopped; }
  void let_go() { stop_.store(Stop::kNone); }
  size_t waiting_count() const { return waiting_count_.load(); }  // Threads that wait at gates.

  struct Read {
    uint64_t offset;
    size_t size;
    bool is_announced;  // And not waited for.
  };
  // Where reads are noted from now on, or null. For tests of one thread.
  void note_reads(std::vector<Read>* reads) { reads_ = reads; }

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    if (mode == OpenMode::kCreate && path.ends_with(".table")) stand_still();
    Result<std::unique_ptr<File>> file = native_os().open(path, mode);
    if (!file) return file;
    return std::unique_ptr<File>(std::make_unique<HastyFile>(*this, path, std::move(*file)));
  }
  Status sync_directory(const std::string&) override { return sync_step(); }
  Status remove(const std::string& path) override { return native_os().remove(path); }
  Status rename(const std::string& from, const std::string& to) override {
    return native_os().rename(from, to);
  }
  Status link(const std::string& from, const std::string& to) override {
    return native_os().link(from, to);
  }
  Result<bool> exists(const std::string& path) override { return native_os().exists(path); }
  Result<std::vector<DirectoryEntry>> list(const std::string& directory) override {
    return native_os().list(directory);
  }
  Status create_directory(const std::string& path) override {
    return native_os().create_directory(path);
  }
  Status remove_directory(const std::string& path) override {
    return native_os().remove_directory(path);
  }
  Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& directory,
                                                        const std::string& holder) override {
    return native_os().lock_directory(directory, holder);
  }
  Result<std::string> identity(const std::string& directory) override {
    return native_os().identity(directory);
  }
  Result<uint64_t> free_bytes(const std::string& directory) override {
    return native_os().free_bytes(directory);
  }
  uint64_t now_ns() override { return read_ns_ != 0 ? now_ns_.load() : native_os().now_ns(); }
  uint64_t wall_ms() override { return native_os().wall_ms(); }
  void random(MutableBytes into) override { native_os().random(into); }
  uint64_t process_id() override { return native_os().process_id(); }
  uint32_t processor_count() override { return native_os().processor_count(); }
  std::unique_ptr<Worker> start(const std::string& name, std::function<Step()> step) override {
    return native_os().start(name, std::move(step));
  }
  std::unique_ptr<Gate> gate() override { return std::make_unique<HastyGate>(*this); }

 private:
  class HastyFile final : public File {
   public:
    HastyFile(HastyOs& os, std::string path, std::unique_ptr<File> file)
        : os_(os), path_(std::move(path)), file_(std::move(file)) {}
    Result<size_t> read_at(uint64_t offset, MutableBytes into) override {
      if (path_ == os_.unreadable_) return Status(Code::kIo, "hasty_os: a read of " + path_);
      if (os_.reads_ != nullptr) os_.reads_->push_back({offset, into.size(), false});
      os_.now_ns_ += os_.read_ns_;
      return file_->read_at(offset, into);
    }
    Status write_at(uint64_t offset, Bytes bytes) override {
      if (Status status = os_.step(); !status) return status;
      return file_->write_at(offset, bytes);
    }
    Status sync() override { return os_.sync_step(); }
    Result<uint64_t> size() override { return file_->size(); }
    Status resize(uint64_t size) override { return file_->resize(size); }
    Result<bool> allocate(uint64_t size) override { return file_->allocate(size); }
    void will_read(uint64_t offset, uint64_t size) override {
      if (os_.reads_ != nullptr) os_.reads_->push_back({offset, size, true});
      file_->will_read(offset, size);
    }

   private:
    HastyOs& os_;
    const std::string path_;
    const std::unique_ptr<File> file_;
  };

  class HastyGate final : public Gate {
   public:
    explicit HastyGate(HastyOs& os) : os_(os), gate_(native_os().gate()) {}
    uint64_t ticket() override { return gate_->ticket(); }
    void open() override { gate_->open(); }
    bool wait(uint64_t ticket, uint64_t deadline_ns) override {
      os_.waiting_count_.fetch_add(1);
      const bool in_time = gate_->wait(ticket, deadline_ns);
      os_.waiting_count_.fetch_sub(1);
      return in_time;
    }

   private:
    HastyOs& os_;
    const std::unique_ptr<Gate> gate_;
  };

  enum class Stop : uint8_t { kNone, kNext, kStopped };
  void stand_still() {
    Stop next = Stop::kNext;
    if (!stop_.compare_exchange_strong(next, Stop::kStopped)) return;
    while (stop_.load() == Stop::kStopped) std::this_thread::yield();
  }

  Status step() {
    if (left_.load() == INT64_MAX) return Status::ok();
    if (left_.fetch_sub(1) > 0) return Status::ok();
    return {code_, "hasty_os: this one fails"};
  }

  Status sync_step() {
    if (const uint64_t takes_ns = sync_ns_.load(); takes_ns != 0) {
      const std::unique_ptr<Gate> never = native_os().gate();
      never->wait(never->ticket(), now_ns() + takes_ns);
    }
    return step();
  }

  std::atomic<int64_t> left_{INT64_MAX};
  std::atomic<uint64_t> sync_ns_{0};
  std::atomic<uint64_t> read_ns_{0};  // 0: as long as it takes.
  std::atomic<uint64_t> now_ns_{0};
  std::atomic<Stop> stop_{Stop::kNone};
  std::atomic<size_t> waiting_count_{0};
  Code code_ = Code::kIo;
  std::vector<Read>* reads_ = nullptr;
  std::string unreadable_;  // Set while one thread is there.
};

}  // namespace varve::test
