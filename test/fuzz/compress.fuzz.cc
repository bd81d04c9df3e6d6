// Hostile blocks: decompressing ends, within its two buffers, and answers the same twice; and what
// is compressed comes back.
//
// The first two bytes are the size that the block is decompressed to, as a user of the codec knows
// it from elsewhere. Buffers are of their very size, so that the sanitizer sees one byte too far.
#include <cstring>
#include <memory>

#include "fuzz.h"
#include "pure/codec/compress.h"

namespace varve {
namespace {

// Bytes with nothing of ours around them.
class Exact {
 public:
  explicit Exact(size_t size) : size_(size), bytes_(std::make_unique<uint8_t[]>(size)) {}
  explicit Exact(Bytes from) : Exact(from.size()) {
    if (!from.empty()) std::memcpy(bytes_.get(), from.data(), from.size());
  }
  Bytes bytes() const { return {bytes_.get(), size_}; }
  MutableBytes room() { return {bytes_.get(), size_}; }

 private:
  size_t size_;
  std::unique_ptr<uint8_t[]> bytes_;
};

void decompress_hostile(Bytes block, size_t size) {
  const Exact from(block);
  Exact once(size);
  Exact twice(size);
  std::memset(twice.room().data(), 0xA5, size);
  const bool is_fine = decompress(from.bytes(), once.room());
  check(decompress(from.bytes(), twice.room()) == is_fine);
  if (is_fine) check(equal(once.bytes(), twice.bytes()) && size <= block.size() * kExpansionMax);
}

void come_back(Bytes plain) {
  const Exact from(plain);
  std::string packed = "before";
  check(compress(from.bytes(), SIZE_MAX, packed));
  const Exact block(as_bytes(packed).subspan(6));
  Exact to(plain.size());
  check(packed.starts_with("before") && decompress(block.bytes(), to.room()));
  check(equal(to.bytes(), plain));

  std::string other;
  check(!compress(from.bytes(), block.bytes().size(), other) && other.empty());
  check(compress(from.bytes(), block.bytes().size() + 1, other));
  check(equal(as_bytes(other), block.bytes()));
  if (plain.empty()) return;
  Exact shorter(plain.size() - 1);
  Exact longer(plain.size() + 1);
  check(!decompress(block.bytes(), shorter.room()) && !decompress(block.bytes(), longer.room()));
}

void run(Bytes input) {
  if (input.size() < 2) return;
  decompress_hostile(input.subspan(2), load<uint16_t>(input.data()));
  come_back(input.subspan(2));
}

const fuzz::Target target("compress", run);

}  // namespace
}  // namespace varve
