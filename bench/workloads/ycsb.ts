// bench/workloads/ycsb.ts — YCSB A (half reads, half updates) and B (95 % reads), zipfian, 64 requests at a time.
import { keyOf, Random, valueOf, zipfian } from '../data.ts'
import type { Context, Workload } from '../shape.ts'

const COUNT = 64_000

async function mixed({ store, keyCount, round }: Context, readShare: number) {
  const random = new Random(round + 41)
  const next = zipfian(keyCount, random)
  for (let first = 0; first < COUNT; first += 64) {
    const pending: unknown[] = []
    for (let i = 0; i < 64; i += 1) {
      const index = next()
      const isRead = random.unit() < readShare
      pending.push(
        isRead
          ? store.get(keyOf(index))
          : store.put(keyOf(index), valueOf(index, round * COUNT + first + i + 1, 'string')),
      )
    }
    await Promise.all(pending)
  }
  return { operations: COUNT }
}

export const ycsbA: Workload = {
  name: 'ycsb-a',
  title: 'YCSB A (50/50), zipfian, 64 at a time',
  target: '≥ 4×',
  per: 'cpu',
  begins: 'filled',
  run: (context) => mixed(context, 0.5),
}
export const ycsbB: Workload = {
  name: 'ycsb-b',
  title: 'YCSB B (95/5), zipfian, 64 at a time',
  target: '≥ 4×',
  per: 'cpu',
  begins: 'filled',
  run: (context) => mixed(context, 0.95),
}
