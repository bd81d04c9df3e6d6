import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

import { afterAll, describe, expect, it } from 'vitest'

import { open } from '../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-workers-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const COUNT = 2000

function start(directory: string, name: string, end: string): Worker {
  const workerData = { directory, name, count: COUNT, end }
  return new Worker(new URL('worker.mjs', import.meta.url), { workerData })
}

const written = (worker: Worker) =>
  new Promise<void>((resolve, reject) => {
    worker.once('message', () => resolve())
    worker.once('error', reject)
  })
const ended = (worker: Worker) =>
  new Promise<number>((resolve, reject) => {
    worker.once('exit', resolve)
    worker.once('error', reject)
  })

describe('worker threads', () => {
  it('share one store, and close it in any order or not at all', async () => {
    const directory = join(root, 'shared')
    const db = await open(directory, { memory: '8MB', durability: 'os' })
    const ends = ['close', 'leave', 'endless', 'close']
    const workers = ends.map((end, i) => start(directory, `w${i}`, end))
    const exits = workers.map((worker) => ended(worker))
    await Promise.all(workers.map((worker) => written(worker)))
    await workers[2]?.terminate()
    await Promise.all(exits)
    for (const [i] of ends.entries()) expect(db.count({ prefix: [`w${i}`] })).toBe(COUNT)
    await db.close()
    await using again = await open(directory, { memory: '8MB' })
    expect(again.recovery.clean).toBe(true)
    expect(again.count()).toBe(COUNT * ends.length)
  }, 60_000)

  it('may come to know the same kinds of objects at the same time', async () => {
    const directory = join(root, 'shaping')
    const count = 600
    await using db = await open(directory, { memory: '8MB', durability: 'os' })
    const ready = new SharedArrayBuffer(4)
    const names = ['a', 'b', 'c']
    const workers = names.map((name) => {
      const workerData = { directory, name, count, ready, all: names.length }
      return new Worker(new URL('shaping.mjs', import.meta.url), { workerData })
    })
    expect(await Promise.all(workers.map((worker) => ended(worker)))).toEqual([0, 0, 0])
    for (const name of names) {
      for (let n = 0; n < count; n++) {
        const kind = Math.floor(n / 40)
        const value = { [`id${kind}`]: n, [`name${kind}`]: `${name} ${n}`, score: n / 8 }
        expect(db.get([name, n])).toStrictEqual(value)
      }
    }
  }, 60_000)

  it('outlive the thread that opened first', async () => {
    const directory = join(root, 'outlive')
    const db = await open(directory, { memory: '8MB', durability: 'os' })
    const worker = start(directory, 'w', 'close')
    const exit = ended(worker)
    await db.close()
    await written(worker)
    expect(await exit).toBe(0)
    await using again = await open(directory)
    expect(again.count()).toBe(COUNT)
  }, 60_000)

  it('read what is cold from one store, and go in any order with gets under way', async () => {
    const directory = join(root, 'cold')
    const count = 20_000
    const before = await open(directory, { durability: 'os' })
    for (let from = 0; from < count; from += 500) {
      const batch = before.batch()
      for (let n = from; n < from + 500; n++) batch.put(`k${n}`, `${n} `.repeat(100))
      await batch.write()
    }
    await before.flush()
    await before.close()
    const db = await open(directory, { memory: '8MB' })
    const ends = ['close', 'leave', 'endless', 'closeSync', 'leave', 'closeSync']
    const workers = ends.map((end) => {
      const workerData = { directory, count, rounds: 20, end }
      return new Worker(new URL('reader.mjs', import.meta.url), { workerData })
    })
    const exits = workers.map((worker) => ended(worker))
    await Promise.all(workers.map((worker) => written(worker)))
    await workers[2]?.terminate()
    expect((await Promise.all(exits)).filter((_, i) => ends[i] !== 'endless')).toEqual([
      0, 0, 0, 0, 0,
    ])
    expect(await db.getAsync('k5')).toBe('5 '.repeat(100))
    expect(db.stats()['snapshotCount']).toBe(0)
    await db.close()
  }, 60_000)

  it('take turns by locks, without trying again, and let go of them when they are terminated', async () => {
    const directory = join(root, 'locking')
    await using db = await open(directory, { memory: '8MB', durability: 'memory' })
    const url = new URL('locking.mjs', import.meta.url)
    const holder = new Worker(url, { workerData: { directory, holds: 'first' } })
    const gone = ended(holder)
    await written(holder)
    const waiting = db.transaction((tx) => tx.get('first'), { mode: 'pessimistic' })
    await holder.terminate()
    expect(await waiting).toBeUndefined()
    await gone
    const gate = new Int32Array(new SharedArrayBuffer(4))
    gate[0] = 3
    const count = 400
    const workers = [0, 1, 2].map(() => new Worker(url, { workerData: { directory, count, gate } }))
    const told = (worker: Worker) => new Promise((resolve) => worker.once('message', resolve))
    expect(await Promise.all(workers.map((worker) => told(worker)))).toEqual([0, 0, 0])
    expect([db.get('first'), db.get('second')]).toEqual([3 * count, 3 * count])
  }, 60_000)

  it('lose no update of one key to one another', async () => {
    const directory = join(root, 'counter')
    const count = 5000
    await using db = await open(directory, { memory: '8MB', durability: 'memory' })
    const gate = new Int32Array(new SharedArrayBuffer(4)).fill(4)
    const workers = Array.from({ length: 4 }, () => {
      const workerData = { directory, count, gate }
      return new Worker(new URL('counter.mjs', import.meta.url), { workerData })
    })
    const exits = await Promise.all(workers.map((worker) => ended(worker)))
    expect(exits).toEqual([0, 0, 0, 0])
    expect(db.get('one')).toBe(4 * count)
    expect(db.get('two')).toBe(8 * count)
    expect(db.get('three')).toBe(BigInt((4 * count) / 10))
    const large = [0, 1, 2].map((n) => (db.get(['large', n]) as { n: number }).n)
    expect(large.reduce((a, b) => a + b)).toBe((4 * count) / 100)
  }, 60_000)

  it('move money about by transactions, and none of it is lost', async () => {
    const directory = join(root, 'transfers')
    await using db = await open(directory, { memory: '8MB', durability: 'memory' })
    const accounts = 6
    for (let i = 0; i < accounts; i++) await db.put(['account', i], 100)
    const kinds = ['sync', 'async', 'async']
    const gate = new Int32Array(new SharedArrayBuffer(4))
    gate[0] = kinds.length
    const workers = kinds.map(
      (kind) =>
        new Worker(new URL('transfers.mjs', import.meta.url), {
          workerData: { directory, kind, accounts, count: 300, gate },
        }),
    )
    const sums = await Promise.all(
      workers.map(
        (worker) =>
          new Promise<number>((resolve, reject) => {
            worker.once('message', resolve)
            worker.once('error', reject)
          }),
      ),
    )
    expect(sums).toEqual(kinds.map(() => accounts * 100))
    const values = db.values({ prefix: ['account'] }).toArray() as number[]
    expect(values.reduce((sum, value) => sum + value, 0)).toBe(accounts * 100)
    expect(db.get('moved')).toBe(kinds.length * 300)
  }, 60_000)
})
