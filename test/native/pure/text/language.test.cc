// test/native/pure/text/language.test.cc — stems as the sample vocabularies of Snowball have them.
#include "pure/text/language.h"

#include <algorithm>
#include <string>

#include "base/random.h"
#include "test.h"

namespace varve {
namespace {

using test::expect;

std::string stemmed(uint32_t languages, std::string word) {
  const uint32_t size = static_cast<uint32_t>(word.size());
  word.push_back('\0');
  word.resize(stem(languages, word.data(), size));
  return word;
}

// Words and their stems in turn.
void expect_stems(uint32_t languages, std::string_view list) {
  const auto next = [&list] {
    const size_t end = std::min(list.find(' '), list.size());
    const std::string word(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
    return word;
  };
  while (!list.empty()) {
    const std::string word = next();
    const std::string expected = next();
    const std::string found = stemmed(languages, word);
    if (found != expected) std::fprintf(stderr, "  %s became %s\n", word.c_str(), found.c_str());
    expect(found == expected);
  }
}

const test::Case english("English words have the stems of Porter's second algorithm", [] {
  expect_stems(
      kLanguageEnglish,
      "consign consign consigned consign consigning consign consignment consign consist consist "
      "consisted consist consistency consist consistent consist consistently consist consisting "
      "consist consists consist consolation consol consolations consol consolatory consolatori "
      "console consol consoled consol consoles consol consolidate consolid consolidated consolid "
      "consolidating consolid consoling consol consolingly consol consols consol consonant conson "
      "consort consort consorted consort consorting consort conspicuous conspicu conspicuously "
      "conspicu conspiracy conspiraci conspirator conspir conspirators conspir conspire conspir "
      "conspired conspir conspiring conspir constable constabl constables constabl constance "
      "constanc constancy constanc constant constant knack knack knackeries knackeri knacks knack "
      "knag knag knave knave knaves knave knavish knavish kneaded knead kneading knead knee knee "
      "kneel kneel kneeled kneel kneeling kneel kneels kneel knees knee knell knell knelt knelt "
      "knew knew knick knick knight knight knightly knight knights knight knit knit knits knit "
      "knitted knit knitting knit knives knive knob knob knobs knob knock knock knocked knock "
      "knocker knocker knockers knocker knocking knock knocks knock knot knot knots knot");
  expect_stems(kLanguageEnglish,
               "skis ski dying die gently gentl early earli news news proceed proceed succeeded "
               "succeed generate generat generous generous communism communism hopping hop hoping "
               "hope ties tie cries cri gas gas this this kiwis kiwi luxuriated luxuri sized size "
               "cry cri by by say say dog's dog 'cause caus formally formal rational ration "
               "relational relat vietnamization vietnam adoption adopt controllable control");
});

const test::Case russian("Russian words have the stems of Snowball", [] {
  expect_stems(kLanguageRussian,
               "в в вавиловка вавиловк вагнера вагнер вагон вагон вагона вагон вагоне вагон "
               "вагонов вагон вагоном вагон вагоны вагон важная важн важнее важн важнейшие важн "
               "важнейшими важн важничал важнича важно важн важного важн важное важн важной важн "
               "важном важн важному важн важности важност важностию важност важность важност "
               "важностью важност важную важн важны важн важные важн важный важн важным важн "
               "важных важн вазах ваз вазы ваз вакса вакс вакханка вакханк вал вал валандался "
               "валанда валентина валентин валериановых валерианов валерию валер валетами валет "
               "вали вал валил вал валился вал валится вал валов вал вальдшнепа вальдшнеп вальс "
               "вальс вальса вальс вальсе вальс вальсишку вальсишк вальтера вальтер валяется валя "
               "валялась валя валялись валя валялось валя валялся валя валять валя валяются валя "
               "вам вам вами вам павильонам павильон павла павл павлиний павлин");
});

const test::Case apart("a language leaves the script of the other alone", [] {
  expect(stemmed(kLanguageEnglish, "вагонов") == "вагонов");
  expect(stemmed(kLanguageRussian, "running") == "running");
  expect(stemmed(kLanguages, "вагонов") == "вагон" && stemmed(kLanguages, "running") == "run");
  expect(stemmed(kLanguages, "3.14") == "3.14" && stemmed(0, "running") == "running");
});

const test::Case bounded("any letters have a stem that is not empty and hardly longer", [] {
  Random random(test::seed());
  const std::string_view endings = "ing ed s ly ational ement eedly ies y e ll '";
  for (int round = 0; round < 20000; ++round) {
    std::string word;
    for (uint64_t left = random.below(8); left > 0; --left) {
      word.push_back("aeiouysltn'"[random.below(11)]);
    }
    const size_t at = endings.find(' ', random.below(endings.size()));
    if (at != std::string_view::npos)
      word += endings.substr(at + 1, endings.find(' ', at + 1) - at - 1);
    std::string russian;
    for (uint64_t left = random.below(9); left > 0; --left) {
      russian += std::string_view("аеиоуяйльнстшщвмю").substr(2 * random.below(17), 2);
    }
    if (!word.empty()) expect(stemmed(kLanguages, word).size() <= word.size() + 1);
    if (!russian.empty()) {
      const std::string found = stemmed(kLanguages, russian);
      expect(!found.empty() && russian.starts_with(found));
    }
  }
});

}  // namespace
}  // namespace varve
