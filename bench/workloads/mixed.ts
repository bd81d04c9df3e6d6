// bench/workloads/mixed.ts — gets and puts of single keys by chance, 64 at a time. Checked: that every get found a string,
// and afterwards what was written last to each key.
import { expectCount, Written } from '../check.ts'
import { freshKeys, type Random, valueOf, versionOf } from '../data.ts'
import type { Context, Lap } from '../shape.ts'

const IN_FLIGHT = 64

export interface Mix {
  readonly requests: number
  readonly readShare: number
  readonly random: Random
  readonly draw: () => number // Of the key of each request.
  readonly round: number // Values of different rounds differ.
}

interface Timed {
  readonly operations: number
  readonly lap: Lap
}

export async function mixed(context: Context, mix: Mix): Promise<Timed> {
  const { store } = context
  const count = context.count(mix.requests, IN_FLIGHT)
  const indexes = Array.from({ length: count }, mix.draw)
  const keys = freshKeys(indexes)
  // What is read has no value to be written.
  const values = indexes.map((index, i) =>
    mix.random.unit() < mix.readShare
      ? undefined
      : valueOf(index, versionOf(mix.round * count + i), 'string'),
  )
  let found = 0
  const lap = await context.time(async () => {
    for (let first = 0; first < count; first += IN_FLIGHT) {
      const pending: unknown[] = []
      for (let i = first; i < first + IN_FLIGHT; i += 1) {
        const key = keys[i] ?? ''
        const value = values[i]
        pending.push(value === undefined ? store.get(key) : store.put(key, value))
      }
      const answers = await Promise.all(pending)
      // Answers of puts differ from store to store; those of gets are strings.
      for (let i = 0; i < IN_FLIGHT; i += 1)
        if (values[first + i] === undefined && typeof answers[i] === 'string') found += 1
    }
  })
  expectCount('reads', found, values.filter((value) => value === undefined).length)
  const written = new Written()
  values.forEach((value, i) => {
    if (value !== undefined) written.note(Math.floor(i / IN_FLIGHT), indexes[i] ?? 0, value)
  })
  await written.expectIn(store)
  return { operations: count, lap }
}
