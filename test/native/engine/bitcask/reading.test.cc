// What the bitcask engine reads of its files, and when: no value that is not wanted, and those that
// are before they are waited for.
#include <algorithm>

#include "engine/bitcask/bitcask_subject.h"
#include "engine/compare.h"

namespace varve::test {
namespace {

using Reads = std::vector<HastyOs::Read>;

std::string key_of(int number) { return "key" + std::to_string(1000 + number); }

// So many values of a size, at rest and found again.
Oracle written(Subject& subject, int count, size_t value_bytes) {
  Oracle oracle;
  oracle.begin_commit();
  for (int i = 0; i < count; ++i) {
    oracle.put(key_of(i), std::string(value_bytes, static_cast<char>('a' + i % 26)));
  }
  expect_ok(oracle.absorb_into(*subject.engine));
  expect_ok(subject.reopen(subject));
  return oracle;
}

size_t waited_for(const Reads& reads) {
  return static_cast<size_t>(std::count_if(
      reads.begin(), reads.end(), [](const HastyOs::Read& read) { return !read.is_announced; }));
}

// How many were announced before the first that was waited for.
size_t announced_first(const Reads& reads) {
  const auto waited = std::find_if(reads.begin(), reads.end(),
                                   [](const HastyOs::Read& read) { return !read.is_announced; });
  return static_cast<size_t>(waited - reads.begin());
}

void one_read_a_get() {
  Subject subject = open_bitcask_subject();
  const Oracle oracle = written(subject, 100, 300);
  Reads reads;
  bitcask_ground_of(subject).os.note_reads(&reads);
  const Reading reading(subject);
  const Compare compare(subject, subject.engine->version(), oracle);
  for (int i = 0; i < 100; i += 7) {
    reads.clear();
    expect_ok(compare.get(key_of(i), UINT64_MAX, true));
    expect(reads.size() == 1);
    expect_ok(compare.get(key_of(i), UINT64_MAX, false));
    expect_ok(compare.get("no" + key_of(i), UINT64_MAX, true));
    expect(reads.size() == 1);
  }
  bitcask_ground_of(subject).os.note_reads(nullptr);
}

void misses_overlap() {
  Subject subject = open_bitcask_subject();
  const Oracle oracle = written(subject, 100, 300);
  std::vector<std::string> keys;
  for (int i = 0; i < 100; i += 3) keys.push_back(key_of(i * 31 % 100));
  Reads reads;
  bitcask_ground_of(subject).os.note_reads(&reads);
  const Reading reading(subject);
  const Compare compare(subject, subject.engine->version(), oracle);
  std::vector<PointQuery> queries;
  for (const std::string& key : keys) queries.push_back({as_bytes(key), subject.hash(key), {}});
  expect_ok(subject.engine->version().get_many(queries, UINT64_MAX));
  expect(announced_first(reads) == keys.size());
  expect(waited_for(reads) == keys.size());
  bitcask_ground_of(subject).os.note_reads(nullptr);
}

void keys_alone() {
  Subject subject = open_bitcask_subject();
  const Oracle oracle = written(subject, 100, 2000);
  Reads reads;
  bitcask_ground_of(subject).os.note_reads(&reads);
  const Reading reading(subject);
  const EngineVersion& version = subject.engine->version();
  int count = 0;
  const auto keys = version.scan({}, UINT64_MAX, Direction::kReverse);
  for (; keys->valid(); keys->next()) ++count;
  expect(count == 100 && reads.empty());
  const auto entries = version.scan({}, UINT64_MAX, Direction::kForward);
  expect(drain(version, *entries) == oracle.scan({}, UINT64_MAX));
  expect(waited_for(reads) == 100);
  expect(reads.size() > 180);  // Nearly all of them were announced.
  bitcask_ground_of(subject).os.note_reads(nullptr);
}

const Case get("bitcask: a get that misses the cache is one read, and what is absent none",
               one_read_a_get);
const Case many("bitcask: misses of many keys are announced before one is waited for",
                misses_overlap);
const Case scan(
    "bitcask: a scan reads no value of 1 KB that nobody wants, and announces the others",
    keys_alone);

}  // namespace
}  // namespace varve::test
