// bench/workloads/validate.ts — what a validation costs, ours alone: the same transactions in a large store and in a small one, and with
// many idle snapshots and without. Each reads the same few keys, and another commit comes between its begin and its end, so that it is validated.
import type { Context, Outcome, Row, Workload } from '../shape.ts'
import { type Database, firstKeys, keyOf, median, openAt, put } from './past.ts'

const TRANSACTIONS = 20_000
const LAPS = 5
const READS = 10
const SMALL = 1000
const SNAPSHOTS = 10_000

/** Nanoseconds of a transaction in each store, in turns, the median of several laps. */
async function transactionCosts(context: Context, stores: readonly Database[]): Promise<number[]> {
  const costs: number[][] = stores.map(() => [])
  const count = context.count(TRANSACTIONS)
  for (let lap = 0; lap <= LAPS; lap++) {
    for (const [i, db] of stores.entries()) {
      const begun = performance.now()
      for (let n = 0; n < count; n++) {
        const tx = db.begin()
        for (let key = 0; key < READS; key++) tx.get(keyOf(key))
        tx.put(keyOf(READS), String(n))
        const between = db.put(keyOf(READS + 1 + (n % 100)), String(lap))
        await tx.commit()
        await between
      }
      if (lap > 0) costs[i]?.push(((performance.now() - begun) * 1e6) / count)
    }
  }
  return costs.map(median)
}

async function validations(context: Context): Promise<Outcome> {
  const large = await openAt(`${context.path}-large`, {})
  const small = await openAt(`${context.path}-small`, {})
  const held = await openAt(`${context.path}-held`, {})
  await put(large, firstKeys(context.keyCount), 0)
  await put(small, firstKeys(SMALL), 0)
  await put(held, firstKeys(SMALL), 0)
  await Promise.all([large, small, held].map((db) => db.flush())) // What is read comes from tables in each.
  const snapshots = []
  for (let n = 0; n < SNAPSHOTS; n++) {
    await held.put(keyOf(READS + (n % (SMALL - READS))), String(n))
    snapshots.push(held.snapshot())
  }
  const [inLarge = NaN, inSmall = NaN, inHeld = NaN] = await transactionCosts(context, [
    large,
    small,
    held,
  ])
  for (const snapshot of snapshots) snapshot.close()
  await Promise.all([large.close(), small.close(), held.close()])
  return {
    figures: { 'validate-size': inLarge / inSmall, 'validate-snapshots': inHeld / inSmall },
  }
}

const ratio = (name: string, title: string): Row => ({
  name,
  title,
  per: 'figure',
  unit: '×',
  isMoreBetter: false,
  targets: [{ atMost: 1.2 }],
})

export const validate: Workload = {
  name: 'validate',
  rows: [
    ratio('validate-size', 'a validated transaction in a store of 1 M keys, times one of 1,000'),
    ratio('validate-snapshots', 'the same with 10,000 idle snapshots, times without'),
  ],
  begins: 'none',
  keyCount: 1_000_000,
  quickKeyCount: 50_000,
  warmUps: 0,
  rivals: [],
  run: validations,
}
