// Encodings: what each takes and gives, for a store and for a sublevel, and what is said of the rest.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import {
  type Level,
  open,
  type Store,
  type UserEncoding,
} from '../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-encoding-'))
let count = 0
const fresh = () => join(root, `${++count}`)
afterAll(() => rmSync(root, { recursive: true, force: true }))

const invalid = (message: string | RegExp) =>
  expect.objectContaining({ code: 'INVALID', message: expect.stringMatching(message) })

class Money {
  constructor(readonly cents: number) {}
}

const money: UserEncoding<Money> = {
  encode: ({ cents }) => Buffer.from(String(cents)),
  decode: (bytes) => new Money(Number(Buffer.from(bytes).toString())),
}

interface Case {
  readonly name: string
  readonly encoding: unknown
  readonly takes: readonly unknown[]
  readonly refuses: readonly (readonly [value: unknown, message: RegExp])[]
}

const TEXTS = ['', 'a', 'é', '水', '\ud800', '\0', 'x'.repeat(100_000), '水'.repeat(50_000)]
const BYTES = [Buffer.alloc(0), Buffer.of(0), Buffer.of(1, 255), Buffer.alloc(100_000, 7)]

const CASES: readonly Case[] = [
  {
    name: 'value',
    encoding: 'value',
    takes: [...TEXTS, ...BYTES, null, 0, 1n, [BYTES[1]?.buffer], { a: new Map([[1, { b: 2 }]]) }],
    refuses: [
      [undefined, /^value must not be undefined; use delete$/],
      [() => 0, /^value is a function/],
    ],
  },
  {
    name: 'string',
    encoding: 'string',
    takes: TEXTS,
    refuses: [
      [1, /^value must be a string \(encoding 'string'\), not 1$/],
      [undefined, /a string .* not undefined/],
      [Object('x'), /a string .* not an object/],
    ],
  },
  {
    name: 'bytes',
    encoding: 'bytes',
    takes: BYTES,
    refuses: [
      ['x', /^value must be a Uint8Array \(encoding 'bytes'\), not "x"$/],
      [[1], /a Uint8Array .* not an array/],
      [new Uint16Array(1), /a Uint8Array .* not an object/],
      [new ArrayBuffer(1), /a Uint8Array .* not an object/],
    ],
  },
  {
    name: 'json',
    encoding: 'json',
    takes: [null, 0, '', 'x', '水', [], {}, { a: [1, { b: null }] }, [TEXTS[6]]],
    refuses: [
      [undefined, /^value must be something that JSON has \(encoding 'json'\), not undefined$/],
      [() => 0, /something that JSON has .* not a function/],
      [1n, /^value cannot be JSON: .*BigInt/],
      [[1n], /^value cannot be JSON: .*BigInt/],
    ],
  },
  {
    name: '{ encode, decode }',
    encoding: money,
    takes: [new Money(0), new Money(123_456)],
    refuses: [],
  },
]

