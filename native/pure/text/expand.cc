#include "pure/text/expand.h"

#include <algorithm>
#include <array>

#include "pure/text/unicode.h"

namespace varve {
namespace {

constexpr uint32_t kCodesMax = kTermBytesMax;
constexpr uint32_t kFar = 255;

// The table of one word against terms that come in any order, quicker the more they share.
class Walker {
 public:
  Walker(std::string_view word, uint32_t edits, bool is_prefix)
      : edits_(edits), is_prefix_(is_prefix) {
    while (!word.empty()) {
      const Character next = decode_character(word);
      codes_[size_++] = next.code;
      word.remove_prefix(next.size);
    }
    for (uint32_t at = 0; at <= size_; ++at) rows_[0][at] = static_cast<uint8_t>(at);
    ends_[0] = 0;
    best_[0] = static_cast<uint8_t>(size_);
  }

  // The distance, or kFar if above what is allowed. `shared` bytes are those of the term before.
  uint32_t distance(std::string_view term, uint32_t shared) {
    while (depth_ > 0 && ends_[depth_] > shared) --depth_;
    dead_bytes_ = 0;
    uint32_t at = ends_[depth_];
    while (at < term.size()) {
      if (is_dead(depth_)) {
        dead_bytes_ = at;
        return is_prefix_ && best_[depth_] <= edits_ ? best_[depth_] : kFar;
      }
      const Character next = decode_character(term.substr(at));
      at += next.size;
      push(next.code, at);
    }
    const uint32_t found = is_prefix_ ? best_[depth_] : rows_[depth_][size_];
    return found <= edits_ ? found : kFar;
  }
  // After distance(): no term that shares so many bytes is near, 0 for not known.
  uint32_t dead_bytes() const { return is_prefix_ && best_[depth_] <= edits_ ? 0 : dead_bytes_; }

 private:
  bool is_dead(uint32_t depth) const {
    const auto row = std::span(rows_[depth]).first(size_ + 1);
    return *std::ranges::min_element(row) > edits_;
  }
  void push(uint32_t code, uint32_t end) {
    const auto& above = rows_[depth_];
    auto& row = rows_[depth_ + 1];
    row[0] = static_cast<uint8_t>(std::min<uint32_t>(above[0] + 1u, kFar - 1));
    for (uint32_t at = 1; at <= size_; ++at) {
      const uint32_t changed = above[at - 1] + (codes_[at - 1] == code ? 0u : 1u);
      const uint32_t moved = std::min<uint32_t>(above[at], row[at - 1]) + 1u;
      row[at] = static_cast<uint8_t>(std::min({changed, moved, kFar - 1}));
    }
    depth_ += 1;
    ends_[depth_] = end;
    best_[depth_] = std::min(best_[depth_ - 1], row[size_]);
  }

  const uint32_t edits_;
  const bool is_prefix_;
  uint32_t size_ = 0;
  uint32_t codes_[kCodesMax + 1];
  uint32_t depth_ = 0;
  uint32_t dead_bytes_ = 0;
  uint32_t ends_[kCodesMax + 2];  // Where the character of a row ends in the term.
  uint8_t best_[kCodesMax + 2];   // Of the last cells so far: the nearest beginning of the term.
  std::array<uint8_t, kCodesMax + 1> rows_[kCodesMax + 2];
};

class Expander {
 public:
  Expander(const TextCore& core, std::string_view word) : core_(core), word_(word) {}

  void find_prefix() {
    const Dictionary& dictionary = core_.dictionary;
    bool is_past = dictionary.leaf_count() == 0;
    for (size_t leaf = dictionary.seek(word_); !is_past && leaf < dictionary.leaf_count(); ++leaf) {
      for (LeafReader reader(dictionary.leaf(leaf)); !is_past && reader.next();) {
        if (reader.term().starts_with(word_)) {
          put(reader.term(), reader.number(), 0);
        } else {
          is_past = reader.term() > word_;
        }
      }
    }
    each_new_term([this](std::string_view term, uint32_t number) {
      if (term.starts_with(word_)) put(term, number, 0);
    });
  }

