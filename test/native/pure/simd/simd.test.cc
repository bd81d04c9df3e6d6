// test/native/pure/simd/simd.test.cc — every table of kernels this CPU can run does what the
// scalar one does, byte for byte.
#include "pure/simd/simd.h"

#include <algorithm>
#include <functional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "test.h"

namespace varve {
namespace {

using test::expect;

std::vector<uint8_t> random_bytes(Random& random, size_t size) {
  std::vector<uint8_t> bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.next());
  return bytes;
}

// Runs the body with the scalar table and each other one.
void against_scalar(const std::function<void(const Kernels&, const Kernels&)>& body) {
  const Kernels* all[kTablesMax];
  const size_t count = all_kernels(all);
  expect(count >= 1 && std::string_view(all[0]->name) == "scalar");
  for (size_t index = 1; index < count; ++index) body(*all[0], *all[index]);
}

uint32_t crc_bit_by_bit(const std::vector<uint8_t>& bytes) {
  uint32_t crc = ~0u;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
  }
  return ~crc;
}

const test::Case crc_known("the CRC-32C of the usual examples is the known one", [] {
  const Kernels* all[kTablesMax];
  const size_t count = all_kernels(all);
  const Bytes digits = as_bytes("123456789");
  const std::vector<uint8_t> zeros(32, 0);
  for (size_t index = 0; index < count; ++index) {
    expect(all[index]->crc32c(digits.data(), digits.size(), 0) == 0xe3069283u);
    expect(all[index]->crc32c(zeros.data(), zeros.size(), 0) == 0x8a9136aau);
  }
});

const test::Case crc_scalar("the scalar CRC-32C is that of the polynomial, bit by bit", [] {
  Random random(test::seed());
  const Kernels* all[kTablesMax];
  all_kernels(all);
  for (size_t size = 0; size < 100; ++size) {
    const std::vector<uint8_t> bytes = random_bytes(random, size);
    expect(all[0]->crc32c(bytes.data(), size, 0) == crc_bit_by_bit(bytes));
  }
});

const test::Case crc_same("every CRC-32C is the scalar one, at any size, place and seed", [] {
  against_scalar([](const Kernels& scalar, const Kernels& other) {
    Random random(test::seed());
    const std::vector<uint8_t> bytes = random_bytes(random, 100000);
    const auto same = [&](size_t from, size_t size, uint32_t seed) {
      const uint8_t* const at = bytes.data() + from;
      expect(scalar.crc32c(at, size, seed) == other.crc32c(at, size, seed));
    };
    for (size_t size = 0; size < 2000; ++size) same(size % 9, size, 0);
    for (int round = 0; round < 300; ++round) {
      const size_t from = random.below(bytes.size());
      same(from, random.below(bytes.size() - from), static_cast<uint32_t>(random.next()));
    }
  });
});

const test::Case crc_chains("a CRC-32C of two parts is that of the whole", [] {
  const Kernels* all[kTablesMax];
  const size_t count = all_kernels(all);
  Random random(test::seed());
  const std::vector<uint8_t> bytes = random_bytes(random, 9000);
  for (size_t index = 0; index < count; ++index) {
    const auto crc = all[index]->crc32c;
    const uint32_t whole = crc(bytes.data(), bytes.size(), 0);
    for (size_t cut = 0; cut <= bytes.size(); cut += 1 + random.below(200)) {
      const uint32_t first = crc(bytes.data(), cut, 0);
      expect(crc(bytes.data() + cut, bytes.size() - cut, first) == whole);
    }
  }
});

// Bytes that may or may not be a stream of `count` numbers. Memory ends where `data` ends, so that
// a sanitizer sees every read behind it.
struct SomeStream {
  std::vector<uint8_t> control;
  std::vector<uint8_t> data;
  size_t count;

