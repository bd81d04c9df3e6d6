// bench/workloads/large.ts — ten million keys (--keys=N names another count), and data beyond the memory budget.
import { freshKeys, keyOf, Random, valueOf } from '../data.ts'
import type { Context, Workload } from '../shape.ts'

const TEN_MILLION = 10_000_000
const BATCH = 1000

export async function load(
  { store, keyCount, round }: Context,
  onBatch: (first: number, milliseconds: number) => void = () => {},
) {
  for (let first = 0; first < keyCount; first += BATCH) {
    const keys = Array.from({ length: BATCH }, (_, i) => keyOf(first + i))
    const values = Array.from({ length: BATCH }, (_, i) => valueOf(first + i, round, 'string'))
    const begun = performance.now()
    const done = store.batch(keys, values)
    if (done instanceof Promise) await done
    onBatch(first, performance.now() - begun)
  }
}

async function randomGets({ store, keyCount, round, begin }: Context, count: number) {
  const random = new Random(round + 51)
  const keys = freshKeys(Array.from({ length: count }, () => random.below(keyCount)))
  begin()
  for (const key of keys) {
    const answer = store.get(key)
    if ((answer instanceof Promise ? ((await answer) as unknown) : answer) === undefined) {
      throw new Error('get: a key is missing')
    }
  }
  return { operations: count }
}

export const fillLarge: Workload = {
  name: 'large-fill',
  title: '10 M keys: fill',
  target: '≥ 3×',
  per: 'wall',
  begins: 'empty',
  keyCount: TEN_MILLION,
  async run(context) {
    await load(context)
    return { operations: context.keyCount }
  },
}
export const fillTail: Workload = {
  name: 'large-fill-tail',
  per: 'figure',
  begins: 'empty',
  title: '10 M keys: first 100 k of the fill / last 100 k, by time',
  unit: '×',
  target: '≥ 0.5 of the rate',
  keyCount: TEN_MILLION,
  async run(context) {
    let head = 0
    let tail = 0
    await load(context, (first, milliseconds) => {
      if (first < 100_000) head += milliseconds
      if (first >= context.keyCount - 100_000) tail += milliseconds
    })
    return { figure: tail / head }
  },
}
export const getLarge: Workload = {
  name: 'large-get',
  title: '10 M keys: get',
  target: '≥ 3× lmdb',
  per: 'wall',
  begins: 'filled',
  keyCount: TEN_MILLION,
  run: (context) => randomGets(context, 100_000),
}

// 1 M keys are about 120 MB: a tenth of that is the budget.
export const getBeyondMemory: Workload = {
  name: 'beyond-memory',
  per: 'wall',
  begins: 'filled',
  title: 'get, data 10× the memory budget',
  target: 'one disk read per missed get',
  options: { memoryBytes: 12 << 20 },
  run: (context) => randomGets(context, 50_000),
}
export const memoryBeyond: Workload = {
  name: 'beyond-memory-rss',
  per: 'figure',
  unit: 'MB',
  title: 'resident memory after these gets',
  target: 'budget + 10 % over plain Node',
  begins: 'filled',
  options: { memoryBytes: 12 << 20 },
  async run(context) {
    await randomGets(context, 20_000)
    return { figure: process.memoryUsage().rss / 1e6 }
  },
}
