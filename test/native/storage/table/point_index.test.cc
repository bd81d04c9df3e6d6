// The point index: how entries are divided, that every key is found through it, and what happens
// when it cannot hold them all.
#include "storage/table/point_index.h"

#include <set>
#include <string>

#include "base/random.h"
#include "storage/table/layout.h"
#include "storage/table/written_table.h"

namespace varve::test {
namespace {

std::string numbered_key(uint64_t number) { return "key" + std::to_string(1'000'000 + number); }

// Several versions of some keys, so that slots and keys do not count alike.
std::vector<Version> some_versions(size_t key_count) {
  std::vector<Version> versions;
  for (size_t i = 0; i < key_count; ++i) {
    for (uint64_t commit = 9; commit > (i % 5 == 0 ? 4 : 8); --commit) {
      versions.push_back({numbered_key(2 * i), commit, EditKind::kPut, 0, 0,
                          std::to_string(i) + '@' + std::to_string(commit)});
    }
  }
  return versions;
}

// Keys of sixteen bytes that all have one hash, whatever its seed: their first half makes one
// factor of the hash's multiplication zero.
std::string colliding_key(uint64_t number) {
  std::string key;
  append<uint64_t>(key, hash_detail::kB);
  uint8_t tail[8];
  store_big64(tail, number);
  append(key, Bytes(tail, 8));
  return key;
}

const Case layouts("a fingerprint keeps the bits it was promised, and no place is all ones", [] {
  for (const uint32_t fingerprint_bits : {8u, 9u, 16u, 24u, 31u}) {
    for (int block_bits = 0; block_bits <= 32; ++block_bits) {
      for (const uint64_t blocks : {uint64_t{1} << block_bits, (uint64_t{1} << block_bits) - 1}) {
        for (const uint32_t slot_max : {0u, 1u, 340u, 65535u, (1u << 30) - 1}) {
          const PointLayout layout = point_layout(blocks, slot_max, fingerprint_bits);
          expect(layout.location_bits <= 32 - fingerprint_bits);
          if (blocks == 0) continue;
          const uint64_t last = (blocks - 1) << layout.slot_bits | slot_max;
          expect(last >> layout.coarse_bits < (uint64_t{1} << layout.location_bits) - 1);
          const bool fits = (blocks << layout.slot_bits) < uint64_t{1} << (32 - fingerprint_bits);
          expect(fits == (layout.coarse_bits == 0));
        }
      }
    }
  }
});

const Case filled("every key lies in one of its two buckets, once", [] {
  Random random(seed());
  for (const size_t count : {0, 1, 15, 16, 17, 500, 20'000}) {
    std::vector<uint64_t> hashes(count);
    std::vector<uint32_t> locations(count);
    for (size_t i = 0; i < count; ++i) {
      hashes[i] = random.next();
      locations[i] = static_cast<uint32_t>(i);
    }
    const PointIndex index = fill_point_index(hashes, locations, 16);
    const size_t bucket_bytes = kBucketCount * 4;
    expect(index.is_whole && index.bytes.size() % bucket_bytes == 0);
    expect(index.bytes.size() <= count * 43 / 10 + 3 * bucket_bytes);
    const Bytes bytes = as_bytes(index.bytes);
    const uint32_t bucket_count = static_cast<uint32_t>(bytes.size() / bucket_bytes);
    size_t found = 0;
    for (size_t i = 0; i < count; ++i) {
      const PointPlace place = point_place(hashes[i], bucket_count);
      const uint32_t entry = point_fingerprint(hashes[i], 16) | locations[i];
      for (const uint32_t bucket : std::set<uint32_t>{place.first, place.second}) {
        for (size_t at = 0; at < bucket_bytes; at += 4) {
          found += load<uint32_t>(bytes.data() + bucket * bucket_bytes + at) == entry;
        }
      }
    }
    expect(found == count);
  }
});

const Case coarse("a table answers the same however coarse the places in its point index are", [] {
  for (const uint32_t fingerprint_bits : {8u, 18u, 22u, 26u, 29u, 31u}) {
    WrittenTable bench;
    bench.options.block_bytes = 256;
    bench.options.fingerprint_bits_min = fingerprint_bits;
    bench.write(some_versions(3000));
    expect_ok(bench.open());
    require(bench.table != nullptr);
    for (uint64_t i = 0; i < 6000; ++i) {
      bench.check_get(numbered_key(i), UINT64_MAX);
      bench.check_get(numbered_key(i), 6);
    }
    bench.check_get("", UINT64_MAX);
    bench.check_get("z", UINT64_MAX);
    std::vector<VerifyProblem> problems;
    expect_ok(bench.table->verify(problems));
    expect(problems.empty());
  }
});

const Case one_hash("keys of one hash end in a table that is written, and finds them all", [] {
  const std::vector<uint64_t> hashes(100, 0x1234567890abcdef);
  const PointIndex index = fill_point_index(hashes, std::vector<uint32_t>(100, 0), 8);
  expect(!index.is_whole);

  std::vector<Version> versions;
  for (uint64_t i = 0; i < 400; i += 2) {
    versions.push_back({colliding_key(i), i + 1, EditKind::kPut, 0, 0, std::to_string(i)});
    expect(hash64(as_bytes(versions.back().key), WrittenTable::kHashSeed) ==
           hash64(as_bytes(versions.front().key), WrittenTable::kHashSeed));
  }
  for (Version& version : some_versions(2000)) versions.push_back(std::move(version));
  std::stable_sort(versions.begin(), versions.end(), [](const Version& a, const Version& b) {
    return is_before(a, b.key, b.commit);
  });
  WrittenTable bench;
  bench.options.block_bytes = 512;
  bench.write(std::move(versions));
  expect_ok(bench.open());
  require(bench.table != nullptr);
  for (uint64_t i = 0; i < 401; ++i) bench.check_get(colliding_key(i), UINT64_MAX);
  for (uint64_t i = 0; i < 4000; ++i) bench.check_get(numbered_key(i), UINT64_MAX);
  for (uint64_t i = 0; i < 400; i += 2) bench.check_get(colliding_key(i), i);
  std::vector<VerifyProblem> problems;
  expect_ok(bench.table->verify(problems));
  expect(problems.empty());
});

}  // namespace
}  // namespace varve::test
