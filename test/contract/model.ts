// test/contract/model.ts — random operations, by seed, against a map that cannot be wrong.
import { expect } from 'vitest'

import { type Store } from '../../lib/index.ts'

export function randomFrom(seed: number): (below: number) => number {
  let state = BigInt(seed) * 0x9e3779b97f4a7c15n
  return (below) => {
    state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n)
    let z = state
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n)
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn)
    return Number((z ^ (z >> 31n)) % BigInt(below))
  }
}

type Model = Map<string, string>

function check(
  db: Store,
  model: Model,
  random: (below: number) => number,
  keyOf: () => string,
): void {
  const key = keyOf()
  expect(db.get(key)).toBe(model.get(key))
  const [a, b] = [keyOf(), keyOf()].sort()
  const reverse = random(2) === 0
  const wanted = [...model]
    .filter(([k]) => k >= (a ?? '') && k < (b ?? ''))
    .sort(([x], [y]) => (x < y ? -1 : 1))
  if (reverse) wanted.reverse()
  expect(db.range({ gte: a, lt: b, reverse }).toArray()).toEqual(wanted)
}

/** Runs operations and compares as it goes; `reopen` is asked for now and then where the store persists. */
export async function againstModel(
  seed: number,
  steps: number,
  open: () => Promise<Store>,
  persistent: boolean,
): Promise<void> {
  const random = randomFrom(seed)
  const model: Model = new Map()
  const keyOf = () => `key${random(300)}`
  let db = await open()
  for (let step = 0; step < steps; step++) {
    const choice = random(100)
    const key = keyOf()
    if (choice < 50) {
      const value = `${step}`.repeat(1 + random(40))
      model.set(key, value)
      await db.put(key, value, { durability: 'memory' })
    } else if (choice < 60) {
      model.delete(key)
      await db.delete(key, { durability: 'memory' })
    } else if (choice < 63) {
      const [a, b] = [key, keyOf()].sort()
      for (const k of model.keys()) if (k >= (a ?? '') && k < (b ?? '')) model.delete(k)
      await db.deleteRange({ gte: a, lt: b }, { durability: 'memory' })
    } else if (choice < 65) {
      await db.flush()
    } else if (choice === 65 && random(4) === 0) {
      await db.compact()
    } else if (choice === 66 && persistent && random(3) === 0) {
      await db.close()
      db = await open()
    } else {
      check(db, model, random, keyOf)
    }
  }
  expect(new Map(db.range() as Iterable<[string, string]>)).toEqual(model)
  expect(db.count()).toBe(model.size)
  await db.close()
}
