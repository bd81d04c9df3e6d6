// pure/text/english.cc — Porter's second stemmer, as its public description has it.
//
// R1 is what follows the first consonant after a vowel, R2 the same within R1; most endings go only
// where they lie in one of them. A y that is a consonant is written Y while this works.
#include <algorithm>
#include <iterator>
#include <string_view>

#include "pure/text/language.h"

namespace varve {
namespace {

struct Pair {
  std::string_view from;
  std::string_view to;
};

constexpr Pair kWholeWords[] = {
    {"skis", "ski"},    {"skies", "sky"},   {"dying", "die"},    {"lying", "lie"},
    {"tying", "tie"},   {"idly", "idl"},    {"gently", "gentl"}, {"ugly", "ugli"},
    {"early", "earli"}, {"only", "onli"},   {"singly", "singl"}, {"sky", "sky"},
    {"news", "news"},   {"howe", "howe"},   {"atlas", "atlas"},  {"cosmos", "cosmos"},
    {"bias", "bias"},   {"andes", "andes"},
};
constexpr std::string_view kWholeAfterPlurals[] = {"inning",  "outing",  "canning", "herring",
                                                   "earring", "proceed", "exceed",  "succeed"};
// R1 begins behind these, whatever the rule says.
constexpr std::string_view kBeginnings[] = {"gener", "commun", "arsen"};
constexpr std::string_view kDoubles[] = {"bb", "dd", "ff", "gg", "mm", "nn", "pp", "rr", "tt"};

// Longest first where one ends another.
constexpr Pair kSecond[] = {
    {"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"},  {"anci", "ance"},
    {"abli", "able"},   {"entli", "ent"},   {"izer", "ize"},   {"ization", "ize"},
    {"ation", "ate"},   {"ator", "ate"},    {"alism", "al"},   {"aliti", "al"},
    {"alli", "al"},     {"fulness", "ful"}, {"ousli", "ous"},  {"ousness", "ous"},
    {"iveness", "ive"}, {"iviti", "ive"},   {"biliti", "ble"}, {"bli", "ble"},
    {"fulli", "ful"},   {"lessli", "less"},
};
constexpr Pair kThird[] = {
    {"ational", "ate"}, {"tional", "tion"}, {"alize", "al"}, {"icate", "ic"},
    {"iciti", "ic"},    {"ical", "ic"},     {"ful", ""},     {"ness", ""},
};
constexpr std::string_view kFourth[] = {"ement", "ance", "ence", "able", "ible", "ment",
                                        "ant",   "ent",  "ism",  "ate",  "iti",  "ous",
                                        "ive",   "ize",  "al",   "er",   "ic"};

bool is_vowel(char letter) {
  return std::string_view("aeiouy").find(letter) != std::string_view::npos;
}

class Word {
 public:
  Word(char* text, uint32_t size) : text_(text), size_(size) {}

  uint32_t stem() {
    if (size_ <= 2) return size_;
    if (text_[0] == '\'') drop_front();
    for (const Pair& pair : kWholeWords) {
      if (view() != pair.from) continue;
      replace(pair.from, pair.to);
      return size_;
    }
    if (size_ <= 2) return size_;
    mark_consonants();
    find_regions();
    drop_apostrophe();
    drop_plural();
    if (std::ranges::find(kWholeAfterPlurals, view()) == std::end(kWholeAfterPlurals)) {
      drop_past();
      soften_y();
      second();
      third();
      fourth();
      fifth();
    }
    std::replace(text_, text_ + size_, 'Y', 'y');
    return size_;
  }

 private:
  std::string_view view() const { return {text_, size_}; }
  bool ends(std::string_view ending) const { return view().ends_with(ending); }
  // Whether what would remain reaches the region.
  bool in(uint32_t region, std::string_view ending) const {
    return size_ >= region + ending.size();
  }
  void drop(std::string_view ending) { size_ -= static_cast<uint32_t>(ending.size()); }
  void replace(std::string_view ending, std::string_view by) {
    drop(ending);
    std::ranges::copy(by, text_ + size_);
    size_ += static_cast<uint32_t>(by.size());
  }
  void drop_front() {
    std::copy(text_ + 1, text_ + size_, text_);
    size_ -= 1;
  }
  bool has_vowel(uint32_t count) const { return std::any_of(text_, text_ + count, is_vowel); }

