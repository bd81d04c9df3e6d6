// test/native/main.cc — runs the cases, and names the slow ones.
//   core_tests [filter] [--seed=N] [--seeds=N] [--count] [--claims=FOLDER]
// --count says how many there are and runs none. Several processes given one empty folder share the
// cases: each is run by who first makes a folder of its number there.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "test.h"

namespace varve::test {
namespace {

struct Registered {
  std::string sentence;
  const char* file;
  std::function<void()> body;
};

std::vector<Registered>& cases() {
  static std::vector<Registered> all;
  return all;
}

constexpr double kSlowSeconds = 5;

struct State {
  uint64_t seed = 1;
  uint64_t seed_count = 200;
  int failures_here = 0;
  int directory_count = 0;
  std::string root;
  std::string claims;  // Empty: all cases are ours.
  bool counts = false;
};

State& state() {
  static State one;
  return one;
}

void fail(const char* file, int line, const std::string& what) {
  ++state().failures_here;
  if (state().failures_here <= 5) {
    std::fprintf(stderr, "  %s:%d: %s (seed %llu)\n", file, line, what.c_str(),
                 static_cast<unsigned long long>(state().seed));
  }
}

bool is_asked_for(const Registered& one, const std::string& filter) {
  return filter.empty() || one.sentence.find(filter) != std::string::npos ||
         std::strstr(one.file, filter.c_str()) != nullptr;
}

int say_count(const std::string& filter) {
  size_t count = 0;
  for (const Registered& one : cases()) count += is_asked_for(one, filter) ? 1 : 0;
  std::printf("%zu\n", count);
  return 0;
}

bool claim(size_t number) {
  if (state().claims.empty()) return true;
  return std::filesystem::create_directory(state().claims + "/" + std::to_string(number));
}

}  // namespace

Case::Case(std::string sentence, std::function<void()> body, const char* file) {
  cases().push_back({std::move(sentence), file, std::move(body)});
}

void expect(bool holds, const char* file, int line) {
  if (!holds) fail(file, line, "expectation failed");
}
void expect_ok(const Status& status, const char* file, int line) {
  if (!status) fail(file, line, status.message());
}
void require(bool holds, const char* file, int line) {
  if (holds) return;
  std::fprintf(stderr, "  %s:%d: requirement failed\n0 passed, 1 failed\n", file, line);
  std::exit(1);
}
int failure_count() { return state().failures_here; }
uint64_t seed() { return state().seed; }
uint64_t seed_count() { return state().seed_count; }

std::string scratch_directory() {
  const std::string path = state().root + "/" + std::to_string(++state().directory_count);
  std::filesystem::create_directories(path);
  return path;
}

}  // namespace varve::test

int main(int count, char** arguments) {
  using namespace varve::test;
  std::string filter;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    if (argument.starts_with("--seed=")) state().seed = std::stoull(argument.substr(7));
    else if (argument.starts_with("--seeds=")) state().seed_count = std::stoull(argument.substr(8));
    else if (argument.starts_with("--claims=")) state().claims = argument.substr(9);
    else if (argument == "--count") state().counts = true;
    else filter = argument;
  }
  if (state().counts) return say_count(filter);
  const std::string stamp = std::to_string(std::random_device{}());
  state().root = (std::filesystem::temp_directory_path() / ("varve-tests-" + stamp)).string();
  int passed = 0;
  int failed = 0;
  for (size_t number = 0; number < cases().size(); ++number) {
    const Registered& one = cases()[number];
    if (!is_asked_for(one, filter) || !claim(number)) continue;
    state().failures_here = 0;
    const auto begun = std::chrono::steady_clock::now();
    one.body();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begun;
    if (taken.count() > kSlowSeconds) {
      std::printf("%.0f s: %s: %s\n", taken.count(), one.file, one.sentence.c_str());
    }
    if (state().failures_here == 0) {
      ++passed;
    } else {
      ++failed;
      std::fprintf(stderr, "FAILED %s: %s\n", one.file, one.sentence.c_str());
    }
  }
  std::error_code ignored;
  std::filesystem::remove_all(state().root, ignored);
  std::printf("%d passed, %d failed\n", passed, failed);
  const bool has_run = passed > 0 || !state().claims.empty();
  return failed == 0 && has_run ? 0 : 1;
}
