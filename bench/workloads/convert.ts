// bench/workloads/convert.ts — the set `convert`: another engine for a store in use, from each to the next, and how long the put
// waited that waited longest meanwhile.
import { setImmediate } from 'node:timers/promises'
import { expectAll } from '../check.ts'
import { freshKeys, inKeyOrder, keyBytes, keyIn, Random, valueOf } from '../data.ts'
import type { Context, Outcome, Store, Workload } from '../shape.ts'

const BATCH = 1000
const PUTS_PER_TURN = 100
const WAY = ['btree', 'bitcask', 'memory', 'lsm'] as const

async function load({ store, keyCount }: Context): Promise<void> {
  const order = inKeyOrder(keyCount)
  for (let first = 0; first < keyCount; first += BATCH) {
    const indexes = Array.from(order.subarray(first, first + BATCH))
    await store.batch(
      freshKeys(indexes),
      indexes.map((index) => valueOf(index, 0, 'string')),
    )
  }
  await store.settle()
}

function convert(store: Store, engine: (typeof WAY)[number]): Promise<void> {
  if (store.convert === undefined) throw new Error('a store that has one engine')
  return store.convert(engine)
}

// One put after the other until the conversion is over. A put may settle at once, so that the loop of events, which is
// told of the end, turns only when it is let.
async function putBeside(
  converting: Promise<void>,
  put: () => Promise<unknown>,
): Promise<number[]> {
  let isOver = false
  const over = converting.finally(() => (isOver = true))
  const times: number[] = []
  while (!isOver) {
    const begun = performance.now()
    await put()
    times.push(performance.now() - begun)
    if (times.length % PUTS_PER_TURN === 0) await setImmediate()
  }
  await over
  return times
}

async function convertAll(context: Context): Promise<Outcome> {
  const { store, keyCount, round } = context
  await load(context)
  const random = new Random(round + 7)
  const bytes = keyBytes(keyCount)
  const versions = new Map<number, number>()
  const put = async (): Promise<unknown> => {
    const index = random.below(keyCount)
    const version = (versions.get(index) ?? 0) + 1
    versions.set(index, version)
    return store.put(keyIn(bytes, index), valueOf(index, version, 'string'))
  }
  const times: number[] = []
  const { wallSeconds } = await context.time(async () => {
    for (const engine of WAY) {
      for (const time of await putBeside(convert(store, engine), put)) times.push(time)
    }
  })
  await expectAll(store, keyCount, (index) => valueOf(index, versions.get(index) ?? 0, 'string'))
  times.sort((a, b) => a - b)
  return {
    figures: {
      'convert-rate': (WAY.length * keyCount) / wallSeconds,
      'convert-p9999': times[Math.floor(times.length * 0.9999)] ?? 0,
      'convert-longest': times.at(-1) ?? 0,
    },
  }
}

const conversions: Workload = {
  name: 'convert',
  rows: [
    {
      name: 'convert-rate',
      title: 'lsm to btree to bitcask to memory to lsm beside puts, entries a second',
      per: 'figure',
      isMoreBetter: true,
      targets: [],
    },
    {
      name: 'convert-p9999',
      title: 'put meanwhile, p99.99',
      per: 'figure',
      unit: 'ms',
      targets: [{ atMost: 5 }],
    },
    {
      name: 'convert-longest',
      title: 'put meanwhile, longest',
      per: 'figure',
      unit: 'ms',
      targets: [{ atMost: 50 }],
    },
  ],
  begins: 'empty',
  warmUps: 0,
  roundsMax: 3,
  keyCount: 1_000_000,
  quickKeyCount: 100_000,
  rivals: [],
  options: { memoryBytes: 1024 * 2 ** 20 },
  run: convertAll,
}

export const convertWorkloads: readonly Workload[] = [conversions]
