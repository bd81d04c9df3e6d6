// base/os/os_windows.cc — the machine through Windows.
//
// Paths come as UTF-8 and go as UTF-16, made absolute and given the prefix that lifts the limit of
// 260 characters. Files are opened so that others may delete and rename them meanwhile, as POSIX
// has it. FlushFileBuffers is the sync; NTFS keeps names in its own log, and a flush of the
// directory is asked for where the system grants it.
#include "base/os/os.h"
#include "base/os/threads.h"

#if defined(_WIN32)
#include <windows.h>

#include <bcrypt.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/check.h"

namespace varve {
namespace {

constexpr DWORD kShareAll = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
constexpr size_t kTransferMax = size_t{1} << 30;
constexpr uint64_t kUnixEpochMs = 11'644'473'600'000;  // Of 1970, since 1601.

Code code_of(DWORD error) {
  switch (error) {
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL: return Code::kNoSpace;
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_NAME: return Code::kNotFound;
    case ERROR_FILE_EXISTS:
    case ERROR_ALREADY_EXISTS: return Code::kExists;
    case ERROR_ACCESS_DENIED:
    case ERROR_WRITE_PROTECT: return Code::kPermission;
    default: return Code::kIo;
  }
}

std::string text_of(DWORD error) {
  char text[256];
  DWORD size = FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, nullptr,
                              error, 0, text, sizeof text, nullptr);
  while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r')) --size;
  return size > 0 ? std::string(text, size) : "error " + std::to_string(error);
}

Status failed(const char* call, const std::string& path, DWORD error = GetLastError()) {
  return {code_of(error), std::string("os: ") + call + " " + path + ": " + text_of(error)};
}

std::wstring wide(const std::string& text) {
  const int size =
      MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), nullptr, 0);
  std::wstring units(static_cast<size_t>(size), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), units.data(), size);
  return units;
}

std::string narrow(const wchar_t* units) {
  const int size = WideCharToMultiByte(CP_UTF8, 0, units, -1, nullptr, 0, nullptr, nullptr);
  std::string text(static_cast<size_t>(std::max(size, 1)), '\0');
  WideCharToMultiByte(CP_UTF8, 0, units, -1, text.data(), size, nullptr, nullptr);
  text.pop_back();  // The end mark.
  return text;
}

std::wstring path_of(const std::string& path) {
  std::wstring units = wide(path);
  std::replace(units.begin(), units.end(), L'/', L'\\');
  const DWORD size = GetFullPathNameW(units.c_str(), 0, nullptr, nullptr);
  std::wstring full(size, L'\0');
  full.resize(GetFullPathNameW(units.c_str(), size, full.data(), nullptr));
  if (full.starts_with(L"\\\\?\\") || full.starts_with(L"\\\\.\\")) return full;
  if (full.starts_with(L"\\\\")) return L"\\\\?\\UNC" + full.substr(1);
  return L"\\\\?\\" + full;
}

