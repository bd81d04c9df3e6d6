// bench/workloads/fill.ts — how fast an empty store fills, in batches, with and without fsync.
import { keyOf, valueOf } from '../data.ts'
import type { Context, Workload } from '../shape.ts'

async function fill({ store, keyCount, round }: Context, batchSize: number) {
  for (let first = 0; first < keyCount; first += batchSize) {
    const size = Math.min(batchSize, keyCount - first)
    const keys = Array.from({ length: size }, (_, i) => keyOf(first + i))
    const values = Array.from({ length: size }, (_, i) => valueOf(first + i, round, 'string'))
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
