// bench/workloads/codec.ts — documents through a store: the codec is paid in put and get of the same key, whose
// block is hot, so that encoding and decoding dominate.
import { keyOf, valueOf } from '../data.ts'
import type { Workload } from '../shape.ts'

const COUNT = 50_000
const base = {
  per: 'cpu',
  begins: 'filled',
  keyCount: 1000,
  options: { encoding: 'value' },
} as const

export const codecEncode: Workload = {
  ...base,
  name: 'codec-encode',
  target: '≥ 1×',
  title: 'value codec, 8-field document, by batches of 1,000 over the same keys',
  async run({ store, round, begin }) {
    const keys = Array.from({ length: 1000 }, (_, i) => keyOf(i))
    const versions = Array.from({ length: COUNT / 1000 }, (_, version) =>
      keys.map((_, i) => valueOf(i, round * 50 + version + 1, 'value')),
    )
    begin()
    for (const values of versions) await store.batch(keys, values)
    return { operations: COUNT }
  },
}
export const codecDecode: Workload = {
  ...base,
  name: 'codec-decode',
  target: '≥ 2×',
  title: 'value codec, 8-field document, decode with all fields read',
  async run({ store }) {
    let size = 0
    for (let i = 0; i < COUNT; i += 1) {
      const answer = store.get(keyOf(i % 1000))
      const found = (answer instanceof Promise ? ((await answer) as unknown) : answer) as object
      for (const field of Object.values(found)) size += typeof field === 'string' ? field.length : 1
    }
    if (size === 0) throw new Error('decode: nothing was read')
    return { operations: COUNT }
  },
}
