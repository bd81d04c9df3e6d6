// Another engine for a store that is in use: convert() and advise().
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

import { afterAll, describe, expect, it } from 'vitest'

import {
  advise,
  type ConvertProgress,
  type EngineName,
  open,
  type Store,
  t,
} from '../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-convert-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let count = 0
const fresh = () => join(root, String(++count))

const ENGINES: readonly EngineName[] = ['lsm', 'memory', 'bitcask', 'btree']
const PAIRS = ENGINES.flatMap((from) =>
  ENGINES.filter((to) => to !== from).map((to) => [from, to] as const),
)
const COUNT = 1000
const keyOf = (n: number) => `key${String(n).padStart(5, '0')}`

async function fill(db: Store, value = 'v', from = 0, to = COUNT): Promise<void> {
  await db.batch(
    Array.from({ length: to - from }, (_, i) => ({
      type: 'put',
      key: keyOf(from + i),
      value: `${value}${from + i}`,
    })),
  )
}

const nameOf = (db: Store) => (db.stats() as { engine: { name: string } }).engine.name
const endingsOf = (path: string) =>
  new Set(readdirSync(path).map((name) => name.slice(name.lastIndexOf('.') + 1)))
const OWN: Readonly<Record<EngineName, readonly string[]>> = {
  lsm: ['table', 'values'],
  memory: ['checkpoint'],
  bitcask: ['data', 'hint'],
  btree: ['extent', 'ROOTS'],
}

describe('db.convert()', () => {
  it.each(PAIRS)('from %s to %s keeps values, snapshots, history and expiry', async (from, to) => {
    const path = fresh()
    const db = await open(path, { engine: from, memory: '16MB', history: { keep: { commits: 500 } } })
    await fill(db)
    const soon = Date.now() + 3_600_000
    await db.put('expires', 1, { expiresAt: soon })
    await db.put('large', 'x'.repeat(200_000))
    await db.flush()
    const before = db.commit
    using snapshot = db.snapshot()
    await db.deleteRange({ gte: keyOf(10), lt: keyOf(20) })
    await db.put(keyOf(1), 'again')
    await db.delete(keyOf(2))
    await db.flush()
    const conversion = db.convert(to)
    await fill(db, 'during', 500, 600)
    await conversion
    expect(nameOf(db)).toBe(to)
    const check = (store: Store) => {
      expect(store.get(keyOf(1))).toBe('again')
      expect(store.get(keyOf(2))).toBeUndefined()
      expect(store.get(keyOf(15))).toBeUndefined()
      expect(store.get(keyOf(555))).toBe('during555')
      expect(store.get('large')).toHaveLength(200_000)
      expect(store.ttl('expires')).toBeGreaterThan(3_000_000)
      expect(store.count({ prefix: 'key' })).toBe(COUNT - 11)
      expect(store.at(before).get(keyOf(2))).toBe('v2')
      expect(store.at(before).count({ prefix: 'key' })).toBe(COUNT)
      const values = [...store.history(keyOf(1))].map((one) => ('value' in one ? one.value : null))
      expect(values).toEqual(['again', 'v1'])
    }
    check(db)
    expect(snapshot.get(keyOf(15))).toBe('v15')
    expect(snapshot.count({ prefix: 'key' })).toBe(COUNT)
    await db.close()
    await using again = await open(path, { memory: '16MB' })
    expect(nameOf(again)).toBe(to)
    check(again)
    for (const ending of OWN[from]) expect(endingsOf(path)).not.toContain(ending)
  })

  it('goes on under transactions that are open, prepared or fed, and workers that read and write', async () => {
    const path = fresh()
    const db = await open(path, { memory: '16MB', durability: 'os' })
    await fill(db)
    const tx = db.begin()
    tx.put(keyOf(3), 'in the transaction')
    const prepared = db.begin()
    prepared.put('prepared', 1)
    await prepared.prepare('one')
    const workers = ['a', 'b'].map(
      (name) =>
        new Worker(new URL('../addon/converting.mjs', import.meta.url), {
          workerData: { directory: path, name },
        }),
    )
    const exits = workers.map(
      (worker) =>
        new Promise<number>((resolve, reject) => {
          worker.once('exit', resolve)
          worker.once('error', reject)
        }),
    )
    await Promise.all(
      workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))),
    )
    for (const engine of ['btree', 'bitcask', 'memory', 'lsm'] as const) {
      await db.convert(engine)
      expect(nameOf(db)).toBe(engine)
    }
    for (const worker of workers) worker.postMessage('end')
    expect(await Promise.all(exits)).toEqual([0, 0])
    await tx.commit()
    await db.prepared('one')?.commit()
    expect(db.get(keyOf(3))).toBe('in the transaction')
    expect(db.get('prepared')).toBe(1)
    for (const name of ['a', 'b']) {
      const last = db.get(`${name} last`) as number
      expect(last).toBeGreaterThan(0)
      for (let n = 0; n <= last; n++) expect(db.get([name, n])).toBe(n)
    }
    await db.close()
  }, 120_000)

  it('goes on under collections: documents, queries in slices, and an index that is built meanwhile', async () => {
    const path = fresh()
    const schema = { id: t.int32(), age: t.int32() }
    const personOf = (id: number) => ({ id, age: id % 50 })
    const first = await open(path, { memory: '16MB', durability: 'os' })
    const before = first.collection('people', { key: 'id', schema })
    await before.insertMany(Array.from({ length: COUNT }, (_, id) => personOf(id)))
    await first.close()
    await using db = await open(path, { memory: '16MB', durability: 'os' })
    using snapshot = db.snapshot()
    const building = db.convert('btree')
    const people = db.collection('people', { key: 'id', schema, indexes: { age: 'ordered' } })
    await Promise.all([people.ready(), building])
    const sevens = people.find({ where: { age: 7 } })
    expect(sevens.explain()).toMatchObject({ way: 'index', index: 'age' })
    let id = COUNT
    for (const engine of ['bitcask', 'memory', 'lsm', 'btree'] as const) {
      const converted = db.convert(engine)
      const walked = sevens.allAsync()
      for (let n = 0; n < 100; n++, id++) await people.insert({ id, age: 7 })
      expect((await walked).length).toBeGreaterThanOrEqual(COUNT / 50)
      await converted
      expect(sevens.count()).toBe(COUNT / 50 + id - COUNT)
      expect(people.get(20)).toEqual(personOf(20))
      expect(people.in(snapshot).count({ where: { age: 7 } })).toBe(COUNT / 50)
    }
  })

  it('tells how far it is', async () => {
    await using db = await open(fresh(), { memory: '16MB' })
    await fill(db)
    await db.flush()
    const told: ConvertProgress[] = []
    await db.convert('btree', { onProgress: (progress) => told.push(progress) })
    expect(told.length).toBeGreaterThan(0)
    for (const { phase, share } of told) {
      expect(['copying', 'following', 'clearing']).toContain(phase)
      expect(share).toBeGreaterThanOrEqual(0)
      expect(share).toBeLessThanOrEqual(1)
    }
  })

  it('rejects with ABORTED when its signal fires, and the store has the engine it had', async () => {
    await using db = await open(fresh(), { memory: '16MB' })
    await fill(db)
    await db.flush()
    const controller = new AbortController()
    const converted = db.convert('btree', { signal: controller.signal })
    controller.abort()
    await expect(converted).rejects.toMatchObject({ code: 'ABORTED' })
    expect(nameOf(db)).toBe('lsm')
    expect(db.get(keyOf(7))).toBe('v7')
    await expect(db.convert('btree', { signal: controller.signal })).rejects.toMatchObject({
      code: 'ABORTED',
    })
    await db.convert('btree')
    expect(nameOf(db)).toBe('btree')
  })

  it('rejects with what onProgress throws, and with CLOSED when the store is closed', async () => {
    const db = await open(fresh(), { memory: '16MB' })
    await fill(db)
    await db.flush()
    const mistake = new Error('a mistake')
    const thrower = () => {
      throw mistake
    }
    await expect(db.convert('btree', { onProgress: thrower })).rejects.toBe(mistake)
    expect(nameOf(db)).toBe('lsm')
    const converted = db.convert('bitcask')
    const closed = db.close()
    await expect(converted).rejects.toMatchObject({ code: 'CLOSED' })
    await closed
  })

  it('refuses what is none, a second one, and stores that cannot be converted', async () => {
    const path = fresh()
    const db = await open(path, { memory: '16MB' })
    await fill(db)
    await expect(db.convert('tree' as EngineName)).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining("'lsm', 'memory', 'bitcask' or 'btree'") as unknown,
    })
    await expect(db.convert('btree', { onprogress: 1 } as object)).rejects.toMatchObject({
      code: 'INVALID',
    })
    await db.convert('lsm')
    // So much that it is not over at once.
    for (const n of [1, 2, 3, 4]) await fill(db, 'x'.repeat(2000), n * COUNT, (n + 1) * COUNT)
    await db.flush()
    const first = db.convert('btree')
    await expect(db.convert('bitcask')).rejects.toMatchObject({ code: 'BUSY' })
    await first
    await db.close()
    await expect(open(path, { engine: 'lsm' })).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining("the store has 'btree'") as unknown,
    })
    const fixed = await open(path, { readOnly: true })
    await expect(fixed.convert('lsm')).rejects.toMatchObject({ code: 'READ_ONLY' })
    await fixed.close()
    await using loose = await open(':memory:')
    await expect(loose.convert('lsm')).rejects.toMatchObject({ code: 'INVALID' })
    await loose.convert('memory')
  })
})

