// pure/text/query.h — what is asked, as a tree of words.
//
//   red apple             either, better both (or both, where all are needed)
//   +red -green apple     red must be there, green must not
//   red AND apple   red OR apple   NOT green   ( … )
//   "ripe red apple"      these words in this order
//   app*   aple~   aple~2 words that begin so, or with one or two letters wrong
//   red^2.5               counts more
//
// AND binds tighter than OR, and OR tighter than standing side by side. What a word's own rules cut
// in pieces (well-known, 東京都) is a phrase of them. Nothing is an error but too many words: what
// does not fit the grammar is read as if it were not there, for people type queries.
// Threads: any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "pure/text/text.h"

namespace varve {

struct TextCore;

struct QueryWord {
  std::string term;     // Folded and stemmed.
  uint32_t offset = 0;  // In its phrase.
};

struct QueryNode {
  enum class Kind : uint8_t { kNothing, kWord, kPhrase, kGroup };
  enum class Occur : uint8_t { kShould, kMust, kMustNot };

  Kind kind = Kind::kNothing;
  Occur occur = Occur::kShould;  // In the group it stands in.
  bool is_prefix = false;
  uint32_t edits = 0;
  double boost = 1;
  std::vector<QueryWord> words;     // One, or those of a phrase.
  std::vector<QueryNode> children;  // Of a group.
};

Result<QueryNode> parse_query(const TextCore& core, const TextRequest& request);

}  // namespace varve
