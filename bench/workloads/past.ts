// bench/workloads/past.ts — time and feeds, ours alone: reads as of a snapshot and of the past, current reads over a history, and
// what a feed delivers and costs those who write.
import { once } from 'node:events'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { Random } from '../data.ts'
import { bundleOf, repositoryRoot } from '../place.ts'
import type { Context, Outcome, Row, Workload } from '../shape.ts'

interface Readable {
  get(key: string): unknown
}
interface View extends Readable {
  close(): void
}
interface Commit {
  readonly commit: number
  readonly edits: readonly unknown[]
}
interface Changes extends Readable {
  put(key: string, value: string): void
  commit(): Promise<unknown>
}
export interface Database {
  readonly commit: number
  get(key: string): unknown
  put(key: string, value: string): Promise<unknown>
  begin(): Changes
  batch(operations: readonly object[]): Promise<unknown>
  at(commit: number): View
  snapshot(): View
  watch(options: { from: number }): AsyncIterableIterator<Commit>
  flush(): Promise<void>
  compact(): Promise<void>
  close(): Promise<void>
}
interface Package {
  open(path: string, options: object): Promise<Database>
}

const GETS = 200_000
const LAPS = 5
const BATCH = 1000
const DAYS = 7
const CHURN = 10
const FEED_LAPS = 3

export const keyOf = (index: number) => `key:${String(index).padStart(10, '0')}`
const valueOf = (index: number, version: number) => `${version}:${index}`.padEnd(100, 'v')

export async function openAt(path: string, options: object): Promise<Database> {
  const href = pathToFileURL(join(repositoryRoot, 'dist', 'index.js')).href
  const { open } = (await import(href)) as Package
  return open(path, { durability: 'os', memory: '1GB', encoding: 'string', ...options })
}

export async function put(
  db: Database,
  indexes: readonly number[],
  version: number,
): Promise<void> {
  for (let first = 0; first < indexes.length; first += BATCH) {
    const some = indexes.slice(first, first + BATCH)
    const operations = some.map((index) => ({
      type: 'put',
      key: keyOf(index),
      value: valueOf(index, version),
    }))
    await db.batch(operations)
  }
}

export const firstKeys = (count: number) => Array.from({ length: count }, (_, index) => index)
const everyKey = ({ keyCount }: Context) => firstKeys(keyCount)

export const median = (all: readonly number[]) =>
  [...all].sort((a, b) => a - b)[all.length >> 1] ?? NaN

/** Nanoseconds of a get by each reader, in turns, the median of several laps. */
function getCosts(context: Context, readers: readonly Readable[]): number[] {
  const random = new Random(context.round + 81)
  const keys = Array.from({ length: context.count(GETS) }, () =>
    keyOf(random.below(context.keyCount)),
  )
  const costs: number[][] = readers.map(() => [])
  for (let lap = 0; lap <= LAPS; lap++) {
    for (const [i, reader] of readers.entries()) {
      const begun = performance.now()
      for (const key of keys) if (reader.get(key) === undefined) throw new Error(`get: no ${key}`)
      if (lap > 0) costs[i]?.push(((performance.now() - begun) * 1e6) / keys.length)
    }
  }
  return costs.map(median)
}

const figure = (
  name: string,
  title: string,
  unit: string,
  target: Row['targets'][number],
): Row => ({
  name,
  title,
  per: 'figure',
  unit,
  isMoreBetter: 'atLeast' in target,
  targets: [target],
})

async function pastGets(context: Context): Promise<Outcome> {
  const db = await openAt(context.path, { history: { keep: 'forever' } })
  const figures: Record<string, number> = {}
  const measure = (name: string, past: View) => {
    const snapshot = db.snapshot()
    const [now = NaN, held = NaN, then = NaN] = getCosts(context, [db, snapshot, past])
    figures[`snapshot-${name}`] = held / now
    figures[`at-${name}`] = then / now
    snapshot.close()
  }
  await put(db, everyKey(context), 0)
  const past = db.at(db.commit)
  await put(db, everyKey(context), 1)
  measure('memtable', past)
  await db.compact()
  measure('tables', past)
  past.close()
  await db.close()
  return { figures }
}

