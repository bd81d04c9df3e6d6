// update(): read, change and write are one step, whoever else writes the key. Between workers: test/addon/workers.test.ts.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { open, type Store } from '../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-update-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

type Numbers = Store<{ key: string; value: number }>

// What happens between reading and writing, once: the callback runs it, and sees by the second call what it did.
async function disturbed(db: Numbers, disturb: () => unknown): Promise<(number | undefined)[]> {
  const seen: (number | undefined)[] = []
  await db.update('k', (value) => {
    if (seen.push(value) === 1) void disturb()
    return (value ?? 0) + 1
  })
  return seen
}

describe('update', () => {
  it('answers the new value, and deletes by undefined', async () => {
    await using db: Numbers = await open(':memory:')
    expect(await db.update('k', (value) => (value ?? 0) + 1)).toBe(1)
    expect(await db.update('k', (value) => (value ?? 0) + 1, { durability: 'os' })).toBe(2)
    expect(await db.update('k', () => undefined)).toBeUndefined()
    expect(db.has('k')).toBe(false)
    expect(await db.update('absent', () => undefined)).toBeUndefined()
  })

  it('is called again when the key was written, deleted, or flushed meanwhile, and only then', async () => {
    await using db: Numbers = await open(join(root, 'again'))
    await db.put('k', 1)
    expect(await disturbed(db, () => db.put('k', 10))).toEqual([1, 10])
    expect(await disturbed(db, () => db.delete('k'))).toEqual([11, undefined])
    expect(await disturbed(db, () => db.deleteRange({ gte: 'a' }))).toEqual([1, undefined])
    expect(await disturbed(db, () => db.put('other', 1))).toEqual([1])
    expect(await disturbed(db, () => db.sublevel('s').put('k', 5))).toEqual([2])
    db.putSync('other', 2)
    const written = () => [db.putSync('other', 3), db.flushSync()]
    expect(await disturbed(db, written)).toEqual([3, 3]) // What came to rest can't be asked for.
    expect(db.get('k')).toBe(4)
  })

  it('gives up with CONFLICT after 100 times, and has changed nothing', async () => {
    await using db: Numbers = await open(':memory:')
    let calls = 0
    const always = db.update('k', () => {
      void db.put('k', ++calls)
      return -1
    })
    await expect(always).rejects.toMatchObject({ code: 'CONFLICT' })
    expect([calls, db.get('k')]).toEqual([100, 100])
  })

  it('passes on what its callback throws, and refuses what can be no value', async () => {
    await using db: Numbers = await open(':memory:')
    const mine = new RangeError('mine')
    const throws = () => {
      throw mine
    }
    await expect(db.update('k', throws)).rejects.toBe(mine)
    await expect(db.update('k', (async () => 1) as never)).rejects.toMatchObject({
      code: 'INVALID',
    })
    expect(db.count()).toBe(0)
    const closes = () => {
      db.closeSync()
      return 1
    }
    await expect(db.update('k', closes)).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
