// The least memory that a store can have: what still fits is what the limits say, and writers who wait for nothing
// are slowed down, not refused.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { open } from '../../lib/index.ts'

const MEMORY = 8 << 20
const least = { memory: '8MB', encoding: 'bytes' } as const
const tooLarge = expect.objectContaining({ code: 'TOO_LARGE' }) as unknown

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'varve-room-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

describe('with the least memory', () => {
  it.each([512 << 10, 1 << 20, MEMORY / 4 - 100])(
    'a value of %i bytes is taken, and found again',
    async (size) => {
      const value = Buffer.alloc(size, 7)
      {
        await using db = await open<{ key: string; value: Uint8Array }>(directory, least)
        await db.put('large', value, { durability: 'disk' })
        expect(value.equals(db.get('large') ?? Buffer.alloc(0))).toBe(true)
      }
      await using again = await open<{ key: string; value: Uint8Array }>(directory, least)
      expect(again.get('large')?.length).toBe(size)
    },
  )

  it('a value of a quarter of it, with its key more than that, is TOO_LARGE', async () => {
    await using db = await open<{ key: string; value: Uint8Array }>(directory, least)
    await expect(db.put('k', new Uint8Array(MEMORY / 4))).rejects.toEqual(tooLarge)
    expect(db.count()).toBe(0)
  })

  it('a commit of so many small edits that they take half of it is TOO_LARGE', async () => {
    await using db = await open<{ key: number; value: Uint8Array }>(directory, least)
    const edits = (count: number) =>
      Array.from(
        { length: count },
        (_, key) => ({ type: 'put', key, value: new Uint8Array(1) }) as const,
      )
    await db.batch(edits(15_000))
    await expect(db.batch(edits(30_000))).rejects.toEqual(tooLarge)
    expect(db.count()).toBe(15_000)
  })

  it('100,000 puts of 1 KB that nobody awaits meet no BUSY', { timeout: 240_000 }, async () => {
    const COUNT = 100_000
    await using db = await open<{ key: number; value: Uint8Array }>(directory, least)
    const value = new Uint8Array(1024)
    const puts: Promise<unknown>[] = []
    for (let n = 0; n < COUNT; n++) puts.push(db.put(n, value))
    await Promise.all(puts)
    expect(db.count()).toBe(COUNT)
  })

  it('batches that are awaited wait for room before they are made, and none is held', async () => {
    await using db = await open<{ key: number; value: Uint8Array }>(directory, least)
    const value = new Uint8Array(1000)
    const COUNT = 60
    for (let n = 0; n < COUNT; n++) {
      const batch = db.batch()
      for (let i = 0; i < 1000; i++) batch.put(n * 1000 + i, value)
      await batch.write({ durability: 'memory' })
    }
    expect(db.stats()).toMatchObject({ stallCount: 0 })
    expect(db.count()).toBe(COUNT * 1000)
  })

  it('closeSync() leaves no promise behind that waits for room', async () => {
    const value = new Uint8Array(450_000) // Six fill three memtables, of which two wait to be flushed.
    for (let round = 0; round < 10; round++) {
      const db = await open<{ key: number; value: Uint8Array }>(directory, least)
      const puts: Promise<unknown>[] = []
      for (let n = 0; n < 6; n++) {
        puts.push(db.put(n, value, { durability: 'memory' }))
        await Promise.resolve() // Each asks for itself.
      }
      db.closeSync()
      const settled = await Promise.allSettled(puts)
      // Where the disk is slow, the last found no room at all: an opening may begin with what the one before left in the log.
      const refused = settled.flatMap((put) => (put.status === 'rejected' ? [put.reason] : []))
      expect(refused).toEqual(refused.map(() => expect.objectContaining({ code: 'BUSY' })))
      expect(refused.length).toBeLessThan(4)
    }
  })
})
