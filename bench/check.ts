// bench/check.ts — whether a store answered and holds what it should. Checks run outside the timed part; one that
// fails, fails the row.
import { deepStrictEqual } from 'node:assert'
import { freshKeys, inKeyOrder, keyOf, Random, valueOf } from './data.ts'
import type { Encoding, Store, Value } from './shape.ts'

const SAMPLE = 1000

export const versionZero = (encoding: Encoding) => (index: number) => valueOf(index, 0, encoding)

function isSame(found: unknown, expected: Value): boolean {
  if (typeof expected === 'string') return found === expected
  try {
    const given = found instanceof Uint8Array ? Buffer.from(found) : found
    deepStrictEqual(given, expected)
    return true
  } catch {
    return false
  }
}

function shown(value: unknown): string {
  return String(JSON.stringify(value)).slice(0, 60)
}

export function expectValue(what: string, index: number, found: unknown, expected: Value): void {
  if (isSame(found, expected)) return
  throw new Error(`${what}: key ${index} has ${shown(found)} instead of ${shown(expected)}`)
}

export function expectCount(what: string, found: number, expected: number): void {
  if (found !== expected) throw new Error(`${what}: ${found} instead of ${expected}`)
}

// Some of the indexes below `keyCount`, the first and the last among them.
function sampleOf(keyCount: number): number[] {
  const random = new Random(keyCount)
  const some = Array.from({ length: Math.min(SAMPLE, keyCount) }, () => random.below(keyCount))
  return [0, keyCount - 1, ...some]
}

// That every key is there once and in order, and that a sample has the values of `expected`.
export async function expectAll(
  store: Store,
  keyCount: number,
  expected: (index: number) => Value,
): Promise<void> {
  let last = ''
  const { count } = await store.range('', keyCount + 1, (key) => {
    if (key <= last) throw new Error(`scan: ${key} comes after ${last}`)
    last = key
  })
  expectCount('entries', count, keyCount)
  for (const index of sampleOf(keyCount)) {
    expectValue('get', index, await store.get(keyOf(index)), expected(index))
  }
}

// That ranges show the keys and values that they should, to the last one.
export async function expectRanges(
  store: Store,
  keyCount: number,
  expected: (index: number) => Value,
): Promise<void> {
  const order = inKeyOrder(keyCount)
  const random = new Random(keyCount)
  for (let i = 0; i < 20; i += 1) {
    let rank = i === 0 ? Math.max(0, keyCount - 50) : random.below(keyCount)
    const from = keyOf(order[rank] ?? 0)
    const wanted = Math.min(100, keyCount - rank)
    const { count } = await store.range(from, 100, (key, value) => {
      const index = order[rank++] ?? 0
      if (key !== keyOf(index)) throw new Error(`range: ${key} instead of ${keyOf(index)}`)
      expectValue('range', index, value, expected(index))
    })
    expectCount('range', count, wanted)
  }
}

// The keys of these indexes by every way of reading one.
export async function expectReads(
  read: (keys: string[]) => Promise<readonly unknown[]>,
  indexes: readonly number[],
  expected: (index: number) => Value,
): Promise<void> {
  const some = indexes.slice(0, SAMPLE)
  const found = await read(freshKeys(some))
  expectCount('answers', found.length, some.length)
  some.forEach((index, i) => expectValue('get', index, found[i], expected(index)))
}

// What was written last under each key. Writes in flight together may land in any order, so each of the last
// group that named a key will do.
export class Written {
  readonly #last = new Map<number, { group: number; values: Value[] }>()

  note(group: number, index: number, value: Value): void {
    const last = this.#last.get(index)
    if (last?.group === group) last.values.push(value)
    else this.#last.set(index, { group, values: [value] })
  }

  async expectIn(store: Store): Promise<void> {
    const every = Math.max(1, Math.floor(this.#last.size / SAMPLE))
    let turn = 0
    for (const [index, { values }] of this.#last) {
      if (turn++ % every !== 0) continue
      const found = await store.get(keyOf(index))
      if (values.some((value) => isSame(found, value))) continue
      expectValue('what was put', index, found, values[0] ?? '')
    }
  }
}
