// Ranges: every combination of their options against a filter over a sorted array, and how a run begins and ends.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { type Key, type Level, open, type RangeOptions, type Store } from '../../lib/index.ts'
import { compareKeys, encodeKey } from '../../lib/key.ts'
import { randomFrom } from '../contract/model.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-range-'))
let count = 0
afterAll(() => rmSync(root, { recursive: true, force: true }))

type Below = (below: number) => number
type Options = RangeOptions<Key>

/** A kind of key, by number: keys compare as their numbers do. */
interface Family {
  readonly name: string
  readonly keyOf: (n: number) => Key
  readonly prefixOf: (n: number) => { readonly prefix: string | Key[]; readonly has: Within }
}
type Within = (n: number) => boolean

const digits = (n: number) => String(n).padStart(4, '0')
const sameTens: (n: number) => Within = (n) => (other) =>
  Math.floor(other / 10) === Math.floor(n / 10)

const FAMILIES: readonly Family[] = [
  {
    name: 'strings',
    keyOf: (n) => `k${digits(n)}`,
    prefixOf: (n) => ({ prefix: `k${digits(n).slice(0, 3)}`, has: sameTens(n) }),
  },
  {
    name: 'strings beyond ASCII',
    keyOf: (n) => `水${digits(n)}𝄞`,
    prefixOf: (n) => ({ prefix: `水${digits(n).slice(0, 3)}`, has: sameTens(n) }),
  },
  {
    name: 'tuples',
    keyOf: (n) => [Math.floor(n / 10), `n${n % 10}`],
    prefixOf: (n) => ({ prefix: [Math.floor(n / 10)], has: sameTens(n) }),
  },
]

interface Asked {
  readonly options: Options
  readonly wanted: readonly number[]
}

// What is asked for, and what a filter over all numbers gives.
function asked(family: Family, numbers: readonly number[], random: Below, limitMax: number): Asked {
  const [low, high, of] = [random(230), random(230), random(230)]
  const from = random(3)
  const to = random(3)
  const prefix = random(4) === 0 ? family.prefixOf(of) : undefined
  const reverse = [undefined, false, true][random(3)]
  const limit = [undefined, 0, 1, Infinity, random(limitMax)][random(5)]
  const fits: readonly Within[] = [
    (n) => (from === 0 ? true : from === 1 ? n > low : n >= low),
    (n) => (to === 0 ? true : to === 1 ? n < high : n <= high),
    prefix?.has ?? (() => true),
  ]
  const wanted = numbers.filter((n) => fits.every((fit) => fit(n)))
  if (reverse === true) wanted.reverse()
  return {
    options: {
      ...(from === 0 ? {} : { [from === 1 ? 'gt' : 'gte']: family.keyOf(low) }),
      ...(to === 0 ? {} : { [to === 1 ? 'lt' : 'lte']: family.keyOf(high) }),
      ...(prefix === undefined ? {} : { prefix: prefix.prefix }),
      ...{ reverse, limit },
    },
    wanted: wanted.slice(0, limit ?? Infinity),
  }
}

async function collect<T>(range: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of range) all.push(item)
  return all
}

async function compare(level: Level, family: Family, { options, wanted }: Asked): Promise<void> {
  const keys = wanted.map(family.keyOf)
  const entries = wanted.map((n) => [family.keyOf(n), n])
  expect(level.keys(options).toArray()).toEqual(keys)
  expect([...level.values(options)]).toEqual(wanted)
  expect(await collect(level.range(options))).toEqual(entries)
  expect(await collect(level.keys(options))).toEqual(keys)
  expect(level.range(options).first()).toEqual(entries[0])
  expect(level.count(options)).toBe(wanted.length)
}

