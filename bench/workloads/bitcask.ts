// bench/workloads/bitcask.ts — the set `bitcask`: large values, which lie where the log wrote them, and an opening that reads
// keys alone. Against our own LSM engine and RocksDB, whose binding has no option for files of large values.
import { expectCount } from '../check.ts'
import { freshKeys, keyBytes, keyIn, keyOf, Random, valueOf } from '../data.ts'
import { alone, type Context, type Outcome, type Row, type Workload } from '../shape.ts'
import { openOverPlainNode } from './open.ts'

const VALUE_BYTES = 10_000
const POOL = 500
const BATCH = 100
const GETS = 20_000
const MANY = 10_000_000
const STORED_KEY_BYTES = 17 // A text of 16 characters behind its tag.

const RIVALS = ['varve-lsm', 'rocksdb']
const TARGETS = [
  { times: 1.5, of: 'varve-lsm' },
  { times: 3, of: 'rocksdb' },
] as const

let pool: Buffer[] = []
function largeValue(index: number): Buffer {
  if (pool.length === 0) {
    const random = new Random(5)
    pool = Array.from({ length: POOL }, () => {
      const bytes = Buffer.alloc(VALUE_BYTES)
      for (let at = 0; at < VALUE_BYTES; at += 4) bytes.writeUInt32LE(random.next(), at)
      return bytes
    })
  }
  return pool[index % POOL] ?? Buffer.alloc(0)
}

function expectLarge(found: unknown, index: number): void {
  const bytes = found as Uint8Array | undefined
  const isSame = bytes?.length === VALUE_BYTES && largeValue(index).equals(bytes)
  if (!isSame) throw new Error(`get: key ${index} has another value`)
}

async function fillLarge({ store, keyCount, time }: Context): Promise<Outcome> {
  largeValue(0)
  const lap = await time(async () => {
    for (let first = 0; first < keyCount; first += BATCH) {
      const indexes = Array.from({ length: Math.min(BATCH, keyCount - first) }, (_, i) => first + i)
      const done = store.batch(freshKeys(indexes), indexes.map(largeValue))
      if (done instanceof Promise) await done
    }
  })
  const { count } = await store.range('', keyCount + 1)
  expectCount('entries', count, keyCount)
  const random = new Random(keyCount)
  for (const index of [
    0,
    keyCount - 1,
    ...Array.from({ length: 200 }, () => random.below(keyCount)),
  ])
    expectLarge(await store.get(keyOf(index)), index)
  return { operations: keyCount, lap }
}

async function getLarge(context: Context): Promise<Outcome> {
  const { store, keyCount, round } = context
  await fillLarge({
    ...context,
    time: async (body) => (await body(), { cpuSeconds: 0, wallSeconds: 0 }),
  })
  await store.settle()
  const random = new Random(round + 81)
  const draw = () => Array.from({ length: context.count(GETS) }, () => random.below(keyCount))
  const readAll = async (indexes: readonly number[], keys: readonly string[]) => {
    for (let i = 0; i < keys.length; i += 1) {
      const answer = store.get(keys[i] ?? '')
      const value = (answer instanceof Promise ? await answer : answer) as Uint8Array | undefined
      const expected = largeValue(indexes[i] ?? 0)
      if (value?.length !== VALUE_BYTES || value[i % VALUE_BYTES] !== expected[i % VALUE_BYTES])
        throw new Error(`get: key ${indexes[i]} has another value`)
    }
  }
  const first = draw()
  await readAll(first, freshKeys(first))
  const indexes = draw()
  const keys = freshKeys(indexes)
  const lap = await context.time(() => readAll(indexes, keys))
  return { operations: indexes.length, lap }
}

const large = {
  begins: 'empty',
  keyCount: 30_000,
  quickKeyCount: 5_000,
  rivals: RIVALS,
  options: { engine: 'bitcask', encoding: 'bytes' },
} as const

const bitcaskFill = alone(
  {
    name: 'bitcask-fill',
    title: 'fill of values of 10 KB, batches of 100, no fsync',
    per: 'wall',
    targets: TARGETS,
  },
  { ...large, run: fillLarge },
)

const bitcaskGet = alone(
  { name: 'bitcask-get', title: 'get of values of 10 KB, uniform', per: 'cpu', targets: TARGETS },
  { ...large, run: getLarge },
)

// Filled and closed by this process, opened by others.
async function openMany(context: Context): Promise<Outcome> {
  const { keyCount, path, options, open } = context
  const store = await open(path, options)
  const bytes = keyBytes(keyCount)
  for (let first = 0; first < keyCount; first += 1000) {
    const indexes = Array.from({ length: Math.min(1000, keyCount - first) }, (_, i) => first + i)
    const keys = indexes.map((i) => keyIn(bytes, i))
    const values = indexes.map((i) => valueOf(i, 0, 'string'))
    await store.batch(keys, values)
  }
  await store.settle()
  const directoryBytes = Number(store.engineStats?.()['directoryBytes'])
  await store.close()
  const openMs = openOverPlainNode(context, keyCount)
  return {
    figures: {
      'bitcask-open': openMs,
      'bitcask-directory': directoryBytes / keyCount - STORED_KEY_BYTES,
    },
  }
}

const openRows: readonly Row[] = [
  {
    name: 'bitcask-open',
    title: 'import and open a clean store of 10 M keys',
    per: 'figure',
    unit: 'ms over plain Node',
    targets: [{ atMost: 1000 }],
  },
  {
    name: 'bitcask-directory',
    title: 'memory of a key beyond the key itself, 10 M keys',
    per: 'figure',
    unit: 'bytes',
    targets: [{ atMost: 40 }],
  },
]

const bitcaskOpen: Workload = {
  name: 'bitcask-open',
  rows: openRows,
  begins: 'none',
  warmUps: 0,
  roundsMax: 1,
  keyCount: MANY,
  quickKeyCount: 200_000,
  options: { engine: 'bitcask', memoryBytes: 2 ** 31 },
  rivals: [],
  run: openMany,
}

export const bitcaskWorkloads: readonly Workload[] = [bitcaskFill, bitcaskGet, bitcaskOpen]
