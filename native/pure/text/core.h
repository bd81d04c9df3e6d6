// pure/text/core.h — the parts of an index, as its writer, its searches and its image share them.
//
// Documents have numbers, from 1 in the order of indexing, and never again; the caller's ids stand
// in the column of documents. A document that is changed gets a new number. What was removed keeps
// its number and its postings until the index is compacted, but its length says that it is dead,
// and it counts in no statistic.
//
// Invariants
//   - live_count, length_sum, and the count of each term are those of the documents that live.
// Threads: one.
#pragma once

#include <string>
#include <vector>

#include "pure/text/dictionary.h"
#include "pure/text/ids.h"
#include "pure/text/language.h"
#include "pure/text/loose.h"
#include "pure/text/postings.h"
#include "pure/text/text.h"
#include "pure/text/words.h"

namespace varve {

// A cell of the column of documents.
struct DocumentRecord {
  uint32_t id;
  uint32_t term_count;
  uint64_t terms_at;  // In the log of terms.
};
static_assert(sizeof(DocumentRecord) == 16);

inline constexpr uint32_t kLogBytes = kBlockBytesMax;  // A block of the log of terms.

struct TextCore {
  TextCore(Blocks& to, TextOptions given);

  // The number of a term, and its statistics.
  uint32_t find_term(std::string_view term) const;
  uint32_t document_count(uint32_t term) const {
    return load<TermRecord>(terms.read(term)).live_count + loose.count(term);
  }
  uint32_t id_of(uint32_t number) const { return load<uint32_t>(documents.read(number)); }
  uint32_t length_of(uint32_t number) const { return load<uint32_t>(lengths.read(number)); }
  double average_length() const {
    return live_count == 0 ? 0 : static_cast<double>(length_sum) / live_count;
  }
  bool is_stop_word(std::string_view term) const;
  // Folded already; the stem is written over it, with room for a byte more.
  uint32_t stem_term(char* term, uint32_t size) const {
    return stem(options.languages, term, size);
  }

  Blocks& blocks;
  TextOptions options;
  WordTable stops;

  Column terms;      // TermRecord
  Column lengths;    // uint32_t, with kDeadBit
  Column documents;  // DocumentRecord
  Dictionary dictionary;
  Lists lists;
  std::vector<BlockId> log;  // The terms of each document, so that it can be removed.
  uint64_t log_bytes = 0;

  uint32_t live_count = 0;
  uint64_t length_sum = 0;
  uint32_t sorted_terms = 0;  // So many stand in the dictionary.
  bool ids_rise = true;       // With the numbers: a later document never has a smaller id.
  uint32_t last_id = 0;

  // Of an index that can be written to.
  bool is_writable = true;
  WordTable words;
  Loose loose;
  IdTable ids;
};

}  // namespace varve
