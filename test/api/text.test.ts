// test/api/text.test.ts — the facade of full-text indexes: what is found, where it stands, what is refused.
import { describe, expect, it } from 'vitest'
import { Bitmap, TextIndex, VarveError } from '../../lib/index.ts'

const TALES = [
  'The quick brown fox jumps over the lazy dog',
  'A lazy afternoon: foxes and dogs asleep',
  'Быстрые лисы и ленивая собака',
  '東京都に住んでいます',
  'Café au lait, naïve, Ångström',
  '',
]

function tales(options = {}): TextIndex {
  const index = new TextIndex(options)
  index.addMany(TALES.map((_, id) => id), TALES)
  return index
}

const found = (index: TextIndex, query: string, options = {}) =>
  index.search(query, options).map(({ id }) => id).sort()
const codeOf = (body: () => unknown): unknown => {
  try {
    body()
    return undefined
  } catch (error) {
    return error instanceof VarveError ? `${error.code}: ${error.message}` : error
  }
}

describe('TextIndex', () => {
  it('finds words whatever their case and diacritics, best first', () => {
    const index = tales()
    expect(found(index, 'LAZY')).toEqual([0, 1])
    expect(found(index, 'cafe NAIVE')).toEqual([4])
    expect(found(index, 'angstrom')).toEqual([4])
    expect(found(index, 'unicorn')).toEqual([])
    const [first, second] = index.search('lazy')
    expect(first?.id).toBe(1) // It is shorter.
    expect(first?.score).toBeGreaterThan(second?.score ?? 0)
  })

  it('scores as BM25 is written in books', () => {
    const index = new TextIndex()
    index.addMany([7, 8, 9], ['a b b', 'b c', 'c c c c'])
    const idf = (n: number) => Math.log(1 + (3 - n + 0.5) / (n + 0.5))
    const score = (n: number, f: number, length: number) =>
      (idf(n) * f * 2.2) / (f + 1.2 * (0.25 + (0.75 * length) / 3))
    expect(index.search('b').map(({ id }) => id)).toEqual([7, 8])
    expect(index.search('b')[0]?.score).toBeCloseTo(score(2, 2, 3), 9)
    expect(index.search('b c')[0]?.score).toBeCloseTo(score(2, 1, 2) * 2, 9)
  })

  it('knows stems of languages by their script, and stop words', () => {
    const index = tales({ language: ['english', 'russian'], stopWords: true })
    expect(found(index, 'fox')).toEqual([0, 1])
    expect(found(index, 'лиса')).toEqual([2])
    expect(found(index, 'собаки')).toEqual([2])
    expect(found(index, 'the')).toEqual([])
    expect(found(tales({ stopWords: ['Lazy'] }), 'lazy')).toEqual([])
  })

  it('finds words of scripts without spaces', () => {
    const index = tales()
    expect(found(index, '東京')).toEqual([3])
    expect(found(index, '東京都')).toEqual([3])
    expect(found(index, '京')).toEqual([3])
    expect(found(index, '東都')).toEqual([])
  })

  it('understands operators, phrases, prefixes and misspellings', () => {
    const index = tales()
    expect(found(index, '+lazy -fox')).toEqual([1])
    expect(found(index, 'quick AND lazy')).toEqual([0])
    expect(found(index, 'quick OR asleep')).toEqual([0, 1])
    expect(found(index, 'lazy NOT (quick OR brown)')).toEqual([1])
    expect(found(index, '"lazy dog"')).toEqual([0])
    expect(found(index, '"dog lazy"')).toEqual([])
    expect(found(index, 'fox*')).toEqual([0, 1])
    expect(found(index, 'quikc~2')).toEqual([0])
    expect(found(index, 'brwn~')).toEqual([0])
    expect(found(index, 'quick asleep', { mode: 'all' })).toEqual([])
    expect(found(index, 'quick +lazy', { mode: 'all' })).toEqual([0])
    expect(found(index, 'quic laz', { prefix: true, mode: 'all' })).toEqual([0])
    expect(found(index, 'brwn', { fuzzy: 1 })).toEqual([0])
    expect(found(index, '-fox', { syntax: 'words' })).toEqual([0])
    for (const odd of ['"', '(', ')', '(((', 'a AND', 'OR', '^', '~', '*', '-', 'a^^2', '"a" "'])
      expect(codeOf(() => index.search(odd))).toBeUndefined()
    expect(index.search('lazy^2')[0]?.score).toBeCloseTo(2 * (index.search('lazy')[0]?.score ?? 0))
  })

  it('limits and filters, by ids or by a function', () => {
    const index = new TextIndex()
    const ids = Array.from({ length: 1000 }, (_, id) => id * 3)
    index.addMany(ids, ids.map((id) => (id % 2 === 0 ? 'even number' : 'odd number')))
    expect(index.search('number')).toHaveLength(10)
    expect(index.search('number', { limit: 3 }).map(({ id }) => id)).toEqual([0, 3, 6])
    expect(index.search('number', { limit: 5000 })).toHaveLength(1000)
    expect(index.search('number', { limit: 0 })).toEqual([])
    expect(found(index, 'number', { filter: [6, 2997, 4] })).toEqual([2997, 6])
    expect(found(index, 'number', { filter: new Uint32Array([2997, 6, 4]) })).toEqual([2997, 6])
    expect(found(index, 'number', { filter: new Bitmap([6, 2997, 4]) })).toEqual([2997, 6])
    expect(found(index, 'number', { filter: new Bitmap() })).toEqual([])
    expect(index.search('number', { filter: (id) => id > 2990 }).map(({ id }) => id)).toEqual([2991, 2994, 2997])
    expect(index.search('odd', { filter: new Set([3, 6]) }).map(({ id }) => id)).toEqual([3])
  })

  it('changes: add, update, remove, clear', () => {
    const index = tales()
    index.update(0, 'now about cats')
    expect(found(index, 'fox')).toEqual([])
    expect(found(index, 'cats')).toEqual([0])
    expect(index.remove(0)).toBe(true)
    expect(index.remove(0)).toBe(false)
    expect(index.has(0)).toBe(false)
    expect(index.size).toBe(5)
    index.compact()
    expect(index.stats()).toMatchObject({ documents: 5, removed: 0, looseBytes: 0 })
    expect(index.stats().bytes).toBeGreaterThan(0)
    index.clear()
    expect(index.size).toBe(0)
    expect(index.search('lazy')).toEqual([])
    index.add(4_294_967_295, 'again')
    expect(found(index, 'again')).toEqual([4_294_967_295])
  })

  it('shows where the words stand, in units of JavaScript', () => {
    const index = tales({ language: 'english' })
    const text = '😀 Foxes jump; the “FOX” jumped. 東京都'
    const parts = (query: string, options = {}) =>
      index.highlight(text, query, options).map(({ begin, end }) => text.slice(begin, end))
    expect(parts('fox')).toEqual(['Foxes', 'FOX'])
    expect(parts('"fox jumps"')).toEqual(['Foxes', 'jump', 'FOX', 'jumped'])
    expect(parts('"jump fox"')).toEqual([])
    expect(parts('東京都')).toEqual(['東京都'])
    expect(parts('fx~ -jump')).toEqual(['Foxes', 'FOX'])
    expect(parts('ju', { prefix: true })).toEqual(['jump', 'jumped'])
    expect(index.highlight('fox '.repeat(50_000), 'fox')).toHaveLength(50_000)
  })

  it('takes what docs/text.md says for a word', () => {
    let state = 1
    const word = () => {  // Half of the words are among a hundredth of all, as in a language.
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return `w${Math.floor((state / 2 ** 32) ** 7 * 60_000)}`
    }
    const index = new TextIndex()
    const texts = Array.from({ length: 20_000 }, () => Array.from({ length: 40 }, word).join(' '))
    index.addMany(texts.map((_, id) => id), texts)
    index.compact()
    const { words, bytes, terms } = index.stats()
    expect(words).toBe(800_000)
    expect(terms).toBeGreaterThan(50_000)
    expect(bytes / words).toBeLessThan(20)
    expect(index.serialise().length / words).toBeLessThan(8)
  })

  it('is written as bytes and read back, and goes on', () => {
    const index = tales({ language: 'english', stopWords: ['over'] })
    index.remove(5)
    const bytes = index.serialise()
    const again = TextIndex.deserialise(bytes)
    expect(again.size).toBe(5)
    expect(again.search('fox lazy')).toEqual(index.search('fox lazy'))
    expect(again.serialise()).toEqual(bytes)
    expect(again.search('over')).toEqual([])
    again.add(77, 'over a foxy lady')
    again.remove(0)
    expect(found(again, 'foxes lady')).toEqual([1, 77])
    expect(found(index, 'lady')).toEqual([])
  })

  it('refuses bytes that are no index, saying where', () => {
    const bytes = tales().serialise()
    expect(codeOf(() => TextIndex.deserialise(new Uint8Array(3)))).toMatch(/^CORRUPT: text: .* at offset 3$/)
    for (let at = 0; at < bytes.length; at += 97) {
      const changed = bytes.slice()
      changed[at] = (changed[at] ?? 0) ^ 0x40
      expect(codeOf(() => TextIndex.deserialise(changed))).toMatch(/^(?:CORRUPT|NEWER_FORMAT): text: /)
    }
    expect(codeOf(() => TextIndex.deserialise(bytes.subarray(0, -8)))).toMatch(/^CORRUPT/)
  })

  it('cuts words where the segmenter of this Node does', () => {
    const segmenter = new Intl.Segmenter('en', { granularity: 'word' })
    const alphabet = ["a", "B", "1", ".", ",", "'", "’", "_", " ", "é", "ж", "-", ";", "\u0301", "\u200d", "ß"]
    let state = 12345
    const next = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      return (state >>> 8) % below
    }
    const index = new TextIndex()
    for (let round = 0; round < 500; round += 1) {
      const text = Array.from({ length: 12 }, () => alphabet[next(alphabet.length)]).join('')
      const words = [...segmenter.segment(text)].filter(({ segment }) => /[\p{L}\p{N}]/u.test(segment))
        .map(({ index: begin, segment }) => [begin, begin + segment.length])
      // Every word is found where it stands, and nothing else: neighbours are never one range.
      const ranges = words.flatMap(([begin = 0, end = 0]) =>
        index.highlight(text, `"${text.slice(begin, end)}"`).filter((range) => range.begin === begin)
          .map((range) => [range.begin, range.end]))
      expect(ranges, JSON.stringify(text)).toEqual(words)
    }
  })

  it('says what is wrong with an argument', () => {
    const index = tales()
    const wrong = (body: () => unknown, message: string) => expect(codeOf(body)).toBe(`INVALID: ${message}`)
    const as = <T>(value: unknown): T => value as T
    wrong(() => index.add(-1, 'a'), 'id must be an integer of 0 to 4294967295, not -1')
    wrong(() => index.add(1.5, 'a'), 'id must be an integer of 0 to 4294967295, not 1.5')
    wrong(() => index.add(99, as(5)), 'text must be a string, not 5')
    wrong(() => index.add(1, 'a'), 'text: there is a document 1 already')
    wrong(() => index.addMany([1], []), 'ids must be as long as texts, 0, not 1')
    wrong(() => index.addMany(as('x'), ['a']), 'ids must be a Uint32Array or an array of integers, not "x"')
    wrong(() => index.addMany([50, 1, 51], ['a', 'b', 'c']), 'text: there is a document 1 already')
    expect(index.has(50) && !index.has(51)).toBe(true)
    wrong(() => index.search(as(5)), 'query must be a string, not 5')
    wrong(() => index.search('a', { limit: -1 }), 'limit must be an integer of 0 to 2147483647, not -1')
    wrong(() => index.search('a', as({ mode: 'some' })), 'mode must be "any" or "all", not "some"')
    wrong(() => index.search('a', as({ fuzzy: 3 })), 'fuzzy must be 0 or 1 or 2, not 3')
    wrong(() => index.search('a', as({ filter: 5 })), 'filter must be ids or a function, not 5')
    wrong(() => index.search('a', as({ limitt: 3 })),
      'options.limitt is no option; there are: mode, syntax, prefix, fuzzy, limit, filter')
    wrong(() => new TextIndex(as({ language: 'klingon' })),
      `language must be 'english', 'russian' or an array of them, not "klingon"`)
    wrong(() => new TextIndex({ b: 2 }), 'b must be a number of 0 to 1, not 2')
    wrong(() => new TextIndex({ stopWords: true }), 'stopWords must be a list where there is no language, not true')
    wrong(() => TextIndex.deserialise(as('x')), 'bytes must be a Uint8Array, not "x"')
    wrong(() => index.search(Array(1026).join('a ')), 'text: the query has more than 1024 words')
    expect(codeOf(() => index.add(60, 'a'.repeat(2 ** 24 + 1))))
      .toBe('TOO_LARGE: text: a text of 16777217; at most 16777216')
  })
})