describe.each(FAMILIES)('ranges of $name follow the model', ({ ...family }) => {
  it.each([1, 2, 3])('with seed %i, through writes and flushes', async (seed) => {
    await using db = await open(join(root, `${++count}`), { memory: '8MB', durability: 'memory' })
    const level = db.sublevel('s')
    const random = randomFrom(seed)
    const present = new Set<number>()
    for (let step = 0; step < 150; step++) {
      for (let edits = random(8); edits > 0; edits--) {
        const n = random(230)
        if (random(3) === 0) {
          present.delete(n)
          await level.delete(family.keyOf(n))
        } else {
          present.add(n)
          await level.put(family.keyOf(n), n)
        }
      }
      if (random(40) === 0) await db.flush()
      const numbers = [...present].sort((a, b) => a - b)
      await compare(level, family, asked(family, numbers, random, 250))
    }
  })
})

describe('bounds', () => {
  it('of every kind of key hold in the order of the keys', async () => {
    await using db = await open(':memory:')
    const keys: Key[] = [
      null,
      false,
      true,
      -1.5,
      0,
      1,
      1n,
      2n ** 70n,
      new Date(0),
      '',
      'a',
      'a\0',
      'b',
    ]
    keys.push(new Uint8Array(0), Uint8Array.of(0), Uint8Array.of(255), [], [null], ['a'], ['a', 1])
    for (const [index, key] of keys.entries()) await db.put(key, index)
    for (const [index, key] of keys.entries()) {
      expect(db.values({ gte: key }).first()).toBe(index)
      expect(db.values({ gt: key }).first()).toBe(
        keys[index + 1] === undefined ? undefined : index + 1,
      )
      expect(db.values({ lte: key, reverse: true }).first()).toBe(index)
      expect(db.values({ lt: key, reverse: true }).first()).toBe(
        index === 0 ? undefined : index - 1,
      )
      expect(db.count({ gte: key, lte: key })).toBe(1)
      expect(db.count({ gt: key, lte: key })).toBe(0)
    }
  })

  it('hold together, and those that shut out everything give nothing', async () => {
    await using db = await open(':memory:')
    for (const key of ['a', 'b', 'c', 'd']) await db.put(key, key)
    expect(db.keys({ gt: 'a', gte: 'c', lt: 'd', lte: 'z' }).toArray()).toEqual(['c'])
    expect(db.keys({ gte: 'b', prefix: 'a' }).toArray()).toEqual([])
    expect(db.keys({ gte: 'c', lt: 'b' }).toArray()).toEqual([])
    expect(db.count({ gte: 'c', lt: 'b' })).toBe(0)
    await db.deleteRange({ gte: 'c', lt: 'b' })
    expect(db.count()).toBe(4)
  })

  it('by prefix take no more than what begins so', async () => {
    await using db = await open(':memory:')
    const keys = ['', 'a', 'a\uffff', 'a𝄞', 'b', ['a'], ['a', 1], ['a', 2n, 3], ['aa'], [['a']]]
    for (const key of keys) await db.put(key, null)
    for (const bytes of [[], [1], [1, 255], [1, 255, 255], [2]]) {
      await db.put(Uint8Array.from(bytes), null)
    }
    const found = (prefix: Options['prefix']) => db.keys({ prefix }).toArray()
    expect(found('a')).toEqual(['a', 'a\uffff', 'a𝄞'])
    expect(found('')).toHaveLength(5)
    expect(found(['a'])).toEqual([['a'], ['a', 1], ['a', 2n, 3]])
    expect(found([])).toHaveLength(5)
    expect(found(Uint8Array.of(1, 255)).map((key) => (key as Uint8Array).length)).toEqual([2, 3])
    expect(found(new Uint8Array(0))).toHaveLength(5)
  })

  it('are taken when the range is asked for, and belong to it', async () => {
    await using db = await open(':memory:')
    for (const n of [1, 2, 3]) await db.put([n], n)
    const bound = [2]
    const range = db.values({ gte: bound })
    bound[0] = 3
    expect(range.toArray()).toEqual([2, 3])
  })

  it('at the limit of a key are a range, and above it TOO_LARGE by name', async () => {
    await using db = await open(':memory:')
    const longest = 'x'.repeat(65_535)
    await db.put(longest, 1)
    expect(db.values({ gte: longest, lte: longest }).toArray()).toEqual([1])
    for (const key of [`${longest}x`, new Uint8Array(65_536), ['x'.repeat(65_534)]]) {
      await expect(db.put(key, 1)).rejects.toMatchObject({
        code: 'TOO_LARGE',
        message: expect.stringMatching(/key/),
      })
      expect(() => db.keys({ lt: key })).toThrow(
        expect.objectContaining({ code: 'TOO_LARGE', message: expect.stringContaining('lt') }),
      )
    }
  })

  it('compare by code point, as the bytes do', () => {
    const room = [new Uint8Array(64), new Uint8Array(64)] as const
    const bytes = ['\uffff', '𝄞'].map((key, n) => {
      const target = room[n] ?? new Uint8Array(64)
      return target.subarray(0, encodeKey(key, 'key', target, 0))
    }) as [Uint8Array, Uint8Array]
    expect(compareKeys(...bytes)).toBeLessThan(0)
    expect('\uffff' < '𝄞').toBe(false)
  })
})

