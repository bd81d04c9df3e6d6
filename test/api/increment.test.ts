// increment(): adds to what is there, and is in nobody's way. Between workers: test/addon/workers.test.ts.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { open } from '../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-increment-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

describe('increment', () => {
  it('resolves to the sum, of numbers and of bigints, with what is absent as zero', async () => {
    await using db = await open(':memory:')
    expect(await db.increment('n')).toBe(1)
    expect(await db.increment('n', 41, { durability: 'os' })).toBe(42)
    expect(db.incrementSync('n', -0.5)).toBe(41.5)
    expect(await db.increment('big', 2n ** 64n)).toBe(2n ** 64n)
    expect(db.incrementSync('big', -(2n ** 65n))).toBe(-(2n ** 64n))
    expect(await db.increment(['tuple', 1], 3)).toBe(3)
    expect([db.get('n'), db.get('big'), db.get(['tuple', 1])]).toEqual([41.5, -(2n ** 64n), 3])
  })

  it('adds as JavaScript does, and leaves what put() would have', async () => {
    await using db = await open(':memory:')
    const numbers = [0, -0, 1, -1, 111, 112, -17, 127, 128, -129, 32768, 2 ** 31 - 1, -(2 ** 31)]
    const more = [...numbers, 2 ** 31, 2 ** 53, 0.5, 0.1, 1e300, Number.MAX_VALUE, 5e-324]
    for (const there of [...more, Infinity, NaN]) {
      for (const by of more) {
        await db.put('k', there)
        expect(await db.increment('k', by)).toBe(there + by)
        expect(db.get('k')).toBe(there + by)
      }
    }
  })

  it('refuses what is no number by name, and changes nothing', async () => {
    await using db = await open(':memory:')
    const wrong: [unknown, string][] = [
      ['text', 'a string'],
      [{ n: 1 }, 'an object'],
      [new Date(), 'an object'],
      [Buffer.from('x'), 'bytes'],
      [null, 'null'],
      [true, 'true'],
      [1n, 'a bigint'],
    ]
    for (const [value, named] of wrong) {
      await db.put('k', value)
      const { commit } = db.stats()
      const refused = await db.increment('k').catch((error: unknown) => error)
      expect(refused).toMatchObject({ code: 'INVALID' })
      expect(String(refused)).toContain(`must be a number, not ${named}`)
      expect(db.get('k')).toEqual(value)
      expect(db.stats().commit).toBe(commit)
    }
    await db.put('k', 1)
    await expect(db.increment('k', 1n)).rejects.toThrow('must be a bigint, not a number')
  })

  it('refuses what cannot be added, and encodings without numbers', async () => {
    await using db = await open(':memory:')
    for (const by of ['1', NaN, Infinity, null, {}])
      await expect(db.increment('k', by as never)).rejects.toMatchObject({ code: 'INVALID' })
    await db.put('k', 1n)
    await expect(db.increment('k', 2n ** 8192n)).rejects.toMatchObject({ code: 'TOO_LARGE' })
    const json = db.sublevel('json', { encoding: 'json' })
    await expect(json.increment('k', 1)).rejects.toThrow("encoding is 'value'")
    expect(db.get('k')).toBe(1n)
    const within = db.transaction(() => db.increment('k', 1n).then(() => undefined))
    await expect(within).rejects.toMatchObject({ code: 'INVALID' })
    expect(db.get('k')).toBe(1n)
  })

  it('keeps the expiry of what it adds to, and begins at zero where that has passed', async () => {
    await using db = await open(':memory:')
    await db.put('k', 5, { ttl: '1h' })
    expect(await db.increment('k')).toBe(6)
    await db.transaction((tx) => {
      tx.increment('k')
      tx.increment('k')
    })
    expect(db.get('k')).toBe(8)
    expect(db.ttl('k')).toBeLessThanOrEqual(3_600_000)
    await db.put('gone', 5, { expiresAt: new Date(Date.now() - 1000) })
    expect(await db.increment('gone')).toBe(1)
    expect(db.ttl('gone')).toBe(Infinity)
  })

  it('adds to what came to rest, and survives reopening', async () => {
    const directory = join(root, 'rest')
    const first = await open(directory)
    await first.increment('k', 5)
    await first.flush()
    expect(await first.increment('k', 5)).toBe(10)
    await first.close()
    await using db = await open(directory)
    expect(await db.increment('k', 5)).toBe(15)
  })
})

describe('tx.increment', () => {
  it('adds to what is there at the commit, whoever added meanwhile, and runs once', async () => {
    await using db = await open(':memory:')
    let runs = 0
    const adding = Array.from({ length: 20 }, (_, n) =>
      db.transaction(async (tx) => {
        runs++
        tx.increment('k', 2)
        await db.get('other')
        tx.increment('k')
        tx.put(['done', n], true)
      }),
    )
    await Promise.all(adding)
    expect([runs, db.get('k'), db.count({ prefix: ['done'] })]).toEqual([20, 60, 20])
  })

  it('shows the sum to its own reads, which then are guarded', async () => {
    await using db = await open(':memory:')
    await db.put('k', 1)
    const seen: unknown[] = []
    await db.transaction(async (tx) => {
      tx.increment('k', 10)
      seen.push(tx.get('k'), [...tx.range({ gte: 'k', lte: 'k' })])
      await Promise.resolve()
      if (tx.attempt === 1) db.incrementSync('k', 100)
    })
    expect(seen).toEqual([11, [['k', 11]], 111, [['k', 111]]])
    expect(db.get('k')).toBe(111)
  })

  it('is taken back by a savepoint, and refuses what is no number', async () => {
    await using db = await open(':memory:')
    await db.put('text', 'x')
    await db.transaction((tx) => {
      tx.increment('k', 1)
      expect(() =>
        tx.transaction((inner) => {
          inner.increment('k', 10)
          inner.increment('text')
        }),
      ).toThrow('not a string')
      tx.increment('k', 5)
    })
    expect(db.get('k')).toBe(6)
  })
})