  void mark_consonants() {
    for (uint32_t at = 0; at < size_; ++at) {
      if (text_[at] == 'y' && (at == 0 || is_vowel(text_[at - 1]))) text_[at] = 'Y';
    }
  }
  uint32_t region_after(uint32_t begin) const {
    for (uint32_t at = begin; at + 1 < size_; ++at) {
      if (is_vowel(text_[at]) && !is_vowel(text_[at + 1])) return at + 2;
    }
    return size_;
  }
  void find_regions() {
    one_ = region_after(0);
    for (const std::string_view beginning : kBeginnings) {
      if (view().starts_with(beginning)) one_ = static_cast<uint32_t>(beginning.size());
    }
    two_ = region_after(one_);
  }

  // A vowel between consonants of which the last is not w, x or Y; or a vowel and a consonant
  // alone.
  bool ends_short_syllable(uint32_t count) const {
    if (count < 2 || is_vowel(text_[count - 1]) || !is_vowel(text_[count - 2])) return false;
    if (count == 2) return true;
    const char last = text_[count - 1];
    return !is_vowel(text_[count - 3]) && last != 'w' && last != 'x' && last != 'Y';
  }
  bool is_short() const { return one_ >= size_ && ends_short_syllable(size_); }

  void drop_apostrophe() {
    for (const std::string_view ending : {"'s'", "'s", "'"}) {
      if (ends(ending)) return drop(ending);
    }
  }
  void drop_plural() {
    if (ends("sses")) return drop("es");
    if (ends("ied") || ends("ies")) return drop(size_ > 4 ? "es" : "s");
    if (ends("us") || ends("ss") || !ends("s")) return;
    if (size_ >= 2 && has_vowel(size_ - 2)) drop("s");
  }
  void drop_past() {
    for (const std::string_view ending : {"eedly", "eed"}) {
      if (!ends(ending)) continue;
      if (in(one_, ending)) replace(ending, "ee");
      return;
    }
    for (const std::string_view ending : {"ingly", "edly", "ing", "ed"}) {
      if (!ends(ending)) continue;
      if (!has_vowel(size_ - static_cast<uint32_t>(ending.size()))) return;
      drop(ending);
      return mend();
    }
  }
  // After -ed and -ing: hop(p)ed, siz(e)d, hop(e)d.
  void mend() {
    if (ends("at") || ends("bl") || ends("iz")) return replace("", "e");
    for (const std::string_view twice : kDoubles) {
      if (ends(twice)) return drop("x");
    }
    if (is_short()) replace("", "e");
  }
  void soften_y() {
    if (size_ > 2 && (text_[size_ - 1] == 'y' || text_[size_ - 1] == 'Y') &&
        !is_vowel(text_[size_ - 2])) {
      text_[size_ - 1] = 'i';
    }
  }
  template <size_t kCount>
  const Pair* longest(const Pair (&pairs)[kCount]) const {
    const Pair* found = nullptr;
    for (const Pair& pair : pairs) {
      if (ends(pair.from) && (found == nullptr || pair.from.size() > found->from.size())) {
        found = &pair;
      }
    }
    return found;
  }
  void second() {
    if (const Pair* const pair = longest(kSecond)) {
      if (in(one_, pair->from)) replace(pair->from, pair->to);
      return;
    }
    if (ends("ogi")) {
      if (in(one_, "ogi") && size_ > 3 && text_[size_ - 4] == 'l') drop("i");
      return;
    }
    const std::string_view before = "cdeghkmnrt";
    if (ends("li") && in(one_, "li") && size_ > 2 &&
        before.find(text_[size_ - 3]) != std::string_view::npos) {
      drop("li");
    }
  }
  void third() {
    if (ends("ative")) {
      if (in(two_, "ative")) drop("ative");
      return;
    }
    const Pair* const pair = longest(kThird);
    if (pair != nullptr && in(one_, pair->from)) replace(pair->from, pair->to);
  }
  void fourth() {
    for (const std::string_view ending : kFourth) {
      if (!ends(ending)) continue;
      if (in(two_, ending)) drop(ending);
      return;
    }
    if (!ends("ion") || !in(two_, "ion") || size_ < 4) return;
    if (text_[size_ - 4] == 's' || text_[size_ - 4] == 't') drop("ion");
  }
  void fifth() {
    if (ends("e")) {
      const bool goes = in(two_, "e") || (in(one_, "e") && !ends_short_syllable(size_ - 1));
      if (goes) drop("e");
    } else if (ends("ll") && in(two_, "l")) {
      drop("l");
    }
  }

  char* const text_;
  uint32_t size_;
  uint32_t one_ = 0;
  uint32_t two_ = 0;
};

}  // namespace

uint32_t stem_english(char* term, uint32_t size) { return Word(term, size).stem(); }

}  // namespace varve
