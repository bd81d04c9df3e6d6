// engine/btree/root.h — the two roots: each names all there is of one version, and they are written
// in turns.
//
// A root is written when every page that it names is synced, into the place of the older one, and
// counts once it is synced itself and the manifest says so. One that a crash tore leaves the other.
//
// Threads: one at a time.     Bytes: FORMAT.md
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "base/os/os.h"
#include "engine/btree/page.h"

namespace varve::btree {

struct TreeRoot {
  PageRef ref;
  uint32_t height = 0;  // Levels; 0: the tree is empty.
  uint64_t entry_count = 0;
};

struct Root {
  std::array<uint8_t, 16> identity = {};
  uint64_t generation = 0;  // Its place, too: that of its lowest bit.
  uint64_t absorbed = 0;
  uint64_t time_ms = 0;  // Of the last commit in it; 0: nobody knows.
  uint32_t page_bytes = 0;
  uint32_t extent_pages = 0;
  TreeRoot current;
  TreeRoot history;
  PageRef facts;  // Range deletions, and
  PageRef space;  // which pages of which extents are in use: pieces.
  uint64_t next_extent = 1;
};

inline constexpr size_t kRootBytes = 256;
inline constexpr uint64_t kRootStep = 4096;  // From one to the other, so that no tear hits both.
inline constexpr char kRootsName[] = "ROOTS";

std::string encode_root(const Root& root);
Result<Root> decode_root(Bytes bytes, const std::string& path);

class RootFile {
 public:
  static Result<std::unique_ptr<RootFile>> create(Os& os, const std::string& directory);
  // kNotFound if there is none.
  static Result<std::unique_ptr<RootFile>> open(Os& os, const std::string& directory,
                                                OpenMode mode);
  // What lies at the place of a generation.
  Result<Root> read(uint64_t generation) const;
  // Syncs it.
  Status write(const Root& root);
  const std::string& path() const { return path_; }

 private:
  RootFile(std::unique_ptr<File> file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}

  const std::unique_ptr<File> file_;
  const std::string path_;
};

}  // namespace varve::btree
