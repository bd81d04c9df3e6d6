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

#include "pure/codec/hash.h"

namespace varve {

class WordTable {
 public:
  static constexpr uint32_t kAbsent = UINT32_MAX;

  // A seed of its own keeps chosen words from meeting in one place.
  explicit WordTable(uint64_t seed) : seed_(seed) { clear(); }

  uint32_t size() const { return static_cast<uint32_t>(words_.size()); }
  uint64_t hash(std::string_view word) const { return hash64(as_bytes(word), seed_); }
  uint32_t find(std::string_view word, uint64_t hash) const {
    const uint32_t tag = static_cast<uint32_t>(hash >> 32);
    for (uint64_t at = hash & mask_;; at = (at + 1) & mask_) {
      const Slot& slot = slots_[at];
      if (slot.number == kAbsent) return kAbsent;
      if (slot.tag == tag && is_word(slot.word, word)) return slot.number;
    }
  }
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
  static bool is_word(const char* at, std::string_view word) {
    return static_cast<uint8_t>(*at) == word.size() &&
           std::memcmp(at + 1, word.data(), word.size()) == 0;
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
