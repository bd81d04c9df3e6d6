// test/native/pure/bitmap/serial.test.cc — bitmaps as bytes: our own form, copied and mapped, and
// the portable one, against bytes written by hand from their descriptions.
#include <algorithm>
#include <string>

#include "model.h"

namespace varve {
namespace {

using test::bitmap_of;
using test::expect;
using test::holds;
using test::Model;

constexpr uint64_t kUniverse = 400000;

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (size_t at = 0; at + 1 < hex.size(); at += 2) {
    while (hex[at] == ' ') ++at;
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16)));
  }
  return bytes;
}

// Bytes at an address that is a multiple of 8, as map() wants them.
class Aligned {
 public:
  explicit Aligned(std::string_view bytes) : words_(bytes.size() / 8 + 1), size_(bytes.size()) {
    std::memcpy(words_.data(), bytes.data(), bytes.size());
  }
  Bytes bytes() const { return {reinterpret_cast<const uint8_t*>(words_.data()), size_}; }

 private:
  std::vector<uint64_t> words_;
  size_t size_;
};

bool names_an_offset(const std::string& message) {
  return message.starts_with("bitmap: ") && message.find(" at byte ") != std::string::npos;
}

const test::Case round("a bitmap comes back from its bytes, copied and mapped", [] {
  MemoryBlocks blocks;
  test::MovingBlocks moving;
  for (uint64_t seed = 0; seed < test::bitmap_count(); ++seed) {
    Random random(test::seed() * 3000 + seed);
    const Model model = test::random_model(random, kUniverse);
    Bitmap bitmap = bitmap_of(model, moving);
    if (random.one_in(2)) bitmap.optimise();
    const std::string bytes = bitmap.serialise();
    const Result<Bitmap> copied = Bitmap::deserialise(as_bytes(bytes), blocks);
    expect(copied && holds(*copied, model) && copied->serialise() == bytes);
    const Aligned aligned(bytes);
    const Result<Bitmap> mapped = Bitmap::map(aligned.bytes());
    expect(mapped && mapped->is_mapped() && holds(*mapped, model) && mapped->equals(bitmap));
    for (const bool wide : {false, true}) {
      const Result<Bitmap> ported =
          Bitmap::from_portable(as_bytes(bitmap.to_portable(wide)), wide, blocks);
      expect(ported && holds(*ported, model));
    }
  }
});

const test::Case example("the worked example of FORMAT.md is what is written and read", [] {
  const std::string bytes = from_hex(
      "424D4150 00000000 02000000 0461B17C 35000000 00000000 58000000 00000000"
      "04D81170 00000000 02000000 00000000 09000000 00000100 31000100 00000000"
      "0A000000 01000300 01000200 05000000 64003100 00000000");
  MemoryBlocks blocks;
  Bitmap bitmap(blocks);
  for (const uint64_t member : {1, 2, 5}) bitmap.add(member);
  bitmap.add_range(65636, 65685);
  expect(bitmap.serialise() == bytes);
  const Result<Bitmap> read = Bitmap::deserialise(as_bytes(bytes), blocks);
  expect(read && read->equals(bitmap));
});

const test::Case refused("every byte changed and every cut of a bitmap's bytes is refused", [] {
  MemoryBlocks blocks;
  Bitmap bitmap(blocks);
  for (uint64_t member = 0; member < 300; ++member) bitmap.add(member * 3);
  bitmap.add_range(70000, 90000);
  const std::string bytes = bitmap.serialise();
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    const Result<Bitmap> read = Bitmap::deserialise(as_bytes(changed), blocks);
    expect(!read);
    const bool is_newer = read.error().code() == Code::kNewerFormat;
    expect(is_newer ? at == 4 || at == 5 : names_an_offset(read.error().message()));
    expect(!Bitmap::deserialise(as_bytes(bytes).first(at), blocks));
  }
  expect(!Bitmap::deserialise(as_bytes(bytes + std::string(8, '\0')), blocks));
});

const test::Case portable("portable bytes written by hand are read and written", [] {
  MemoryBlocks blocks;
  Bitmap few(blocks);
  for (const uint64_t member : {1, 2, 5}) few.add(member);
  const std::string few_bytes = from_hex("3A300000 01000000 00000200 10000000 0100 0200 0500");
  expect(few.to_portable(false) == few_bytes);
  expect(few.to_portable(true) == from_hex("01000000 00000000 00000000") + few_bytes);

  Bitmap runs(blocks);
  runs.add_range(0, 99);
  const std::string run_bytes = from_hex("3B300000 01 00006300 0100 00006300");
  expect(runs.to_portable(false) == run_bytes);

  Bitmap none(blocks);
  expect(none.to_portable(false) == from_hex("3A300000 00000000"));
  expect(none.to_portable(true) == from_hex("00000000 00000000"));

  const Result<Bitmap> read = Bitmap::from_portable(as_bytes(run_bytes), false, blocks);
  expect(read && read->equals(runs));
});

const test::Case far("portable bytes of 64 bits group members by their upper half", [] {
  MemoryBlocks blocks;
  Bitmap bitmap(blocks);
  bitmap.add(7);
  bitmap.add((uint64_t{3} << 32) + 9);
  const std::string bytes = from_hex(
      "02000000 00000000 00000000 3A300000 01000000 00000000 10000000 0700"
      "03000000 3A300000 01000000 00000000 10000000 0900");
  expect(bitmap.to_portable(true) == bytes);
  const Result<Bitmap> read = Bitmap::from_portable(as_bytes(bytes), true, blocks);
  expect(read && read->equals(bitmap));
});

// Every second member as runs: no writer that counts would, but the format allows it.
const test::Case shredded("portable runs that are more than we would hold are read as bits", [] {
  std::string bytes = from_hex("3B300000 01 0000FF7F 0080");
  Model model;
  for (uint32_t member = 0; member < 65536; member += 2) {
    append(bytes, static_cast<uint16_t>(member));
    append(bytes, uint16_t{0});
    model.insert(member);
  }
  MemoryBlocks blocks;
  const Result<Bitmap> read = Bitmap::from_portable(as_bytes(bytes), false, blocks);
  expect(read && holds(*read, model) && read->statistics().bits_count == 1);
});

const test::Case unsound("portable bytes that break a rule are refused with the place", [] {
  MemoryBlocks blocks;
  const char* const broken[] = {
      "",
      "3930000001000000",                               // Another cookie.
      "3A30000001000100",                               // More containers than there are keys.
      "3A300000 01000000 00000200 10000000 0100 0200",  // Cut short.
      "3A300000 01000000 00000200 10000000 0100 0200 0500 00",            // Something behind.
      "3A300000 01000000 00000200 10000000 0200 0100 0500",               // Members that fall.
      "3A300000 02000000 01000000 00000000 18000000 1A000000 0100 0200",  // Keys that fall.
      "3B300000 01 00006300 0000",                                        // No runs.
      "3B300000 01 00006300 0100 00006200",           // Runs of 99 members, not 100.
      "3B300000 01 00006300 0200 00003100 32003100",  // Runs without a gap.
      "3B300000 01 00006300 0100 A0FF6300",           // A run beyond the end.
  };
  for (const char* const hex : broken) {
    const Result<Bitmap> read = Bitmap::from_portable(as_bytes(from_hex(hex)), false, blocks);
    expect(!read && names_an_offset(read.error().message()));
  }
  expect(!Bitmap::from_portable(as_bytes(from_hex("FFFFFFFF FFFFFFFF")), true, blocks));
  expect(blocks.used_bytes() == 0);
});

}  // namespace
}  // namespace varve
