// base/os/os_posix.cc — the machine through POSIX.
#include "base/os/os.h"
#include "base/os/threads.h"

#if !defined(_WIN32)
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

namespace varve {
namespace {

constexpr int kLockTriesMax = 100;
constexpr size_t kHolderBytesMax = 256;

Code code_of(int error) {
  switch (error) {
    case ENOSPC:
    case EFBIG:  // A file may not grow: the limit is another, what to do is the same.
    case EDQUOT: return Code::kNoSpace;
    case ENOENT:
    case ENOTDIR: return Code::kNotFound;
    case EEXIST: return Code::kExists;
    case EACCES:
    case EPERM:
    case EROFS: return Code::kPermission;
    default: return Code::kIo;
  }
}

Status failed(const char* call, const std::string& path, int error = errno) {
  return {code_of(error), std::string("os: ") + call + " " + path + ": " + std::strerror(error)};
}

void name_this_thread(const char* name) {
#if defined(__APPLE__)
  pthread_setname_np(name);
#elif defined(__linux__)
  pthread_setname_np(pthread_self(), name);
#endif
}

class PosixFile final : public File {
 public:
  PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~PosixFile() override { close(descriptor_); }

  Result<size_t> read_at(uint64_t offset, MutableBytes into) override {
    size_t done = 0;
    while (done < into.size()) {
      const ssize_t got = pread(descriptor_, into.data() + done, into.size() - done,
                                static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return failed("pread", path_);
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

  Status write_at(uint64_t offset, Bytes bytes) override {
    size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t put = pwrite(descriptor_, bytes.data() + done, bytes.size() - done,
                                 static_cast<off_t>(offset + done));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return failed("pwrite", path_);
      done += static_cast<size_t>(put);
    }
    return Status::ok();
  }

  Status sync() override {
#if defined(__APPLE__)
    if (fcntl(descriptor_, F_FULLFSYNC) == 0) return Status::ok();
    if (fsync(descriptor_) != 0) return failed("fsync", path_);
#else
    if (fdatasync(descriptor_) != 0) return failed("fdatasync", path_);
#endif
    return Status::ok();
  }

  Result<uint64_t> size() override {
    struct stat about{};
    if (fstat(descriptor_, &about) != 0) return failed("fstat", path_);
    return static_cast<uint64_t>(about.st_size);
  }

  Status resize(uint64_t size) override {
    if (ftruncate(descriptor_, static_cast<off_t>(size)) != 0) return failed("ftruncate", path_);
    return Status::ok();
  }

  Result<bool> allocate([[maybe_unused]] uint64_t size) override {
#if defined(__linux__)
    int done = 0;
    do {
      done = fallocate(descriptor_, 0, 0, static_cast<off_t>(size));
    } while (done != 0 && errno == EINTR);
    if (done == 0) return true;
    if (errno != EOPNOTSUPP && errno != ENOSYS) return failed("fallocate", path_);
#endif
    return false;
  }

  void will_read(uint64_t offset, uint64_t size) override {
#if defined(POSIX_FADV_WILLNEED)
    posix_fadvise(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(size),
                  POSIX_FADV_WILLNEED);
#endif
  }

 private:
  const int descriptor_;
  const std::string path_;
};

class PosixLock final : public DirectoryLock {
 public:
  explicit PosixLock(int descriptor) : descriptor_(descriptor) {}
  ~PosixLock() override { close(descriptor_); }

 private:
  const int descriptor_;
};

class PosixOs final : public Os {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    const int flags = mode == OpenMode::kRead    ? O_RDONLY
                      : mode == OpenMode::kWrite ? O_RDWR
                                                 : O_RDWR | O_CREAT | O_EXCL;
    const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
    if (descriptor < 0) return failed("open", path);
    return std::unique_ptr<File>(std::make_unique<PosixFile>(descriptor, path));
  }

  Status remove(const std::string& path) override {
    return unlink(path.c_str()) == 0 ? Status::ok() : failed("unlink", path);
  }
  Status rename(const std::string& from, const std::string& to) override {
    return ::rename(from.c_str(), to.c_str()) == 0 ? Status::ok() : failed("rename", from);
  }
  Status link(const std::string& from, const std::string& to) override {
    return ::link(from.c_str(), to.c_str()) == 0 ? Status::ok() : failed("link", from);
  }

  Result<bool> exists(const std::string& path) override {
    struct stat about{};
    if (stat(path.c_str(), &about) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return failed("stat", path);
  }

  Result<std::vector<DirectoryEntry>> list(const std::string& directory) override {
    DIR* const opened = opendir(directory.c_str());
    if (opened == nullptr) return failed("opendir", directory);
    std::vector<DirectoryEntry> entries;
    while (const dirent* found = readdir(opened)) {
      const std::string name = found->d_name;
      if (name == "." || name == "..") continue;
      struct stat about{};
      if (fstatat(dirfd(opened), found->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0) continue;
      entries.push_back({name, static_cast<uint64_t>(about.st_size), S_ISDIR(about.st_mode)});
    }
    closedir(opened);
    return entries;
  }

  Status create_directory(const std::string& path) override {
    return mkdir(path.c_str(), 0755) == 0 ? Status::ok() : failed("mkdir", path);
  }
  Status remove_directory(const std::string& path) override {
    return rmdir(path.c_str()) == 0 ? Status::ok() : failed("rmdir", path);
  }

  Status sync_directory(const std::string& path) override {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return failed("open", path);
    const int done = fsync(descriptor);
    Status status = done == 0 ? Status::ok() : failed("fsync", path);
    close(descriptor);
    return status;
  }

  Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& directory,
                                                        const std::string& holder) override {
    const std::string path = directory + "/LOCK";
    for (int tries = 0; tries < kLockTriesMax; ++tries) {
      const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
      if (descriptor < 0) return failed("open", path);
      const int error = flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
      auto lock = std::make_unique<PosixLock>(descriptor);
      if (error == EWOULDBLOCK) return locked_by(descriptor, directory);
      if (error != 0) return failed("flock", path, error);
      if (!is_file_at(descriptor, path)) continue;
      note_holder(descriptor, holder);
      return std::unique_ptr<DirectoryLock>(std::move(lock));
    }
    return Status(Code::kLocked, "os: " + directory + " is being destroyed");
  }

  Result<std::string> identity(const std::string& directory) override {
    struct stat about{};
    if (stat(directory.c_str(), &about) != 0) return failed("stat", directory);
    return std::to_string(about.st_dev) + ":" + std::to_string(about.st_ino);
  }

  Result<uint64_t> free_bytes(const std::string& directory) override {
    struct statvfs about{};
    if (statvfs(directory.c_str(), &about) != 0) return failed("statvfs", directory);
    return static_cast<uint64_t>(about.f_bavail) * about.f_frsize;
  }

  uint64_t now_ns() override {
    return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                     std::chrono::steady_clock::now().time_since_epoch())
                                     .count());
  }
  uint64_t wall_ms() override {
    return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                     std::chrono::system_clock::now().time_since_epoch())
                                     .count());
  }