describe.each(CASES)('encoding $name', ({ name, encoding, takes, refuses }) => {
  const subjects: readonly (readonly [string, (path: string) => Promise<[Store, Level]>])[] = [
    [
      'of a store',
      async (path) => {
        const db = await open(path, { encoding, memory: '8MB' } as object)
        return [db, db]
      },
    ],
    [
      'of a sublevel',
      async (path) => {
        const db = await open(path, { memory: '8MB' })
        return [db, db.sublevel('s', { encoding } as object)]
      },
    ],
  ]

  it.each(subjects)('%s gives back what it takes, one by one and many at once', async (_, make) => {
    const path = fresh()
    let [db, level] = await make(path)
    const keys = takes.map((_, n) => `k${n}`)
    const wanted = takes
    await level.batch(takes.map((value, n) => ({ type: 'put', key: `k${n}`, value }) as const))
    for (const reopened of [false, true]) {
      if (reopened) {
        await db.close()
        ;[db, level] = await make(path)
      }
      expect(keys.map((key) => level.get(key))).toEqual(wanted)
      expect(level.getMany(keys)).toEqual(wanted)
      expect(keys.map((_, n) => level.values({ gte: `k${n}` }).first())).toEqual(wanted)
      using snapshot = level.snapshot()
      expect(new Map(snapshot.range())).toEqual(new Map(keys.map((key, n) => [key, wanted[n]])))
    }
    await db.close()
  })

  it.each(subjects)('%s refuses what it cannot hold, and nothing is written', async (_, make) => {
    const [db, level] = await make(':memory:')
    for (const [value, message] of refuses) {
      await expect(level.put('k', value)).rejects.toEqual(invalid(message))
      expect(() => level.putSync('k', value)).toThrow(invalid(message))
    }
    expect(level.has('k')).toBe(false)
    await db.close()
  })

  it('reading what another encoding wrote is CORRUPT and says which', async () => {
    await using db = await open(':memory:')
    const others = CASES.filter((one) => one.name !== name && one.name !== 'value')
    for (const other of others) {
      const kinds = new Set(['string', 'json'])
      if (kinds.has(name) && kinds.has(other.name)) continue
      await db.sublevel('s', { encoding: other.encoding } as object).put('k', other.takes[1])
      if (name === 'value' && other.name !== '{ encode, decode }') continue
      const level = db.sublevel('s', { encoding } as object)
      const shown = name.startsWith('{') ? name : `'${name}'`
      const wrong = expect.objectContaining({
        code: 'CORRUPT',
        message: expect.stringMatching(`stored as kind \\d+, but the encoding here is ${shown}`),
      })
      expect(() => level.get('k')).toThrow(wrong)
      expect(() => level.getMany(['k'])).toThrow(wrong)
      expect(() => level.values().toArray()).toThrow(wrong)
    }
  })
})

describe('encodings', () => {
  it('of a store and of its sublevels know nothing of each other', async () => {
    await using db = await open(':memory:', { encoding: 'string' })
    const plain = db.sublevel('plain')
    const json = db.sublevel('json', { encoding: 'json' })
    await db.put('k', 'text')
    await plain.put('k', new Map([[1, 2]]))
    await json.put('k', { a: 1 })
    expect([db.get('k'), plain.get('k'), json.get('k')]).toEqual([
      'text',
      new Map([[1, 2]]),
      { a: 1 },
    ])
  })

  it("'bytes' and 'value' give bytes of one's own: neither side changes the other's", async () => {
    await using db = await open(':memory:', { encoding: 'bytes' })
    const given = Uint8Array.of(1, 2, 3)
    await db.put('k', given)
    given[0] = 9
    const first = db.get('k') as Uint8Array
    first[1] = 9
    expect(db.get('k')).toEqual(Buffer.of(1, 2, 3))
    const [a, b] = db.getMany(['k', 'k']) as Uint8Array[]
    a?.fill(0)
    expect(b).toEqual(Buffer.of(1, 2, 3))
  })

  it("'json' that is damaged is CORRUPT", async () => {
    await using db = await open(':memory:')
    await db.sublevel('s', { encoding: 'string' }).put('k', '{ no json')
    const json = db.sublevel('s', { encoding: 'json' })
    expect(() => json.get('k')).toThrow(
      expect.objectContaining({ code: 'CORRUPT', cause: expect.any(SyntaxError) }),
    )
  })

  it('of a memory that was given away are refused, not stored as empty', async () => {
    await using db = await open(':memory:')
    const view = Uint8Array.of(1, 2, 3)
    structuredClone(view, { transfer: [view.buffer] })
    const bytes = db.sublevel('b', { encoding: 'bytes' })
    await expect(db.put('k', view)).rejects.toEqual(invalid('value is a detached view'))
    await expect(bytes.put('k', view)).rejects.toEqual(invalid('value is a detached view'))
    await db.put('empty', new Uint8Array(0))
    expect(db.keys().toArray()).toEqual(['empty'])
  })

  it('hold at most what a commit may, by whatever way it comes', async () => {
    await using db = await open(':memory:', { memory: '8MB' })
    const tooLarge = expect.objectContaining({ code: 'TOO_LARGE' })
    const bytes = new Uint8Array(2 ** 21 + 1)
    const text = 'x'.repeat(2 ** 21 + 1)
    await expect(db.put('k', bytes)).rejects.toEqual(tooLarge)
    await expect(db.put('k', text)).rejects.toEqual(tooLarge)
    await expect(db.put('k', { text })).rejects.toEqual(tooLarge)
    await expect(db.put('k', { bytes })).rejects.toEqual(tooLarge)
    await expect(db.put('k', new Array(2 ** 31))).rejects.toEqual(tooLarge)
    for (const encoding of ['string', 'json'] as const) {
      await expect(db.sublevel('s', { encoding }).put('k', text)).rejects.toEqual(tooLarge)
    }
    expect(db.count()).toBe(0)
  })
})

