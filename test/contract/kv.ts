// test/contract/kv.ts — what every key-value store of ours does, whatever lies beneath: a suite as a function.
import { expect, it } from 'vitest'

import { type Key, type Store } from '../../lib/index.ts'

/** A store under test, and how to open it again (in memory it starts empty). */
export interface Subject {
  readonly open: () => Promise<Store>
  readonly persistent: boolean
}

const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -0.5,
  2 ** 40,
  NaN,
  12n,
  -(10n ** 30n),
  '',
  'latin é',
  'wide ☃ 𝄞',
  '\ud800',
  new Date(5),
  [1, 'two', [3]],
  { a: 1, b: { c: undefined } },
  new Map([[1, { x: 'y' }]]),
  new Set(['q']),
  new Float64Array([1.5, 2.5]),
]

const KEYS: readonly Key[] = [
  null,
  false,
  true,
  -Infinity,
  -(10n ** 20n),
  -1.5,
  0,
  1,
  1n,
  2,
  10n ** 20n,
  Infinity,
  new Date(0),
  '',
  'a',
  'a\0',
  'ab',
  'é',
  '\uffff',
  '𝄞',
  new Uint8Array(0),
  new Uint8Array([0]),
  new Uint8Array([255]),
  [],
  ['a'],
  ['a', 1],
  ['b'],
]

function numbered(n: number): string {
  return `k${String(n).padStart(4, '0')}`
}

export function kv(open: () => Promise<Store>): void {
  it('gives back every kind of value', async () => {
    await using db = await open()
    for (const [i, value] of VALUES.entries()) await db.put(i, value)
    for (const [i, value] of VALUES.entries()) expect(db.get(i)).toEqual(value)
    await db.flush()
    for (const [i, value] of VALUES.entries()) expect(db.get(i)).toEqual(value)
    expect(db.values().toArray()).toEqual(VALUES)
    await db.put('bytes', new Uint8Array([1, 2, 3]))
    expect(db.get('bytes')).toEqual(Buffer.from([1, 2, 3]))
  })

  it('keeps every kind of key in order', async () => {
    await using db = await open()
    for (const [i, key] of KEYS.toReversed().entries()) await db.put(key, i)
    expect(db.keys().toArray().map(String)).toEqual(KEYS.map(String))
    await db.flush()
    expect(db.keys({ reverse: true }).toArray().map(String)).toEqual(KEYS.toReversed().map(String))
  })

  it('bounds ranges on either side, in either direction', async () => {
    await using db = await open()
    const batch = db.batch()
    for (let n = 0; n < 1000; n++) batch.put(numbered(n), n)
    await batch.write()
    for (const flushed of [false, true]) {
      if (flushed) await db.flush()
      expect(db.values({ gte: 'k0010', lt: 'k0013' }).toArray()).toEqual([10, 11, 12])
      expect(db.values({ gt: 'k0010', lte: 'k0013' }).toArray()).toEqual([11, 12, 13])
      expect(db.values({ gt: 'k0010', lte: 'k0013', reverse: true }).toArray()).toEqual([
        13, 12, 11,
      ])
      expect(db.values({ prefix: 'k099', limit: 2, reverse: true }).toArray()).toEqual([999, 998])
      expect(db.count({ prefix: 'k00' })).toBe(100)
      expect(db.range({ gte: 'k0999' }).first()).toEqual(['k0999', 999])
      expect(db.range({ gte: 'l' }).toArray()).toEqual([])
      const some: unknown[] = []
      for await (const value of db.values({ lt: 'k0300' })) some.push(value)
      expect(some).toEqual(Array.from({ length: 300 }, (_, n) => n))
    }
  })

  it('reads many keys in the order asked for', async () => {
    await using db = await open()
    for (let n = 0; n < 700; n++) await db.put(numbered(n), { n }, { durability: 'memory' })
    const asked = Array.from({ length: 1400 }, (_, n) => numbered((n * 7) % 1400))
    const expected = asked.map((key) => (key < 'k0700' ? { n: Number(key.slice(1)) } : undefined))
    expect(db.getMany(asked)).toEqual(expected)
    await db.flush()
    expect(db.getMany(asked)).toEqual(expected)
  })

  it('commits a batch as one, the last edit of a key counting', async () => {
    await using db = await open()
    await db.put('gone', 1)
    const before = db.commit
    await db.batch([
      { type: 'put', key: 'a', value: 1 },
      { type: 'put', key: 'a', value: 2 },
      { type: 'delete', key: 'gone' },
    ])
    expect([db.commit, db.get('a'), db.has('gone'), db.version('a')]).toEqual([
      before + 1,
      2,
      false,
      before + 1,
    ])
  })

  it('deletes ranges, and what comes later stands', async () => {
    await using db = await open()
    for (let n = 0; n < 100; n++) await db.put(numbered(n), n, { durability: 'memory' })
    await db.flush()
    await db.deleteRange({ gte: 'k0010', lt: 'k0090' })
    await db.put('k0050', 'new')
    const expected = [
      ...Array.from({ length: 10 }, (_, n) => n),
      'new',
      ...Array.from({ length: 10 }, (_, n) => 90 + n),
    ]
    expect(db.values().toArray()).toEqual(expected)
    expect(db.get('k0020')).toBeUndefined()
    await db.flush()
    expect(db.values({ reverse: true }).toArray()).toEqual(expected.toReversed())
    await db.compact()
    expect(db.values().toArray()).toEqual(expected)
    expect(db.get('k0020')).toBeUndefined()
  })

  it('keeps sublevels apart, each with its own encoding', async () => {
    await using db = await open()
    const json = db.sublevel<{ key: string; value: unknown }>('json', { encoding: 'json' })
    const bytes = json.sublevel<{ key: string; value: Uint8Array }>('bytes', { encoding: 'bytes' })
    await json.put('k', { a: [1] })
    await bytes.put('k', new Uint8Array([7]))
    expect([db.count(), json.count(), bytes.count()]).toEqual([0, 1, 1])
    expect(db.sublevel('json', { encoding: 'json' }).get('k')).toEqual({ a: [1] })
    await json.deleteRange({})
    expect([json.count(), bytes.get('k')?.[0]]).toEqual([0, 7])
  })

  it('shows a snapshot as it was, through writes, flush and compaction', async () => {
    await using db = await open()
    for (let n = 0; n < 200; n++) await db.put(numbered(n), n, { durability: 'memory' })
    using snapshot = db.snapshot()
    const range = db.values()
    const running = range[Symbol.iterator]()
    running.next()
    await db.deleteRange({ gte: 'k0100' })
    for (let n = 0; n < 100; n++) await db.put(numbered(n), -1, { durability: 'memory' })
    await db.flush()
    await db.compact()
    expect(snapshot.values().toArray()).toEqual(Array.from({ length: 200 }, (_, n) => n))
    expect(snapshot.get('k0150')).toBe(150)
    expect([...running]).toEqual(Array.from({ length: 199 }, (_, n) => n + 1))
    expect(range.toArray()).toEqual(Array.from({ length: 100 }, () => -1))
  })
}
