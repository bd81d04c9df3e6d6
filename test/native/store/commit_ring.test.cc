// The newest commits of a store without a log, for whoever follows it.
#include "store/commit_ring.h"

#include <string>
#include <vector>

#include "test.h"

namespace varve::test {
namespace {

// What is read in one portion, as text; "truncated" at the end where some of it has gone.
std::string read(CommitRing& ring, uint64_t& last, uint64_t through, uint64_t budget_bytes = 1000) {
  std::string all;
  const auto take = [&](uint64_t commit, uint64_t time_ms, Bytes body) {
    expect(time_ms == commit * 10);
    all += std::to_string(commit) + std::string(as_text(body)) + " ";
    return Status::ok();
  };
  Status status = ring.read(last, through, budget_bytes, take);
  expect(status || status.code() == Code::kTruncated);
  return status ? all : all + "truncated";
}

void add(CommitRing& ring, uint64_t commit, const std::string& body) {
  ring.add(commit, commit * 10, as_bytes(body));
}

const Case once("what is committed while somebody follows is handed out in order, and once", [] {
  CommitRing ring(10'000);
  add(ring, 4, "early");
  expect(ring.begin(4) == 4);
  add(ring, 5, "a");
  add(ring, 9, "b");
  add(ring, 10, "c");
  uint64_t last = 4;
  expect(read(ring, last, 9) == "5a 9b " && last == 9);
  expect(read(ring, last, 9).empty() && last == 9);
  expect(read(ring, last, 10) == "10c " && last == 10);
  last = 4;
  expect(read(ring, last, 10, 1) == "5a " && last == 5);
  expect(read(ring, last, 7).empty() && last == 7);  // No commit has these numbers.
});

const Case shared("each follows by itself, and the last to end lets all go", [] {
  CommitRing ring(10'000);
  expect(ring.begin(0) == 0 && ring.bytes() == 0);
  add(ring, 1, "a");
  expect(ring.bytes() > 1);
  expect(ring.begin(1) == 0);
  ring.end();
  add(ring, 2, "b");
  uint64_t last = 0;
  expect(read(ring, last, 2) == "1a 2b ");
  ring.end();
  add(ring, 3, "nobody");
  expect(ring.begin(3) == 3);
  last = 2;
  expect(read(ring, last, 3) == "truncated" && last == 2);
});

const Case bounded("the oldest go beyond its limit, and the newest stays however large it is", [] {
  CommitRing ring(1000);
  expect(ring.begin(0) == 0);
  for (uint64_t commit = 1; commit <= 20; ++commit) add(ring, commit, std::string(100, 'x'));
  uint64_t last = 0;
  expect(read(ring, last, 20) == "truncated" && last == 0);
  const uint64_t floor = ring.begin(20);
  expect(floor > 10 && floor < 19);
  last = floor;
  while (last < 20) expect(!read(ring, last, 20).empty());
  const std::string large(5000, 'y');
  add(ring, 21, large);
  expect(read(ring, last, 21) == "21" + large + " ");
});

}  // namespace
}  // namespace varve::test
