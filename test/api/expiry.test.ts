// Values that expire: put with `ttl` or `expiresAt`, ttl(), persist(), and what snapshots and the past show.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { open, type OpenSettings } from '../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-expiry-'))
let opened = 0
const fresh = () => join(root, `${++opened}`)
afterAll(() => rmSync(root, { recursive: true, force: true }))

const HOUR = 3_600_000
const invalid = (message: RegExp) =>
  expect.objectContaining({ code: 'INVALID', message: expect.stringMatching(message) as string })

const engines: readonly (readonly [string, OpenSettings & { readonly path?: string }])[] = [
  ['lsm', { engine: 'lsm' }],
  ['memory', { engine: 'memory' }],
  [':memory:', { path: ':memory:' }],
]

describe.each(engines)('expiry with %s', (_, { path = fresh(), ...settings }) => {
  it('takes a value from every kind of read, and leaves it to those of before', async () => {
    await using db = await open(path, { ...settings, history: { keep: 'forever' } })
    await db.put('stays', 1)
    const past = new Date(Date.now() - HOUR)
    for (const rest of [() => Promise.resolve(), () => db.flush(), () => db.compact()]) {
      await db.put('a', 1, { ttl: '1h' })
      using before = db.snapshot()
      await db.put('a', 2, { expiresAt: past })
      await db.put([1], 'encoded', { expiresAt: past })
      await db.batch([{ type: 'put', key: 'b', value: 3, expiresAt: past }])
      await rest()
      expect([db.get('a'), db.has('a'), db.version('a'), db.get([1])]).toEqual([
        undefined,
        false,
        undefined,
        undefined,
      ])
      expect(await db.getAsync('a')).toBe(undefined)
      expect(db.getMany(['a', 'stays', 'b'])).toEqual([undefined, 1, undefined])
      expect(db.range().toArray()).toEqual([['stays', 1]])
      expect(db.range({ reverse: true }).toArray()).toEqual([['stays', 1]])
      expect([db.count(), db.keys().first()]).toEqual([1, 'stays'])
      expect([before.get('a'), before.count()]).toEqual([1, 2])
      const [newest] = db.history('a')
      if (newest?.deleted === false) expect(newest.expires).toEqual(past)
    }
  })
})

describe('ttl() and persist()', () => {
  it('tell and take away what is left', async () => {
    await using db = await open(':memory:')
    await db.put('a', 1, { ttl: 1000 * 60 })
    await db.put('b', 2)
    expect(db.ttl('a')).toBeGreaterThan(50_000)
    expect(db.ttl('a')).toBeLessThanOrEqual(60_000)
    expect([db.ttl('b'), db.ttl('never')]).toEqual([Infinity, undefined])
    expect([await db.persist('a'), await db.persist('a'), await db.persist('never')]).toEqual([
      true,
      false,
      false,
    ])
    expect([db.ttl('a'), db.get('a')]).toEqual([Infinity, 1])
  })

  it('a put without an expiry stays, and update() keeps the one there is', async () => {
    await using db = await open(':memory:')
    await db.put('a', 1, { ttl: '1h' })
    await db.update('a', (n) => Number(n) + 1)
    expect(db.ttl('a')).toBeLessThanOrEqual(HOUR)
    await db.put('a', 3)
    expect(db.ttl('a')).toBe(Infinity)
    await db.update('new', () => 1)
    expect(db.ttl('new')).toBe(Infinity)
  })

  it('survive reopening', async () => {
    const path = fresh()
    {
      await using db = await open(path)
      await db.put('a', 1, { ttl: '1h' })
      await db.put('b', 1, { expiresAt: Date.now() - 1 })
    }
    await using db = await open(path)
    expect(db.ttl('a')).toBeLessThanOrEqual(HOUR)
    expect(db.ttl('b')).toBe(undefined)
    await db.flush()
    expect(db.ttl('a')).toBeGreaterThan(HOUR - 60_000)
  })

  it('is refused by name where it makes no sense', async () => {
    await using db = await open(':memory:')
    for (const ttl of [0, -1, 1.5, '1 year', null]) {
      await expect(db.put('a', 1, { ttl } as never)).rejects.toEqual(invalid(/^ttl must/))
    }
    for (const expiresAt of [0, NaN, new Date(NaN), '2030']) {
      await expect(db.put('a', 1, { expiresAt } as never)).rejects.toEqual(
        invalid(/^expiresAt must/),
      )
    }
    await expect(db.put('a', 1, { ttl: 1, expiresAt: 2 })).rejects.toEqual(invalid(/without/))
    await expect(db.delete('a', { ttl: 1 } as never)).rejects.toEqual(
      invalid(/unknown option 'ttl'/),
    )
    expect(db.count()).toBe(0)
  })
})