class Handle {
 public:
  explicit Handle(HANDLE handle) : handle_(handle) {}
  ~Handle() {
    if (is_open()) CloseHandle(handle_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  bool is_open() const { return handle_ != INVALID_HANDLE_VALUE; }
  HANDLE get() const { return handle_; }

 private:
  const HANDLE handle_;
};

OVERLAPPED place_of(uint64_t offset) {
  OVERLAPPED place{};
  place.Offset = static_cast<DWORD>(offset);
  place.OffsetHigh = static_cast<DWORD>(offset >> 32);
  return place;
}

class WindowsFile final : public File {
 public:
  WindowsFile(HANDLE handle, std::string path) : handle_(handle), path_(std::move(path)) {}

  Result<size_t> read_at(uint64_t offset, MutableBytes into) override {
    size_t done = 0;
    while (done < into.size()) {
      OVERLAPPED place = place_of(offset + done);
      const DWORD want = static_cast<DWORD>(std::min(into.size() - done, kTransferMax));
      DWORD got = 0;
      if (!ReadFile(handle_.get(), into.data() + done, want, &got, &place)) {
        if (GetLastError() == ERROR_HANDLE_EOF) break;
        return failed("ReadFile", path_);
      }
      if (got == 0) break;
      done += got;
    }
    return done;
  }

  Status write_at(uint64_t offset, Bytes bytes) override {
    size_t done = 0;
    while (done < bytes.size()) {
      OVERLAPPED place = place_of(offset + done);
      const DWORD want = static_cast<DWORD>(std::min(bytes.size() - done, kTransferMax));
      DWORD put = 0;
      if (!WriteFile(handle_.get(), bytes.data() + done, want, &put, &place)) {
        return failed("WriteFile", path_);
      }
      done += put;
    }
    return Status::ok();
  }

  Status sync() override {
    return FlushFileBuffers(handle_.get()) ? Status::ok() : failed("FlushFileBuffers", path_);
  }

  Result<uint64_t> size() override {
    LARGE_INTEGER size{};
    if (!GetFileSizeEx(handle_.get(), &size)) return failed("GetFileSizeEx", path_);
    return static_cast<uint64_t>(size.QuadPart);
  }

  Status resize(uint64_t size) override {
    FILE_END_OF_FILE_INFO end{};
    end.EndOfFile.QuadPart = static_cast<LONGLONG>(size);
    const bool done =
        SetFileInformationByHandle(handle_.get(), FileEndOfFileInfo, &end, sizeof end);
    return done ? Status::ok() : failed("SetFileInformationByHandle", path_);
  }

  // A file that is neither sparse nor compressed has its room as soon as it has its size.
  Result<bool> allocate(uint64_t size) override {
    const Result<uint64_t> had = this->size();
    if (!had) return had.error();
    if (*had >= size) return true;
    if (Status status = resize(size); !status) return status;
    return true;
  }

  void will_read(uint64_t, uint64_t) override {}

 private:
  const Handle handle_;
  const std::string path_;
};

class WindowsLock final : public DirectoryLock {
 public:
  explicit WindowsLock(std::unique_ptr<File> file) : file_(std::move(file)) {}

 private:
  const std::unique_ptr<File> file_;
};

class WindowsOs final : public Os {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    const DWORD access = mode == OpenMode::kRead ? GENERIC_READ : GENERIC_READ | GENERIC_WRITE;
    const DWORD how = mode == OpenMode::kCreate ? CREATE_NEW : OPEN_EXISTING;
    return open_as(path, access, kShareAll, how);
  }

  Status remove(const std::string& path) override {
    return DeleteFileW(path_of(path).c_str()) ? Status::ok() : failed("DeleteFile", path);
  }

  Status rename(const std::string& from, const std::string& to) override {
    const bool done = MoveFileExW(path_of(from).c_str(), path_of(to).c_str(),
                                  MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH);
    return done ? Status::ok() : failed("MoveFileEx", from);
  }

  Status link(const std::string& from, const std::string& to) override {
    const bool done = CreateHardLinkW(path_of(to).c_str(), path_of(from).c_str(), nullptr);
    return done ? Status::ok() : failed("CreateHardLink", from);
  }

  Result<bool> exists(const std::string& path) override {
    if (GetFileAttributesW(path_of(path).c_str()) != INVALID_FILE_ATTRIBUTES) return true;
    if (code_of(GetLastError()) == Code::kNotFound) return false;
    return failed("GetFileAttributes", path);
  }

  Result<std::vector<DirectoryEntry>> list(const std::string& directory) override {
    WIN32_FIND_DATAW found{};
    const HANDLE search = FindFirstFileW((path_of(directory) + L"\\*").c_str(), &found);
    if (search == INVALID_HANDLE_VALUE) return failed("FindFirstFile", directory);
    std::vector<DirectoryEntry> entries;
    do {
      const std::string name = narrow(found.cFileName);
      if (name == "." || name == "..") continue;
      const uint64_t size = (uint64_t{found.nFileSizeHigh} << 32) | found.nFileSizeLow;
      entries.push_back({name, size, (found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0});
    } while (FindNextFileW(search, &found));
    const DWORD end = GetLastError();
    FindClose(search);
    if (end != ERROR_NO_MORE_FILES) return failed("FindNextFile", directory, end);
    return entries;
  }

  Status create_directory(const std::string& path) override {
    const bool done = CreateDirectoryW(path_of(path).c_str(), nullptr);
    return done ? Status::ok() : failed("CreateDirectory", path);
  }

  Status remove_directory(const std::string& path) override {
    const bool done = RemoveDirectoryW(path_of(path).c_str());
    return done ? Status::ok() : failed("RemoveDirectory", path);
  }

  Status sync_directory(const std::string& path) override {
    const Handle directory(CreateFileW(path_of(path).c_str(), GENERIC_WRITE, kShareAll, nullptr,
                                       OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, nullptr));
    // Where it is not granted, the log of the file system has the names.
    if (!directory.is_open() && code_of(GetLastError()) == Code::kNotFound) {
      return failed("CreateFile", path);
    }
    if (directory.is_open()) FlushFileBuffers(directory.get());
    return Status::ok();
  }

  // Nobody else may open the file for writing while this handle is open; reading who holds it is
  // free.
  Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& directory,
                                                        const std::string& holder) override {
    const std::string path = directory + "/LOCK";
    DWORD error = ERROR_SUCCESS;
    Result<std::unique_ptr<File>> file =
        open_as(path, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ, OPEN_ALWAYS, &error);
    if (!file && error == ERROR_SHARING_VIOLATION) {
      return Status(Code::kLocked, "os: " + directory + " is in use by " + holder_of(path));
    }
    if (!file) return file.error();
    if ((*file)->resize(0)) {
      const Status written = (*file)->write_at(0, as_bytes(holder));
      (void)written;  // The lock holds without its comment.
    }
    return std::unique_ptr<DirectoryLock>(std::make_unique<WindowsLock>(std::move(*file)));
  }

  Result<std::string> identity(const std::string& directory) override {
    const Handle opened(CreateFileW(path_of(directory).c_str(), 0, kShareAll, nullptr,
                                    OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, nullptr));
    BY_HANDLE_FILE_INFORMATION about{};
    if (!opened.is_open() || !GetFileInformationByHandle(opened.get(), &about)) {
      return failed("GetFileInformationByHandle", directory);
    }
    const uint64_t index = (uint64_t{about.nFileIndexHigh} << 32) | about.nFileIndexLow;
    return std::to_string(about.dwVolumeSerialNumber) + ":" + std::to_string(index);
  }

  Result<uint64_t> free_bytes(const std::string& directory) override {
    ULARGE_INTEGER free{};
    if (!GetDiskFreeSpaceExW(path_of(directory).c_str(), &free, nullptr, nullptr)) {
      return failed("GetDiskFreeSpaceEx", directory);
    }
    return uint64_t{free.QuadPart};
  }

  uint64_t now_ns() override {
    return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                     std::chrono::steady_clock::now().time_since_epoch())
                                     .count());
  }
  uint64_t wall_ms() override {
    FILETIME time{};
    GetSystemTimeAsFileTime(&time);
    const uint64_t ticks = (uint64_t{time.dwHighDateTime} << 32) | time.dwLowDateTime;
    return ticks / 10'000 - kUnixEpochMs;
  }

  void random(MutableBytes into) override {
    const NTSTATUS status = BCryptGenRandom(nullptr, into.data(), static_cast<ULONG>(into.size()),
                                            BCRYPT_USE_SYSTEM_PREFERRED_RNG);
    check(status >= 0);
  }

  uint64_t process_id() override { return GetCurrentProcessId(); }
  uint32_t processor_count() override { return std::max(1u, std::thread::hardware_concurrency()); }

  std::unique_ptr<Worker> start(const std::string&, std::function<Step()> step) override {
    return start_thread(std::move(step));
  }
  std::unique_ptr<Gate> gate() override { return make_thread_gate(); }

 private:
  // `error`, where it is given, is why the file could not be opened: whatever is called in between
  // may change what GetLastError() says.
  static Result<std::unique_ptr<File>> open_as(const std::string& path, DWORD access, DWORD share,
                                               DWORD how, DWORD* error = nullptr) {
    const std::wstring units = path_of(path);
    const HANDLE handle =
        CreateFileW(units.c_str(), access, share, nullptr, how, FILE_ATTRIBUTE_NORMAL, nullptr);
    const DWORD reason = handle == INVALID_HANDLE_VALUE ? GetLastError() : ERROR_SUCCESS;
    if (error != nullptr) *error = reason;
    if (reason != ERROR_SUCCESS) return failed("CreateFile", path, reason);
    return std::unique_ptr<File>(std::make_unique<WindowsFile>(handle, path));
  }

  static std::string holder_of(const std::string& path) {
    Result<std::unique_ptr<File>> file = open_as(path, GENERIC_READ, kShareAll, OPEN_EXISTING);
    char said[256];
    const MutableBytes room(reinterpret_cast<uint8_t*>(said), sizeof said);
    const Result<size_t> size = file ? (*file)->read_at(0, room) : Result<size_t>(size_t{0});
    return size && *size > 0 ? std::string(said, *size) : "another process";
  }
};

}  // namespace

Os& native_os() {
  static WindowsOs* const one = new WindowsOs;  // NOLINT: never destroyed, threads may outlive main
  return *one;
}

}  // namespace varve
#endif
