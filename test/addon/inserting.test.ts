// Workers that insert what must be unique, all at the same time.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

import { afterAll, expect, it } from 'vitest'

import { collection, open, t } from '../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-inserting-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const COUNT = 1000
const NAMES = ['a', 'b', 'c']

interface Told {
  readonly wins: readonly number[]
  readonly wrong: readonly string[]
}

const told = (worker: Worker) =>
  new Promise<Told>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })

it('of what must be unique each has one document, whichever worker was first', async () => {
  const directory = join(root, 'store')
  await using db = await open(directory, { memory: '8MB', durability: 'memory' })
  const workers = NAMES.map((name) => {
    const workerData = { directory, name, count: COUNT }
    return new Worker(new URL('inserter.mjs', import.meta.url), { workerData })
  })
  const all = await Promise.all(workers.map((worker) => told(worker)))
  expect(all.flatMap(({ wrong }) => wrong)).toEqual([])
  const wins = all.flatMap((one) => one.wins)
  expect([...wins].sort((a, b) => a - b)).toEqual(Array.from({ length: COUNT }, (_, i) => i))
  const things = db.collection(
    collection('things', {
      key: 'id',
      schema: { id: t.string(), code: t.int32(), by: t.string() },
      indexes: { code: 'unique', by: 'ordered' },
    }),
  )
  expect(things.count()).toBe(COUNT)
  for (const [i, name] of NAMES.entries()) {
    const query = things.find({ where: { by: name } })
    expect(query.explain()).toMatchObject({ way: 'index', index: 'by' })
    expect(query.count()).toBe(all[i]?.wins.length)
  }
}, 60_000)
