// pure/text/expand.h — the terms that a prefix or a misspelt word means.
//
// A misspelling is walked along the dictionary with the rows of the Levenshtein table in hand, one
// a character: terms share their beginnings, so a row is computed once for all that share it, and
// where every cell of a row is above what is allowed, all terms with that beginning are passed,
// leaves at a time. Threads: one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pure/text/core.h"

namespace varve {

struct Expansion {
  uint32_t term;
  uint32_t edits;  // From the word; 0 for the word itself and for what begins with it.
  bool is_word;    // The word itself.
};

// Terms with documents, the most frequent `limit` of them, by number. `is_prefix`: what begins with
// the word, or, with edits, with something that near.
std::vector<Expansion> expand(const TextCore& core, std::string_view word, bool is_prefix,
                              uint32_t edits, size_t limit);

// Whether a term is what such a word means.
bool is_meant(std::string_view word, bool is_prefix, uint32_t edits, std::string_view term);

}  // namespace varve
