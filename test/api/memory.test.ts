// Stores in memory that rest in a directory: `engine: 'memory'` with a path.
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeEach, describe, expect, it } from 'vitest'

import { open, openSync, type OpenOptions, type Store, type WriteOptions } from '../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-memory-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(root, 'store-'))
})

const small = { engine: 'memory', memory: '8MB', durability: 'os' } as const
const logless = { engine: 'memory', memory: '8MB', log: false } as const

/** A copy as a crash would leave it. */
function crashed(): string {
  const copy = mkdtempSync(join(root, 'crashed-'))
  cpSync(directory, copy, { recursive: true })
  return copy
}

const checkpoints = (of: string) => readdirSync(of).filter((name) => name.endsWith('.checkpoint'))

interface MemoryStats {
  readonly log: { readonly segmentCount: number }
  readonly engine: {
    readonly dataBytes: number
    readonly diskBytes: number
    readonly checkpointBytes: number
    readonly checkpointCommit: number
    readonly checkpointAgeMs: number
    readonly sinceCheckpointBytes: number
  }
}
const statsOf = (db: Store) => db.stats() as unknown as MemoryStats

async function fill(db: Store, from: number, to: number): Promise<void> {
  const batch = db.batch()
  for (let n = from; n < to; n++) batch.put(n, { n, padding: 'x'.repeat(200) })
  await batch.write()
}

describe('the engine of a store', () => {
  it('is the one it was made with when none is named', async () => {
    const db = await open(directory, small)
    await db.put('a', 1)
    await db.close()
    await using again = await open(directory, { memory: '8MB' })
    expect(again.get('a')).toBe(1)
    expect(statsOf(again).engine.dataBytes).toBeDefined()
  })

  it('is INVALID when it is another, and the error names both', async () => {
    await (await open(directory, small)).close()
    await expect(open(directory, { engine: 'lsm' })).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringMatching(/'lsm'.*has 'memory'/),
    })
    const other = join(directory, 'lsm')
    await (await open(other)).close()
    await expect(open(other, { engine: 'memory' })).rejects.toThrow(/'memory'.*has 'lsm'/)
  })
})

describe('a store in memory with a log', () => {
  it('is found again after a crash without a checkpoint', async () => {
    await using db = await open(directory, small)
    await fill(db, 0, 500)
    await using found = await open(crashed(), small)
    expect(found.count()).toBe(500)
    expect(found.recovery.replayedCommits).toBe(found.commit)
    expect(checkpoints(directory)).toEqual([])
  })

  it('needs no log for what a checkpoint holds, and says how large and old that is', async () => {
    await using db = await open(directory, small)
    for (let n = 0; n < 20; n++) await fill(db, n * 1000, n * 1000 + 900)
    await db.compact()
    const { engine } = statsOf(db)
    expect(checkpoints(directory)).toHaveLength(1)
    expect(engine.checkpointBytes).toBeGreaterThan(18_000 * 200)
    expect(engine.diskBytes).toBe(engine.checkpointBytes)
    expect(engine.checkpointCommit).toBe(db.commit)
    expect(engine.checkpointAgeMs).toBeLessThan(60_000)
    expect(engine.sinceCheckpointBytes).toBe(0)
    await db.put('after', 1)
    await using found = await open(crashed(), small)
    expect(found.count()).toBe(18_001)
    expect(found.recovery.replayedCommits).toBe(1)
  })

  it('is read without anything being written', async () => {
    const db = await open(directory, small)
    await fill(db, 0, 500)
    await db.compact()
    await fill(db, 500, 600)
    await db.close()
    const before = readdirSync(directory)
    const reader = await open(directory, { ...small, readOnly: true })
    expect(reader.count()).toBe(600)
    await expect(reader.put('a', 1)).rejects.toMatchObject({ code: 'READ_ONLY' })
    await reader.close()
    expect(readdirSync(directory)).toEqual(before)
  })
})

