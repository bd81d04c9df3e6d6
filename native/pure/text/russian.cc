// pure/text/russian.cc — Snowball's stemmer for Russian, as its public description has it.
//
// RV is what follows the first vowel; endings go within it alone, but for the derivational one,
// which lies in R2 (english.cc). Every letter is two bytes of UTF-8, so endings compare as written.
#include <algorithm>
#include <string_view>

#include "pure/text/language.h"

namespace varve {
namespace {

// A list of endings in UTF-8, separated by spaces, longest first where one ends another.
constexpr std::string_view kPerfective = "ившись ывшись вшись ивши ывши вши ив ыв в";
constexpr std::string_view kAdjective =
    "ыми ими его ого ему ому ее ие ые ое ей ий ый ой ем им ым ом их ых ую юю ая яя ою ею";
constexpr std::string_view kParticiple = "ивш ывш ующ ем нн вш ющ щ";
constexpr std::string_view kReflexive = "ся сь";
constexpr std::string_view kVerb =
    "уйте ейте ила ыла ена ите или ыли ило ыло ено ует уют ены ить ыть ишь ешь нно ете йте "
    "ла на ли ем ло но ет ют ны ть ей уй ил ыл им ым ен ят ит ыт ую й л н ю";
constexpr std::string_view kNoun =
    "иями ями ами ией иям ием иях ев ов ие ье еи ии ей ой ий ям ем ам ом ах ях ию ью ия ья а е "
    "и й о у ы ь ю я";
constexpr std::string_view kSuperlative = "ейше ейш";

// Of those above, the ones that need а or я before them.
constexpr std::string_view kPerfectiveFirst = "в вши вшись";
constexpr std::string_view kParticipleFirst = "ем нн вш ющ щ";
constexpr std::string_view kVerbFirst = "ла на ете йте ли й л ем н ло но ет ют ны ть ешь нно";

bool is_in(std::string_view word, std::string_view list) {
  while (!list.empty()) {
    const size_t end = std::min(list.find(' '), list.size());
    if (list.substr(0, end) == word) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

class Word {
 public:
  explicit Word(std::string_view text) : text_(text), size_(text.size()) { find_regions(); }

  size_t stem() {
    if (!drop(kPerfective, kPerfectiveFirst)) {
      drop(kReflexive, {});
      if (drop(kAdjective, {})) {
        drop(kParticiple, kParticipleFirst);
      } else if (!drop(kVerb, kVerbFirst)) {
        drop(kNoun, {});
      }
    }
    if (ends("и")) size_ -= 2;
    drop_derivational();
    tidy_up();
    return size_;
  }

 private:
  bool ends(std::string_view ending) const {
    return size_ >= vowel_ + ending.size() && text_.substr(0, size_).ends_with(ending);
  }
  // The longest ending of the list goes, if it has а or я before it where it needs one.
  bool drop(std::string_view list, std::string_view needing) {
    std::string_view longest;
    while (!list.empty()) {
      const std::string_view ending = list.substr(0, std::min(list.find(' '), list.size()));
      if (ending.size() > longest.size() && ends(ending)) longest = ending;
      list.remove_prefix(std::min(ending.size() + 1, list.size()));
    }
    if (longest.empty() || !may_go(longest, needing)) return false;
    size_ -= longest.size();
    return true;
  }
  bool may_go(std::string_view ending, std::string_view needing) const {
    if (!is_in(ending, needing)) return true;
    const size_t rest = size_ - ending.size();
    if (rest < vowel_ + 2) return false;
    const std::string_view before = text_.substr(rest - 2, 2);
    return before == "а" || before == "я";
  }
  void drop_derivational() {
    for (const std::string_view ending : {"ость", "ост"}) {
      if (!ends(ending)) continue;
      if (size_ - ending.size() >= two_) size_ -= ending.size();
      return;
    }
  }
  // нн loses an н, a superlative goes (and then an н), or a soft sign goes.
  void tidy_up() {
    if (drop(kSuperlative, {})) {
      if (ends("нн")) size_ -= 2;
    } else if (ends("нн") || ends("ь")) {
      size_ -= 2;
    }
  }

  bool is_vowel_at(size_t at) const { return is_in(text_.substr(at, 2), "а е и о у ы э ю я"); }
  size_t region_after(size_t begin) const {
    for (size_t at = begin; at + 4 <= size_; at += 2) {
      if (is_vowel_at(at) && !is_vowel_at(at + 2)) return at + 4;
    }
    return size_;
  }
  void find_regions() {
    for (vowel_ = 0; vowel_ < size_ && !is_vowel_at(vowel_);) vowel_ += 2;
    vowel_ = std::min(vowel_ + 2, size_);
    two_ = region_after(region_after(0));
  }

  const std::string_view text_;
  size_t size_;
  size_t vowel_ = 0;
  size_t two_ = 0;
};

}  // namespace

uint32_t stem_russian(char* term, uint32_t size) {
  return static_cast<uint32_t>(Word({term, size}).stem());
}

}  // namespace varve
