#include "pure/text/words.h"

#include "base/check.h"

namespace varve {

void WordTable::clear() {
  slots_.assign(1024, Slot{0, kAbsent, nullptr});
  mask_ = slots_.size() - 1;
  words_.clear();
  chunks_.clear();
  chunk_used_ = kChunkBytes;
}

void WordTable::place(uint32_t number, uint64_t hash) {
  uint64_t at = hash & mask_;
  while (slots_[at].number != kAbsent) at = (at + 1) & mask_;
  slots_[at] = {static_cast<uint32_t>(hash >> 32), number, words_[number]};
}

void WordTable::grow() {
  slots_.assign(slots_.size() * 2, Slot{0, kAbsent, nullptr});
  mask_ = slots_.size() - 1;
  for (uint32_t number = 0; number < size(); ++number) place(number, hash(word(number)));
}

uint32_t WordTable::add(std::string_view word, uint64_t hash) {
  check(word.size() <= 255);
  if (chunk_used_ + word.size() + 1 > kChunkBytes) {
    chunks_.push_back(std::make_unique<char[]>(kChunkBytes));
    chunk_used_ = 0;
  }
  char* const at = chunks_.back().get() + chunk_used_;
  *at = static_cast<char>(word.size());
  std::memcpy(at + 1, word.data(), word.size());
  chunk_used_ += word.size() + 1;
  const uint32_t number = size();
  words_.push_back(at);
  place(number, hash);
  if (words_.size() * 2 > slots_.size()) grow();
  return number;
}

size_t WordTable::memory_bytes() const {
  return slots_.capacity() * sizeof(Slot) + words_.capacity() * sizeof(char*) +
         chunks_.size() * kChunkBytes;
}

}  // namespace varve
