// bench/workloads/looping.ts — collections: what a scan of a million documents does to the event loop, by `for await`, by `allAsync()` of those that a filter leaves, and
// by `allAsync()` of all; ours alone.
//
// Turns are timed by setImmediate, one after the other: what lies between two of them is what anybody else in the process has to wait. Most turns have nothing to do, and would make
// any 99th of a hundred turns look well: so p99 is of moments, not of turns, that is what who comes at any moment waits at most, but for one in a hundred. `allAsync()` of everything
// keeps a million objects, and what the collector of V8 does about them is in its figures; and so is whatever else the machine does: `nothing` is a
// second without any scan, and where that is above 2 ms the others say nothing of us.
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import { expectCount } from '../check.ts'
import { balanceOf, openPeople } from '../people.ts'
import type { Context, Outcome, Workload } from '../shape.ts'
import { filledPeople } from './people.ts'

const NOTHING_MS = 1000
const BALANCE = 20_000 // A fifth has more.

interface Delays {
  readonly p99: number
  readonly longest: number
}

async function delaysWhile(run: () => Promise<void>): Promise<Delays> {
  const delays: number[] = []
  let isOver = false
  const watch = async (): Promise<void> => {
    for (let since = performance.now(); !isOver;) {
      await turn()
      const now = performance.now()
      delays.push(now - since)
      since = now
    }
  }
  const watching = watch()
  await run()
  isOver = true
  await watching
  const sorted = Float64Array.from(delays).sort()
  return { p99: percentileOfMoments(sorted, 0.99), longest: sorted.at(-1) ?? NaN }
}

function percentileOfMoments(sorted: Float64Array, share: number): number {
  let left = sorted.reduce((sum, delay) => sum + delay, 0) * share
  for (const delay of sorted) {
    left -= delay
    if (left <= 0) return delay
  }
  return NaN
}

async function loops(context: Context): Promise<Outcome> {
  const { keyCount } = context
  const { db, people } = await openPeople(await filledPeople(context), 'read')
  const rich = { where: { balance: { gte: BALANCE } } }
  let wanted = 0
  for (let id = 0; id < keyCount; id += 1) if (balanceOf(id) >= BALANCE) wanted += 1
  for await (const one of people.find(rich)) if (one.balance < BALANCE) throw new Error('loop') // And it is warm.
  const figures: Record<string, number> = {}
  const note = async (name: string, count: number, run: () => Promise<number>) => {
    const delays = await delaysWhile(async () => expectCount(name, await run(), count))
    figures[`people-loop-${name}-p99`] = delays.p99
    figures[`people-loop-${name}-longest`] = delays.longest
  }
  await context.time(async () => {
    await note('nothing', 0, () => wait(NOTHING_MS, 0))
    await note('each', keyCount, async () => {
      let count = 0
      for await (const one of people.find()) count += one.id >= 0 ? 1 : 0
      return count
    })
    await note('some', wanted, async () => (await people.find(rich).allAsync()).length)
    await note('all', keyCount, async () => (await people.find().allAsync()).length)
  })
  await db.close()
  return { figures }
}

const TITLES = {
  nothing: 'no scan at all',
  each: '`for await` over 1 M documents',
  some: '`allAsync()` of a fifth of 1 M documents, by no index',
  all: '`allAsync()` of 1 M documents, which are kept',
}

export const peopleLoop: Workload = {
  name: 'people-loop',
  rows: Object.entries(TITLES).flatMap(([name, title]) =>
    ['p99', 'longest'].map((which) => ({
      name: `people-loop-${name}-${which}`,
      title: `collections: event-loop delay, ${title}, ${which}`,
      per: 'figure' as const,
      unit: 'ms',
      targets: name === 'nothing' ? [] : [{ atMost: 2 }],
    })),
  ),
  contest: 'kernels',
  begins: 'none',
  warmUps: 0,
  roundsMax: 3,
  rivals: [],
  run: loops,
}