describe('a run', () => {
  const filled = async (entries = 2000): Promise<Store> => {
    const db = await open(':memory:', { durability: 'memory' })
    const batch = db.batch()
    for (let n = 0; n < entries; n++) batch.put(`k${digits(n)}`, n)
    await batch.write()
    return db
  }
  const held = (db: Store) => db.stats()['snapshotCount']

  it('sees the store as it was when it began, whatever is written meanwhile', async () => {
    await using db = await filled()
    const seen: unknown[] = []
    for (const [key, value] of db.range()) {
      seen.push(value)
      await db.delete(key)
      await db.put(`${key}-after`, -1)
      if (seen.length === 1000) await db.deleteRange({})
    }
    expect(seen).toEqual(Array.from({ length: 2000 }, (_, n) => n))
    expect(db.count()).toBe(1000)
  })

  it('is one of many of the same range, each from its own beginning', async () => {
    await using db = await filled(300)
    const range = db.values()
    const first = range[Symbol.iterator]()
    first.next()
    await db.put('k0000', 'new')
    const second = range[Symbol.iterator]()
    expect(second.next().value).toBe('new')
    expect([...first]).toEqual(Array.from({ length: 299 }, (_, n) => n + 1))
    expect([...second]).toHaveLength(299)
    expect([...second]).toEqual([])
  })

  it('lets go of its view at its end, at break, at an error and at return()', async () => {
    await using db = await filled()
    const runs: readonly (() => unknown)[] = [
      () => db.range().toArray(),
      () => db.range().first(),
      () => [...db.keys({ limit: 70 })],
      () => {
        for (const key of db.keys()) if (key === 'k0100') break
      },
      () => {
        for (const key of db.keys()) throw new Error(String(key))
      },
      () => db.values()[Symbol.iterator]().return(),
      () => {
        const [first] = db.values()
        return first
      },
      async () => {
        for await (const value of db.values()) if (value === 600) break
      },
      async () => {
        for await (const value of db.values()) throw new Error(String(value))
      },
      () => collect(db.values()),
    ]
    for (const run of runs) {
      await (async () => run())().catch(() => undefined)
      expect([held(db), String(run)]).toEqual([0, String(run)])
    }
    const running = db.range()[Symbol.iterator]()
    running.next()
    expect(held(db)).toBe(1)
    running.return()
    running.return()
    expect([held(db), running.next().done]).toEqual([0, true])
  })

  it('that meets a value it cannot decode throws there, and lets go of its view', async () => {
    await using db = await open(':memory:')
    const json = db.sublevel('s', { encoding: 'json' })
    const bytes = db.sublevel('s', { encoding: 'bytes' })
    for (let n = 0; n < 100; n++) await json.put(`k${digits(n)}`, n, { durability: 'memory' })
    await bytes.put('k0090', Uint8Array.of(1))
    expect(() => json.values().toArray()).toThrow(expect.objectContaining({ code: 'CORRUPT' }))
    await expect(collect(json.values())).rejects.toMatchObject({ code: 'CORRUPT' })
    expect(json.values({ limit: 64 }).toArray()).toHaveLength(64)
    expect(held(db)).toBe(0)
  })

  it('of a snapshot sees the snapshot, and is CLOSED with it', async () => {
    await using db = await filled(10)
    const snapshot = db.snapshot()
    const range = snapshot.values()
    await db.deleteRange({})
    expect(range.toArray()).toHaveLength(10)
    expect(snapshot.count({ limit: 3 })).toBe(3)
    snapshot.close()
    expect(() => range.toArray()).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  })

  it('in steps lets the event loop breathe between batches', async () => {
    await using db = await filled()
    let turns = 0
    const breathe = () => {
      turns++
      timer = setImmediate(breathe)
    }
    let timer = setImmediate(breathe)
    expect(await collect(db.values())).toHaveLength(2000)
    clearImmediate(timer)
    expect(turns).toBeGreaterThan(2)
  })

  it('in steps ends with ABORTED when its signal fires, before, within and between batches', async () => {
    await using db = await filled()
    for (const at of [0, 1, 64, 100]) {
      const controller = new AbortController()
      if (at === 0) controller.abort('enough')
      const seen: unknown[] = []
      const run = (async () => {
        for await (const value of db.values({ signal: controller.signal })) {
          if (seen.push(value) === at) controller.abort('enough')
        }
      })()
      await expect(run).rejects.toMatchObject({ code: 'ABORTED', cause: 'enough' })
      expect([seen.length, held(db)]).toEqual([at, 0])
    }
  })

  it('brings entries larger than the scratch, and many of them', async () => {
    await using db = await open(':memory:')
    for (let n = 0; n < 12; n++) await db.put(n, { bytes: new Uint8Array(300_000).fill(n), n })
    await db.put(12, 'x'.repeat(3_000_000))
    await db.put(13, [['水'.repeat(300_000)]])
    const all = db.values().toArray() as { n: number; bytes: Uint8Array }[]
    expect(all.slice(0, 12).map(({ n, bytes }) => [n, bytes.length, bytes[299_999]])).toEqual(
      Array.from({ length: 12 }, (_, n) => [n, 300_000, n]),
    )
    expect(all.slice(12)).toEqual(['x'.repeat(3_000_000), [['水'.repeat(300_000)]]])
  })
})

