// Replays the seeds of every fuzz target, and seeded changes of them: a little fuzzing wherever the
// native tests run, and what a fuzzer once found stays found.
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "../fuzz/fuzz.h"
#include "base/os/os.h"
#include "base/random.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr int kChangedCount = 100;  // Of each seed.

std::vector<std::string> seeds_of(const std::string& target) {
  const std::string folder = "test/fuzz/corpus/" + target;
  const Result<std::vector<DirectoryEntry>> entries = native_os().list(folder);
  std::vector<std::string> seeds;
  if (!entries) return seeds;
  for (const DirectoryEntry& entry : *entries) {
    Result<std::unique_ptr<File>> file =
        native_os().open(folder + "/" + entry.name, OpenMode::kRead);
    require(static_cast<bool>(file));
    std::string bytes(entry.size, '\0');
    const Result<size_t> got =
        (*file)->read_at(0, MutableBytes(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()));
    require(got && *got == bytes.size());
    seeds.push_back(std::move(bytes));
  }
  return seeds;
}

std::string changed(std::string bytes, Random& random) {
  for (uint64_t count = 1 + random.below(6); count > 0 && !bytes.empty(); --count) {
    const size_t at = random.below(bytes.size());
    switch (random.below(4)) {
      case 0: bytes[at] = static_cast<char>(random.next()); break;
      case 1: bytes[at] ^= static_cast<char>(1 << random.below(8)); break;
      case 2: bytes.erase(at, random.below(20)); break;
      default: bytes.insert(at, bytes, random.below(bytes.size()), random.below(20)); break;
    }
  }
  return bytes;
}

const Case replayed("every seed of every fuzz target, and what is near it, is read without harm",
                    [] {
                      Random random(seed());
                      for (const fuzz::Registered& target : fuzz::targets()) {
                        const std::vector<std::string> seeds = seeds_of(target.name);
                        expect(!seeds.empty());
                        for (const std::string& bytes : seeds) {
                          target.body(as_bytes(bytes));
                          for (int i = 0; i < kChangedCount; ++i)
                            target.body(as_bytes(changed(bytes, random)));
                        }
                      }
                      expect(!fuzz::targets().empty());
                    });

}  // namespace
}  // namespace varve::test
