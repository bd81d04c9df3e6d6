// bench/workloads/ycsb.ts — YCSB A (half reads, half updates) and B (95 % reads), zipfian, 64 requests at a time.
import { freshKeys, Random, valueOf, zipfian } from '../data.ts'
import type { Context, Workload } from '../shape.ts'

const COUNT = 64_000

async function mixed({ store, keyCount, round, begin }: Context, readShare: number) {
  const random = new Random(round + 41)
  const indexes = Array.from({ length: COUNT }, zipfian(keyCount, random))
  const keys = freshKeys(indexes)
  // What is read has no value to be written.
  const values = indexes.map((index, i) =>
    random.unit() < readShare ? undefined : valueOf(index, round * COUNT + i + 1, 'string'),
  )
  begin()
  for (let first = 0; first < COUNT; first += 64) {
    const pending: unknown[] = []
    for (let i = 0; i < 64; i += 1) {
      const key = keys[first + i] ?? ''
      const value = values[first + i]
      pending.push(value === undefined ? store.get(key) : store.put(key, value))
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
