// bench/workloads/large.ts — ten million keys: one fill of each store, from which all these rows come, and random
// reads of what it made.
import { expectAll } from '../check.ts'
import { freshKeys, keyBytes, keyIn, Random, valueOf } from '../data.ts'
import { bytesUnder } from '../files.ts'
import type { Context, Lap, Outcome, Row, Workload } from '../shape.ts'
import { RAW_BYTES_PER_KEY } from './disk.ts'

const BATCH = 1000
const GETS = 100_000
const LOOK_EVERY = 100 * BATCH
// What may lie in the log beside the tables: three memtables of an eighth of the memory.
const MEMTABLES = 3 / 8

interface Fill {
  readonly lap: Lap
  // The rate of the last 100 k over that of the first.
  readonly tail: number
  // The most that the store had on disk beyond three memtables of log, over what was written by then, from half on.
  readonly diskPeak: number
}

async function fill({ store, keyCount, round, path, options, time }: Context): Promise<Fill> {
  const bytes = keyBytes(keyCount)
  const edge = Math.min(100_000, Math.floor(keyCount / 10))
  const spent = { head: 0, tail: 0 }
  let diskPeak = 0
  const lap = await time(async () => {
    for (let first = 0; first < keyCount; first += BATCH) {
      const begun = performance.now()
      const indexes = Array.from({ length: Math.min(BATCH, keyCount - first) }, (_, i) => first + i)
      const keys = indexes.map((i) => keyIn(bytes, i))
      const values = indexes.map((i) => valueOf(i, round, 'string'))
      const done = store.batch(keys, values)
      if (done instanceof Promise) await done
      const milliseconds = performance.now() - begun
      if (first < edge) spent.head += milliseconds
      if (first >= keyCount - edge) spent.tail += milliseconds
      if (first % LOOK_EVERY !== 0 || first < keyCount / 2) continue
      const tables = bytesUnder(path) - MEMTABLES * options.memoryBytes
      diskPeak = Math.max(diskPeak, tables / (first * RAW_BYTES_PER_KEY))
    }
  })
  return { lap, tail: spent.head / spent.tail, diskPeak }
}

async function gets(context: Context): Promise<number> {
  const { store, keyCount, round } = context
  const random = new Random(round + 51)
  const draw = () =>
    freshKeys(Array.from({ length: context.count(GETS) }, () => random.below(keyCount)))
  const readAll = async (keys: readonly string[]) => {
    for (const key of keys) {
      const answer = store.get(key)
      const value = answer instanceof Promise ? ((await answer) as unknown) : answer
      if (typeof value !== 'string') throw new Error(`get: ${key} has ${String(value)}`)
    }
  }
  await readAll(draw())
  const keys = draw()
  const { cpuSeconds } = await context.time(() => readAll(keys))
  return keys.length / cpuSeconds
}

async function run(context: Context): Promise<Outcome> {
  const { store, keyCount, round, path } = context
  const filled = await fill(context)
  await store.settle()
  const settled = bytesUnder(path) / (keyCount * RAW_BYTES_PER_KEY)
  const getRate = await gets(context)
  await expectAll(store, keyCount, (index) => valueOf(index, round, 'string'))
  return {
    figures: {
      'large-fill': keyCount / filled.lap.wallSeconds,
      'large-fill-tail': filled.tail,
      'large-get': getRate,
      'large-disk-peak': filled.diskPeak,
      'large-disk-settled': settled,
    },
  }
}

const rows: readonly Row[] = [
  { name: 'large-fill', title: '10 M keys: fill', per: 'wall', targets: [{ times: 3 }] },
  {
    name: 'large-fill-tail',
    title: '10 M keys: rate of the last 100 k of the fill over the first',
    per: 'figure',
    unit: '×',
    isMoreBetter: true,
    targets: [{ atLeast: 0.5 }],
  },
  {
    name: 'large-get',
    title: '10 M keys: get',
    per: 'cpu',
    targets: [{ times: 3, of: 'lmdb' }],
  },
  {
    name: 'large-disk-peak',
    title: '10 M keys: disk at any time of the fill, less three memtables',
    per: 'figure',
    unit: '× raw',
    targets: [{ atMost: 1.3 }],
  },
  {
    name: 'large-disk-settled',
    title: '10 M keys: disk after compaction',
    per: 'figure',
    unit: '× raw',
    targets: [{ atMost: 1.08 }],
  },
]

export const large: Workload = {
  name: 'large',
  rows,
  begins: 'empty',
  roundsMax: 1,
  keyCount: 10_000_000,
  quickKeyCount: 200_000,
  options: { memoryBytes: 2 ** 31 },
  // SQLite's random inserts into a tree beyond its cache would take hours.
  rivals: ['lmdb', 'classic-level', 'rocksdb'],
  run,
}
