// pure/text/loose.h — postings of the newest documents, term by term, until they are folded into
// packed groups.
//
// A term's postings are written in loose form (postings.h) into slices of one growing arena, each
// slice twice the one before up to 512 bytes and ending in the place of the next. A document's
// occurrences are gathered first, because how often a term occurs stands before where.
// Threads: one.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace varve {

struct LooseTerm {
  uint32_t term;
  uint32_t count;  // Documents.
  uint32_t last;   // The last of them.
  uint32_t first_slice;
  uint32_t at;
  uint32_t end;  // Of what the slice has room for.
  uint32_t slice_bytes;
};

class Loose {
 public:
  // Terms are numbered from zero without gaps.
  void add_term() { states_.push_back({}); }
  void reset_terms(uint32_t count) { states_.assign(count, {}); }

  void occur(uint32_t term, uint32_t position);
  // All that occurred is the document's. Its terms hold until the next one.
  std::span<const uint32_t> end_document(uint32_t document);
  // Nothing of it occurred.
  void drop_document();

  uint32_t count(uint32_t term) const;
  void read(uint32_t term, std::vector<uint8_t>& to) const;
  std::span<const LooseTerm> terms() const { return terms_; }
  size_t bytes() const { return arena_.size(); }
  size_t memory_bytes() const;
  void clear();

 private:
  struct State {
    uint32_t local = 0;  // Of this document: its number among the terms there, plus one.
    uint32_t loose = 0;  // Its place in terms_, plus one.
  };
  struct Local {
    uint32_t count;
    uint32_t begin;
  };
  struct Occurrence {
    uint32_t local;
    uint32_t position;
  };
  static constexpr uint32_t kFirstSlice = 16;
  static constexpr uint32_t kLastSlice = 512;
  static constexpr uint32_t kLinkBytes = 4;

  void put_posting(uint32_t local, uint32_t document);
  void put(LooseTerm& term, std::span<const uint8_t> bytes);
  uint32_t new_slice(uint32_t bytes);

  std::vector<State> states_;
  std::vector<LooseTerm> terms_;
  std::vector<uint8_t> arena_;
  std::vector<uint32_t> local_terms_;
  std::vector<uint32_t> last_terms_;
  std::vector<Local> locals_;
  std::vector<Occurrence> occurrences_;
  std::vector<uint32_t> positions_;
  std::vector<uint8_t> scratch_;
};

}  // namespace varve
