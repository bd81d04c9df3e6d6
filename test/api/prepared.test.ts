// Transactions in two steps: prepare() and what ends it; what is refused meanwhile, and by which error.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

import { afterAll, describe, expect, it } from 'vitest'

import { open, PreparedTransaction, type Store } from '../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-prepared-api-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const CONFLICT = { code: 'CONFLICT', reason: 'prepared' }

async function withPrepared(test: (db: Store, prepared: PreparedTransaction) => Promise<void>) {
  const db = await open(':memory:')
  await db.put('read', 'as it was')
  const tx = db.begin()
  tx.get('read')
  expect(tx.range({ gte: 'r1', lt: 'r2' }).toArray()).toEqual([])
  tx.put('written', { a: 1 })
  tx.increment('sum', 5)
  tx.deleteRange({ prefix: 'gone/' })
  const { commit } = await tx.prepare('order 7')
  expect(commit).toBe(db.commit)
  expect(() => tx.get('read')).toThrow('ended')
  const prepared = db.prepared('order 7')
  if (prepared === undefined) throw new Error('nothing is prepared')
  await test(db, prepared)
  await db.close()
}

describe('a prepared transaction', () => {
  it('is listed, with when it was prepared, and nobody sees its writes', () =>
    withPrepared(async (db, prepared) => {
      expect(prepared).toBeInstanceOf(PreparedTransaction)
      expect(prepared.id).toBe('order 7')
      expect(Math.abs(Date.now() - prepared.at.getTime())).toBeLessThan(60_000)
      expect(db.prepared().map(({ id }) => id)).toEqual(['order 7'])
      expect(db.prepared('another')).toBeUndefined()
      expect(db.get('written')).toBeUndefined()
      expect(db.stats()['transactions']).toMatchObject({ preparedCount: 1 })
    }))

  it('refuses what would change what it has read or will write, whichever way it is written', () =>
    withPrepared(async (db) => {
      await expect(db.put('read', 1)).rejects.toMatchObject({ ...CONFLICT, key: 'read' })
      await expect(db.delete('written')).rejects.toMatchObject({ ...CONFLICT, key: 'written' })
      expect(() => db.putSync('r15', 1)).toThrow(
        expect.objectContaining({ ...CONFLICT, key: 'r15' }),
      )
      expect(() => db.deleteSync('read')).toThrow(expect.objectContaining(CONFLICT))
      await expect(db.deleteRange({ prefix: 'r' })).rejects.toMatchObject(CONFLICT)
      const batch = [
        { type: 'put', key: 'free', value: 1 },
        { type: 'put', key: 'gone/1', value: 1 },
      ] as const
      await expect(db.batch(batch)).rejects.toMatchObject({ ...CONFLICT, key: 'gone/1' })
      expect(() => db.batchSync(batch)).toThrow(expect.objectContaining(CONFLICT))
      await expect(db.update('read', () => 1)).rejects.toMatchObject(CONFLICT)
      await expect(db.putIfAbsent('written', 1)).rejects.toMatchObject(CONFLICT)
      await expect(db.compareAndSwap('read', 'as it was', 1)).rejects.toMatchObject(CONFLICT)
      await expect(db.increment('read')).rejects.toMatchObject({ code: 'INVALID' })
      await expect(db.increment('sum', 1n)).rejects.toMatchObject({ ...CONFLICT, key: 'sum' })
      await expect(db.transaction((tx) => tx.put('read', 1), { retries: 0 })).rejects.toMatchObject(
        { ...CONFLICT, key: 'read' },
      )
      expect(db.get('free')).toBeUndefined()
      expect(db.count()).toBe(1)
      expect(await db.increment('sum')).toBe(1)
    }))

  it('commits what it was to write, as one commit', () =>
    withPrepared(async (db, prepared) => {
      await db.increment('sum', 10)
      const before = db.commit
      const receipt = await prepared.commit()
      expect(receipt.commit).toBe(before + 1)
      expect(db.get('written')).toEqual({ a: 1 })
      expect(db.get('sum')).toBe(15)
      expect(db.prepared()).toEqual([])
      await db.put('read', 1)
      await expect(prepared.commit()).rejects.toMatchObject({ code: 'NOT_FOUND' })
      await expect(prepared.rollback()).rejects.toMatchObject({ code: 'NOT_FOUND' })
    }))

  it('rolls back', () =>
    withPrepared(async (db, prepared) => {
      await prepared.rollback()
      expect(db.get('written')).toBeUndefined()
      await db.put('written', 'by another')
      expect(db.prepared('order 7')).toBeUndefined()
    }))

  it('is fed as the commit that commits it, with what expires', async () => {
    const db = await open(join(root, 'feed'), { feed: { keep: 'all' } })
    const tx = db.begin()
    tx.put('a', 1, { ttl: '1h' })
    await tx.prepare('x')
    await db.put('b', 2)
    await db.prepared('x')?.commit()
    const keys: unknown[] = []
    for await (const commit of db.watch({ from: 0 })) {
      for (const edit of commit.edits) if ('key' in edit) keys.push(edit.key)
      if (commit.commit === db.commit) break
    }
    expect(keys).toEqual(['b', 'a'])
    expect(db.ttl('a')).toBeGreaterThan(3_500_000)
    await db.close()
  })

  it('can be one that locks, whose locks go', async () => {
    const db = await open(':memory:')
    const tx = db.begin({ mode: 'pessimistic' })
    await tx.put('a', 1)
    await tx.prepare('x')
    const other = db.begin({ mode: 'pessimistic', lockTimeout: 0 })
    await other.put('a', 2)
    await expect(other.commit()).rejects.toMatchObject(CONFLICT)
    await db.prepared('x')?.commit()
    expect(db.get('a')).toBe(1)
    await db.close()
  })

  it('spans sublevels and holds against workers', async () => {
    const path = join(root, 'workers')
    const db = await open(path)
    const tx = db.begin()
    db.sublevel('inner').in(tx).put('k', 1)
    await tx.prepare('x')
    const code = `
      const { workerData, parentPort } = require('node:worker_threads')
      import(workerData.dist).then(async ({ open }) => {
        const db = await open(workerData.path)
        const error = await db.sublevel('inner').put('k', 2).catch((e) => e)
        await db.prepared('x').commit()
        parentPort.postMessage([error.code, error.reason, error.key])
        await db.close()
      })`
    const dist = new URL('../../dist/index.js', import.meta.url).href
    const worker = new Worker(code, { eval: true, workerData: { dist, path } })
    const told = await new Promise((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
    expect(told).toEqual(['CONFLICT', 'prepared', 'k'])
    expect(db.sublevel('inner').get('k')).toBe(1)
    await worker.terminate()
    await db.close()
  })
})

describe('prepare() refuses', () => {
  it.each([
    ['', 'INVALID'],
    [5, 'INVALID'],
    ['\ud800', 'INVALID'],
    ['x'.repeat(257), 'TOO_LARGE'],
  ])('the id %j, and the transaction goes on', async (id, code) => {
    const db = await open(':memory:')
    const tx = db.begin()
    tx.put('a', 1)
    await expect(tx.prepare(id as string)).rejects.toMatchObject({ code })
    await tx.commit()
    expect(db.get('a')).toBe(1)
    expect(() => db.prepared(id as string)).toThrow(expect.objectContaining({ code }))
    await db.close()
  })

  it('an id that is taken, and what conflicts', async () => {
    const db = await open(':memory:')
    const first = db.begin()
    first.put('a', 1)
    await first.prepare('x')
    const second = db.begin()
    second.put('b', 1)
    await expect(second.prepare('x')).rejects.toMatchObject({ code: 'EXISTS' })
    const third = db.begin()
    third.get('a')
    await expect(third.prepare('y')).rejects.toMatchObject({ ...CONFLICT, key: 'a' })
    const fourth = db.begin()
    fourth.get('c')
    await db.put('c', 1)
    await expect(fourth.prepare('y')).rejects.toMatchObject({ code: 'CONFLICT', reason: 'written' })
    await expect(fourth.prepare('y')).rejects.toMatchObject({ code: 'CLOSED' })
    await db.close()
  })

  it('ids at the longest that there may be are fine', async () => {
    const db = await open(':memory:')
    const id = 'ё'.repeat(128)
    await db.begin().prepare(id)
    expect(db.prepared(id)?.id).toBe(id)
    await db.close()
  })
})
