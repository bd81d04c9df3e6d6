// The machine's interface, on the machine that this runs on and on the simulated one.
#include "base/os/os.h"

#if defined(__linux__)
#include <pthread.h>
#endif

#include <algorithm>
#include <atomic>
#include <string>

#include "base/os/os_simulated.h"
#include "test.h"

namespace varve::test {
namespace {

MutableBytes room(std::string& text) {
  return {reinterpret_cast<uint8_t*>(text.data()), text.size()};
}

std::string read_all(Os& os, const std::string& path) {
  Result<std::unique_ptr<File>> file = os.open(path, OpenMode::kRead);
  require(static_cast<bool>(file));
  std::string text(100, '\0');
  const Result<size_t> got = (*file)->read_at(0, room(text));
  require(static_cast<bool>(got));
  return text.substr(0, *got);
}

void write_file(Os& os, const std::string& path, const std::string& text) {
  Result<std::unique_ptr<File>> file = os.open(path, OpenMode::kCreate);
  require(static_cast<bool>(file));
  expect_ok((*file)->write_at(0, as_bytes(text)));
  expect_ok((*file)->sync());
}

void check_files(Os& os, const std::string& root) {
  const std::string path = root + "/файл \xe6\xbc\xa2.bin";
  expect(os.open(path, OpenMode::kRead).code() == Code::kNotFound);
  expect(os.open(path, OpenMode::kWrite).code() == Code::kNotFound);
  write_file(os, path, "hello");
  expect(os.open(path, OpenMode::kCreate).code() == Code::kExists);
  Result<std::unique_ptr<File>> file = os.open(path, OpenMode::kWrite);
  require(static_cast<bool>(file));
  expect_ok((*file)->write_at(8, as_bytes("behind a gap")));
  expect(*(*file)->size() == 20);
  std::string text(5, 'x');
  expect(*(*file)->read_at(18, room(text)) == 2 && text == "apxxx");
  expect(*(*file)->read_at(50, room(text)) == 0);
  expect_ok((*file)->resize(4));
  expect_ok((*file)->sync());
  expect(read_all(os, path) == "hell");
  const Result<bool> allocated = (*file)->allocate(10);
  expect(static_cast<bool>(allocated));
  if (*allocated) expect(read_all(os, path) == std::string("hell\0\0\0\0\0\0", 10));
  expect(*(*file)->allocate(2) == *allocated && *(*file)->size() == (*allocated ? 10u : 4u));
  // What is open may be removed, and is gone when it is closed.
  expect_ok(os.remove(path));
  file->reset();
  expect(!*os.exists(path));
  expect(os.remove(path).code() == Code::kNotFound);
}

void check_names(Os& os, const std::string& root) {
  write_file(os, root + "/a", "first");
  write_file(os, root + "/b", "second");
  expect_ok(os.rename(root + "/a", root + "/b"));
  expect(read_all(os, root + "/b") == "first" && !*os.exists(root + "/a"));
  expect(os.rename(root + "/a", root + "/c").code() == Code::kNotFound);
  expect_ok(os.link(root + "/b", root + "/c"));
  expect(os.link(root + "/b", root + "/c").code() == Code::kExists);
  expect_ok(os.remove(root + "/b"));
  expect(read_all(os, root + "/c") == "first");

  const std::string folder = root + "/folder";
  expect_ok(os.create_directory(folder));
  expect(os.create_directory(folder).code() == Code::kExists);
  expect(os.create_directory(root + "/none/deeper").code() == Code::kNotFound);
  write_file(os, folder + "/inside", "x");
  expect_ok(os.sync_directory(folder));
  expect(!os.remove_directory(folder));
  Result<std::vector<DirectoryEntry>> entries = os.list(root);
  require(static_cast<bool>(entries));
  const auto is_there = [&](const std::string& name, bool is_directory, uint64_t size) {
    return std::any_of(entries->begin(), entries->end(), [&](const DirectoryEntry& entry) {
      return entry.name == name && entry.is_directory == is_directory &&
             (is_directory || entry.size == size);
    });
  };
  expect(is_there("c", false, 5) && is_there("folder", true, 0));
  expect(os.list(root + "/none").code() == Code::kNotFound);
  expect_ok(os.remove(folder + "/inside"));
  expect_ok(os.remove_directory(folder));
}

void check_long_paths(Os& os, const std::string& root) {
  std::vector<std::string> folders = {root};
  for (int i = 0; i < 8; ++i) {
    folders.push_back(folders.back() + "/" + std::string(50, static_cast<char>('a' + i)));
    expect_ok(os.create_directory(folders.back()));
  }
  write_file(os, folders.back() + "/deep", "down");
  expect(read_all(os, folders.back() + "/deep") == "down");
  expect_ok(os.remove(folders.back() + "/deep"));
  for (; folders.size() > 1; folders.pop_back()) expect_ok(os.remove_directory(folders.back()));
}

void check_locks(Os& os, const std::string& root) {
  {
    Result<std::unique_ptr<DirectoryLock>> first = os.lock_directory(root, "the first");
    expect_ok(first.error());
    Result<std::unique_ptr<DirectoryLock>> second = os.lock_directory(root, "the second");
    expect(second.code() == Code::kLocked);
    expect(second.error().message().find("the first") != std::string::npos);
  }
  expect_ok(os.lock_directory(root, std::string(1000, 'x')).error());
  {
    // Nothing is left of what others said.
    const Result<std::unique_ptr<DirectoryLock>> third = os.lock_directory(root, "the third");
    expect_ok(third.error());
    const Status refused = os.lock_directory(root, "the fourth").error();
    expect(refused.message().find("the third") + std::string("the third").size() ==
           refused.message().size());
  }
  expect(os.lock_directory(root + "/none", "nobody").code() == Code::kNotFound);
  expect(*os.identity(root) ==
         *os.identity(root + "/../" + root.substr(root.find_last_of('/') + 1)));
}

void check_rest(Os& os, const std::string& root) {
  const Result<uint64_t> free = os.free_bytes(root);
  expect(free && *free > 0);
  const uint64_t before = os.now_ns();
  expect(os.now_ns() >= before && os.wall_ms() > 1'600'000'000'000);
  std::string a(32, '\0');
  std::string b(32, '\0');
  os.random(room(a));
  os.random(room(b));
  expect(a != b);
  // A step follows each wake, and a gate lets through who waits for it.
  std::atomic<int> steps{0};
  const std::unique_ptr<Gate> gate = os.gate();
  const std::unique_ptr<Worker> worker = os.start("test", [&] {
    ++steps;
    gate->open();
    return Step::idle();
  });
  for (int wanted = 1; wanted < 20; ++wanted) {
    for (uint64_t ticket = gate->ticket(); steps.load() < wanted; ticket = gate->ticket()) {
      gate->wait(ticket, UINT64_MAX);
    }
    worker->wake();
  }
}

const Case native("the machine's files, names, locks, clocks and workers are as the interface says",
                  [] {
                    const std::string root = scratch_directory();
                    check_files(native_os(), root);
                    check_names(native_os(), root);
                    check_long_paths(native_os(), root);
                    check_locks(native_os(), root);
                    check_rest(native_os(), root);
                  });

#if defined(__linux__)
const Case named("a worker's thread is called what the worker is", [] {
  Os& os = native_os();
  const std::unique_ptr<Gate> gate = os.gate();
  char name[16] = {};
  const uint64_t ticket = gate->ticket();
  const std::unique_ptr<Worker> worker = os.start("varve-maintain", [&] {
    pthread_getname_np(pthread_self(), name, sizeof name);
    gate->open();
    return Step::idle();
  });
  gate->wait(ticket, UINT64_MAX);
  expect(std::string(name) == "varve-maintain");
});
#endif

const Case simulated("the simulated machine is as the interface says", [] {
  SimulatedOs os(seed());
  expect_ok(os.create_directory("/root"));
  check_files(os, "/root");
  check_names(os, "/root");
  check_long_paths(os, "/root");
  check_rest(os, "/root");
});

}  // namespace
}  // namespace varve::test
