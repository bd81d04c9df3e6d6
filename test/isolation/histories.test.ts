// What each isolation forbids does not happen: random histories of several workers, in each of which asynchronous callbacks interleave.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

import { afterAll, describe, expect, it } from 'vitest'

import { type Isolation, open, type OpenSettings } from '../../lib/index.ts'
import { type List, type Phenomenon, phenomenaOf, type Versions } from './phenomena.ts'
import type { Past } from './witness.mjs'

const root = mkdtempSync(join(tmpdir(), 'varve-isolation-'))
let opened = 0
afterAll(() => rmSync(root, { recursive: true, force: true }))

const KEYS = ['a', 'b', 'c', 'd', 'e']
const CHAINS = 5
const ELEMENTS_OF_A_WORKER = 1_000_000

interface Run {
  readonly isolation: Isolation
  readonly workers: number
  readonly seed: number
  readonly settings: OpenSettings
}

function start(data: object, number: number): Promise<Past[]> {
  const workerData = { ...data, firstElement: number * ELEMENTS_OF_A_WORKER }
  const worker = new Worker(new URL('chains.mjs', import.meta.url), { workerData })
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

/** What happened, and the versions of all keys that came of it. The store is flushed again and again meanwhile. */
async function run({ isolation, workers, seed, settings }: Run): Promise<[Past[], Versions]> {
  const directory = join(root, `${++opened}`)
  const options = { ...settings, durability: 'memory', history: { keep: 'forever' } } as const
  await using db = await open<{ key: string; value: List }>(directory, options)
  const gate = new Int32Array(new SharedArrayBuffer(4)).fill(workers)
  const count = Math.ceil(240 / workers / CHAINS)
  const data = { directory, options, isolation, keys: KEYS, chains: CHAINS, count, gate }
  const ended = Promise.all(
    Array.from({ length: workers }, (_, i) => start({ ...data, seed: seed * 100 + i }, i)),
  )
  let isRunning = true
  const all = ended.finally(() => (isRunning = false))
  all.catch(() => undefined) // Awaited below, after the flush under way.
  while (isRunning) await db.flush()
  const pasts = (await all).flat()
  const versions = new Map<string, List[]>()
  for (const key of KEYS) {
    const told = db.history(key).reverse()
    versions.set(
      key,
      told.flatMap((version) => (version.deleted ? [] : [version.value])),
    )
  }
  return [pasts, versions]
}

const forbidden: Readonly<Record<Isolation, readonly Phenomenon[]>> = {
  serializable: ['lost', 'G0', 'G1a', 'G1b', 'G1c', 'G-single', 'G2'],
  snapshot: ['lost', 'G0', 'G1a', 'G1b', 'G1c', 'G-single'],
  'read-committed': ['lost', 'G0', 'G1a', 'G1b', 'G1c'],
}

const engines: readonly (readonly [string, OpenSettings])[] = [
  ['lsm', { engine: 'lsm', memory: '8MB' }],
  ['memory', { engine: 'memory', memory: '8MB' }],
]
const SEEDS = [1, 2, 3]

describe.each(engines)('with %s,', (_, settings) => {
  it.each<Isolation>(['serializable', 'snapshot', 'read-committed'])(
    '%s: three workers and their callbacks show nothing that it forbids',
    async (isolation) => {
      for (const seed of SEEDS) {
        const [pasts, versions] = await run({ isolation, workers: 3, seed, settings })
        const found = phenomenaOf(pasts, versions)
        const wrong = forbidden[isolation].filter((one) => found.has(one))
        expect(wrong, `seed ${seed}`).toEqual([])
        expect(pasts.filter((past) => past.isCommitted).length).toBeGreaterThan(100)
        expect(pasts.filter((past) => !past.isCommitted).length).toBeGreaterThan(10)
      }
    },
    60_000,
  )

  it.each<Isolation>(['serializable', 'snapshot', 'read-committed'])(
    '%s: callbacks that one thread interleaves show nothing that it forbids',
    async (isolation) => {
      for (const seed of SEEDS) {
        const [pasts, versions] = await run({ isolation, workers: 1, seed, settings })
        const found = phenomenaOf(pasts, versions)
        const wrong = forbidden[isolation].filter((one) => found.has(one))
        expect(wrong, `seed ${seed}`).toEqual([])
      }
    },
    60_000,
  )
})

describe('the histories', () => {
  it('are such that a checker finds what weaker levels allow', async () => {
    const found = new Set<string>()
    for (const seed of SEEDS) {
      for (const isolation of ['snapshot', 'read-committed'] as const) {
        const settings = { engine: 'memory', memory: '8MB' } as const
        const [pasts, versions] = await run({ isolation, workers: 3, seed, settings })
        for (const one of phenomenaOf(pasts, versions)) found.add(`${isolation} ${one}`)
      }
    }
    expect([...found].sort()).toEqual([
      'read-committed G-single',
      'read-committed G2',
      'snapshot G2',
    ])
  }, 60_000)
})
