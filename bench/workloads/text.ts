// bench/workloads/text.ts — full-text indexes: building one of 100 k texts, the best ten for words of different
// frequency, changes of single texts.
//
// Texts have 20 to 80 words, by a Zipf distribution over 60,000; a common word is one of the ten most frequent, a
// middle one of rank 100 to 300, a rare one of rank 10,000 to 30,000.
import { Random } from '../data.ts'
import { alone, type Context, type Outcome, type Row, type Workload } from '../shape.ts'
import { type Mode, type Texts, textsOf } from '../texts.ts'

const TEXTS = 100_000
const WORDS = 60_000
const QUERIES = 1000
const SEARCH_MS_MAX = 3000 // A rival may need 40 ms for one.
const LOOK_EVERY = 20
const WORDS_MIN = 20
const WORDS_MAX = 80
const SENTENCE = 11
// Of Zipf's law with Mandelbrot's shift, as in English.
const SHIFT = 2.7
const EXPONENT = 1.05
const CHANGES = 2000
const LETTERS = 'etaoinshrdlucmfwypvbgkqjxz'

// Different words, shorter where they are frequent, with common beginnings.
function wordOf(rank: number): string {
  let word = ''
  for (let left = rank * 7 + 131; left > 0; left = Math.floor(left / 23))
    word += LETTERS[left % 23] ?? ''
  return [...word].reverse().join('')
}

export class Corpus {
  readonly words = Array.from({ length: WORDS }, (_, rank) => wordOf(rank))
  readonly #sums = new Float64Array(WORDS)
  readonly #random: Random

  constructor(seed: number) {
    this.#random = new Random(seed)
    let sum = 0
    for (let rank = 0; rank < WORDS; rank += 1) {
      sum += (rank + SHIFT) ** -EXPONENT
      this.#sums[rank] = sum
    }
  }
  below(count: number): number {
    return this.#random.below(count)
  }
  word(first: number, count: number): string {
    return this.words[first + this.below(count)] ?? ''
  }
  text(): string {
    const words: string[] = []
    for (let left = WORDS_MIN + this.below(WORDS_MAX - WORDS_MIN + 1); left > 0; left -= 1)
      words.push(this.#skewed() + (left % SENTENCE === 0 ? '.' : ''))
    return words.join(' ')
  }
  texts(count: number): string[] {
    return Array.from({ length: count }, () => this.text())
  }
  #skewed(): string {
    const wanted = this.#random.unit() * (this.#sums[WORDS - 1] ?? 0)
    let low = 0
    let high = WORDS - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#sums[middle] ?? 0) < wanted) low = middle + 1
      else high = middle
    }
    return this.words[low] ?? ''
  }
}

// A word is found as often as it is there.
async function expectSense(context: Context, texts: Texts, corpus: Corpus): Promise<void> {
  const given = corpus.texts(200)
  const other = await textsOf(context.contestant)
  other.addMany(given)
  const word = corpus.words[0] ?? ''
  const having = given.filter((text) => text.split(/[ .]+/).includes(word)).length
  const found = other.search([word], 'any')
  if (found !== Math.min(having, 10))
    throw new Error(`text: ${found} hits for '${word}', which ${having} texts have`)
  other.remove(0, given[0] ?? '')
  other.close()
  texts.close()
}

async function build(context: Context): Promise<Outcome> {
  const corpus = new Corpus(1)
  const given = corpus.texts(context.count(context.keyCount))
  const texts = await textsOf(context.contestant)
  const lap = await context.time(() => {
    texts.addMany(given)
    texts.search([corpus.words[50] ?? ''], 'any')
    return Promise.resolve()
  })
  await expectSense(context, texts, corpus)
  return { operations: given.length, lap }
}

type Words = (corpus: Corpus) => readonly string[]

async function search(
  context: Context,
  words: Words,
  mode: Mode,
  rounds: number,
): Promise<Outcome> {
  const corpus = new Corpus(1)
  const texts = await textsOf(context.contestant)
  texts.addMany(corpus.texts(context.keyCount))
  const queries = Array.from({ length: QUERIES }, () => words(corpus))
  texts.search(queries[0] ?? [], mode)
  const count = context.count(rounds)
  let found = 0
  let operations = 0
  const lap = await context.time(() => {
    const end = performance.now() + SEARCH_MS_MAX
    while (operations < count && (operations % LOOK_EVERY !== 0 || performance.now() < end)) {
      found += texts.search(queries[operations % QUERIES] ?? [], mode)
      operations += 1
    }
    return Promise.resolve()
  })
  if (found === 0) throw new Error('text: nothing was found')
  await expectSense(context, texts, corpus)
  return { operations, lap }
}

