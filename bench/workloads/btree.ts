// bench/workloads/btree.ts — the set `btree`: a fill at random, a load in the order of keys against the bandwidth of the disk, and reads,
// ranges and some writes of a store four times its memory.
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'

import { expectAll, expectCount, versionZero } from '../check.ts'
import { inKeyOrder, keyBytes, keyIn, keyOf, Random, valueOf } from '../data.ts'
import { alone, type Context, type Lap, type Outcome, type Row, type Workload } from '../shape.ts'
import { RAW_BYTES_PER_KEY } from './disk.ts'
import { fill } from './fill.ts'
import { mixed } from './mixed.ts'

const KEY_COUNT = 10_000_000
const MEMORY_SHARE = 4
const BATCH = 1000
const REQUESTS = 200_000
const READ_SHARE = 0.95
const RANGES = 20_000
const RANGE_SIZE = 100
const VALUE_SIZE = 100

const btreeFill = alone(
  {
    name: 'btree-fill',
    title: 'fill at random: batches of 1,000, no fsync',
    per: 'cpu',
    targets: [{ times: 8, of: 'lmdb' }],
  },
  {
    begins: 'empty',
    rivals: ['lmdb'],
    options: { engine: 'btree' },
    run: (context) => fill(context, BATCH),
  },
)

// Keys as they would have been received, in their order: making them is not timed.
async function load({ store, keyCount, time }: Context): Promise<Lap> {
  const order = inKeyOrder(keyCount)
  const keys = keyBytes(keyCount, order)
  return time(async () => {
    for (let first = 0; first < keyCount; first += BATCH) {
      const indexes = Array.from(order.subarray(first, first + BATCH))
      await store.batch(
        indexes.map((_, i) => keyIn(keys, first + i)),
        indexes.map((index) => valueOf(index, 0, 'string')),
      )
    }
    await (store.rest === undefined ? store.settle() : store.rest())
  })
}

async function loadInOrder(context: Context): Promise<Outcome> {
  const { store, keyCount } = context
  const lap = await load(context)
  await expectAll(store, keyCount, versionZero('string'))
  return { operations: keyCount * RAW_BYTES_PER_KEY, lap }
}

const CHUNK = Buffer.alloc(1 << 20, 'x')

// As many bytes into a new file, from its begin to its end, and synced.
async function writeAndSync(context: Context): Promise<Outcome> {
  const bytes = context.keyCount * RAW_BYTES_PER_KEY
  const file = openSync(context.path, 'w')
  const lap = await context.time(() => {
    for (let left = bytes; left > 0; left -= CHUNK.length)
      writeSync(file, CHUNK, 0, Math.min(left, CHUNK.length))
    fsyncSync(file)
    return Promise.resolve()
  })
  closeSync(file)
  return { operations: bytes, lap }
}

const btreeLoad = alone(
  {
    name: 'btree-load',
    title: '10 M keys in order, until they rest, as bytes; against a file written and synced',
    per: 'wall',
    targets: [{ floorShare: 0.7 }],
  },
  {
    begins: 'empty',
    warmUps: 0,
    keyCount: KEY_COUNT,
    quickKeyCount: 400_000,
    rivals: ['lmdb'],
    options: { engine: 'btree' },
    run: loadInOrder,
    floor: writeAndSync,
  },
)

async function requests(context: Context, round: number): Promise<number> {
  const random = new Random(round)
  const draw = () => random.below(context.keyCount)
  const mix = { requests: REQUESTS, readShare: READ_SHARE, random, draw, round }
  const { operations, lap } = await mixed(context, mix)
  return operations / lap.cpuSeconds
}

async function ranges(context: Context, round: number): Promise<number> {
  const { store, keyCount } = context
  const random = new Random(round)
  const count = context.count(RANGES)
  const from = Array.from({ length: count }, () => keyOf(random.below(keyCount)))
  let entries = 0
  let size = 0
  const { cpuSeconds } = await context.time(async () => {
    for (const key of from) {
      const sum = await store.range(key, RANGE_SIZE)
      entries += sum.count
      size += sum.size
    }
  })
  // A range may begin near the last key.
  if (entries < (count - 1) * RANGE_SIZE) throw new Error(`range: ${entries} entries`)
  expectCount('bytes', size, entries * VALUE_SIZE)
  return entries / cpuSeconds
}

const rows: readonly Row[] = [
  {
    name: 'btree-mixed',
    title: '10 M keys, four times the memory: 95 % gets and 5 % puts, 64 at a time',
    per: 'cpu',
    targets: [{ times: 1.5 }],
  },
  {
    name: 'btree-range',
    title: 'the same: ranges of 100 from a random key, entries',
    per: 'cpu',
    targets: [{ times: 1.5 }],
  },
]

const btreeMixed: Workload = {
  name: 'btree-mixed',
  rows,
  begins: 'empty',
  warmUps: 0,
  roundsMax: 1,
  keyCount: KEY_COUNT,
  quickKeyCount: 400_000,
  rivals: ['lmdb', 'better-sqlite3'],
  options: { engine: 'btree', memoryBytes: (KEY_COUNT * RAW_BYTES_PER_KEY) / MEMORY_SHARE },
  async run(context) {
    await load(context)
    await context.store.settle()
    await requests(context, context.round + 1)
    const mixedRate = await requests(context, context.round + 91)
    await ranges(context, context.round + 1)
    const rangeRate = await ranges(context, context.round + 91)
    return { figures: { 'btree-mixed': mixedRate, 'btree-range': rangeRate } }
  },
}

export const btreeWorkloads: readonly Workload[] = [btreeFill, btreeLoad, btreeMixed]
