// What another realm made (node:vm, and so test runners, sandboxes, frames) is a key or value exactly as if it were made here.
import { createContext, runInContext, runInThisContext } from 'node:vm'

import { describe, expect, it } from 'vitest'

import { type Key, open } from '../../lib/index.ts'
import { encodeKey } from '../../lib/key.ts'

const realm = createContext({})
const made = <T>(source: string): T => runInContext(`(${source})`, realm) as T

// Each as it is written in either realm.
const KEYS = [
  'new Date(0)',
  'new Date(-1.5e12)',
  'new Uint8Array(0)',
  'Uint8Array.of(0, 255, 7)',
  '[]',
  "[1, 'a', null, true]",
  '[new Date(5), Uint8Array.of(0, 1), [Uint8Array.of(2)], 3n]',
] as const

const VALUES = [
  'new Date(5)',
  'Uint8Array.of(1, 2)',
  'new Map([[1, new Set([2])]])',
  'new Set([new Map(), [1]])',
  'Uint8Array.of(1, 2, 3).buffer',
  'new Float64Array([1.5])',
  'new DataView(new ArrayBuffer(2))',
  '{ a: 1, b: { at: new Date(7), bytes: Uint8Array.of(9) } }',
  'Object.create(null)',
  'new (class Point { x = 1 })()',
  '[undefined, 5n, [new Uint8Array(2)]]',
] as const

const here = <T>(source: string): T => runInThisContext(`(${source})`) as T

function bytesOf(key: unknown): string {
  const target = new Uint8Array(256)
  return Buffer.from(target.subarray(0, encodeKey(key, 'key', target, 0))).toString('hex')
}

describe('another realm', () => {
  it('is another one: what it makes is no instance of ours', () => {
    expect(made('new Date(0)')).not.toBeInstanceOf(Date)
    expect(made('new Uint8Array(1)')).not.toBeInstanceOf(Uint8Array)
    expect(made('new Map()')).not.toBeInstanceOf(Map)
  })

  it.each(KEYS)('makes the key %s with the bytes of ours', (source) => {
    expect(bytesOf(made(source))).toBe(bytesOf(here(source)))
  })

  it('finds by its keys what ours wrote, and the other way round', async () => {
    await using db = await open(':memory:')
    for (const [n, source] of KEYS.entries()) await db.put(here<Key>(source), n)
    for (const [n, source] of KEYS.entries()) {
      const theirs = made<Key>(source)
      const ours = here<Key>(source)
      expect([db.get(theirs), db.has(theirs), db.count({ gte: theirs, lte: theirs })]).toEqual([
        n,
        true,
        1,
      ])
      await db.put(theirs, 'theirs')
      expect(db.get(ours)).toBe('theirs')
      await db.batch([{ type: 'put', key: theirs, value: n }])
      expect(db.getMany([ours, theirs])).toEqual([n, n])
    }
    expect(db.count()).toBe(KEYS.length)
    expect(db.keys({ prefix: made('Uint8Array.of(0)') }).toArray()).toEqual([
      Uint8Array.of(0, 255, 7),
    ])
    expect(db.count({ prefix: made('[new Date(5), Uint8Array.of(0, 1)]') })).toBe(1)
    for (const source of KEYS) await db.delete(made<Key>(source))
    expect(db.count()).toBe(0)
  })

  it.each(VALUES)('makes the value %s, which comes back as ours', async (source) => {
    await using db = await open(':memory:')
    await db.put('theirs', made(source))
    await db.put('ours', here(source))
    expect(db.get('theirs')).toStrictEqual(db.get('ours'))
    await db.batch(made(`[{ type: 'put', key: 'batch', value: ${source} }]`))
    expect(db.get('batch')).toStrictEqual(db.get('ours'))
  })

  it('gives bytes to every encoding that takes them', async () => {
    await using db = await open(':memory:')
    const bytes = db.sublevel('b', { encoding: 'bytes' })
    const user = db.sublevel('u', {
      encoding: {
        encode: (n: number) => made<Uint8Array>(`Uint8Array.of(${n})`),
        decode: ([n]) => n,
      },
    })
    await bytes.put('k', made('Uint8Array.of(1, 2)'))
    await user.put('k', 7)
    expect([bytes.get('k'), user.get('k')]).toEqual([Buffer.of(1, 2), 7])
  })

  it('makes options, arrays of keys and ranges that are taken as ours are', async () => {
    await using db = await open(':memory:', made("{ memory: '8MB' }"))
    await db.put('k', 1, made("{ durability: 'os' }"))
    expect(db.getMany(made("['k', 'l']"))).toEqual([1, undefined])
    expect(db.range(made("{ gte: 'k', limit: 1 }")).toArray()).toEqual([['k', 1]])
  })

  it('makes keys that are refused in the words that ours are', () => {
    for (const source of ['new Map()', 'new Date(NaN)', 'new Uint16Array(1)', '/x/', '{}']) {
      const messageOf = (key: unknown) => {
        try {
          return bytesOf(key)
        } catch (error) {
          return (error as Error).message
        }
      }
      expect(messageOf(made(source))).toBe(messageOf(here(source)))
      expect(messageOf(made(source))).toMatch(/^key must be/)
    }
  })

  it('has no word in what a date or a view is: what its own classes override is not asked', async () => {
    await using db = await open(':memory:')
    const day = made<Date>('new (class extends Date { getTime() { return 1 } })(5)')
    await db.put(day, day)
    expect(db.get(new Date(5))).toEqual(new Date(5))
  })

  it('can give away what a key lies in, which is then none', async () => {
    await using db = await open(':memory:')
    const bytes = made<Uint8Array<ArrayBuffer>>('Uint8Array.of(1)')
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
    await expect(db.put(bytes, 1)).rejects.toMatchObject({
      code: 'INVALID',
      message: 'key must not be a detached view',
    })
  })
})
