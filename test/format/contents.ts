// test/format/contents.ts — what the stores of test/format/stores hold: every kind of key and value, versions, deletions.
import { type Store } from '../../lib/index.ts'

/** In the store `large` it lies apart. */
const LARGE = ['large', 'a value of many words '.repeat(100)] as const

/** Entries in the order of their keys. */
export const ENTRIES: readonly (readonly [unknown, unknown])[] = [
  [false, true],
  [-1.5, -0.5],
  [0, 0],
  [1, 'one'],
  [1n, 2n ** 70n],
  [new Date(0), new Date(1_700_000_000_000)],
  ['', ''],
  LARGE,
  ['latin', 'déjà vu'],
  ['object', { a: 1, b: [1, 'two', null, undefined], c: { d: new Date(5) } }],
  ['set and map', { set: new Set([1, 'x']), map: new Map([['k', 1n]]) }],
  ['typed', { bytes: new Uint8Array([1, 2, 3]), numbers: new Float64Array([0.5, -1]) }],
  ['wide', '\u{1f9e1} 漢字'],
  [Uint8Array.of(0, 255), Buffer.from([9, 8, 7])],
  [['tuple', 1], 'first'],
  [['tuple', 2], 'second'],
]

const COUNT = 500
const keyOf = (n: number) => ['many', n]
const valueOf = (n: number) => `the same words with the number ${n}`

// Enough of one shape that the store has its names by a number.
const RECORD_COUNT = 40
const RECORDS = Array.from({ length: RECORD_COUNT }, (_, n) => {
  return [['record', n], { id: n, name: `name ${n}`, half: n / 2, third: n / 3 }] as const
})

/** What a store of test/format/stores must hold. */
export function expected(): (readonly [unknown, unknown])[] {
  const many = Array.from({ length: COUNT }, (_, n) => [keyOf(n), valueOf(n)] as const)
  const kept = many.filter(([[, n]]) => Number(n) < 100 || Number(n) >= 200)
  const tuples = ENTRIES.filter(([key]) => Array.isArray(key))
  return [...ENTRIES.filter(([key]) => !Array.isArray(key)), ...kept, ...RECORDS, ...tuples]
}

/** Some of it rests in tables or a checkpoint, some in the log alone. */
export async function fill(db: Store, rest = () => db.flush()): Promise<void> {
  const put = (key: unknown, value: unknown) => ({ type: 'put', key, value }) as never
  await db.batch(Array.from({ length: COUNT }, (_, n) => put(keyOf(n), 'an older value')))
  await rest()
  await db.batch(Array.from({ length: COUNT }, (_, n) => put(keyOf(n), valueOf(n))))
  for (const [key, value] of RECORDS) await db.put(key as never, value)
  await db.put('gone' as never, 1)
  await db.put(LARGE[0] as never, LARGE[1])
  await db.deleteRange({ gte: keyOf(100), lt: keyOf(200) } as never)
  await rest()
  await db.delete('gone' as never)
  await db.batch(ENTRIES.filter((one) => one !== LARGE).map(([key, value]) => put(key, value)))
  await db.sublevel('inner').put('k', 'v')
}
