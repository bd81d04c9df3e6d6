// bench/workloads/put.ts — single puts of new values over old ones, one or 64 in flight.
import { freshKeys, Random, valueOf } from '../data.ts'
import type { Context, Workload } from '../shape.ts'

async function puts(context: Context, count: number, inFlight: number) {
  const { store, keyCount, round } = context
  const random = new Random(round + 11)
  const indexes = Array.from({ length: count }, () => random.below(keyCount))
  const keys = freshKeys(indexes)
  const values = indexes.map((index, i) => valueOf(index, round * count + i + 1, 'string'))
  context.begin()
  for (let first = 0; first < count; first += inFlight) {
    const pending: unknown[] = []
    for (let i = 0; i < inFlight; i += 1) {
      pending.push(store.put(keys[first + i] ?? '', values[first + i] ?? ''))
    }
    const first64 = pending.filter((one) => one instanceof Promise)
    if (first64.length > 0) await Promise.all(first64)
  }
  return { operations: count }
}

const base = { begins: 'filled', keyCount: 100_000 } as const

export const put1: Workload = {
  ...base,
  name: 'put-1',
  per: 'cpu',
  target: '≥ 3×',
  title: 'single put, visible, no fsync, 1 in flight',
  run: (context) => puts(context, 50_000, 1),
}
export const put64: Workload = {
  ...base,
  name: 'put-64',
  per: 'cpu',
  target: '≥ 4×',
  title: 'single put, visible, no fsync, 64 in flight',
  run: (context) => puts(context, 64_000, 64),
}
export const putDurable1: Workload = {
  ...base,
  name: 'put-durable-1',
  per: 'wall',
  target: '≥ 1.2×',
  title: 'single durable put, 1 in flight',
  options: { durability: 'disk' },
  run: (context) => puts(context, 1_000, 1),
}
export const putDurable64: Workload = {
  ...base,
  name: 'put-durable-64',
  per: 'wall',
  target: '≥ 4×',
  title: 'durable puts, 64 in flight',
  options: { durability: 'disk' },
  run: (context) => puts(context, 6_400, 64),
}