  void random(MutableBytes into) override {
    const int descriptor = ::open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    check(descriptor >= 0);
    size_t done = 0;
    while (done < into.size()) {
      const ssize_t got = read(descriptor, into.data() + done, into.size() - done);
      check(got > 0 || errno == EINTR);
      if (got > 0) done += static_cast<size_t>(got);
    }
    close(descriptor);
  }

  uint64_t process_id() override { return static_cast<uint64_t>(getpid()); }
  uint32_t processor_count() override { return std::max(1u, std::thread::hardware_concurrency()); }

  std::unique_ptr<Worker> start(const std::string& name, std::function<Step()> step) override {
    return start_thread([name, is_named = false, step = std::move(step)]() mutable {
      if (!std::exchange(is_named, true)) name_this_thread(name.c_str());
      return step();
    });
  }
  std::unique_ptr<Gate> gate() override { return make_thread_gate(); }

 private:
  // Over what the last one said, zeros behind it: cutting a file may wait for the file system's
  // journal, tens of milliseconds. The lock holds without its comment.
  static void note_holder(int descriptor, const std::string& holder) {
    char note[kHolderBytesMax] = {};
    std::memcpy(note, holder.data(), std::min(holder.size(), sizeof note));
    const ssize_t written = pwrite(descriptor, note, sizeof note, 0);
    (void)written;
  }

  static Status locked_by(int descriptor, const std::string& directory) {
    char note[kHolderBytesMax];
    const ssize_t size = pread(descriptor, note, sizeof note, 0);
    const size_t said = size > 0 ? strnlen(note, static_cast<size_t>(size)) : 0;
    const std::string by = said > 0 ? std::string(note, said) : "another process";
    return {Code::kLocked, "os: " + directory + " is in use by " + by};
  }

  // Not if the file was removed after it was opened: who destroys a directory takes its LOCK along,
  // and a lock on that keeps nobody out.
  static bool is_file_at(int descriptor, const std::string& path) {
    struct stat opened{};
    struct stat there{};
    return fstat(descriptor, &opened) == 0 && stat(path.c_str(), &there) == 0 &&
           opened.st_dev == there.st_dev && opened.st_ino == there.st_ino;
  }
};

}  // namespace

Os& native_os() {
  static PosixOs* const one = new PosixOs;  // NOLINT: never destroyed, threads may outlive main
  return *one;
}

}  // namespace varve
#endif
