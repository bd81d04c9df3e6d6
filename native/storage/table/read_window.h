// storage/table/read_window.h — bytes of a table file that were read ahead of a walk over it.
//
// A piece that a walk goes on to is read together with what lies behind it in the walk's direction:
// twice as much each time, so that a short walk reads little and a long one seldom. A jump reads
// its piece alone.
//
// Threads: one.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/status.h"

namespace varve {

class Cache;
class Table;

// From the piece before to this one.
enum class Going { kAnywhere, kForward, kBackward };

class ReadWindow {
 public:
  // With a cache, whose budget says how much is read at once, and counts it; or for a merge.
  explicit ReadWindow(Cache* cache);
  ReadWindow(const ReadWindow&) = delete;
  ReadWindow& operator=(const ReadWindow&) = delete;
  ~ReadWindow();

  // A piece of the file. It holds until the next call.
  Result<Bytes> read(const Table& table, uint64_t offset, size_t size, Going going);

 private:
  void charge();

  Cache* const cache_;
  size_t most_bytes_;       // Read at once,
  size_t ahead_bytes_ = 0;  // and lately.
  uint64_t charged_bytes_ = 0;
  std::string bytes_;
  uint64_t at_ = 0;
};

// How a piece is to be read on a walk.
struct WindowRead {
  ReadWindow& window;
  Going going;
};

}  // namespace varve