describe("a user's encoding", () => {
  const store = (encode: (value: unknown) => Uint8Array, decode: (bytes: Uint8Array) => unknown) =>
    open(':memory:', { encoding: { encode, decode } })

  it('that answers no bytes is INVALID', async () => {
    await using db = await store(
      () => 'text' as never,
      () => 0,
    )
    await expect(db.put('k', 1)).rejects.toEqual(
      invalid(/^encoding.encode\(\) must be a Uint8Array as its answer, not "text"$/),
    )
  })

  it('that throws is heard, nothing is written, and the store works on', async () => {
    let fails = true
    const fail = () => {
      if (fails) throw new RangeError('mine')
    }
    await using db = await store(
      (value) => {
        fail()
        return Buffer.of(Number(value))
      },
      (bytes) => {
        fail()
        return bytes[0]
      },
    )
    await expect(db.put('k', 1)).rejects.toThrow(new RangeError('mine'))
    expect(() => db.putSync('k', 1)).toThrow(new RangeError('mine'))
    await expect(db.batch([{ type: 'put', key: 'k', value: 1 }])).rejects.toThrow('mine')
    fails = false
    expect(db.count()).toBe(0)
    await db.put('k', 1)
    fails = true
    expect(() => db.get('k')).toThrow(new RangeError('mine'))
    expect(() => db.values().toArray()).toThrow(new RangeError('mine'))
    fails = false
    expect([db.get('k'), db.stats()['snapshotCount']]).toEqual([1, 0])
  })

  it('may not use a store, neither this nor another: both share one room', async () => {
    await using other = await open(':memory:')
    await other.put('k', 'other')
    await using db = await store(
      () => Buffer.from(String(other.get('k'))),
      () => other.get('k'),
    )
    const refused = invalid('nothing may use a store while a key or value is encoded or decoded')
    await expect(db.put('k', 1)).rejects.toEqual(refused)
    await using raw = await store(
      () => Buffer.of(1),
      () => other.range().toArray(),
    )
    await raw.put('k', 1)
    expect(() => raw.get('k')).toThrow(refused)
    expect(() => raw.getMany(['k', 'k'])).toThrow(refused)
    expect(() => raw.values().toArray()).toThrow(refused)
    expect(other.get('k')).toBe('other')
  })

  it('is called as a method, with bytes of its own', async () => {
    const kept: Uint8Array[] = []
    const encoding = {
      calls: 0,
      encode(value: number): Uint8Array {
        this.calls++
        return Buffer.alloc(3, value)
      },
      decode(bytes: Uint8Array): number {
        this.calls++
        kept.push(bytes)
        return bytes[2] ?? -1
      },
    }
    await using db = await open(':memory:', { encoding })
    await db.batch([1, 2, 3].map((n) => ({ type: 'put', key: n, value: n }) as const))
    expect(db.values().toArray()).toEqual([1, 2, 3])
    expect(kept).toEqual([1, 2, 3].map((n) => Buffer.alloc(3, n)))
    expect(encoding.calls).toBe(6)
  })
})
