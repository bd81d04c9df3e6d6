// bench/workloads/stall.ts — the put that waited longest while a store fills, and the delay of the event loop
// while reads and writes are mixed.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { keyOf, Random, valueOf } from '../data.ts'
import type { Context, Workload } from '../shape.ts'

async function latencies({ store, keyCount, round }: Context): Promise<Float64Array> {
  const times = new Float64Array(keyCount)
  for (let index = 0; index < keyCount; index += 1) {
    const value = valueOf(index, round, 'string')
    const begun = performance.now()
    const done = store.put(keyOf(index), value)
    if (done instanceof Promise) await done
    times[index] = performance.now() - begun
  }
  return times.sort()
}

const base = { per: 'figure', unit: 'ms', begins: 'empty' } as const
export const stallTail: Workload = {
  ...base,
  name: 'stall-p9999',
  title: 'put during a fill, p99.99',
  target: '≤ 5 ms',
  async run(context) {
    const times = await latencies(context)
    return { figure: times[Math.floor(times.length * 0.9999)] ?? 0 }
  },
}
export const stallLongest: Workload = {
  ...base,
  name: 'stall-longest',
  title: 'put during a fill, longest',
  target: '≤ 50 ms',
  async run(context) {
    return { figure: (await latencies(context)).at(-1) ?? 0 }
  },
}

export const loopDelay: Workload = {
  name: 'loop-delay',
  title: 'event-loop delay p99, mixed load',
  target: '≤ 2 ms',
  per: 'figure',
  unit: 'ms',
  begins: 'filled',
  async run({ store, keyCount, round }) {
    const random = new Random(round + 61)
    const monitor = monitorEventLoopDelay({ resolution: 1 })
    monitor.enable()
    for (let i = 0; i < 2000; i += 1) {
      const pending = Array.from({ length: 16 }, (_, j) => {
        const index = random.below(keyCount)
        return j % 2 === 0
          ? store.get(keyOf(index))
          : store.put(keyOf(index), valueOf(index, round * 32_000 + i * 16 + j + 1, 'string'))
      })
      await Promise.all(pending)
      await turn()
    }
    monitor.disable()
    // The monitor's own period of 1 ms is part of every sample.
    return { figure: Math.max(0, monitor.percentile(99) / 1e6 - 1) }
  },
}
