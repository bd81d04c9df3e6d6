// bench/workloads/transaction.ts — the set `transactions`: reads and writes that are one step. What is written is made of what was
// read, so that a lost update shows: every value has been turned by one character as often as its key was changed.
import { expectCount, expectValue, versionZero } from '../check.ts'
import { freshKeys, keyOf, Random, valueOf, versionOf, zipfian } from '../data.ts'
import { alone, type Context, type Outcome, type Row, type Store, type Value } from '../shape.ts'
import type { Workload } from '../shape.ts'
import { validate } from './validate.ts'

const turned = (value: unknown): Value => `${(value as string).slice(1)}${(value as string)[0]}`
const turnAll = (values: readonly unknown[]): Value[] => values.map(turned)

// How often each key of a store was turned, by the warm-up as well.
const turnsOf = new WeakMap<Store, Map<number, number>>()

async function expectTurned(store: Store, keyCount: number, turns: readonly number[]) {
  const times = turnsOf.get(store) ?? new Map<number, number>()
  turnsOf.set(store, times)
  for (const index of turns) times.set(index, (times.get(index) ?? 0) + 1)
  const first = versionZero('string')
  for (const [index, count] of times) {
    const text = first(index) as string
    const at = count % text.length
    const found = await store.get(keyOf(index))
    expectValue('what was turned', index, found, text.slice(at) + text.slice(0, at))
  }
  const { count } = await store.range('', keyCount + 1)
  expectCount('entries', count, keyCount)
}

// So many at a time; a key read by one may be turned by another.
async function turning(
  context: Context,
  whole: number,
  inFlight: number,
  choose: (keyCount: number, random: Random) => () => number,
  readShare: number,
): Promise<Outcome> {
  const { store, keyCount, round } = context
  const random = new Random(round + 61)
  const count = context.count(whole, inFlight)
  const indexes = Array.from({ length: count }, choose(keyCount, random))
  const isRead = indexes.map(() => random.unit() < readShare)
  const keys = freshKeys(indexes)
  const lap = await context.time(async () => {
    for (let first = 0; first < count; first += inFlight) {
      const pending: unknown[] = []
      for (let i = first; i < first + inFlight; i += 1) {
        const key = keys[i] ?? ''
        const done = isRead[i] ? store.get(key) : store.transact([key], [key], turnAll, inFlight)
        if (done instanceof Promise) pending.push(done)
      }
      if (pending.length > 0) await Promise.all(pending)
    }
  })
  const turns = indexes.filter((_, i) => !isRead[i])
  await expectTurned(store, keyCount, turns)
  return { operations: count, lap }
}

const uniform = (keyCount: number, random: Random) => () => random.below(keyCount)

function row(name: string, title: string, times: number): Row {
  return { name, title, per: 'cpu', targets: [{ times }] }
}

const modify1 = alone(row('modify-1', 'read-modify-write, no fsync, 1 in flight', 5), {
  begins: 'filled',
  writes: true,
  run: (context) => turning(context, 100_000, 1, uniform, 0),
})

const modify64 = alone(row('modify-64', 'read-modify-write, no fsync, 64 in flight', 8), {
  begins: 'filled',
  writes: true,
  run: (context) => turning(context, 128_000, 64, uniform, 0),
})

const ycsbF = alone(
  row('ycsb-f', 'YCSB F (50/50 reads and read-modify-writes), zipfian, 64 at a time', 5),
  {
    begins: 'filled',
    writes: true,
    run: (context) => turning(context, 128_000, 64, zipfian, 0.5),
  },
)

const SIZE = 100

interface Hundred {
  readonly readKeys: string[]
  readonly writeKeys: string[]
  readonly indexes: number[]
  readonly values: Value[]
}

function hundred(random: Random, keyCount: number, version: number): Hundred {
  const some = () => Array.from({ length: SIZE }, () => random.below(keyCount))
  const indexes = [...new Set(some())]
  const values = indexes.map((index) => valueOf(index, version, 'string'))
  return { readKeys: freshKeys(some()), writeKeys: freshKeys(indexes), indexes, values }
}

// One after the other. What is written does not hang on what is read, but all that is read has to be there.
async function hundreds(context: Context): Promise<Outcome> {
  const { store, keyCount, round } = context
  const random = new Random(round + 67)
  const operations = context.count(1000)
  const all = Array.from({ length: operations }, (_, i) =>
    hundred(random, keyCount, versionOf(round * operations + i)),
  )
  let found = 0
  const lap = await context.time(async () => {
    for (const { readKeys, writeKeys, values } of all) {
      const write = (read: readonly unknown[]) => {
        for (const value of read) if (typeof value === 'string') found += 1
        return values
      }
      await store.transact(readKeys, writeKeys, write, 1)
    }
  })
  expectCount('reads', found, operations * SIZE)
  const last = new Map<number, Value>()
  for (const { indexes, values } of all)
    indexes.forEach((index, i) => last.set(index, values[i] ?? ''))
  for (const [index, value] of last)
    expectValue('what was put', index, await store.get(keyOf(index)), value)
  return { operations, lap }
}

const hundredEach = alone(
  row('transaction-100', 'transactions of 100 gets and 100 puts, one after the other', 4),
  { begins: 'filled', writes: true, run: hundreds },
)

export const transactionWorkloads: readonly Workload[] = [
  modify1,
  modify64,
  ycsbF,
  hundredEach,
  validate,
]
