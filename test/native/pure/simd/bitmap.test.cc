// test/native/pure/simd/bitmap.test.cc — every filling of the bitmap kernels this CPU can run, held
// to the scalar one on random and on awkward inputs.
#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "base/random.h"
#include "pure/simd/simd.h"
#include "test.h"

namespace varve {
namespace {

using test::expect;
using Lists = std::vector<uint16_t>;

std::vector<const Kernels*> fillings() {
  const Kernels* all[kTablesMax] = {};
  const size_t count = all_kernels(all);
  return {all, all + count};
}

// All zeros, all ones, one bit in 256, half, all but one in 256.
std::vector<uint8_t> bits_of(Random& random, size_t size) {
  std::vector<uint8_t> bytes(size);
  const uint64_t shape = random.below(5);
  for (uint8_t& byte : bytes) {
    const uint8_t noise = static_cast<uint8_t>(random.next());
    const uint8_t few = random.one_in(32) ? static_cast<uint8_t>(1u << (noise & 7)) : 0;
    const uint8_t shapes[] = {0, 0xff, few, noise, static_cast<uint8_t>(~few)};
    byte = shapes[shape];
  }
  return bytes;
}

Lists list_of(Random& random, size_t count_max) {
  const size_t wanted = random.below(count_max + 1);
  const uint64_t spread = random.one_in(2) ? 65536 : std::max<uint64_t>(wanted * 2, 1);
  const uint64_t base = random.below(65536 - std::min<uint64_t>(spread, 65535));
  Lists list;
  for (size_t index = 0; index < wanted; ++index) {
    list.push_back(static_cast<uint16_t>(std::min<uint64_t>(base + random.below(spread), 65535)));
  }
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
  return list;
}

const test::Case there("the table that is chosen is one of those this CPU can run", [] {
  const std::vector<const Kernels*> all = fillings();
  expect(std::string(all.front()->name) == "scalar");
  expect(std::count(all.begin(), all.end(), &kernels()) == 1);
});

const test::Case bits("every filling joins and counts bits as the scalar one, at any size", [] {
  Random random(test::seed());
  const BitmapKernels& scalar = fillings().front()->bitmap;
  for (int round = 0; round < 400; ++round) {
    const size_t size = round % 4 == 0 ? 8192 : random.below(700);
    const std::vector<uint8_t> a = bits_of(random, size);
    const std::vector<uint8_t> b = bits_of(random, size);
    for (const Kernels* filling : fillings()) {
      const BitmapKernels& kernel = filling->bitmap;
      expect(kernel.count(a.data(), size) == scalar.count(a.data(), size));
      for (size_t op = 0; op < kSetOpCount; ++op) {
        std::vector<uint8_t> wanted(size);
        std::vector<uint8_t> made(size);
        std::vector<uint8_t> in_place = a;
        const uint64_t count = scalar.join[op](wanted.data(), a.data(), b.data(), size);
        expect(kernel.join[op](made.data(), a.data(), b.data(), size) == count);
        expect(kernel.join[op](in_place.data(), in_place.data(), b.data(), size) == count);
        expect(kernel.join_count[op](a.data(), b.data(), size) == count);
        expect(made == wanted && in_place == wanted);
      }
    }
  }
});

const test::Case positions("every filling lists the bits that are set, and counts their runs", [] {
  Random random(test::seed() + 1);
  for (int round = 0; round < 200; ++round) {
    const size_t size = 8 * random.below(1025);
    const std::vector<uint8_t> bytes = bits_of(random, size);
    Lists wanted;
    uint32_t runs = 0;
    for (size_t bit = 0; bit < size * 8; ++bit) {
      if ((bytes[bit / 8] >> (bit % 8) & 1) == 0) continue;
      runs += wanted.empty() || wanted.back() + size_t{1} != bit;
      wanted.push_back(static_cast<uint16_t>(bit));
    }
    for (const Kernels* filling : fillings()) {
      Lists made(wanted.size() + 4);
      expect(filling->bitmap.positions(bytes.data(), size, made.data()) == wanted.size());
      made.resize(wanted.size());
      expect(made == wanted);
      expect(filling->bitmap.run_count(bytes.data(), size) == runs);
    }
  }
});

const test::Case lists(
    "every filling intersects and unites lists as the standard library does", [] {
      Random random(test::seed() + 2);
      for (int round = 0; round < 2000; ++round) {
        const size_t most = round % 3 == 0 ? 40 : 4096;
        const Lists a = list_of(random, most);
        const Lists b = random.one_in(8) ? a : list_of(random, random.one_in(2) ? most : 20);
        Lists both;
        Lists either;
        std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
        std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(either));
        for (const Kernels* filling : fillings()) {
          const BitmapKernels& kernel = filling->bitmap;
          Lists made(a.size() + b.size() + 16);
          const size_t common =
              kernel.intersect(a.data(), a.size(), b.data(), b.size(), made.data());
          expect(Lists(made.begin(), made.begin() + static_cast<ptrdiff_t>(common)) == both);
          const ListPair pair{a.data(), b.data(), static_cast<uint32_t>(a.size()),
                              static_cast<uint32_t>(b.size())};
          const ListPair turned{b.data(), a.data(), pair.b_count, pair.a_count};
          const ListPair pairs[] = {pair, turned, pair};
          for (size_t count = 0; count <= 3; ++count) {
            expect(kernel.count_common(pairs, count) == count * both.size());
          }
          const size_t united = kernel.unite(a.data(), a.size(), b.data(), b.size(), made.data());
          expect(Lists(made.begin(), made.begin() + static_cast<ptrdiff_t>(united)) == either);
        }
      }
    });

const test::Case strangers("lists that do not rise never lead outside of the room", [] {
  Random random(test::seed() + 3);
  for (int round = 0; round < 500; ++round) {
    Lists a(random.below(200));
    Lists b(random.below(200));
    const uint64_t spread = random.one_in(2) ? 65536 : 9;
    for (uint16_t& member : a) member = static_cast<uint16_t>(random.below(spread));
    for (uint16_t& member : b) member = static_cast<uint16_t>(random.below(spread));
    for (const Kernels* filling : fillings()) {
      const BitmapKernels& kernel = filling->bitmap;
      Lists made(a.size() + b.size() + 16);
      const size_t most = a.size() + b.size();
      expect(kernel.intersect(a.data(), a.size(), b.data(), b.size(), made.data()) <= most);
      expect(kernel.unite(a.data(), a.size(), b.data(), b.size(), made.data()) <= most);
      const ListPair pair{a.data(), b.data(), static_cast<uint32_t>(a.size()),
                          static_cast<uint32_t>(b.size())};
      expect(kernel.count_common(&pair, 1) <= most);
    }
  }
});

}  // namespace
}  // namespace varve
