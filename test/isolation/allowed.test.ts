// What the weaker isolations allow does happen, by histories made by hand; and serializable refuses each of them.
import { describe, expect, it } from 'vitest'

import { type Isolation, open, type OpenTransaction, type Store } from '../../lib/index.ts'
import { type List, phenomenaOf } from './phenomena.ts'
import { type Past, Witness } from './witness.mjs'

interface Lists {
  readonly key: string
  readonly value: List
}

/** One transaction of a history. */
class Actor {
  readonly witness: Witness
  readonly #tx: OpenTransaction<Lists>

  constructor(db: Store<Lists>, isolation: Isolation, next: () => number) {
    this.#tx = db.begin({ isolation })
    this.witness = new Witness(this.#tx, next)
  }

  async end(): Promise<Past> {
    try {
      await this.#tx.commit()
      return this.witness.past(true)
    } catch (error) {
      expect(error).toMatchObject({ code: 'CONFLICT' })
      return this.witness.past(false)
    }
  }
}

type Begin = () => Actor
type Script = (begin: Begin) => Promise<Past[]>

const KEYS = ['x', 'y', 'z']

/** What comes of a script: the phenomena, and how many of it were refused. */
async function play(script: Script, isolation: Isolation): Promise<readonly [string, number]> {
  await using db = await open<Lists>(':memory:', { history: { keep: 'forever' } })
  let element = 0
  const pasts = await script(() => new Actor(db, isolation, () => ++element))
  const versions = new Map(
    KEYS.map((key) => [
      key,
      db
        .history(key)
        .reverse()
        .flatMap((version) => (version.deleted ? [] : [version.value])),
    ]),
  )
  const refused = pasts.filter(({ isCommitted }) => !isCommitted).length
  return [[...phenomenaOf(pasts, versions)].sort().join(' '), refused]
}

/** Each looks at both and writes one, which the other has seen unwritten. */
const writeSkew: Script = async (begin) => {
  const [a, b] = [begin(), begin()]
  for (const { witness } of [a, b]) for (const key of ['x', 'y']) witness.read(key)
  a.witness.append('x')
  b.witness.append('y')
  return [await a.end(), await b.end()]
}

/** Each counts all there is and adds one that the other has not counted. */
const phantom: Script = async (begin) => {
  const [a, b] = [begin(), begin()]
  a.witness.readAll(KEYS)
  b.witness.readAll(KEYS)
  a.witness.append('x')
  b.witness.append('y')
  return [await a.end(), await b.end()]
}

/** One reads what is there after the second of two, and before the first, which had read before the second. */
const readerBetween: Script = async (begin) => {
  const [first, second] = [begin(), begin()]
  first.witness.read('x')
  first.witness.read('y')
  second.witness.append('y')
  const ended = await second.end()
  const reader = begin()
  reader.witness.read('x')
  reader.witness.read('y')
  reader.witness.append('z')
  const read = await reader.end()
  first.witness.append('x')
  return [await first.end(), ended, read]
}

/** Both add to what neither has seen the other add to. */
const lostUpdate: Script = async (begin) => {
  const [a, b] = [begin(), begin()]
  a.witness.append('x')
  b.witness.append('x')
  return [await a.end(), await b.end()]
}

/** One key is read before a commit of both, the other after it. */
const readSkew: Script = async (begin) => {
  const [reader, writer] = [begin(), begin()]
  reader.witness.read('x')
  writer.witness.append('x')
  writer.witness.append('y')
  const ended = await writer.end()
  reader.witness.read('y')
  reader.witness.append('z')
  return [await reader.end(), ended]
}

/** A range is read before and after a commit that adds to it. */
const twoCounts: Script = async (begin) => {
  const [reader, writer] = [begin(), begin()]
  reader.witness.readAll(KEYS)
  writer.witness.append('x')
  const ended = await writer.end()
  reader.witness.readAll(KEYS)
  reader.witness.append('z')
  return [await reader.end(), ended]
}

const both = 'G-single G2'
// Of each isolation what comes of it: phenomena, and how many were refused.
const scripts: readonly (readonly [
  string,
  Script,
  Readonly<Record<Isolation, readonly [string, number]>>,
])[] = [
  [
    'write skew',
    writeSkew,
    { serializable: ['', 1], snapshot: ['G2', 0], 'read-committed': ['G2', 0] },
  ],
  [
    'a phantom',
    phantom,
    { serializable: ['', 1], snapshot: ['G2', 0], 'read-committed': ['G2', 0] },
  ],
  [
    'a reader that sees the later of two without the earlier',
    readerBetween,
    { serializable: ['', 1], snapshot: ['G2', 0], 'read-committed': ['G2', 0] },
  ],
  [
    'a lost update',
    lostUpdate,
    { serializable: ['', 1], snapshot: ['', 1], 'read-committed': [both, 0] },
  ],
  [
    'read skew',
    readSkew,
    { serializable: ['', 1], snapshot: ['', 0], 'read-committed': [both, 0] },
  ],
  [
    'two counts that differ',
    twoCounts,
    { serializable: ['', 1], snapshot: ['', 0], 'read-committed': [both, 0] },
  ],
]

describe.each(scripts)('%s', (_, script, outcomes) => {
  it.each<Isolation>(['serializable', 'snapshot', 'read-committed'])(
    'with %s',
    async (isolation) => {
      expect(await play(script, isolation)).toEqual(outcomes[isolation])
    },
  )
})
