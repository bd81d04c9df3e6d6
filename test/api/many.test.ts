// Many keys, many edits, many entries by one call: that each stays within its limits and says which of them was wrong.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { type BatchOperation, open } from '../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-many-'))
let opened = 0
const fresh = () => join(root, `${++opened}`)
afterAll(() => rmSync(root, { recursive: true, force: true }))

const refused = (code: string, message: string | RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

const KEY_BYTES_MAX = 65_536
const numbered = (n: number) => `k${String(n).padStart(5, '0')}`
const cached = (db: { stats(): Readonly<Record<string, unknown>> }) =>
  db.stats().cacheBytes as number

describe('count', () => {
  it('with a limit looks no further than that', async () => {
    const path = fresh()
    const db = await open(path, { durability: 'memory' })
    const operations: BatchOperation<{ key: string; value: string }>[] = []
    for (let n = 0; n < 5000; n++)
      operations.push({ type: 'put', key: numbered(n), value: 'v'.repeat(200) })
    await db.batch(operations)
    await db.flush()
    await db.close()
    await using cold = await open(path)
    const before = cached(cold)
    expect(cold.count({ limit: 0 })).toBe(0)
    expect(cached(cold)).toBe(before)
    expect(cold.count({ limit: 3 })).toBe(3)
    const few = cached(cold) - before
    expect(cold.count()).toBe(5000)
    expect(cached(cold) - before).toBeGreaterThan(20 * few)
  })

  it('with a limit counts what is there, up to it', async () => {
    await using db = await open(':memory:')
    for (let n = 0; n < 20; n++) await db.put(numbered(n), n)
    await db.delete(numbered(3))
    using snapshot = db.snapshot()
    await db.deleteRange({ lt: numbered(10) })
    for (const [limit, wanted] of [
      [0, 0],
      [1, 1],
      [9, 9],
      [10, 10],
      [11, 10],
      [Infinity, 10],
    ]) {
      expect(db.count({ limit })).toBe(wanted)
      expect(db.count({ limit, reverse: true })).toBe(wanted)
    }
    expect(snapshot.count({ limit: 100 })).toBe(19)
    expect(snapshot.count({ gte: numbered(2), limit: 2 })).toBe(2)
  })
})

describe('getMany', () => {
  it('of no keys is no values, on what is open alone', async () => {
    const db = await open(':memory:')
    const snapshot = db.snapshot()
    expect(db.getMany([])).toEqual([])
    expect(snapshot.getMany([])).toEqual([])
    snapshot.close()
    expect(() => snapshot.getMany([])).toThrow(refused('CLOSED', /snapshot/))
    await db.close()
    expect(() => db.getMany([])).toThrow(refused('CLOSED', /store/))
  })

  it('of keys at their limit, of whatever letters, needs as many crossings as it takes', async () => {
    await using db = await open(':memory:')
    const keys = [
      '',
      ...['k', 'é', '水', '𝄞'].flatMap((letter) => {
        const bytes = Buffer.byteLength(letter)
        const count = Math.floor((KEY_BYTES_MAX - 2) / bytes)
        return Array.from({ length: 9 }, (_, n) => `${n}${letter.repeat(count)}`)
      }),
    ]
    for (const [n, key] of keys.entries()) await db.put(key, n)
    const values = Array.from(keys, (_, n) => n)
    expect(db.getMany(keys)).toEqual(values)
    expect(db.getMany([...keys, 'absent', keys[1] as string])).toEqual([...values, undefined, 1])
    using snapshot = db.snapshot()
    expect(snapshot.getMany(keys)).toEqual(values)
  })

  it('of values of every size makes the room that it needs', async () => {
    await using db = await open(':memory:', { memory: '256MB' })
    const sizes = [0, 1, 500_000, 3_000_000, 20_000_000, 5]
    for (const [n, size] of sizes.entries()) await db.put(numbered(n), new Uint8Array(size).fill(n))
    const found = db.getMany(sizes.map((_, n) => numbered(n))) as Uint8Array[]
    expect(found.map((bytes) => bytes.length)).toEqual(sizes)
    for (const [n, bytes] of found.entries()) expect(bytes.every((byte) => byte === n)).toBe(true)
  })

  it('refuses a key that is none, or too long, by its place', async () => {
    await using db = await open(':memory:')
    const far = Array.from({ length: 700 }, (_, n) => numbered(n))
    const long = 'k'.repeat(KEY_BYTES_MAX)
    const wide = '水'.repeat(Math.ceil(KEY_BYTES_MAX / 3))
    for (const key of [long, wide, 'k'.repeat(10 ** 7)]) {
      const wanted = refused('TOO_LARGE', /^keys\[700\] must encode to at most 65536 bytes$/)
      expect(() => db.getMany([...far, key])).toThrow(wanted)
    }
    expect(() => db.getMany([1, 'a', NaN])).toThrow(refused('INVALID', /^keys\[2\]: key must be/))
    expect(() => db.getMany([[long]])).toThrow(refused('TOO_LARGE', /^keys\[0\]: key\[0\] must encode/))
  })
})

describe('a key', () => {
  it('that is too long is TOO_LARGE by the same words, for reading and for writing', async () => {
    await using db = await open(':memory:', { memory: '8MB' })
    const wanted = refused('TOO_LARGE', /^key(\[0\])? must encode to at most 6553[56] bytes$/)
    const longest = 'k'.repeat(KEY_BYTES_MAX - 1)
    await db.put(longest, 1)
    await db.put(new Uint8Array(KEY_BYTES_MAX - 1), 2)
    expect([db.get(longest), db.get(new Uint8Array(KEY_BYTES_MAX - 1))]).toEqual([1, 2])
    const long = [
      `${longest}k`,
      '水'.repeat(Math.ceil(KEY_BYTES_MAX / 3)),
      'k'.repeat(50 * 2 ** 20),
    ]
    for (const key of [...long, new Uint8Array(KEY_BYTES_MAX), [longest]]) {
      expect(() => db.get(key)).toThrow(wanted)
      expect(() => db.has(key)).toThrow(wanted)
      await expect(db.put(key, 1)).rejects.toEqual(wanted)
      await expect(db.delete(key)).rejects.toEqual(wanted)
    }
    expect(db.keys({ gte: longest }).toArray()).toHaveLength(2)
    expect(db.keys({ gt: longest }).toArray()).toHaveLength(1)
  })

  it('whose elements run code must not use a store', async () => {
    await using db = await open(':memory:')
    await db.put('other', { long: 'x'.repeat(1000) })
    const key = ['a', 'b']
    Object.defineProperty(key, 1, { get: () => db.get('other') })
    const wanted = refused('INVALID', /nothing may use a store while a key/)
    await expect(db.put(key, { value: 1 })).rejects.toEqual(wanted)
    expect(() => db.get(key)).toThrow(wanted)
    expect(() => db.range({ gte: key })).toThrow(wanted)
    expect(db.keys().toArray()).toEqual(['other'])
  })
})

describe('batch', () => {
  it('of nothing is the newest commit, and writes none', async () => {
    await using db = await open(':memory:')
    await db.put('k', 1)
    expect((await db.batch([])).commit).toBe(1)
    expect((await db.batch().write()).commit).toBe(1)
    expect(db.batchSync([]).commit).toBe(1)
    expect(db.commit).toBe(1)
  })

  it('reads what an operation holds before it writes any of it', async () => {
    await using db = await open(':memory:')
    await db.put('other', { first: 'x'.repeat(100), then: [1, 2, 3] })
    const operation: BatchOperation<{ key: string; value: unknown }> = {
      type: 'put',
      value: { kept: true },
      get key() {
        return `${(db.get('other') as { then: number[] }).then.length}`
      },
    }
    await db.batch([operation])
    expect(db.get('3')).toEqual({ kept: true })
  })

  it('above what a commit may have is TOO_LARGE as soon as it is, by the place', async () => {
    await using db = await open(':memory:', { memory: '8MB' })
    const value = 'v'.repeat(300_000)
    const operations = Array.from({ length: 40 }, (_, n) => ({
      type: 'put' as const,
      key: numbered(n),
      value,
    }))
    const wanted = refused('TOO_LARGE', /^batch\[6\]: the edits of a commit .* 2097152 bytes/)
    await expect(db.batch(operations)).rejects.toEqual(wanted)
    expect(() => db.batchSync(operations)).toThrow(wanted)
    await db.batch(operations.slice(0, 1))
    expect(db.keys().toArray()).toEqual([numbered(0)])
  })
})
