// bench/workloads/range.ts — entries read in order: short ranges from random keys, and everything.
import { expectAll, expectCount, expectRanges, versionZero } from '../check.ts'
import { freshKeys, inKeyOrder, Random } from '../data.ts'
import { alone, type Context, type Outcome } from '../shape.ts'
import { FITTING, touchAll } from '../warm.ts'

const VALUE_SIZE = 100

async function scan(context: Context): Promise<Outcome> {
  const { store, keyCount, options } = context
  let found = { count: 0, size: 0 }
  const lap = await context.time(async () => {
    const all = store.range('', keyCount + 1)
    found = all instanceof Promise ? await all : all
  })
  expectCount('entries', found.count, keyCount)
  expectCount('bytes of values', found.size, keyCount * VALUE_SIZE)
  await expectAll(store, keyCount, versionZero(options.encoding))
  return { operations: keyCount, lap }
}

async function ranges(context: Context): Promise<Outcome> {
  const { store, keyCount, round } = context
  await touchAll(context)
  const order = inKeyOrder(keyCount)
  const random = new Random(round + 31)
  // None begins so near the end that it is short.
  const ranks = Array.from({ length: context.count(10000) }, () => random.below(keyCount - 100))
  const keys = freshKeys(ranks.map((rank) => order[rank] ?? 0))
  let operations = 0
  let size = 0
  const lap = await context.time(async () => {
    for (const key of keys) {
      const answer = store.range(key, 100)
      const sum = answer instanceof Promise ? await answer : answer
      operations += sum.count
      size += sum.size
    }
  })
  expectCount('entries', operations, keys.length * 100)
  expectCount('bytes of values', size, operations * VALUE_SIZE)
  await expectRanges(store, keyCount, versionZero('string'))
  return { operations, lap }
}

export const range100 = alone(
  {
    name: 'range-100',
    title: 'range of 100 from a random key, entries',
    per: 'cpu',
    targets: [{ times: 4 }],
  },
  { begins: 'filled', warmUps: 2, options: FITTING, run: ranges },
)
export const scanStrings = alone(
  {
    name: 'scan-strings',
    title: 'full ordered scan, entries: strings',
    per: 'cpu',
    targets: [{ times: 4 }],
  },
  { begins: 'filled', options: FITTING, run: scan },
)
export const scanBytes = alone(
  {
    name: 'scan-bytes',
    title: 'full ordered scan, entries: bytes',
    per: 'cpu',
    targets: [{ times: 10 }],
  },
  { begins: 'filled', options: { encoding: 'bytes', ...FITTING }, run: scan },
)
