// pure/text/loose.h — postings of the newest documents, term by term, until they are folded into
// packed groups.
//
// A term's postings are written in loose form (postings.h) into slices of one growing arena, each
// slice twice the one before up to 512 bytes and ending in the place of the next. A document's
// occurrences are gathered first, because how often a term occurs stands before where.
//
// Most terms are rare and their slices far apart, so adding would mostly wait for memory. What a
// step needs is asked for some steps before: what is known of a term by expect(), the end of its
// list when the document ends, the slices of a list while it is read.
//
// Invariants
//   - a slice lies in one chunk of the arena; nothing that was written moves.
// Threads: one.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"

namespace varve {

class Loose {
 public:
  // Terms are numbered from zero without gaps.
  void add_term() { lists_.push_back({}); }
  void reset_terms(uint32_t count) { lists_.assign(count, {}); }

  // The term will occur soon.
  void expect(uint32_t term) const { prefetch(&lists_[term]); }
  void occur(uint32_t term, uint32_t position);
  // All that occurred is the document's. Its terms hold until the next one.
  std::span<const uint32_t> end_document(uint32_t document);

  // How many documents have the term.
  uint32_t count(uint32_t term) const { return term < lists_.size() ? lists_[term].count : 0; }
  void read(uint32_t term, std::vector<uint8_t>& to) const;
  // Those that have postings.
  std::span<const uint32_t> terms() const { return terms_; }
  size_t bytes() const { return used_; }
  size_t memory_bytes() const;
  void clear();
  // After clear(): gives back what stayed for what comes next.
  void release() { std::vector<std::unique_ptr<uint8_t[]>>().swap(chunks_); }

 private:
  // Of a term; all zeros where nothing of it is loose.
  struct alignas(32) List {
    uint32_t local = 0;  // Of this document: its number among the terms there, plus one.
    uint32_t count = 0;
    uint32_t last = 0;  // The last document.
    uint32_t first_slice = 0;
    uint32_t at = 0;
    uint32_t end = 0;  // Of what the slice has room for.
    uint32_t slice_bytes = 0;
  };
  struct Local {
    uint32_t term;
    uint32_t count;
    uint32_t end;  // In positions_, once they are there.
  };
  struct Occurrence {
    uint32_t local;
    uint32_t position;
  };
  static constexpr uint32_t kFirstSlice = 16;
  static constexpr uint32_t kLastSlice = 512;
  static constexpr uint32_t kLinkBytes = 4;
  static constexpr uint32_t kLineBytes = 64;
  static constexpr uint32_t kChunkShift = 16;
  static constexpr uint32_t kChunkBytes = 1u << kChunkShift;
  static constexpr size_t kSpareChunksMax = 288;  // What folding leaves stays for what comes next.

  uint8_t* at(uint32_t place) const {
    return chunks_[place >> kChunkShift].get() + (place & (kChunkBytes - 1));
  }
  void begin_list(uint32_t term);
  void place_positions();
  void put_posting(const Local& local, uint32_t document);
  void put_long(List& list, const Local& local, uint32_t distance);
  void put(List& list, Bytes bytes);
  uint32_t new_slice(uint32_t bytes);

  std::vector<List> lists_;  // By term.
  std::vector<uint32_t> terms_;
  std::vector<std::unique_ptr<uint8_t[]>> chunks_;
  uint32_t used_ = 0;
  std::vector<uint32_t> last_terms_;
  std::vector<Local> locals_;
  std::vector<Occurrence> occurrences_;
  std::vector<uint32_t> positions_;
  std::vector<uint8_t> scratch_;
};

}  // namespace varve
