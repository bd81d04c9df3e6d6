// pure/text/documents.h — the documents of an index: a cell of each column, and their terms in the
// log, which say what a removal has to count down.
//
// Threads: one.      Bytes: FORMAT.md
#pragma once

#include <vector>

#include "pure/text/core.h"

namespace varve {

struct DocumentTerms {
  std::vector<uint32_t> numbers;
  std::vector<uint8_t> bytes;  // As the log has them.
};

// The terms of a document: of a damaged log those before the damage.
void read_terms(const TextCore& core, const DocumentRecord& document, DocumentTerms& terms);
// The number that the next document gets; the first is 1, since 0 is nobody's.
uint32_t next_document(TextCore& core);
// `terms` has as many LEB128 numbers as it says.
void add_document(TextCore& core, uint32_t id, uint32_t length, uint32_t term_count, Bytes terms);
void clear_documents(TextCore& core);

}  // namespace varve
