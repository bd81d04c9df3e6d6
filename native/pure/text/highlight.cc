// pure/text/highlight.cc — where the words of a query stand in a text that need not be indexed.
//
// The text is read as an index would read it, so a stem marks all its forms; a phrase marks its
// words only where they stand in its order.
#include <algorithm>
#include <string>

#include "pure/text/core.h"
#include "pure/text/expand.h"
#include "pure/text/query.h"
#include "pure/text/tokens.h"

namespace varve {
namespace {

class Marker {
 public:
  Marker(const TextCore& core, std::string_view text) : text_(text) {
    TokenReader reader(text);
    for (Token token; reader.next(token);) {
      char term[kTermBytesMax + 1];
      std::ranges::copy(token.term, term);
      const uint32_t size = core.stem_term(term, static_cast<uint32_t>(token.term.size()));
      places_.push_back({token.begin, token.end, terms_.size(), size, false});
      terms_.append(term, size);
    }
  }

  void mark(const QueryNode& node) {
    if (node.occur == QueryNode::Occur::kMustNot) return;
    for (const QueryNode& child : node.children) mark(child);
    for (size_t at = 0; !node.words.empty() && at < places_.size(); ++at) {
      if (stands_at(node, at)) {
        for (const QueryWord& word : node.words) {
          places_[at + word.offset - node.words[0].offset].is_marked = true;
        }
      }
    }
  }

  void take(std::vector<TextRange>& to) const {
    to.clear();
    Utf16Offsets units(text_);
    uint32_t begin = 0;
    uint32_t end = 0;
    const auto put = [&] {
      if (begin == end) return;
      const uint32_t first = units.at(begin);
      to.push_back({first, units.at(end)});
    };
    for (const Place& place : places_) {
      if (!place.is_marked) continue;
      if (place.begin > end) {
        put();
        begin = place.begin;
      } else if (begin == end) {
        begin = place.begin;
      }
      end = place.end;
    }
    put();
  }

 private:
  struct Place {
    uint32_t begin;
    uint32_t end;
    size_t term_at;
    uint32_t term_size;
    bool is_marked;
  };
  std::string_view term(size_t at) const {
    return std::string_view(terms_).substr(places_[at].term_at, places_[at].term_size);
  }
  bool stands_at(const QueryNode& node, size_t at) const {
    if (node.words.size() == 1) {
      return is_meant(node.words[0].term, node.is_prefix, node.edits, term(at));
    }
    return std::ranges::all_of(node.words, [this, &node, at](const QueryWord& word) {
      const size_t place = at + word.offset - node.words[0].offset;
      return place < places_.size() && term(place) == word.term;
    });
  }

  const std::string_view text_;
  std::vector<Place> places_;
  std::string terms_;
};

}  // namespace

Status TextIndex::highlight(const TextRequest& request, std::string_view utf8,
                            std::vector<TextRange>& to) {
  Result<QueryNode> query = parse_query(*core_, request);
  if (!query) return query.error();
  Marker marker(*core_, utf8);
  marker.mark(*query);
  marker.take(to);
  return Status::ok();
}

}  // namespace varve
