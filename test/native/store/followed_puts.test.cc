// What the newest commits put under a prefix, for whoever goes from commit to commit.
#include "store/followed_puts.h"

#include <string>

#include "test.h"

namespace varve::test {
namespace {

constexpr uint64_t kBytesMax = FollowedPuts::kRingsMax * 1000;

void put(FollowedPuts& followed, uint64_t commit, const std::string& key,
         const std::string& value) {
  Batch batch(1);
  batch.put(as_bytes(key), as_bytes(value));
  batch.finish();
  followed.add(batch, commit);
}

// As text; "unknown" where not all is known.
std::string read(FollowedPuts& followed, const std::string& prefix, uint64_t since,
                 uint64_t through) {
  std::string all;
  const bool is_known = followed.read(prefix, since, through, [&](Bytes key, Bytes value) {
    all += std::string(as_text(key)) + "=" + std::string(as_text(value)) + " ";
  });
  expect(is_known || all.empty());
  return is_known ? all : "unknown";
}

const Case in_order("puts under a prefix are known from the commit after the first question on",
                    [] {
                      FollowedPuts followed(kBytesMax);
                      put(followed, 3, "p-early", "1");
                      expect(followed.ring_count() == 0);
                      expect(read(followed, "p-", 0, 3) == "unknown");
                      expect(read(followed, "p-", 3, 3) ==
                             "unknown");  // A commit may be on its way.
                      put(followed, 4, "p-a", "1");
                      put(followed, 5, "q-a", "1");
                      put(followed, 6, "p-a", "2");
                      expect(read(followed, "p-", 3, 6) == "a=1 a=2 ");
                      expect(read(followed, "p-", 4, 6) == "a=2 ");
                      expect(read(followed, "p-", 3, 5) == "a=1 ");  // As of an older commit.
                      expect(read(followed, "p-", 6, 6).empty());
                      expect(read(followed, "p-", 2, 6) == "unknown");
                      expect(read(followed, "q-", 3, 6) == "unknown");
                    });

const Case deleted("a deletion has to be looked up, but for a silent one", [] {
  FollowedPuts followed(kBytesMax);
  const auto erase = [&](uint64_t commit, bool is_silent) {
    Batch batch(1);
    if (is_silent)
      batch.erase_silently(as_bytes("p-a"));
    else
      batch.erase(as_bytes("p-a"));
    batch.finish();
    followed.add(batch, commit);
  };
  const auto erase_range = [&](uint64_t commit, const std::string& begin, const std::string& end) {
    Batch batch(1);
    batch.erase_range(as_bytes(begin), as_bytes(end));
    batch.finish();
    followed.add(batch, commit);
  };
  expect(read(followed, "p-", 1, 1) == "unknown");
  put(followed, 2, "p-a", "1");
  erase(3, true);
  expect(read(followed, "p-", 1, 3) == "a=1 ");
  erase(4, false);
  expect(read(followed, "p-", 3, 4) == "unknown");
  expect(read(followed, "p-", 4, 4).empty());
  put(followed, 5, "p-b", "1");
  erase_range(6, "a", "o");
  erase_range(7, "q", "z");
  expect(read(followed, "p-", 4, 7) == "b=1 ");
  for (const auto& [begin, end] : {std::pair("a", "z"), {"p-b", "p-c"}, {"o", "p-a"}}) {
    erase_range(8, begin, end);
    expect(read(followed, "p-", 7, 8) == "unknown");
  }
});

const Case bounded("the oldest go, and with those that nobody has seen, all: it is bounded", [] {
  FollowedPuts followed(kBytesMax);
  expect(read(followed, "p-", 1, 1) == "unknown");
  const std::string value(50, 'v');
  for (uint64_t commit = 2; commit < 200; ++commit) {
    put(followed, commit, "p-a", value);
    expect(followed.size_bytes() <= 1000);
    expect(read(followed, "p-", commit - 1, commit) == "a=" + value + " ");
  }
  expect(read(followed, "p-", 2, 199) == "unknown");
  expect(read(followed, "p-", 195, 199) != "unknown");
  for (uint64_t commit = 200; commit < 230; ++commit) put(followed, commit, "p-a", value);
  expect(followed.ring_count() == 0 && followed.size_bytes() == 0);
  expect(read(followed, "p-", 229, 229) == "unknown");
});

const Case large("a put that has no room makes all before it unknown, and no more", [] {
  FollowedPuts followed(kBytesMax);
  expect(read(followed, "p-", 1, 1) == "unknown");
  put(followed, 2, "p-a", std::string(2000, 'v'));
  expect(read(followed, "p-", 1, 2) == "unknown");
  put(followed, 3, "p-b", "1");
  expect(read(followed, "p-", 2, 3) == "b=1 ");
});

const Case many("of more prefixes than there is room for, the one asked for longest ago goes", [] {
  FollowedPuts followed(kBytesMax);
  for (size_t i = 0; i <= FollowedPuts::kRingsMax; ++i) {
    expect(read(followed, "p" + std::to_string(i) + "-", 1, 1) == "unknown");
  }
  expect(followed.ring_count() == FollowedPuts::kRingsMax);
  put(followed, 2, "p1-a", "1");
  expect(read(followed, "p1-", 1, 2) == "a=1 ");
  expect(read(followed, "p0-", 1, 2) == "unknown");
});

}  // namespace
}  // namespace varve::test
