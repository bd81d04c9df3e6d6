// bench/workloads/range.ts — entries read in order: short ranges from random keys, and everything.
import { freshKeys, Random } from '../data.ts'
import type { Context, Workload } from '../shape.ts'

async function scan({ store, keyCount }: Context) {
  const operations = await store.range('', keyCount + 1)
  if (operations !== keyCount) throw new Error(`scan: ${operations} entries of ${keyCount}`)
  return { operations }
}

export const range100: Workload = {
  name: 'range-100',
  title: 'range of 100 from a random key, entries',
  target: '≥ 4×',
  per: 'cpu',
  begins: 'filled',
  async run({ store, keyCount, round, begin }) {
    const random = new Random(round + 31)
    const keys = freshKeys(Array.from({ length: 2000 }, () => random.below(keyCount)))
    begin()
    let operations = 0
    for (const key of keys) {
      const count = store.range(key, 100)
      operations += count instanceof Promise ? await count : count
    }
    return { operations }
  },
}
export const scanStrings: Workload = {
  name: 'scan-strings',
  per: 'cpu',
  begins: 'filled',
  target: '≥ 4×',
  title: 'full ordered scan, entries: strings',
  run: scan,
}
export const scanBytes: Workload = {
  name: 'scan-bytes',
  per: 'cpu',
  begins: 'filled',
  target: '≥ 10×',
  title: 'full ordered scan, entries: bytes',
  options: { encoding: 'bytes' },
  run: scan,
}
