// base/check.h — `check()` guards what must be true whatever the input: if it fails, memory or
// logic is broken and going on could lose data, so the process stops with the place that failed.
// What the world can cause (disk, input, another process) is a Status, never a check.
#pragma once

namespace varve {

[[noreturn]] void check_failed(const char* file, int line);

inline void check(bool holds, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  if (!holds) [[unlikely]]
    check_failed(file, line);
}

}  // namespace varve