export const past: Workload = {
  name: 'past',
  rows: [
    figure('snapshot-memtable', 'get of a snapshot, in memtables, times a get', '×', {
      atMost: 1.3,
    }),
    figure('at-memtable', 'get of at(n), in memtables, times a get', '×', { atMost: 1.3 }),
    figure('snapshot-tables', 'get of a snapshot, in tables, times a get', '×', { atMost: 2 }),
    figure('at-tables', 'get of at(n), in tables, times a get', '×', { atMost: 2 }),
  ],
  begins: 'none',
  keyCount: 100_000,
  quickKeyCount: 20_000,
  warmUps: 0,
  rivals: [],
  run: pastGets,
}

/** Seven days of which each writes a tenth of the keys anew, beside a store that keeps nothing of them. */
async function churn(context: Context): Promise<Outcome> {
  const keeping = await openAt(`${context.path}-kept`, { history: { keep: 'forever' } })
  const dropping = await openAt(`${context.path}-dropped`, { history: { keep: 'none' } })
  for (const db of [keeping, dropping]) {
    const random = new Random(context.round + 82)
    await put(db, everyKey(context), 0)
    const day = () =>
      Array.from({ length: context.keyCount / CHURN }, () => random.below(context.keyCount))
    for (let n = 1; n <= DAYS; n++) await put(db, day(), n)
    await db.compact()
  }
  const [kept = NaN, dropped = NaN] = getCosts(context, [keeping, dropping])
  await Promise.all([keeping.close(), dropping.close()])
  return { figures: { 'history-churn': kept / dropped } }
}

export const history: Workload = {
  name: 'history',
  rows: [
    figure('history-churn', 'get over 7 days of 10 % churn kept, times one without', '×', {
      atMost: 1.1,
    }),
  ],
  begins: 'none',
  keyCount: 1_000_000,
  quickKeyCount: 50_000,
  warmUps: 0,
  rivals: [],
  run: churn,
}

async function secondsOf(run: () => Promise<void>): Promise<number> {
  const begun = performance.now()
  await run()
  return (performance.now() - begun) / 1000
}

async function consume(db: Database, from: number, edits: number): Promise<void> {
  let taken = 0
  for await (const commit of db.watch({ from })) {
    taken += commit.edits.length
    if (taken >= edits) return
  }
}

export interface Following {
  readonly path: string
  readonly options: object
  readonly from: number
  readonly edits: number
}

/** A consumer in a thread of its own: it watches when this resolves, and `taken` tells how many edits it took. */
async function startConsumer(following: Following): Promise<{ readonly taken: Promise<number> }> {
  const worker = new Worker(bundleOf('consumer'), { workerData: following })
  await once(worker, 'message')
  return { taken: once(worker, 'message').then(([taken]) => taken as number) }
}

/**
 * What is there is delivered to a consumer of this thread. Then everything is written anew, again and again: alone, and while a consumer in
 * another thread takes it all.
 */
async function feeds(context: Context): Promise<Outcome> {
  const options = { feed: { keep: 'all' } }
  const db = await openAt(context.path, options)
  const all = everyKey(context)
  await put(db, all, 0)
  const delivery = await secondsOf(() => consume(db, 0, all.length))
  const costs: { readonly alone: number[]; readonly watched: number[] } = { alone: [], watched: [] }
  for (let lap = 1; lap <= FEED_LAPS; lap++) {
    costs.alone.push(await secondsOf(() => put(db, all, 2 * lap - 1)))
    const consumer = await startConsumer({
      path: context.path,
      options,
      from: db.commit,
      edits: all.length,
    })
    costs.watched.push(await secondsOf(() => put(db, all, 2 * lap)))
    const taken = await consumer.taken
    if (taken !== all.length)
      throw new Error(`feed: ${taken} edits came, ${all.length} were written`)
  }
  await db.close()
  const rate = all.length / delivery / 1e6
  return {
    figures: { 'feed-rate': rate, 'feed-writers': median(costs.watched) / median(costs.alone) },
  }
}

export const feed: Workload = {
  name: 'feed',
  rows: [
    figure('feed-rate', 'feed to one consumer', 'M edits/s', { atLeast: 1 }),
    figure('feed-writers', 'writes while a consumer takes them from a feed, times without', '×', {
      atMost: 1.05,
    }),
  ],
  begins: 'none',
  keyCount: 1_000_000,
  quickKeyCount: 50_000,
  warmUps: 1,
  rivals: [],
  run: feeds,
}
