// bench/workloads/stall.ts — the put that waited longest while a store fills, and the delay of the event loop
// while reads and writes are mixed.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { expectAll, expectCount } from '../check.ts'
import { freshKeys, keyBytes, keyIn, Random, valueOf, versionOf } from '../data.ts'
import { alone, type Context, type Outcome, type Workload } from '../shape.ts'

async function stalls({ store, keyCount, round, time }: Context): Promise<Outcome> {
  const bytes = keyBytes(keyCount)
  const times = new Float64Array(keyCount)
  await time(async () => {
    for (let index = 0; index < keyCount; index += 1) {
      const key = keyIn(bytes, index)
      const value = valueOf(index, round, 'string')
      const begun = performance.now()
      const done = store.put(key, value)
      if (done instanceof Promise) await done
      times[index] = performance.now() - begun
    }
  })
  await expectAll(store, keyCount, (index) => valueOf(index, round, 'string'))
  times.sort()
  const tail = times[Math.floor(keyCount * 0.9999)] ?? 0
  return { figures: { 'stall-p9999': tail, 'stall-longest': times.at(-1) ?? 0 } }
}

export const stall: Workload = {
  name: 'stall',
  rows: [
    {
      name: 'stall-p9999',
      title: 'put during a fill of 10 M, p99.99',
      per: 'figure',
      unit: 'ms',
      targets: [{ atMost: 5 }],
    },
    {
      name: 'stall-longest',
      title: 'put during a fill of 10 M, longest',
      per: 'figure',
      unit: 'ms',
      targets: [{ atMost: 50 }],
    },
  ],
  begins: 'empty',
  roundsMax: 1,
  keyCount: 10_000_000,
  quickKeyCount: 200_000,
  rivals: [],
  run: stalls,
}

const LOAD_MS = 3000
const PER_TURN = 16

// Half gets, half puts, 16 in flight, turn after turn; memory is short, so that the background has work.
async function loopDelay(context: Context): Promise<Outcome> {
  const { store, keyCount, round } = context
  const random = new Random(round + 61)
  const indexes = Array.from({ length: 65_536 }, () => random.below(keyCount))
  const keys = freshKeys(indexes)
  const monitor = monitorEventLoopDelay({ resolution: 1 })
  let turns = 0
  let found = 0
  const one = (i: number) => {
    const at = i % keys.length
    const key = keys[at] ?? ''
    if (i % 2 === 0) return store.get(key)
    return store.put(key, valueOf(indexes[at] ?? 0, versionOf(i), 'string'))
  }
  await context.time(async () => {
    const end = performance.now() + context.count(LOAD_MS)
    monitor.enable()
    while (performance.now() < end) {
      const first = turns * PER_TURN
      const answers = await Promise.all(Array.from({ length: PER_TURN }, (_, i) => one(first + i)))
      for (let i = 0; i < PER_TURN; i += 2) if (typeof answers[i] === 'string') found += 1
      turns += 1
      await turn()
    }
    monitor.disable()
  })
  expectCount('reads', found, (turns * PER_TURN) / 2)
  // The monitor's own period of 1 ms is part of every sample.
  return { figures: { 'loop-delay': Math.max(0, monitor.percentile(99) / 1e6 - 1) } }
}

export const eventLoop = alone(
  {
    name: 'loop-delay',
    title: 'event-loop delay p99, mixed load',
    per: 'figure',
    unit: 'ms',
    targets: [{ atMost: 2 }],
  },
  {
    begins: 'filled',
    writes: true,
    options: { memoryBytes: 32 << 20 },
    run: loopDelay,
  },
)
