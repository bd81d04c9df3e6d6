// getAsync(): what is in memory is answered at once, what is not is read on another thread, and nothing of it ends badly.
import { pbkdf2 } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { open, type Store } from '../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-cold-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const COUNT = 20_000
const numbered = (n: number) => `k${String(n).padStart(6, '0')}`
const valueOf = (n: number) => ({ n, text: `${n} `.repeat(150) })
const keys = Array.from({ length: 300 }, (_, i) => (i * 7919) % COUNT)

type Cold = Store<{ key: string; value: unknown }>
let path = ''
// More than ten times its memory, and none of it read yet.
const openCold = (): Promise<Cold> => open(path, { memory: '8MB' })

beforeAll(async () => {
  path = join(root, 'cold')
  const db = await openCold()
  for (let from = 0; from < COUNT; from += 500) {
    const batch = db.batch()
    for (let n = from; n < from + 500; n++) batch.put(numbered(n), valueOf(n))
    await batch.write({ durability: 'os' })
  }
  await db.put('large', { bytes: new Uint8Array(500_000).fill(7), text: '水'.repeat(1000) })
  await db.compact() // So that no merge warms a table meanwhile.
  await db.close()
}, 60_000)

const count = (db: Cold, name: string) => db.stats()[name] as number

// Takes every thread of Node's pool for a while: what comes to the pool later has to wait.
const derive = promisify(pbkdf2)
function occupyPool(): Promise<unknown> {
  const threads = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4)
  return Promise.all(Array.from({ length: threads }, () => derive('a', 'b', 150_000, 64, 'sha512')))
}

