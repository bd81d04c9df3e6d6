// pure/text/language.h — what is peculiar to a language: which words carry nothing, and which are
// forms of one.
//
// Stems are those of Snowball: Porter's second algorithm for English, and the one for Russian. They
// work on folded terms, so Russian has no ё left. A language is told by the script of a term, so
// an index may know several at once: English leaves Cyrillic alone and Russian Latin.
//
// Invariants
//   - a stem is not empty and not longer than its term, but for an English one that may end in an e
//     that was not there.
// Threads: any.
#pragma once

#include <cstdint>
#include <string_view>

namespace varve {

// Bits, as an index may know several.
inline constexpr uint32_t kLanguageEnglish = 1;
inline constexpr uint32_t kLanguageRussian = 2;
inline constexpr uint32_t kLanguages = kLanguageEnglish | kLanguageRussian;

// Changes `term` of `size` bytes where it lies, and returns the size of its stem. There is room for
// one byte more.
uint32_t stem_english(char* term, uint32_t size);
uint32_t stem_russian(char* term, uint32_t size);

// The stem by whichever of the languages the term is of.
uint32_t stem(uint32_t languages, char* term, uint32_t size);

// Words of one language, separated by spaces, folded as terms are.
std::string_view stop_words(uint32_t language);

}  // namespace varve