describe('advise()', () => {
  it('says what was seen, and stays with the engine in use while that is little', async () => {
    await using db = await open(fresh(), { memory: '16MB' })
    await db.put('a', 1)
    const advice = advise(db)
    expect(advice).toMatchObject({ engine: 'lsm', current: 'lsm', observed: { edits: 1 } })
    expect(advice.reasons[0]).toMatch(/^only \d+ reads and edits/)
  })

  it('advises memory for small data, btree for many reads of much, bitcask for large values', async () => {
    await using small = await open(fresh(), { memory: '64MB' })
    await fill(small)
    for (let n = 0; n < COUNT; n++) small.get(keyOf(n % 10))
    expect(advise(small).engine).toBe('memory')
    expect(advise(small).observed.gets).toBeGreaterThanOrEqual(COUNT)

    await using large = await open(fresh(), { memory: '8MB' })
    for (let n = 0; n < COUNT; n++) await large.put(keyOf(n), 'x'.repeat(6000), { durability: 'os' })
    expect(advise(large).engine).toBe('bitcask')

    await using read = await open(fresh(), { memory: '8MB' })
    for (let n = 0; n < 3000; n++) await read.put(keyOf(n), 'x'.repeat(1500), { durability: 'os' })
    await read.flush()
    for (let n = 0; n < 30_000; n++) read.get(keyOf(n % 50))
    const { engine, observed, reasons } = advise(read)
    expect(engine).toBe('btree')
    expect(observed.repeatShare).toBeGreaterThan(0.5)
    expect(reasons.join()).toMatch(/gets/)
  })
})
