// bench/workloads/fill.ts — how fast an empty store fills, in batches, with and without fsync.
import { freshKeys, valueOf } from '../data.ts'
import type { Context, Value, Workload } from '../shape.ts'

async function fill({ store, keyCount, round, begin }: Context, batchSize: number) {
  const batches: [string[], Value[]][] = []
  for (let first = 0; first < keyCount; first += batchSize) {
    const size = Math.min(batchSize, keyCount - first)
    const indexes = Array.from({ length: size }, (_, i) => first + i)
    batches.push([freshKeys(indexes), indexes.map((i) => valueOf(i, round, 'string'))])
  }
  begin()
  for (const [keys, values] of batches) {
    const done = store.batch(keys, values)
    if (done instanceof Promise) await done
  }
  return { operations: keyCount }
}

export const fillBatches: Workload = {
  name: 'fill',
  title: 'fill: batches of 1,000, no fsync',
  target: '≥ 4×',
  per: 'cpu',
  begins: 'empty',
  run: (context) => fill(context, 1000),
}

export const fillDurable: Workload = {
  name: 'fill-durable',
  title: 'fill: batches of 100, each fsynced',
  target: '≥ 2×',
  per: 'wall',
  begins: 'empty',
  keyCount: 100_000,
  options: { durability: 'disk' },
  run: (context) => fill(context, 100),
}
