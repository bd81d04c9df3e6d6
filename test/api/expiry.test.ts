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
  ['bitcask', { engine: 'bitcask' }],
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

describe.each(engines)('expiry in a transaction with %s', (_, { path = fresh(), ...settings }) => {
  it('is committed with the value, which is read back until then', async () => {
    await using db = await open(path, settings)
    await db.put('c', 3)
    await db.transaction((tx) => {
      tx.put('a', 1, { ttl: '1h' })
      tx.put('b', 2, { expiresAt: new Date(Date.now() + HOUR) })
      tx.put('c', 4, { ttl: HOUR })
      tx.put('c', 5)
      expect([tx.get('a'), tx.ttl('c'), tx.ttl('never')]).toEqual([1, Infinity, undefined])
      expect(tx.ttl('a')).toBeGreaterThan(HOUR - 60_000)
      expect(tx.range().toArray()).toEqual([
        ['a', 1],
        ['b', 2],
        ['c', 5],
      ])
      expect(db.ttl('a')).toBeUndefined()
    })
    for (const key of ['a', 'b']) {
      expect(db.ttl(key)).toBeLessThanOrEqual(HOUR)
      expect(db.ttl(key)).toBeGreaterThan(HOUR - 60_000)
    }
    expect(db.ttl('c')).toBe(Infinity)
  })

  it('hides a value of its own from every read, and what lies below', async () => {
    await using db = await open(path, settings)
    await db.deleteRange({})
    await db.batch(['a', 'b', 'd'].map((key) => ({ type: 'put', key, value: 0 })))
    const expiresAt = Date.now() - HOUR
    await db.transaction((tx) => {
      tx.put('a', 1, { expiresAt })
      tx.batch([
        { type: 'put', key: 'c', value: 1, expiresAt },
        { type: 'put', key: 'd', value: 1, ttl: '1h' },
      ])
      expect([tx.get('a'), tx.has('a'), tx.version('c'), tx.ttl('c')]).toEqual([
        undefined,
        false,
        undefined,
        undefined,
      ])
      expect(tx.getMany(['a', 'b', 'c', 'd'])).toEqual([undefined, 0, undefined, 1])
      const all = [
        ['b', 0],
        ['d', 1],
      ]
      expect(tx.range().toArray()).toEqual(all)
      expect(tx.range({ reverse: true }).toArray()).toEqual([...all].reverse())
      expect(tx.count()).toBe(2)
      expect(tx.putIfAbsent('c', 2)).toBe(true)
      tx.increment('a', 7)
      expect([tx.get('a'), tx.ttl('a')]).toEqual([7, Infinity])
    })
    expect(db.getMany(['a', 'b', 'c'])).toEqual([7, 0, 2])
    expect([db.ttl('c'), db.ttl('a')]).toEqual([Infinity, Infinity])
  })

  it('goes with what a savepoint takes back', async () => {
    await using db = await open(path, settings)
    await db.put('a', 1, { ttl: '2h' })
    await db.put('b', 1)
    await db.transaction((tx) => {
      const refused = () =>
        tx.transaction(() => {
          tx.persist('a')
          tx.put('b', 2, { expiresAt: 1 })
          expect([tx.ttl('a'), tx.has('b')]).toEqual([Infinity, false])
          throw new Error('back')
        })
      expect(refused).toThrow('back')
      expect([tx.get('b'), tx.ttl('b')]).toEqual([1, Infinity])
      expect(tx.ttl('a')).toBeGreaterThan(HOUR)
      tx.put('x', 1)
    })
    expect(db.get('b')).toBe(1)
    expect(db.ttl('a')).toBeGreaterThan(HOUR)
  })

  it('is kept by update() and increment(), and taken by persist() and put()', async () => {
    await using db = await open(path, settings)
    const keys = ['updated', 'added', 'own', 'kept', 'put']
    await db.batch(keys.map((key) => ({ type: 'put', key, value: 1, ttl: '1h' })))
    await db.transaction((tx) => {
      expect(tx.update('updated', (n) => Number(n) + 1)).toBe(2)
      tx.increment('added')
      tx.put('own', 5, { ttl: '1h' })
      tx.increment('own')
      expect([tx.persist('kept'), tx.persist('kept'), tx.persist('never')]).toEqual([
        true,
        false,
        false,
      ])
      tx.put('put', 2)
    })
    expect(db.getMany(keys)).toEqual([2, 2, 6, 1, 2])
    for (const key of ['updated', 'added', 'own']) expect(db.ttl(key)).toBeLessThanOrEqual(HOUR)
    for (const key of ['kept', 'put']) expect(db.ttl(key)).toBe(Infinity)
  })
})

describe.each(engines.slice(0, 2))('the sweep with %s', (_, settings) => {
  it('deletes by commits that feeds show, what transactions put, too', async () => {
    await using db = await open(fresh(), settings)
    const expiresAt = Date.now() + 50
    await db.put('single', 1, { expiresAt })
    await db.transaction((tx) => {
      tx.put('within', 1, { expiresAt })
      tx.put('stays', 1, { ttl: '1h' })
    })
    const deleted = new Set<unknown>()
    for await (const { edits } of db.watch({ from: 0 })) {
      for (const edit of edits) if (edit.type === 'delete') deleted.add(edit.key)
      if (deleted.size === 2) break
    }
    expect([...deleted].sort()).toEqual(['single', 'within'])
    expect(db.range().toArray()).toEqual([['stays', 1]])
  })
})

describe('the options of a put in a transaction', () => {
  it('are refused by name where they make no sense, and change nothing', async () => {
    await using db = await open(':memory:')
    await db.transaction((tx) => {
      for (const ttl of [0, -1, 1.5, '1 year', null]) {
        expect(() => tx.put('a', 1, { ttl } as never)).toThrow(invalid(/^ttl must/))
      }
      expect(() => tx.put('a', 1, { ttl: 1, expiresAt: 2 })).toThrow(invalid(/without/))
      expect(() => tx.put('a', 1, { durability: 'os' } as never)).toThrow(
        invalid(/unknown option 'durability'/),
      )
      const bad = [{ type: 'put', key: 'a', value: 1, ttl: 0 }] as const
      expect(() => tx.batch(bad)).toThrow(invalid(/^batch\[0\]: ttl must/))
      expect(tx.count()).toBe(0)
    })
  })
})

describe('a snapshot', () => {
  it('counts what is left from its own time', async () => {
    await using db = await open(':memory:', { history: { keep: 'forever' } })
    const expiresAt = Date.now() + HOUR
    await db.put('a', 1, { expiresAt })
    using snapshot = db.snapshot()
    await db.persist('a')
    expect(snapshot.ttl('a')).toBe(expiresAt - snapshot.time.getTime())
    expect([snapshot.ttl('b'), db.ttl('a')]).toEqual([undefined, Infinity])
  })
})