describe('a store in memory without a log', () => {
  it('keeps what a flush or a close brought to rest, and nothing later', async () => {
    const db = await open(directory, logless)
    expect((await db.put('flushed', 1)).durability).toBe('memory')
    await db.flush()
    await db.put('later', 2)
    await using found = await open(crashed(), logless)
    expect([found.get('flushed'), found.get('later')]).toEqual([1, undefined])
    await db.close()
    await using again = await open(directory, logless)
    expect([again.get('flushed'), again.get('later')]).toEqual([1, 2])
    expect(again.recovery.clean).toBe(true)
  })

  it('promises no more than memory', async () => {
    for (const durability of ['os', 'disk'] as const) {
      const options: OpenOptions = { ...logless, durability }
      await expect(open(directory, options)).rejects.toMatchObject({ code: 'INVALID' })
    }
    await using db = await open(directory, logless)
    await expect(db.put('a', 1, { durability: 'disk' })).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining('without a log'),
    })
    expect(() => db.putSync('a', 1, { durability: 'os' })).toThrow(/without a log/)
    expect(db.get('a')).toBeUndefined()
  })

  it('brings to rest what an earlier log holds, and takes a log up again', async () => {
    const logged = await open(directory, small)
    await logged.put('a', 1)
    await logged.close()
    const db = await open(directory, logless)
    expect(readdirSync(directory).filter((name) => name.endsWith('.log'))).toEqual([])
    await db.put('b', 2)
    await db.close()
    const again = await open(directory, small)
    await again.put('c', 3)
    await using found = await open(crashed(), small)
    expect(found.values().toArray()).toEqual([1, 2, 3])
    await again.close()
  })

  it('closes synchronously with everything at rest', async () => {
    const db = openSync(directory, logless)
    db.putSync('a', 1)
    db.closeSync()
    await using again = await open(directory, logless)
    expect(again.get('a')).toBe(1)
  })

  it('is for the memory engine alone', async () => {
    for (const engine of ['lsm', undefined] as const) {
      await expect(open(directory, { engine, log: false })).rejects.toThrow(/log.*memory/)
    }
    expect(readdirSync(directory).filter((name) => name !== 'LOCK')).toEqual([])
    await expect(open(':memory:', { log: true })).rejects.toMatchObject({ code: 'INVALID' })
    const wrong = 0 as unknown as boolean
    await expect(open(directory, { log: wrong })).rejects.toThrow(/log.*true or false/)
  })
})

describe('data in memory', () => {
  const value = 'x'.repeat(10_000)

  /** Puts again for as long as the machine does not keep up. */
  async function put(db: Store, key: unknown, options?: WriteOptions): Promise<void> {
    try {
      await db.put(key as never, value, options)
    } catch (error) {
      if ((error as { code?: string }).code !== 'BUSY') throw error
      await put(db, key, options)
    }
  }

  /** Puts until refused; answers how many are in. */
  async function fillUp(db: Store): Promise<number> {
    for (let n = 0; n < 10_000; n++) {
      try {
        await put(db, n, { durability: 'memory' })
      } catch (error) {
        if ((error as { code?: string }).code === 'TOO_LARGE') return n
        throw error
      }
    }
    throw new Error('never full')
  }

  const WAYS = [
    ['with a log', () => open(directory, small)],
    ['without a log', () => open(directory, logless)],
    ['with nothing on disk', () => open(':memory:', { memory: '8MB' })],
  ] as const

  it.each(WAYS)('is refused above `memory` before anyone sees it, %s', async (_name, opened) => {
    await using db = await opened()
    const count = await fillUp(db)
    expect(count * value.length).toBeGreaterThan(6_000_000)
    expect(count * value.length).toBeLessThan(8_388_608)
    expect(db.count()).toBe(count)
    expect(db.has(count)).toBe(false)
  })

  it.each(WAYS)('has room again when some is deleted, %s', async (_name, opened) => {
    await using db = await opened()
    const count = await fillUp(db)
    for (let n = 0; n < 50; n++) await db.delete(n)
    for (let n = 0; n < 40; n++) await put(db, `again ${n}`)
    await db.deleteRange({ lt: count })
    for (let n = 0; n < 500; n++) await put(db, `range ${n}`)
    expect(db.count()).toBe(540)
  })
})