  explicit SomeStream(Random& random) : control(), data(), count(random.below(40)) {
    control = random_bytes(random, (count + 3) / 4);
    if (random.one_in(2)) std::ranges::fill(control, uint8_t{0});
    data = random_bytes(random, random.below(4 * count + 20));
    if (random.one_in(2)) {
      for (size_t byte = 3; byte < data.size(); byte += 4) data[byte] = 0;
    }
  }
  StreamParts parts() const { return {control.data(), data.data(), data.data() + data.size()}; }
};

const test::Case streams_same("every stream decodes as scalar decodes it, or as little", [] {
  against_scalar([](const Kernels& scalar, const Kernels& other) {
    Random random(test::seed());
    for (int round = 0; round < 20000; ++round) {
      const SomeStream stream(random);
      std::vector<uint32_t> wanted(stream.count);
      std::vector<uint32_t> found(stream.count);
      const uint8_t* const end = scalar.decode_stream(stream.parts(), wanted.data(), stream.count);
      expect(end == other.decode_stream(stream.parts(), found.data(), stream.count));
      expect(end == nullptr || wanted == found);
    }
  });
});

const test::Case rising_streams_same("every rising stream decodes as scalar decodes it", [] {
  against_scalar([](const Kernels& scalar, const Kernels& other) {
    Random random(test::seed());
    size_t refused = 0;
    for (int round = 0; round < 20000; ++round) {
      const SomeStream stream(random);
      const uint32_t base = random.one_in(2) ? 0 : static_cast<uint32_t>(random.next());
      std::vector<uint32_t> wanted(stream.count);
      std::vector<uint32_t> found(stream.count);
      const uint8_t* const end =
          scalar.decode_rising_stream(stream.parts(), base, wanted.data(), stream.count);
      expect(end == other.decode_rising_stream(stream.parts(), base, found.data(), stream.count));
      expect(end == nullptr || (wanted == found && std::ranges::is_sorted(found)));
      refused += end == nullptr ? 1 : 0;
    }
    expect(refused > 1000 && refused < 19000);
  });
});

const test::Case packed_same("every packed block unpacks as scalar unpacks it", [] {
  against_scalar([](const Kernels& scalar, const Kernels& other) {
    Random random(test::seed());
    for (uint32_t round = 0; round < 33 * 40; ++round) {
      const uint32_t width = round % 33;
      const std::vector<uint8_t> block = random_bytes(random, width * 16);
      const uint32_t base = static_cast<uint32_t>(random.next() >> random.below(64));
      std::vector<uint32_t> wanted(kPackedCount);
      std::vector<uint32_t> found(kPackedCount);
      scalar.unpack(block.data(), width, base, wanted.data());
      other.unpack(block.data(), width, base, found.data());
      expect(wanted == found);
      const bool rises = scalar.unpack_rising(block.data(), width, base, wanted.data());
      expect(rises == other.unpack_rising(block.data(), width, base, found.data()));
      expect(!rises || (wanted == found && std::ranges::is_sorted(found)));
    }
  });
});

const test::Case hilbert_same(
    "every Hilbert curve is the scalar one, however many cells, and writes no more", [] {
      against_scalar([](const Kernels& scalar, const Kernels& other) {
        Random random(test::seed());
        for (size_t count = 0; count < 200; ++count) {
          std::vector<uint32_t> columns(count);
          std::vector<uint32_t> rows(count);
          for (size_t i = 0; i < count; ++i) {
            // Levels in which the two agree and differ by turns, or all the way down.
            const uint32_t alike = random.one_in(3) ? 0 : ~0u >> random.below(32);
            columns[i] =
                random.one_in(8) ? 0u - random.one_in(2) : static_cast<uint32_t>(random.next());
            rows[i] = columns[i] ^ (static_cast<uint32_t>(random.next()) & alike);
          }
          std::vector<uint64_t> wanted(count + 1, 7);
          std::vector<uint64_t> made(count + 1, 7);
          scalar.hilbert(columns.data(), rows.data(), count, wanted.data());
          other.hilbert(columns.data(), rows.data(), count, made.data());
          expect(made == wanted && made.back() == 7);
        }
      });
    });

}  // namespace
}  // namespace varve
