// bench/workloads/disk.ts — bytes on disk over bytes of keys and values, and against LevelDB when both compress.
import { expectAll, versionZero } from '../check.ts'
import { documentOf, freshKeys } from '../data.ts'
import { bytesUnder } from '../files.ts'
import { alone, type Context, type Outcome } from '../shape.ts'

export const RAW_BYTES_PER_KEY = 116

export const diskSettled = alone(
  {
    name: 'disk-settled',
    title: 'disk after compaction, 1 M keys',
    per: 'figure',
    unit: '× raw',
    targets: [{ atMost: 1.08 }],
  },
  {
    begins: 'filled',
    warmUps: 0,
    roundsMax: 1,
    async run({ store, path, keyCount }) {
      const figure = bytesUnder(path) / (keyCount * RAW_BYTES_PER_KEY)
      await expectAll(store, keyCount, versionZero('string'))
      return { figures: { 'disk-settled': figure } }
    },
  },
)

// Random characters do not compress, so here values are documents as JSON, the same text for every store.
async function compressed(context: Context): Promise<Outcome> {
  const { store, keyCount, path } = context
  const textOf = (index: number) => JSON.stringify(documentOf(index, 0))
  let rawBytes = 0
  for (let first = 0; first < keyCount; first += 1000) {
    const indexes = Array.from({ length: Math.min(1000, keyCount - first) }, (_, i) => first + i)
    const values = indexes.map(textOf)
    await store.batch(freshKeys(indexes), values)
    rawBytes += values.reduce((sum, value) => sum + value.length + 16, 0)
  }
  await store.settle()
  await expectAll(store, keyCount, textOf)
  return { figures: { 'disk-compressed': bytesUnder(path) / rawBytes } }
}

export const diskCompressed = alone(
  {
    name: 'disk-compressed',
    title: 'disk after compaction, JSON documents, compressed',
    per: 'figure',
    unit: '× raw',
    targets: [{ times: 1, of: 'classic-level' }],
  },
  {
    begins: 'empty',
    warmUps: 0,
    roundsMax: 1,
    keyCount: 200_000,
    quickKeyCount: 20_000,
    rivals: ['classic-level', 'rocksdb'],
    options: { compresses: true },
    run: compressed,
  },
)
