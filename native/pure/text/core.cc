#include "pure/text/core.h"

#include <algorithm>

#include "pure/text/tokens.h"

namespace varve {
namespace {

constexpr uint64_t kStopSeed = 0x5bd1e995;

}  // namespace

TextCore::TextCore(Blocks& to, TextOptions given)
    : blocks(to),
      options(std::move(given)),
      stops(kStopSeed),
      terms(to, sizeof(TermRecord)),
      lengths(to, sizeof(uint32_t)),
      documents(to, sizeof(DocumentRecord)),
      dictionary(to),
      lists(to, terms, lengths),
      words(reinterpret_cast<uintptr_t>(this)) {
  TokenReader reader(options.stop_words);
  for (Token token; reader.next(token);) {
    if (!is_stop_word(token.term)) stops.add(token.term, stops.hash(token.term));
  }
}

bool TextCore::is_stop_word(std::string_view term) const {
  return stops.size() > 0 && stops.find(term, stops.hash(term)) != WordTable::kAbsent;
}

uint32_t TextCore::find_term(std::string_view term) const {
  return is_writable ? words.find(term, words.hash(term)) : dictionary.find(term);
}

}  // namespace varve
