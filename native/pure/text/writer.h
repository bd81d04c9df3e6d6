// pure/text/writer.h — changes an index: adds, removes, folds and compacts.
//
// Adding costs a look-up a word and a few bytes in the arena of loose postings. Words are looked up
// some dozens at a time, one step of all of them after the other, so that their cache misses
// overlap. When loose postings are 16 MiB, or a search finds more than 128 KiB of them, they are
// folded: each term's go behind its list, and new terms into the dictionary. Removing lowers the
// count of each of the document's terms, which the log of terms names, and marks its length. When
// more than half of all documents are dead, everything is written anew without them and with new
// numbers. Threads: one.
#pragma once

#include <string_view>
#include <vector>

#include "pure/text/core.h"
#include "pure/text/documents.h"
#include "pure/text/tokens.h"

namespace varve {

class TextWriter {
 public:
  explicit TextWriter(TextCore& core);

  void add(uint32_t id, std::string_view text);
  bool remove(uint32_t id);
  void bring_back(uint32_t id, uint32_t number);
  void fold();
  // What a search calls first.
  void fold_if_much();
  void compact();
  // Frees everything.
  void clear();
  // Derives from blocks that came from elsewhere what only writers have.
  void restore();
  size_t memory_bytes() const;

 private:
  static constexpr uint32_t kStopTerm = UINT32_MAX - 1;
  static constexpr size_t kLooseBytesMax = size_t{16} << 20;
  static constexpr size_t kLooseBytesSearched = size_t{128} << 10;
  static constexpr uint32_t kSurfacesMax = 1u << 18;
  static constexpr size_t kWaitingMax = 64;
  static constexpr size_t kFoldedAhead = 8;

  // Words of a document that are looked up together.
  struct Waiting {
    struct Word {
      std::string_view text;  // In `texts`.
      uint64_t hash;
      uint32_t position;
      uint32_t term;
    };
    Word words[kWaitingMax];
    size_t count = 0;
    char texts[kWaitingMax * kTermBytesMax + kTermPadding];
  };

  bool gather(TokenReader& from, const WordTable& table);
  void look_up();
  uint32_t number_of(const Waiting::Word& word);
  uint32_t surface_term(std::string_view word);
  uint32_t number_of_term(std::string_view term, uint64_t hash);
  void name_document(uint32_t id, uint32_t number);
  void count_terms(uint32_t number, uint32_t change);
  void sort_new_terms();
  std::vector<uint32_t> renumber_documents();
  void rewrite_list(uint32_t term, const std::vector<uint32_t>& numbers);

  TextCore& core_;
  const bool has_surfaces_;  // There are stems or stop words.
  // Words as they are written to terms, so that a stem is found once.
  WordTable surfaces_;
  std::vector<uint32_t> surface_terms_;
  Waiting waiting_;
  std::vector<uint8_t> bytes_;
  DocumentTerms terms_;
};

}  // namespace varve