describe('getAsync', () => {
  it('reads nothing from the disk on this thread, and goes on answering what is in memory', async () => {
    await using db = await openCold()
    const done: string[] = []
    await db.put('hot', 'in the memtable')
    expect(db.get(numbered(1))).toEqual(valueOf(1)) // Now its block is in memory.
    const loads = count(db, 'cacheLoadCount')
    const occupied = occupyPool().then(() => done.push('the pool'))
    const cold = keys.map((n) => db.getAsync(numbered(n)))
    void cold[9]?.then(() => done.push('cold'))
    expect(await db.getAsync('hot')).toBe('in the memtable')
    expect(await db.getAsync(numbered(1))).toEqual(valueOf(1))
    expect(await db.getAsync('absent')).toBeUndefined()
    done.push('hot')
    expect(count(db, 'cacheLoadCount')).toBe(loads)
    expect(await Promise.all(cold)).toEqual(keys.map(valueOf))
    await occupied
    expect(done[0]).toBe('hot')
    expect(count(db, 'cacheLoadCount') - loads).toBeGreaterThan(100)
  })

  it('answers what the store held when it was asked, whatever is written meanwhile', async () => {
    await using db = await openCold()
    const before = keys.map((n) => db.getAsync(numbered(n)))
    const snapshot = db.snapshot()
    const held = keys.slice(0, 50).map((n) => snapshot.getAsync(numbered(n)))
    const changes = db.batch()
    for (const n of keys) changes.put(numbered(n), 'changed')
    await changes.write({ durability: 'os' })
    snapshot.close()
    await db.flush()
    expect(await Promise.all(before)).toEqual(keys.map(valueOf))
    expect(await Promise.all(held)).toEqual(keys.slice(0, 50).map(valueOf))
    expect(await db.getAsync(numbered(keys[0] ?? 0))).toBe('changed')
    expect(count(db, 'snapshotCount')).toBe(0)
    const back = db.batch()
    for (const n of keys) back.put(numbered(n), valueOf(n))
    await back.write()
    await db.flush()
  })

  it('brings values larger than the room that both sides share', async () => {
    await using db = await openCold()
    const found = (await db.getAsync('large')) as { bytes: Uint8Array; text: string }
    expect([found.bytes.length, found.bytes.every((b) => b === 7)]).toEqual([500_000, true])
    expect(found.text).toBe('水'.repeat(1000))
  })

  it('rejects what get() would throw', async () => {
    await using db = await openCold()
    await expect(db.getAsync(NaN as never)).rejects.toMatchObject({ code: 'INVALID' })
    await expect(db.getAsync('k', { signl: 1 } as never)).rejects.toThrow(/'signl'.*'signal'/)
    await expect(db.getAsync('k', { signal: 1 } as never)).rejects.toThrow(/signal must be/)
    const snapshot = db.snapshot()
    snapshot.close()
    await expect(snapshot.getAsync('k')).rejects.toMatchObject({ code: 'CLOSED' })
    await db.close()
    await expect(db.getAsync('k')).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('rejects with CORRUPT and the file when the block is damaged', async () => {
    const damaged = join(root, 'damaged')
    const db = await open(damaged)
    for (let n = 0; n < 100; n++) await db.put(numbered(n), n, { durability: 'memory' })
    await db.flush()
    await db.close()
    const name = readdirSync(damaged).find((one) => one.endsWith('.table')) ?? ''
    const bytes = readFileSync(join(damaged, name))
    bytes.writeUInt8(bytes.readUInt8(200) ^ 1, 200)
    writeFileSync(join(damaged, name), bytes)
    await using again = await open(damaged)
    await expect(again.getAsync(numbered(5))).rejects.toMatchObject({
      code: 'CORRUPT',
      message: expect.stringContaining('.table'),
    })
  })

  it('stops waiting when its signal fires', async () => {
    await using db = await openCold()
    const control = new AbortController()
    const { signal } = control
    const occupied = occupyPool()
    const waiting = db.getAsync(numbered(3), { signal })
    control.abort(new Error('enough'))
    await expect(waiting).rejects.toMatchObject({
      code: 'ABORTED',
      message: 'get: aborted; nothing has changed',
      cause: new Error('enough'),
    })
    await expect(db.getAsync('k', { signal })).rejects.toMatchObject({ code: 'ABORTED' })
    await occupied
    expect(await db.getAsync(numbered(3), { signal: new AbortController().signal })).toEqual(
      valueOf(3),
    )
  })
})

describe('closing', () => {
  it('by close() waits for the reads, and answers every caller when it is done', async () => {
    const db = await openCold()
    const cold = keys.map((n) => db.getAsync(numbered(n)))
    await Promise.all([db.close(), db.close()])
    expect(await Promise.all(cold)).toEqual(keys.map(valueOf))
    expect(() => db.get('k')).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  })

  it('by closeSync() ends reads that have not begun with CLOSED, and holds nothing', async () => {
    await using other = await openCold()
    const db = await openCold()
    const occupied = occupyPool()
    const waiting = keys.map((n) => db.getAsync(numbered(n)))
    expect(count(other, 'snapshotCount')).toBe(1) // All hold the one commit.
    db.closeSync()
    expect(count(other, 'snapshotCount')).toBe(0)
    for (const one of await Promise.allSettled(waiting)) {
      expect(one).toMatchObject({ status: 'rejected', reason: { code: 'CLOSED' } })
    }
    await occupied
    expect(await other.getAsync(numbered(9))).toEqual(valueOf(9))
  })

  it('by closeSync() amid reads leaves each with its value or CLOSED, again and again', async () => {
    for (let round = 0; round < 20; round++) {
      const db = await openCold()
      const cold = keys.slice(0, 40).map((n) => db.getAsync(numbered(n)))
      for (let n = 0; n < round; n++) await cold[n]
      db.closeSync()
      for (const [i, one] of (await Promise.allSettled(cold)).entries()) {
        if (one.status === 'fulfilled') expect(one.value).toEqual(valueOf(keys[i] ?? 0))
        else expect(one.reason).toMatchObject({ code: 'CLOSED' })
      }
    }
  })
})

it('one handle more than can read a store is BUSY, and the others go on', async () => {
  const directory = join(root, 'handles')
  const all: Store[] = []
  const openAll = async () => {
    while (all.length < 2000) all.push(await open(directory, { memory: '8MB' }))
  }
  await expect(openAll()).rejects.toMatchObject({
    code: 'BUSY',
    message: expect.stringMatching(/1024 handles/),
  })
  expect(all).toHaveLength(1024)
  await all[5]?.put('k', 1)
  expect(all[1023]?.get('k')).toBe(1)
  await all.pop()?.close()
  all.push(await open(directory, { memory: '8MB' }))
  for (const one of all) await one.close()
}, 60_000)
