#include "pure/text/language.h"

#include <algorithm>

namespace varve {
namespace {

constexpr std::string_view kEnglish =
    "a about above after again all am an and any are as at be because been before being below "
    "between both but by can could did do does doing down during each few for from further had "
    "has have having he her here hers him his how i if in into is it its just me more most my no "
    "nor not now of off on once only or other our ours out over own same she should so some such "
    "than that the their theirs them then there these they this those through to too under until "
    "up very was we were what when where which while who whom why will with would you your yours";

constexpr std::string_view kRussian =
    "а без более больше будет будто бы был была были было быть в вам вас вдруг ведь во вот впрочем "
    "все всегда всего всех всю вы где да даже для до другой его ее ей ему если есть еще ж же за "
    "зачем здесь и из или им иногда их к как какая какой когда кто куда ли лучше между меня мне "
    "много может можно мой моя мы на над надо наконец нас не него нее ней нельзя нет ни нибудь "
    "никогда ним них ничего но ну о об один он она они опять от перед по под после потом потому "
    "почти при про раз разве с сам свою себе себя сейчас со совсем так такой там тебя тем теперь "
    "то тогда того тоже только том тот три тут ты у уж уже хоть чего чем через что чтоб чтобы чуть "
    "эти этого этой этом этот эту я";

bool is_english(char byte) { return (byte >= 'a' && byte <= 'z') || byte == '\''; }

// Lower case letters of the Russian alphabet, two bytes each: U+0430 to U+044F.
bool is_russian(std::string_view term) {
  for (size_t at = 0; at + 1 < term.size(); at += 2) {
    const uint8_t lead = static_cast<uint8_t>(term[at]);
    const uint8_t rest = static_cast<uint8_t>(term[at + 1]);
    if (!(lead == 0xd0 && rest >= 0xb0) && !(lead == 0xd1 && rest <= 0x8f)) return false;
  }
  return term.size() % 2 == 0;
}

}  // namespace

uint32_t stem(uint32_t languages, char* term, uint32_t size) {
  const std::string_view text(term, size);
  if ((languages & kLanguageEnglish) != 0 && std::ranges::all_of(text, is_english)) {
    return stem_english(term, size);
  }
  if ((languages & kLanguageRussian) != 0 && is_russian(text)) return stem_russian(term, size);
  return size;
}

std::string_view stop_words(uint32_t language) {
  if (language == kLanguageEnglish) return kEnglish;
  return language == kLanguageRussian ? kRussian : std::string_view();
}

}  // namespace varve
