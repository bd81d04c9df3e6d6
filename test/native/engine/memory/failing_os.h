// test/native/engine/memory/failing_os.h — the machine we run on, whose disk fails on demand, and
// forgets what was not synced.
//
// Every call that changes the disk is counted. From the Nth on, so many of them fail with a code:
// all that follow is a machine that went down. forget() then does what losing power may do at
// worst: files whose names were not synced are gone, and the others have no byte behind those
// synced.
//
// Threads: any, but forget() when nobody else is at it.
#pragma once

#include <map>
#include <mutex>

#include "base/os/os.h"

namespace varve::test {

class FailingOs final : public Os {
 public:
  // The `nth` call from now on (1 is the next) and the `times - 1` after it fail.
  void fail_call(uint64_t nth, Code code, uint64_t times = UINT64_MAX);
  uint64_t call_count() const { return call_count_; }
  bool has_failed() const { return has_failed_; }
  void forget();

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Status remove(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status sync_directory(const std::string& path) override;

  Status link(const std::string& from, const std::string& to) override {
    return os_.link(from, to);
  }
  Result<bool> exists(const std::string& path) override { return os_.exists(path); }
  Result<std::vector<DirectoryEntry>> list(const std::string& directory) override {
    return os_.list(directory);
  }
  Status create_directory(const std::string& path) override { return os_.create_directory(path); }
  Status remove_directory(const std::string& path) override { return os_.remove_directory(path); }
  Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& directory,
                                                        const std::string& holder) override {
    return os_.lock_directory(directory, holder);
  }
  Result<std::string> identity(const std::string& directory) override {
    return os_.identity(directory);
  }
  Result<uint64_t> free_bytes(const std::string& directory) override {
    return os_.free_bytes(directory);
  }
  uint64_t now_ns() override { return os_.now_ns() + ahead_ns_; }
  uint64_t wall_ms() override { return os_.wall_ms(); }
  void random(MutableBytes into) override { os_.random(into); }
  uint64_t process_id() override { return os_.process_id(); }
  uint32_t processor_count() override { return os_.processor_count(); }
  std::unique_ptr<Worker> start(const std::string& name, std::function<Step()> step) override {
    return os_.start(name, std::move(step));
  }
  std::unique_ptr<Gate> gate() override { return os_.gate(); }

  void jump_ahead(uint64_t ns) { ahead_ns_ += ns; }

 private:
  class FailingFile;
  struct Known {  // Of a file made here.
    bool name_is_synced = false;
    uint64_t synced_bytes = 0;
  };
  Status call();

  Os& os_ = native_os();
  std::mutex mutex_;  // Guards everything below.
  std::map<std::string, Known> files_;
  uint64_t call_count_ = 0;
  uint64_t fail_from_ = UINT64_MAX;
  uint64_t fail_times_ = 0;
  Code fail_code_ = Code::kIo;
  bool has_failed_ = false;
  uint64_t ahead_ns_ = 0;
};

}  // namespace varve::test
