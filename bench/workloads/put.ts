// bench/workloads/put.ts — single puts of new values over old ones, one or 64 in flight.
import { closeSync, fdatasyncSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { expectCount, Written } from '../check.ts'
import { freshKeys, Random, valueOf, versionOf } from '../data.ts'
import { alone, type Context, type Outcome, type Row, type Workload } from '../shape.ts'

async function puts(context: Context, whole: number, inFlight: number): Promise<Outcome> {
  const { store, keyCount, round } = context
  const count = context.count(whole, inFlight)
  const random = new Random(round + 11)
  const indexes = Array.from({ length: count }, () => random.below(keyCount))
  const keys = freshKeys(indexes)
  const values = indexes.map((index, i) => valueOf(index, versionOf(round * count + i), 'string'))
  const lap = await context.time(async () => {
    for (let first = 0; first < count; first += inFlight) {
      const pending: unknown[] = []
      for (let i = first; i < first + inFlight; i += 1) {
        const done = store.put(keys[i] ?? '', values[i] ?? '')
        if (done instanceof Promise) pending.push(done)
      }
      if (pending.length > 0) await Promise.all(pending)
    }
  })
  const written = new Written()
  indexes.forEach((index, i) => written.note(Math.floor(i / inFlight), index, values[i] ?? ''))
  await written.expectIn(store)
  const { count: found } = await store.range('', keyCount + 1)
  expectCount('entries', found, keyCount)
  return { operations: count, lap }
}

const ROOM_BYTES = 4 << 20
// A put of 116 bytes with the heads of a log.
const PUT_BYTES = 192

// Bytes that are there already are overwritten and synced, one put after the other.
async function overwriteAndSync(context: Context): Promise<Outcome> {
  const file = openSync(context.path, 'w')
  writeSync(file, Buffer.alloc(ROOM_BYTES))
  fsyncSync(file)
  const bytes = Buffer.alloc(PUT_BYTES, 'x')
  const operations = context.count(1000)
  const lap = await context.time(() => {
    for (let i = 0; i < operations; i += 1) {
      writeSync(file, bytes, 0, PUT_BYTES, (i * PUT_BYTES) % (ROOM_BYTES - PUT_BYTES))
      fdatasyncSync(file)
    }
    return Promise.resolve()
  })
  closeSync(file)
  return { operations, lap }
}

function puttingRow(
  row: Row,
  count: number,
  inFlight: number,
  rest: Partial<Workload> = {},
): Workload {
  return alone(row, {
    begins: 'filled',
    writes: true,
    run: (context) => puts(context, count, inFlight),
    ...rest,
  })
}
const durable = { options: { durability: 'disk' } } as const

export const put1 = puttingRow(
  {
    name: 'put-1',
    title: 'single put, visible, no fsync, 1 in flight',
    per: 'cpu',
    targets: [{ times: 3 }],
  },
  50_000,
  1,
)
export const put64 = puttingRow(
  {
    name: 'put-64',
    title: 'single put, visible, no fsync, 64 in flight',
    per: 'cpu',
    targets: [{ times: 4 }],
  },
  64_000,
  64,
)
export const putDurable1 = puttingRow(
  {
    name: 'put-durable-1',
    title: 'single durable put, 1 in flight',
    per: 'wall',
    targets: [{ times: 1.2 }, { floorShare: 0.8 }],
  },
  1000,
  1,
  { ...durable, floor: overwriteAndSync },
)
export const putDurable64 = puttingRow(
  {
    name: 'put-durable-64',
    title: 'durable puts, 64 in flight',
    per: 'wall',
    targets: [{ times: 4 }],
  },
  6400,
  64,
  durable,
)