  void find_near(uint32_t edits, bool is_prefix) {
    Walker walker(word_, edits, is_prefix);
    std::string passed;
    for (size_t leaf = 0; leaf < core_.dictionary.leaf_count();) {
      walk_leaf(walker, leaf, passed);
      leaf = next_leaf(leaf, passed);
    }
    each_new_term([this, &walker](std::string_view term, uint32_t number) {
      const uint32_t distance = walker.distance(term, 0);
      if (distance != kFar) put(term, number, distance);
    });
  }

  std::vector<Expansion> take(size_t limit) {
    if (found_.size() > limit) {
      const auto often = [this](const Expansion& one) { return core_.document_count(one.term); };
      std::ranges::nth_element(found_, found_.begin() + static_cast<ptrdiff_t>(limit),
                               [&often](const Expansion& a, const Expansion& b) {
                                 if (a.is_word != b.is_word) return a.is_word;
                                 const uint32_t a_count = often(a);
                                 const uint32_t b_count = often(b);
                                 return a_count != b_count ? a_count > b_count : a.term < b.term;
                               });
      found_.resize(limit);
    }
    std::ranges::sort(found_, {}, &Expansion::term);
    return std::move(found_);
  }

 private:
  void put(std::string_view term, uint32_t number, uint32_t edits) {
    if (number >= core_.terms.size() || core_.document_count(number) == 0) return;
    found_.push_back({number, edits, term == word_});
  }
  // Terms that came since the last folding stand in no leaf.
  template <class Visit>
  void each_new_term(const Visit& visit) {
    for (uint32_t number = core_.sorted_terms; number < core_.words.size(); ++number) {
      visit(core_.words.word(number), number);
    }
  }
  // `passed` is the beginning that the last term of the leaf shares with nothing near, or empty.
  void walk_leaf(Walker& walker, size_t leaf, std::string& passed) {
    uint32_t shared = 0;  // With the last term that was looked at.
    bool is_first = true;
    for (LeafReader reader(core_.dictionary.leaf(leaf)); reader.next();) {
      shared = is_first ? 0 : std::min(shared, reader.shared());
      is_first = false;
      if (!passed.empty() && reader.term().starts_with(passed)) continue;
      const uint32_t distance = walker.distance(reader.term(), shared);
      if (distance != kFar) put(reader.term(), reader.number(), distance);
      passed = reader.term().substr(0, walker.dead_bytes());
      shared = static_cast<uint32_t>(reader.term().size());
    }
  }
  // The next leaf that may hold a term without that beginning.
  size_t next_leaf(size_t leaf, std::string_view passed) const {
    const size_t count = core_.dictionary.leaf_count();
    size_t step = 1;
    if (passed.empty()) return leaf + 1;
    while (leaf + step + 1 < count &&
           core_.dictionary.first_term(leaf + step + 1).starts_with(passed)) {
      step *= 2;
    }
    size_t next = leaf + step / 2 + (step == 1 ? 1 : 0);
    while (next + 1 < count && core_.dictionary.first_term(next + 1).starts_with(passed)) ++next;
    return next;
  }

  const TextCore& core_;
  const std::string_view word_;
  std::vector<Expansion> found_;
};

}  // namespace

std::vector<Expansion> expand(const TextCore& core, std::string_view word, bool is_prefix,
                              uint32_t edits, size_t limit) {
  Expander expander(core, word);
  if (edits > 0) {
    expander.find_near(edits, is_prefix);
  } else {
    expander.find_prefix();
  }
  return expander.take(limit);
}

bool is_meant(std::string_view word, bool is_prefix, uint32_t edits, std::string_view term) {
  if (edits > 0) return Walker(word, edits, is_prefix).distance(term, 0) != kFar;
  return is_prefix ? term.starts_with(word) : term == word;
}

}  // namespace varve
