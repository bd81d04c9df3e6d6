// Writes native/pure/text/unicode.inc: the word classes and the folding of characters, from the properties that
// the running Node knows (\p{…}, normalize(), toLowerCase()), so that nothing is downloaded.
//   node native/tools/unicode.cjs
//
// Word classes are those of the word rules of UAX #29, derived as its table derives them, without the classes that
// only tell parts between words from one another, and with those that the rules leave whole or cut into
// single characters apart: scripts that are written without spaces. A colon joins nothing, as in CLDR.
//
// Folding is lower case, compatible forms as one, and no diacritics, but what is a letter of its own stays
// (й, ї, ў; the voiced kana) and vowel signs of the scripts that need them.
'use strict'
const fs = require('node:fs')
const path = require('node:path')

const LAST = 0x10ffff
const IS_NOT_SPACED = /[\p{Script=Thai}\p{Script=Lao}\p{Script=Myanmar}\p{Script=Khmer}\p{Script=Tai_Le}\p{Script=New_Tai_Lue}\p{Script=Tai_Tham}\p{Script=Tai_Viet}\p{Script=Ahom}]/u
const LETTER_LIKE = /[\u02c2-\u02c5\u02d2-\u02d7\u02de\u02df\u02e5-\u02eb\u02ed\u02ef-\u02ff\u055a-\u055c\u055e\u058a\u05f3\u070f\ua708-\ua716\ua720\ua721\ua789\ua78a\uab5b]/u

// The first that fits names the class; the order and the numbers are those of WordClass in unicode.h.
const CLASSES = [
  ['joiner', /\u200d|(?![\u200b\u2060-\u2064\u0600-\u0605\u06dd\u070f\u08e2\u0890\u0891])\p{Cf}|\p{Grapheme_Extend}|\p{Mc}|\p{Emoji_Modifier}/u],
  ['kana', /\p{Script=Katakana}|\p{Script=Hiragana}|[\u3031-\u3035\u309b\u309c\u30a0\u30fc\uff70]/u],
  ['ideograph', /\p{Ideographic}/u],
  ['hangul', /(?=\p{Script=Hangul})\p{Alphabetic}/u],
  ['unspaced', (text) => IS_NOT_SPACED.test(text) && /[\p{L}\p{M}]/u.test(text)],
  ['hebrew', /(?=\p{Script=Hebrew})\p{Lo}/u],
  ['digit', /\p{Nd}|[\u066b\u0600-\u0605\u06dd\u08e2\u0890\u0891]/u],
  ['letter', (text) => /\p{Alphabetic}/u.test(text) || LETTER_LIKE.test(text)],
  ['connector', /\p{Pc}|\u202f/u],
  ['singleQuote', /'/u],
  ['doubleQuote', /"/u],
  ['midBoth', /[.\u2018\u2019\u2024\ufe52\uff07\uff0e]/u],
  ['midLetter', /[\u00b7\u0387\u055f\u05f4\u2027\ufe13\ufe55\uff1a]/u],
  ['midDigit', /[,;\u037e\u0589\u060c\u060d\u066c\u07f8\u2044\ufe10\ufe14\ufe50\ufe54\uff0c\uff1b]/u],
].map(([name, test]) => [name, typeof test === 'function' ? test : (text) => test.test(text)])

const isSurrogate = (code) => code >= 0xd800 && code <= 0xdfff

function classOf(code) {
  if (isSurrogate(code)) return 0
  const text = String.fromCodePoint(code)
  return CLASSES.findIndex(([, test]) => test(text)) + 1
}

// What carries no letter of its own when its marks go: marks that any script may use, and the points of Hebrew.
const LOOSE_MARK = /(?=\p{Mn})[\p{Script=Inherited}\p{Script=Hebrew}]/gu
const OWN_LETTERS = 'йїў'
const PLAIN = new Map(Object.entries({
  ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', đ: 'd', ð: 'd', þ: 'th', ħ: 'h', ı: 'i', ł: 'l', ŧ: 't', ŋ: 'n', ĸ: 'k', ſ: 's',
  ǝ: 'e', ς: 'σ', '\u2018': "'", '\u2019': "'", '\u02bc': "'", '\u0307': '',
}))

function foldOf(code) {
  if (isSurrogate(code)) return String.fromCodePoint(0xfffd)
  const text = String.fromCodePoint(code)
  const lower = text.normalize('NFKC').toLowerCase().normalize('NFKC')
  if (OWN_LETTERS.includes(lower) || /^[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3099\u309a\uff9e\uff9f]/u.test(lower)) return lower
  if (/^\p{Cf}$/u.test(text)) return ''
  const bare = lower.normalize('NFKD').replace(LOOSE_MARK, '').normalize('NFC')
  return [...bare].map((one) => PLAIN.get(one) ?? one).join('').toLowerCase()
}

function classRanges() {
  const ranges = []
  for (let code = 0x80; code <= LAST; code += 1) {
    const word = classOf(code)
    const last = ranges.at(-1)
    if (last !== undefined && last[2] === word && last[1] === code - 1) last[1] = code
    else if (word !== 0) ranges.push([code, code, word])
  }
  return ranges
}

// Characters with one of the same difference, each or every other one, are a range; the rest is listed.
function folds() {
  const ranges = []
  const lists = []
  for (let code = 0x80; code <= LAST; code += 1) {
    if (isSurrogate(code)) continue
    const to = [...foldOf(code)].map((one) => one.codePointAt(0))
    if (to.length === 1 && to[0] === code) continue
    if (to.length !== 1) { lists.push([code, to.length, ...to]); continue }
    const delta = to[0] - code
    const range = ranges.findLast((one) => code - one[1] <= 2 && one[3] === delta)
    const step = range === undefined ? 0 : code - range[1]
    if (range !== undefined && (range[2] === 0 || range[2] === step)) { range[1] = code; range[2] = step }
    else ranges.push([code, code, 0, delta])
  }
  return { ranges: ranges.map(([a, b, step, delta]) => [a, b, step || 1, delta]), lists }
}

function lines(numbers, open, close) {
  const cells = numbers.map((one) => `${open}${one.join(',')}${close},`)
  const out = ['']
  for (const cell of cells) {
    if (out.at(-1).length + cell.length > 99) out.push('')
    out.push(out.pop() + cell)
  }
  return out.join('\n')
}

function main() {
  const { ranges, lists } = folds()
  const text = `// Made by native/tools/unicode.cjs from Unicode ${process.versions.unicode}, as the Node that ran it knows it; not edited by hand.
// Numbers are decimal to be few. ASCII is in unicode.cc.

// First and last character, and the word class of both and those between.
constexpr ClassRange kClassRanges[] = {
${lines(classRanges(), '{', '}')}
};

// First and last, every how many of them, and what is added to each.
constexpr FoldRange kFoldRanges[] = {
${lines(ranges, '{', '}')}
};

// A character, how many it becomes, and which.
constexpr uint32_t kFoldLists[] = {
${lines(lists, '', '')}
};
`
  const file = path.join(__dirname, '..', 'pure', 'text', 'unicode.inc')
  fs.writeFileSync(file, text)
}
main()
