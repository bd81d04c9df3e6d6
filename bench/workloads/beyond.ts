// bench/workloads/beyond.ts — reads that miss: data ten times the memory, under a limit that is real (limit.ts),
// and the first reads of a store of which nothing is in memory (cold.ts).
import { diskReadBytes, evict, whyNotCold } from '../cold.ts'
import { expectReads, versionZero } from '../check.ts'
import { freshKeys, Random } from '../data.ts'
import type { Context, Lap, Row, Store, Workload } from '../shape.ts'
import { RAW_BYTES_PER_KEY } from './disk.ts'

const KEY_COUNT = 2_000_000
const OUR_MEMORY_MIN = 8 << 20
// A block of ours is 4 KB, which may lie across two pages.
const MISS_KB_MAX = 8

/** A tenth of the data. */
export const budgetBytes = (keyCount: number) => Math.floor((keyCount * RAW_BYTES_PER_KEY) / 10)

interface Reads {
  readonly count: number
  readonly lap: Lap
  readonly readKb: number
}

async function gets(context: Context, store: Store, whole: number): Promise<Reads> {
  const { keyCount, round } = context
  const count = context.count(whole)
  const random = new Random(round + 51)
  const indexes = Array.from({ length: count }, () => random.below(keyCount))
  const keys = freshKeys(indexes)
  const begun = diskReadBytes()
  const lap = await context.time(async () => {
    for (const key of keys) {
      const answer = store.get(key)
      const value = answer instanceof Promise ? ((await answer) as unknown) : answer
      if (typeof value !== 'string') throw new Error(`get: ${key} has ${String(value)}`)
    }
  })
  const readKb = (diskReadBytes() - begun) / 1024 / count
  const read = (some: string[]) => Promise.all(some.map((key) => store.get(key)))
  await expectReads(read, indexes, versionZero('string'))
  return { count, lap, readKb }
}

const rowsOf = (name: string, title: string, targets: Row['targets']): readonly Row[] => [
  { name, title, per: 'wall', targets: [] },
  {
    name: `${name}-read`,
    title: `${title}: read from disk`,
    per: 'figure',
    unit: 'KB/get',
    targets,
  },
]

export const cold: Workload = {
  name: 'cold-get',
  rows: rowsOf('cold-get', 'get, the first of a store of which nothing is in memory', []),
  begins: 'closed',
  warmUps: 0,
  options: { isCold: true },
  unable: whyNotCold,
  async run(context) {
    evict(context.path)
    const store = await context.open(context.path)
    const { count, lap, readKb } = await gets(context, store, 2000)
    await store.close()
    return { figures: { 'cold-get': count / lap.wallSeconds, 'cold-get-read': readKb } }
  },
}

// Half of the budget is the store's own cache, the other half is the system's. Memory is what came on top of plain
// Node and the driver.
export const beyond: Workload = {
  name: 'beyond-memory',
  rows: [
    ...rowsOf('beyond-memory', 'get, data 10× the memory', [{ atMost: MISS_KB_MAX }]),
    {
      name: 'beyond-memory-rss',
      title: 'resident memory after these gets, over plain Node',
      per: 'figure',
      unit: '× budget',
      targets: [{ atMost: 1.1 }],
    },
  ],
  begins: 'closed',
  warmUps: 0,
  keyCount: KEY_COUNT,
  needsLimit: true,
  options: { memoryBytes: Math.max(OUR_MEMORY_MIN, budgetBytes(KEY_COUNT) / 2), isCold: true },
  unable(keyCount) {
    const isEnough = budgetBytes(keyCount) >= 2 * OUR_MEMORY_MIN
    return isEnough ? whyNotCold() : 'a tenth of so few keys is less memory than a store can have'
  },
  async run(context) {
    evict(context.path)
    const plainBytes = process.memoryUsage.rss()
    context.limit(budgetBytes(context.keyCount))
    const store = await context.open(context.path)
    // What fits finds its place in the caches.
    await gets(context, store, 20_000)
    const { count, lap, readKb } = await gets(
      { ...context, round: context.round + 500 },
      store,
      20_000,
    )
    globalThis.gc?.()
    const grown = process.memoryUsage.rss() - plainBytes
    await store.close()
    return {
      figures: {
        'beyond-memory': count / lap.wallSeconds,
        'beyond-memory-read': readKb,
        'beyond-memory-rss': grown / budgetBytes(context.keyCount),
      },
    }
  },
}
