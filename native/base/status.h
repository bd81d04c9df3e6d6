// base/status.h — errors as values.
//
// A Status is fine or carries a code and a message that begins with the module and names the file
// or key. A Result<T> is a T or such an error. Absence is never an error (use std::optional). Codes
// are those of `ErrorCode` in lib/errors.ts, by the same names; the number is what crosses the
// binding.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/check.h"

namespace varve {

enum class Code : uint8_t {
  kOk = 0,
  kClosed = 1,        // the handle or store was closed
  kInvalid = 2,       // the caller's mistake: wrong type, range, option
  kTooLarge = 3,      // key, value or commit above its limit
  kBusy = 4,          // a limit was met and waiting did not help in time
  kIo = 5,            // the disk or file system failed; outcome unknown
  kNoSpace = 6,       // the disk is full; nothing was changed
  kCorrupt = 7,       // bytes on disk are not what was written
  kLocked = 8,        // another process holds the store
  kNotFound = 9,      // no such store, file or thing
  kExists = 10,       // it is there already
  kForeign = 11,      // a directory that is not a Varve store
  kNewerFormat = 12,  // written by a newer version
  kReadOnly = 13,     // a write on a read-only store
  kPermission = 14,   // the system refuses access
  kTruncated = 15,    // older than what is still held
  kConflict = 16,     // a commit that contradicts another
  kAborted = 17,      // a signal fired
  kLost = 18,         // a commit that did not survive
  kDeadlock = 19,     // it waited for locks in a circle with others, and is the youngest
  kTimeout = 20,      // a lock was not free in time
  kWouldBlock = 21,   // internal: the answer needs the disk, and the caller may not wait
  kSchema = 22,       // a collection is declared otherwise than its documents are
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message)
      : detail_(std::make_unique<Detail>(Detail{code, std::move(message)})) {
    check(code != Code::kOk);
  }

  static Status ok() { return {}; }
  static Status corrupt(std::string message) { return {Code::kCorrupt, std::move(message)}; }
  static Status io(std::string message) { return {Code::kIo, std::move(message)}; }
  static Status invalid(std::string message) { return {Code::kInvalid, std::move(message)}; }

  explicit operator bool() const { return detail_ == nullptr; }  // true: fine
  Code code() const { return detail_ ? detail_->code : Code::kOk; }
  const std::string& message() const {
    static const std::string none;
    return detail_ ? detail_->message : none;
  }
  Status copy() const { return detail_ ? Status(detail_->code, detail_->message) : Status(); }

 private:
  struct Detail {
    Code code;
    std::string message;
  };
  std::unique_ptr<Detail> detail_;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}  // NOLINT: a value is a result
  Result(Status error) : error_(std::move(error)) { check(!error_); }  // NOLINT
  explicit operator bool() const { return value_.has_value(); }
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }
  Status error() const { return error_.copy(); }
  Code code() const { return error_.code(); }

 private:
  std::optional<T> value_;
  Status error_;
};

}  // namespace varve
