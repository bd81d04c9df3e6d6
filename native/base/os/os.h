// base/os/os.h — the machine behind one interface: files, directories, time, chance and work.
//
// Three fillings: POSIX, Windows, and a simulated machine (os_simulated.h) whose disk forgets what
// was not synced, tears, fills up and fails on command, and whose clock and scheduler run from a
// seed. Nothing above this folder makes a thread, sleeps, reads a clock, draws randomness or waits,
// so that everything above it runs under simulation unchanged.
//
// Files: names are UTF-8 paths. A file's name is durable only after sync_directory() of its
// directory, its bytes only after sync(). Errors: kNoSpace for a full disk, kPermission, kNotFound,
// kExists by name, kIo for the rest; every message names the path.
//
// Work: background work is a step function with a small budget. Production runs each Worker on a
// thread; the simulation runs all of them from one seeded loop, inside Gate::wait() and
// SimulatedOs::run().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace varve {

enum class OpenMode : uint8_t {
  kRead,
  kWrite,
  kCreate
};  // kCreate fails with kExists if the file is there

class File {
 public:
  virtual ~File() =
      default;  // Closes; errors at closing are ignored, so sync() first what matters.
  // Fills `into` from `offset`; fewer bytes only at the end of the file.
  virtual Result<size_t> read_at(uint64_t offset, MutableBytes into) = 0;
  virtual Status write_at(uint64_t offset, Bytes bytes) = 0;  // All of them or an error.
  virtual Status sync() = 0;  // Bytes, and the size if it changed. Never retried after it failed.
  virtual Result<uint64_t> size() = 0;
  virtual Status resize(uint64_t size) = 0;
  // The disk's room for the first `size` bytes is this file's; what was not there reads as zeros.
  // False: not to be had but by writing them.
  virtual Result<bool> allocate(uint64_t size) = 0;
  virtual void will_read(uint64_t offset, uint64_t size) = 0;  // Readahead hint.
};

class DirectoryLock {
 public:
  virtual ~DirectoryLock() = default;  // Lets go.
};

struct DirectoryEntry {
  std::string name;
  uint64_t size = 0;
  bool is_directory = false;
};

// What a step tells its worker. wait_ns: run again after that long, or at wake(), whichever comes
// first.
struct Step {
  static constexpr uint64_t kUntilWoken = UINT64_MAX;
  uint64_t wait_ns = 0;
  static Step again() { return {0}; }
  static Step idle() { return {kUntilWoken}; }
};

class Worker {
 public:
  virtual ~Worker() = default;  // Waits for the running step to end; no further step runs.
  virtual void wake() = 0;      // From any thread. A wake during a step makes another step follow.
};

// A counter that can be waited on: take a ticket, look at the condition, wait only if it does not
// hold.
//   for (uint64_t t = gate.ticket(); !ready(); t = gate.ticket()) gate.wait(t, deadline_ns);
class Gate {
 public:
  virtual ~Gate() = default;
  virtual uint64_t ticket() = 0;
  virtual void open() = 0;  // Wakes everyone whose ticket is older.
  // False when now_ns() reached deadline_ns first.
  virtual bool wait(uint64_t ticket, uint64_t deadline_ns) = 0;
};

class Os {
 public:
  virtual ~Os() = default;

  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  // A file that is open goes when it is closed, on Windows its name, too.
  virtual Status remove(const std::string& path) = 0;
  virtual Status rename(const std::string& from, const std::string& to) = 0;  // Replaces `to`.
  virtual Status link(const std::string& from, const std::string& to) = 0;
  virtual Result<bool> exists(const std::string& path) = 0;
  virtual Result<std::vector<DirectoryEntry>> list(const std::string& directory) = 0;
  virtual Status create_directory(const std::string& path) = 0;  // kExists if it is there.
  virtual Status remove_directory(const std::string& path) = 0;  // Only when empty.
  virtual Status sync_directory(const std::string& path) = 0;
  // Taken on a file of the directory that stays; kLocked names what `holder` said when it took the
  // lock.
  virtual Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& directory,
                                                                const std::string& holder) = 0;
  // The same text for the same directory however it is named (device and inode, or volume and file
  // id).
  virtual Result<std::string> identity(const std::string& directory) = 0;
  virtual Result<uint64_t> free_bytes(const std::string& directory) = 0;

  virtual uint64_t now_ns() = 0;   // Monotonic.
  virtual uint64_t wall_ms() = 0;  // Since 1970; may jump.
  virtual void random(MutableBytes into) = 0;
  virtual uint64_t process_id() = 0;
  virtual uint32_t processor_count() = 0;

  // The name, of at most 15 bytes, is what debuggers and profilers show, where they can.
  virtual std::unique_ptr<Worker> start(const std::string& name, std::function<Step()> step) = 0;
  virtual std::unique_ptr<Gate> gate() = 0;
};

Os& native_os();  // The machine we run on; lives for ever.

}  // namespace varve
