// base/os/simulated_disk.h — a disk that keeps only what was synced, and not always in the order in
// which it was written.
//
// Every file has the bytes that a running program sees and the bytes that are certain to survive a
// crash; between the two lie its unsynced changes. Names are kept the same way, by directory. A
// crash settles each file by chance: all of its unsynced changes stay, or none, or any of them,
// whole or torn at sectors, in any combination; and likewise each directory's unsynced names, where
// a rename stays whole. A failed sync loses some changes for good though they can still be read,
// and a later sync that succeeds does not bring them back: that is what real systems do.
//
// Threads: one.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/os/os.h"
#include "base/random.h"

namespace varve {

class SimulatedDisk {
 public:
  struct Node {
    bool is_directory = false;
    std::string bytes;    // As read.
    std::string durable;  // As certain to be found after a crash.
    struct Change {
      uint64_t offset = 0;
      std::string bytes;
      bool is_resize = false;  // To `offset`.
    };
    std::vector<Change> unsynced;
    uint64_t taken_bytes = 0;  // Of the disk's room: the end of what was written or allocated.
  };
  using NodePtr = std::shared_ptr<Node>;

  explicit SimulatedDisk(Random& random) : random_(random) {}

  NodePtr find(const std::string& path) const;
  std::vector<DirectoryEntry> list(const std::string& directory) const;
  Status create(const std::string& path, bool is_directory);
  Status remove(const std::string& path, bool is_directory);
  Status rename(const std::string& from, const std::string& to);
  Status link(const std::string& from, const std::string& to);
  void sync_directory(const std::string& directory);

  Status write(Node& node, const std::string& path, uint64_t offset, Bytes bytes);
  void resize(Node& node, uint64_t size);
  Status allocate(Node& node, const std::string& path, uint64_t size);
  void sync(Node& node);
  void fail_sync(Node& node);

  void set_capacity(uint64_t bytes) { capacity_bytes_ = bytes; }
  uint64_t free_bytes() const;
  void crash();
  // For tests that damage what rests: the byte changes at once and for good.
  void flip(const std::string& path, uint64_t offset, uint8_t bits);

 private:
  // One unsynced operation on names: all of its assignments, or none. Null: no such name.
  using NameChange = std::vector<std::pair<std::string, NodePtr>>;

  Status change_names(NameChange change);
  void apply(const Node::Change& change, std::string& to, bool torn);
  void settle(Node& node);

  Random& random_;
  uint64_t capacity_bytes_ = UINT64_MAX;
  std::map<std::string, NodePtr> names_;
  std::map<std::string, NodePtr> durable_names_;
  std::map<std::string, std::vector<NameChange>> unsynced_names_;  // By directory.
  std::vector<std::weak_ptr<Node>> nodes_;
};

}  // namespace varve
