// bench/workloads/get.ts — random reads of a filled and settled store, by encoding and by choice of key.
import { expectReads, versionZero } from '../check.ts'
import { absentKeyOf, freshKeys, Random, zipfian } from '../data.ts'
import { RIVALS } from '../drivers.ts'
import {
  alone,
  type Context,
  type Encoding,
  type Maybe,
  type Outcome,
  type Row,
  type Workload,
} from '../shape.ts'
import { FITTING, touchAll } from '../warm.ts'

const COUNT = 500_000

type Read = (key: string) => Maybe<unknown>

// Reads one key after the other, and counts those that were there.
async function readAll(context: Context, read: Read, keys: readonly string[], there: number) {
  let found = 0
  const lap = await context.time(async () => {
    for (const key of keys) {
      const answer = read(key)
      const value = answer instanceof Promise ? ((await answer) as unknown) : answer
      if (value !== undefined && value !== null) found += 1
    }
  })
  if (found !== there) throw new Error(`get: ${found} of ${keys.length} keys were found`)
  return { operations: keys.length, lap }
}

// Byte by byte, because a view may claim another length than its buffer has for it (lmdb's does).
const copyOf = (view: Uint8Array) =>
  Buffer.from(Array.from({ length: view.length }, (_, i) => view[i] ?? 0))

async function gets(context: Context, indexes: readonly number[], read: Read): Promise<Outcome> {
  const outcome = await readAll(context, read, freshKeys(indexes), indexes.length)
  const each = async (keys: string[]) => {
    const found: unknown[] = []
    for (const key of keys) {
      const value = await read(key)
      found.push(value instanceof Uint8Array ? copyOf(value) : value)
    }
    return found
  }
  await expectReads(each, indexes, versionZero(context.options.encoding))
  return outcome
}

function uniform({ keyCount, round, count }: Context): number[] {
  const random = new Random(round + 21)
  return Array.from({ length: count(COUNT, 100) }, () => random.below(keyCount))
}

function skewed({ keyCount, round, count }: Context): number[] {
  return Array.from({ length: count(COUNT) }, zipfian(keyCount, new Random(round + 22)))
}

function gettingRow(
  row: Omit<Row, 'per'>,
  encoding: Encoding,
  run: Workload['run'],
  rest: Partial<Workload> = {},
): Workload {
  return alone(
    { ...row, per: 'cpu' },
    {
      begins: 'filled',
      warmUps: 2,
      options: { encoding, ...FITTING },
      async run(context) {
        await touchAll(context)
        return run(context)
      },
      ...rest,
    },
  )
}
const getOf =
  ({ store }: Context): Read =>
  (key) =>
    store.get(key)
const threeTimes = [{ times: 3 }] as const

export const getString = gettingRow(
  { name: 'get-string', title: 'get → string, uniform', targets: threeTimes },
  'string',
  (context) => gets(context, uniform(context), getOf(context)),
)
export const getBytesView = gettingRow(
  { name: 'get-bytes-view', title: 'get → bytes, a view where there is one', targets: threeTimes },
  'bytes',
  (context) => gets(context, uniform(context), (key) => context.store.getView(key)),
)
export const getBytes = gettingRow(
  { name: 'get-bytes', title: 'get → bytes, owned', targets: threeTimes },
  'bytes',
  (context) => gets(context, uniform(context), getOf(context)),
)
export const getValue = gettingRow(
  { name: 'get-value', title: 'get → value of 8 fields, uniform', targets: threeTimes },
  'value',
  (context) => gets(context, uniform(context), getOf(context)),
)
export const getValueZipfian = gettingRow(
  {
    name: 'get-value-zipfian',
    title: 'get → value of 8 fields, zipfian',
    targets: [{ times: 2, of: 'lmdb-cached' }],
  },
  'value',
  (context) => gets(context, skewed(context), getOf(context)),
  { rivals: [...RIVALS, 'lmdb-cached'] },
)
export const getAbsent = gettingRow(
  { name: 'get-absent', title: 'get, absent key', targets: threeTimes },
  'string',
  (context) => {
    const keys = freshKeys(uniform(context), absentKeyOf)
    return readAll(context, getOf(context), keys, 0)
  },
)

export const getMany = gettingRow(
  { name: 'get-many', title: 'getMany of 100, per key', targets: [{ times: 6 }] },
  'string',
  async (context) => {
    const indexes = uniform(context)
    const keys = freshKeys(indexes)
    const hundreds: string[][] = []
    for (let first = 0; first < keys.length; first += 100)
      hundreds.push(keys.slice(first, first + 100))
    let found = 0
    const lap = await context.time(async () => {
      for (const hundred of hundreds) {
        const answer = context.store.getMany(hundred)
        for (const value of answer instanceof Promise ? await answer : answer)
          if (value !== undefined) found += 1
      }
    })
    if (found !== keys.length) throw new Error(`getMany: ${found} of ${keys.length} were found`)
    const read = async (some: string[]) => context.store.getMany(some)
    await expectReads(read, indexes, versionZero('string'))
    return { operations: keys.length, lap }
  },
)

export const getAsync = gettingRow(
  { name: 'get-async', title: 'getAsync, 64 in flight, data in memory', targets: [{ times: 5 }] },
  'string',
  async (context) => {
    const { store } = context
    const indexes = uniform(context)
    const keys = freshKeys(indexes)
    let found = 0
    const lap = await context.time(async () => {
      for (let first = 0; first < keys.length; first += 64) {
        const some = keys.slice(first, first + 64)
        for (const value of await Promise.all(some.map((key) => store.getAsync(key))))
          if (value !== undefined) found += 1
      }
    })
    if (found !== keys.length) throw new Error(`getAsync: ${found} of ${keys.length} were found`)
    const read = (some: string[]) => Promise.all(some.map((key) => store.getAsync(key)))
    await expectReads(read, indexes, versionZero('string'))
    return { operations: keys.length, lap }
  },
)
