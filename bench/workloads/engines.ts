// bench/workloads/engines.ts — the set `engines`: ten million keys in each of ours, by one and the same program: filled at random,
// settled, closed, opened by a process of its own and by this one, read and scanned. Checked: the number and order of all keys, the
// values of some, and those of the first gets.
import { expectAll, expectReads, versionZero } from '../check.ts'
import { freshKeys, keyBytes, keyIn, Random, valueOf } from '../data.ts'
import { bytesUnder } from '../files.ts'
import type { Context, OpenOptions, Outcome, Row, Store, Workload } from '../shape.ts'
import { RAW_BYTES_PER_KEY } from './disk.ts'
import { openOverPlainNode } from './open.ts'

const KEY_COUNT = 10_000_000
const BATCH = 1000
const GETS = 500_000
const MEMORY_BYTES = 2 ** 30
const MEMORY_BYTES_IN_MEMORY = 4 * 2 ** 30 // Of the engine that has all of its data there.

async function fill({ time, keyCount }: Context, store: Store): Promise<number> {
  const bytes = keyBytes(keyCount)
  const lap = await time(async () => {
    for (let first = 0; first < keyCount; first += BATCH) {
      const indexes = Array.from({ length: Math.min(BATCH, keyCount - first) }, (_, i) => first + i)
      await store.batch(
        indexes.map((index) => keyIn(bytes, index)),
        indexes.map((index) => valueOf(index, 0, 'string')),
      )
    }
  })
  return keyCount / lap.cpuSeconds
}

async function gets(context: Context, store: Store, seed: number): Promise<number> {
  const { keyCount } = context
  const random = new Random(seed)
  const indexes = Array.from({ length: context.count(GETS) }, () => random.below(keyCount))
  const keys = freshKeys(indexes)
  let size = 0
  const lap = await context.time(() => {
    for (const key of keys) size += String(store.get(key)).length
    return Promise.resolve()
  })
  if (size < keys.length) throw new Error(`get: ${size} characters of ${keys.length} values`)
  const some = indexes.slice(0, 1000)
  await expectReads(
    (of) => Promise.all(of.map((key) => store.get(key))),
    some,
    versionZero('string'),
  )
  return keys.length / lap.cpuSeconds
}

async function measure(name: string, context: Context): Promise<Outcome> {
  const { keyCount, path, options, open } = context
  const filling = await open(path, options)
  const fillRate = await fill(context, filling)
  await filling.settle()
  await filling.close()
  const diskBytes = bytesUnder(path)
  const openMs = openOverPlainNode(context, keyCount)
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  const store = await open(path, options)
  await gets(context, store, 1)
  const getRate = await gets(context, store, 2)
  let entries = 0
  const lap = await context.time(async () => {
    const sum = await store.range('', keyCount + 1)
    entries = sum.count
  })
  globalThis.gc?.()
  const memory = process.memoryUsage().rss - before
  await expectAll(store, keyCount, versionZero('string'))
  await store.close()
  return {
    figures: {
      [`${name}-fill`]: fillRate,
      [`${name}-open`]: openMs,
      [`${name}-get`]: getRate,
      [`${name}-scan`]: entries / lap.cpuSeconds,
      [`${name}-memory`]: memory / 2 ** 20,
      [`${name}-disk`]: diskBytes / (keyCount * RAW_BYTES_PER_KEY),
    },
  }
}

function rowsOf(name: string): readonly Row[] {
  const row = (what: string, title: string, unit: string, isMoreBetter = false): Row => ({
    name: `${name}-${what}`,
    title: `${name}: ${title}`,
    per: 'figure',
    unit,
    isMoreBetter,
    targets: [],
  })
  return [
    row('fill', 'fill at random, batches of 1,000', '/CPU s', true),
    row('open', 'import and open', 'ms over plain Node'),
    row('get', 'get, uniform', '/CPU s', true),
    row('scan', 'scan of all, entries', '/CPU s', true),
    row('memory', 'resident after these', 'MB'),
    row('disk', 'on disk, settled', '× of the data'),
  ]
}

function tenMillion(engine: OpenOptions['engine']): Workload {
  const name = `ten-million-${engine}`
  return {
    name,
    rows: rowsOf(name),
    begins: 'none',
    warmUps: 0,
    roundsMax: 1,
    keyCount: KEY_COUNT,
    quickKeyCount: 200_000,
    rivals: [],
    options: {
      engine,
      memoryBytes: engine === 'memory' ? MEMORY_BYTES_IN_MEMORY : MEMORY_BYTES,
    },
    run: (context) => measure(name, context),
  }
}

export const engineWorkloads: readonly Workload[] = (
  ['lsm', 'memory', 'bitcask', 'btree'] as const
).map(tenMillion)
