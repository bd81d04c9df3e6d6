// bench/workloads/fill.ts — how fast an empty store fills, in batches, with and without fsync.
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { expectAll } from '../check.ts'
import { freshKeys, valueOf } from '../data.ts'
import { alone, type Context, type Outcome, type Value } from '../shape.ts'

const DURABLE_BATCH = 100
// What a batch of 100 has to bring to the disk, with the least of heads.
const DURABLE_BATCH_BYTES = DURABLE_BATCH * (16 + 100 + 16)

export async function fill(context: Context, batchSize: number): Promise<Outcome> {
  const { store, keyCount, round } = context
  const batches: [string[], Value[]][] = []
  for (let first = 0; first < keyCount; first += batchSize) {
    const size = Math.min(batchSize, keyCount - first)
    const indexes = Array.from({ length: size }, (_, i) => first + i)
    batches.push([freshKeys(indexes), indexes.map((i) => valueOf(i, round, 'string'))])
  }
  const lap = await context.time(async () => {
    for (const [keys, values] of batches) {
      const done = store.batch(keys, values)
      if (done instanceof Promise) await done
    }
  })
  await expectAll(store, keyCount, (index) => valueOf(index, round, 'string'))
  return { operations: keyCount, lap }
}

// One growing file, one append and one fdatasync for each batch.
async function appendAndSync({ path, keyCount, time }: Context): Promise<Outcome> {
  const file = openSync(path, 'w')
  const bytes = Buffer.alloc(DURABLE_BATCH_BYTES, 'x')
  const lap = await time(() => {
    for (let i = 0; i < keyCount; i += DURABLE_BATCH) {
      writeSync(file, bytes)
      fdatasyncSync(file)
    }
    return Promise.resolve()
  })
  closeSync(file)
  return { operations: keyCount, lap }
}

export const fillBatches = alone(
  {
    name: 'fill',
    title: 'fill: batches of 1,000, no fsync',
    per: 'cpu',
    targets: [{ times: 4 }],
  },
  { begins: 'empty', run: (context) => fill(context, 1000) },
)

export const fillDurable = alone(
  {
    name: 'fill-durable',
    title: 'fill: batches of 100, each fsynced',
    per: 'wall',
    targets: [{ times: 2 }, { floorShare: 0.8 }],
  },
  {
    begins: 'empty',
    keyCount: 100_000,
    quickKeyCount: 20_000,
    options: { durability: 'disk' },
    run: (context) => fill(context, DURABLE_BATCH),
    floor: appendAndSync,
  },
)
