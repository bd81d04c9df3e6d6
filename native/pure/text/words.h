// pure/text/words.h — a table from words to numbers: 0, 1, 2, … in the order they came.
//
// Open addressing over hashes of 32 bits, the words behind their sizes in chunks of 64 KiB. It is
// derived from what lies in blocks, for writers alone, who look up every word of every text.
// Threads: one.
#pragma once

#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "pure/codec/hash.h"

namespace varve {

class WordTable {
 public:
  static constexpr uint32_t kAbsent = UINT32_MAX;
  static constexpr size_t kPaddedBytes = 16;

  // A seed of its own keeps chosen words from meeting in one place.
  explicit WordTable(uint64_t seed) : seed_(seed) { clear(); }

  uint32_t size() const { return static_cast<uint32_t>(words_.size()); }
  uint64_t hash(std::string_view word) const {
    if (word.size() > kPaddedBytes) return hash64(as_bytes(word), seed_);
    char padded[kPaddedBytes] = {};
    std::memcpy(padded, word.data(), word.size());
    return hash_padded({padded, word.size()});
  }
  // The same where kPaddedBytes can be read: most words are shorter, and not asked how short.
  uint64_t hash_padded(std::string_view word) const {
    if (word.size() > kPaddedBytes) return hash64(as_bytes(word), seed_);
    const uint8_t* const at = as_bytes(word).data();
    const size_t size = word.size();
    const uint64_t first = load<uint64_t>(at) & first_bytes(size);
    const uint64_t second = load<uint64_t>(at + 8) & first_bytes(size > 8 ? size - 8 : 0);
    return folded(kMix ^ size, folded(first ^ kMix, second ^ seed_));
  }
  uint32_t find(std::string_view word, uint64_t hash) const {
    const uint32_t tag = static_cast<uint32_t>(hash >> 32);
    for (uint64_t at = hash & mask_;; at = (at + 1) & mask_) {
      const Slot& slot = slots_[at];
      if (slot.number == kAbsent) return kAbsent;
      if (slot.tag == tag && is_word(slot.word, word)) return slot.number;
    }
  }
  // Of a word that will be looked for: first where it would stand, later what stands there.
  void expect(uint64_t hash) const { prefetch(&slots_[hash & mask_]); }
  void expect_word(uint64_t hash) const { prefetch(slots_[hash & mask_].word); }
  // The word is not there yet, and has at most 255 bytes.
  uint32_t add(std::string_view word, uint64_t hash);
  std::string_view word(uint32_t number) const {
    const char* const at = words_[number];
    return {at + 1, static_cast<uint8_t>(*at)};
  }
  void clear();
  size_t memory_bytes() const;

 private:
  struct Slot {
    uint32_t tag;
    uint32_t number;
    const char* word;  // Here as well, which spares a look-up a cache miss.
  };
  static constexpr size_t kChunkBytes = 65536;
  static constexpr uint64_t kMix = 0x9e3779b97f4a7c15;
  static uint64_t first_bytes(size_t count) {
    return count >= 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * count)) - 1;
  }
  static uint64_t folded(uint64_t a, uint64_t b) {
    const Product product = multiply(a, b);
    return product.low ^ product.high;
  }
  static bool is_word(const char* at, std::string_view word) {
    return equal(as_bytes({at + 1, static_cast<uint8_t>(*at)}), as_bytes(word));
  }
  void place(uint32_t number, uint64_t hash);
  void grow();

  uint64_t seed_;
  std::vector<Slot> slots_;
  uint64_t mask_ = 0;
  std::vector<const char*> words_;
  std::vector<std::unique_ptr<char[]>> chunks_;
  size_t chunk_used_ = kChunkBytes;
};

}  // namespace varve
