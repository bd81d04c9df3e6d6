// bench/workloads/ycsb.ts — YCSB A (half reads, half updates) and B (95 % reads), zipfian, 64 requests at a time.
import { expectCount, Written } from '../check.ts'
import { freshKeys, Random, valueOf, versionOf, zipfian } from '../data.ts'
import { alone, type Context, type Outcome, type Workload } from '../shape.ts'
import { FITTING, touchAll } from '../warm.ts'

const COUNT = 64_000
const IN_FLIGHT = 64

async function mixed(context: Context, readShare: number): Promise<Outcome> {
  const { store, keyCount, round } = context
  const random = new Random(round + 41)
  const count = context.count(COUNT, IN_FLIGHT)
  const indexes = Array.from({ length: count }, zipfian(keyCount, random))
  const keys = freshKeys(indexes)
  // What is read has no value to be written.
  const values = indexes.map((index, i) =>
    random.unit() < readShare ? undefined : valueOf(index, versionOf(round * count + i), 'string'),
  )
  let found = 0
  const lap = await context.time(async () => {
    for (let first = 0; first < count; first += IN_FLIGHT) {
      const pending: unknown[] = []
      for (let i = first; i < first + IN_FLIGHT; i += 1) {
        const key = keys[i] ?? ''
        const value = values[i]
        pending.push(value === undefined ? store.get(key) : store.put(key, value))
      }
      const answers = await Promise.all(pending)
      // Answers of puts differ from store to store; those of gets are strings.
      for (let i = 0; i < IN_FLIGHT; i += 1)
        if (values[first + i] === undefined && typeof answers[i] === 'string') found += 1
    }
  })
  expectCount('reads', found, values.filter((value) => value === undefined).length)
  const written = new Written()
  values.forEach((value, i) => {
    if (value !== undefined) written.note(Math.floor(i / IN_FLIGHT), indexes[i] ?? 0, value)
  })
  await written.expectIn(store)
  return { operations: count, lap }
}

function ycsb(letter: string, shares: string, readShare: number): Workload {
  return alone(
    {
      name: `ycsb-${letter.toLowerCase()}`,
      title: `YCSB ${letter} (${shares}), zipfian, 64 at a time`,
      per: 'cpu',
      targets: [{ times: 4 }],
    },
    {
      begins: 'filled',
      writes: true,
      options: FITTING,
      async run(context) {
        await touchAll(context)
        return mixed(context, readShare)
      },
    },
  )
}

export const ycsbA = ycsb('A', '50/50', 0.5)
export const ycsbB = ycsb('B', '95/5', 0.95)