describe('getMany()', () => {
  it('gives the values in the order of the keys, however many, large or mixed they are', async () => {
    await using db = await open(':memory:', { durability: 'memory' })
    const valueOf = (n: number) => ({ n, text: 'x'.repeat(n % 7 === 0 ? 5000 : 5) })
    for (let n = 0; n < 2000; n += 2) await db.put(`k${digits(n)}`, valueOf(n))
    await db.put(7, 'seven')
    const numbers = Array.from({ length: 3000 }, (_, n) => (n * 7919) % 2000)
    const wanted = numbers.map((n) => (n % 2 === 0 ? valueOf(n) : undefined))
    const keys = numbers.map((n) => `k${digits(n)}`)
    using snapshot = db.snapshot()
    for (const reading of [db, snapshot]) {
      expect(reading.getMany(keys)).toEqual(wanted)
      expect(reading.getMany(keys.slice(0, 300))).toEqual(wanted.slice(0, 300))
      expect(reading.getMany([7, ...keys, 8n])).toEqual(['seven', ...wanted, undefined])
      expect(reading.getMany([])).toEqual([])
    }
    await db.put('large', 'y'.repeat(2_000_000))
    expect(db.getMany(['large', 'none', 'large'])).toEqual([
      db.get('large'),
      undefined,
      db.get('large'),
    ])
    expect(db.stats()['snapshotCount']).toBe(1)
  })
})
