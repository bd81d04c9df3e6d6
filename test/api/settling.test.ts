// When writes for the disk are asked for, and by which thread they are synced.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { open } from '../../lib/index.ts'
import { CROWDING, type NativeStore, scratch } from '../../lib/native.ts'
import { Settling } from '../../lib/settling.ts'

const MEMORY = 0
const OS = 1
const DISK = 2
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Notes what is asked for, and answers what it is told to. */
class Requests {
  readonly made: [durability: number, maySyncHere: number][] = []
  answer = 1
  fed = 0
  readonly settling = new Settling(
    {
      request: (durability: number, maySyncHere: number) => {
        this.made.push([durability, maySyncHere])
        return this.answer
      },
      progress: () => 1,
      keepAlive: () => 1,
    } as unknown as NativeStore,
    [{ progress: () => void this.fed++ }],
  )
}

describe('a write for the disk', () => {
  it('that is alone waits for the end of the turn, and may be synced by this thread', async () => {
    const { made, settling } = new Requests()
    const written = settling.promise(7, DISK)
    await Promise.resolve()
    await Promise.resolve()
    expect(made).toEqual([])
    expect(await written).toEqual({ commit: 7, durability: 'disk' })
    expect(made).toEqual([[DISK, 1]])
  })

  it('is joined by those of other callbacks of the turn, and then left to the worker', async () => {
    const { made, settling } = new Requests()
    const first = settling.promise(7, DISK)
    await Promise.resolve()
    await Promise.resolve()
    const second = settling.promise(8, DISK)
    expect(await Promise.all([first, second])).toEqual([
      { commit: 8, durability: 'disk' },
      { commit: 8, durability: 'disk' },
    ])
    expect(made).toEqual([[DISK, 0]])
  })

  it('is asked for at the end of its tick when it is not alone', async () => {
    const requests = new Requests()
    requests.answer = 0
    void requests.settling.promise(1, DISK)
    void requests.settling.promise(2, DISK)
    await Promise.resolve()
    await Promise.resolve()
    expect(requests.made).toEqual([[DISK, 0]])
    void requests.settling.promise(3, DISK) // While the others wait.
    await Promise.resolve()
    await Promise.resolve()
    expect(requests.made.slice(1)).toEqual([[DISK, 0]])
  })

  it('tells feeds that it is there, which nobody else does', async () => {
    const requests = new Requests()
    await requests.settling.promise(1, OS)
    expect(requests.fed).toBe(0)
    await requests.settling.promise(2, DISK)
    expect(requests.fed).toBe(1)
  })

  it('is asked for at once where it is the last word', async () => {
    const { made, settling } = new Requests()
    const written = settling.promise(7, DISK)
    settling.progress(true)
    expect(made).toEqual([[DISK, 1]])
    expect(settling.isIdle).toBe(true)
    expect(await written).toEqual({ commit: 7, durability: 'disk' })
    await turn()
    expect(made).toHaveLength(1)
  })
})

describe('a write that finds the store crowded', () => {
  afterEach(() => {
    scratch.u32[CROWDING] = 0
  })

  it('waits a while for room where there is some, and then no longer', async () => {
    const requests = new Requests()
    requests.answer = 0
    scratch.u32[CROWDING] = 1
    const begun = performance.now()
    const written = requests.settling.promise(1, MEMORY)
    await Promise.resolve()
    await Promise.resolve()
    requests.settling.progress() // News of the log, not of room.
    expect(requests.settling.isIdle).toBe(false)
    await written
    expect(performance.now() - begun).toBeGreaterThan(20)
    expect(requests.settling.isIdle).toBe(true)
  })

  it('waits until there is room where there is none', async () => {
    const requests = new Requests()
    requests.answer = 0
    scratch.u32[CROWDING] = 1
    let isSettled = false
    const written = requests.settling.promise(1, MEMORY).then(() => (isSettled = true))
    await Promise.resolve()
    await Promise.resolve()
    scratch.u32[CROWDING] = 2 // When the while is over.
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(isSettled).toBe(false)
    scratch.u32[CROWDING] = 0
    requests.settling.progress()
    expect(await written).toBe(true)
  })
})

describe('in a store', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'varve-settling-'))
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  it('a loop that awaits its writes lets others run', async () => {
    const db = await open<{ key: number; value: number }>(directory)
    let turns = 0
    let isOver = false
    const count = () => {
      turns += 1
      if (!isOver) setImmediate(count)
    }
    setImmediate(count)
    for (let n = 0; n < 200; n++) await db.put(n, n)
    isOver = true
    expect(turns).toBeGreaterThanOrEqual(200)
    await db.close()
  })

  it.each(['memory', 'os'] as const)('so does one that awaits writes of %s', async (durability) => {
    const db = await open<{ key: number; value: number }>(directory, { durability })
    let hasTurned = false
    setImmediate(() => (hasTurned = true))
    let written = 0
    for (; !hasTurned && written < 5000; written += 1) await db.put(written, written)
    expect(written).toBeGreaterThan(900) // At once, that is, but for one in a thousand.
    expect(written).toBeLessThan(1100)
    await db.close()
  })

  it('what closeSync() finds unsynced is synced, and its promise kept', async () => {
    const db = await open<{ key: number; value: number }>(directory)
    const written = db.put(1, 1)
    db.closeSync()
    expect((await written).durability).toBe('disk')
  })

  it('a feed of what is on disk hears of writes that are synced by its own thread', async () => {
    await using db = await open<{ key: number; value: number }>(directory)
    const feed = db.watch({ durable: true })[Symbol.asyncIterator]()
    for (let n = 0; n < 100; n++) {
      const next = feed.next()
      await turn()
      const { commit } = await db.put(n, n)
      expect((await next).value?.commit).toBe(commit)
    }
    await feed.return?.()
  })
})