async function change(context: Context, isAdding: boolean): Promise<Outcome> {
  const corpus = new Corpus(1)
  const texts = await textsOf(context.contestant)
  const given = corpus.texts(context.keyCount)
  texts.addMany(given)
  const operations = Math.min(context.count(CHANGES), context.keyCount)
  const more = corpus.texts(operations)
  const lap = await context.time(() => {
    for (let i = 0; i < operations; i += 1)
      if (isAdding) texts.add(context.keyCount + i, more[i] ?? '')
      else texts.remove(i, given[i] ?? '')
    return Promise.resolve()
  })
  await expectSense(context, texts, corpus)
  return { operations, lap }
}

const SCORING = ['better-sqlite3', 'minisearch']
const ALL = [...SCORING, 'flexsearch']

function textRow(row: Omit<Row, 'per'>, rivals: readonly string[], run: Workload['run']): Workload {
  const rest = {
    contest: 'kernels',
    begins: 'none',
    keyCount: TEXTS,
    quickKeyCount: 20_000,
  } as const
  return alone({ ...row, per: 'cpu' }, { ...rest, warmUps: 1, rivals, run })
}

// The rivals that score are the measure; FlexSearch stands beside.
function topRow(
  { name, title, plot }: Pick<Row, 'name' | 'title' | 'plot'>,
  words: Words,
  mode: Mode,
  rounds: number,
): Workload {
  const targets = [
    { times: 20, of: 'better-sqlite3' },
    { times: 20, of: 'minisearch' },
  ]
  const rivals = mode === 'prefix' ? SCORING : ALL
  const about = { name, title, targets, ...(plot === undefined ? {} : { plot }) }
  return textRow(about, rivals, (context) => search(context, words, mode, rounds))
}

const common: Words = (corpus) => [corpus.word(0, 10)]
const middle: Words = (corpus) => [corpus.word(100, 200)]
const rare: Words = (corpus) => [corpus.word(10_000, 20_000)]
const two: Words = (corpus) => [corpus.word(0, 100), corpus.word(0, 300)]
const three: Words = (corpus) => [corpus.word(0, 100), corpus.word(0, 300), corpus.word(0, 100)]
const beginning: Words = (corpus) => [corpus.word(0, 3000).slice(0, 2)]

const wordRows = (
  [
    ['common', common, 2000],
    ['middle', middle, 5000],
    ['rare', rare, 20_000],
  ] as const
).map(([at, words, rounds]) => {
  const plot = { family: 'text-word', title: 'texts: the best 10 of a word', axis: 'the word', at }
  return topRow(
    { name: `text-${at}`, title: `text: best 10 of a ${at} word`, plot },
    words,
    'any',
    rounds,
  )
})

export const textWorkloads: readonly Workload[] = [
  textRow(
    {
      name: 'text-index',
      title: 'text: index 100 k texts',
      targets: [{ times: 5, of: 'better-sqlite3' }],
    },
    ALL,
    build,
  ),
  ...wordRows,
  topRow({ name: 'text-and-2', title: 'text: best 10 of two words, both' }, two, 'all', 2000),
  topRow({ name: 'text-and-3', title: 'text: best 10 of three words, all' }, three, 'all', 2000),
  topRow({ name: 'text-or-2', title: 'text: best 10 of two words, either' }, two, 'any', 2000),
  topRow(
    { name: 'text-prefix', title: 'text: best 10 of a beginning of two letters' },
    beginning,
    'prefix',
    500,
  ),
  textRow({ name: 'text-add', title: 'text: add one', targets: [{ times: 10 }] }, ALL, (context) =>
    change(context, true),
  ),
  textRow(
    { name: 'text-remove', title: 'text: remove one', targets: [{ times: 10 }] },
    ALL,
    (context) => change(context, false),
  ),
]
