// bench/workloads/get.ts — random reads of a filled and settled store, by encoding and by choice of key.
import { absentKeyOf, freshKeys, keyOf, Random, zipfian } from '../data.ts'
import type { Context, Workload } from '../shape.ts'

const COUNT = 100_000

async function gets({ store, begin }: Context, keys: readonly string[], areThere = true) {
  begin()
  let found = 0
  for (const key of keys) {
    const answer = store.get(key)
    const value = answer instanceof Promise ? ((await answer) as unknown) : answer
    if (value !== undefined && value !== null) found += 1
  }
  if (found !== (areThere ? keys.length : 0))
    throw new Error(`get: found ${found} of ${keys.length}`)
  return { operations: keys.length }
}

function uniform({ keyCount, round }: Context, make = keyOf): string[] {
  const random = new Random(round + 21)
  const indexes = Array.from({ length: COUNT }, () => random.below(keyCount))
  return freshKeys(indexes, make)
}

function skewed({ keyCount, round }: Context): string[] {
  const next = zipfian(keyCount, new Random(round + 22))
  return freshKeys(Array.from({ length: COUNT }, next))
}

const base = { per: 'cpu', begins: 'filled', target: '≥ 3×' } as const

export const getString: Workload = {
  ...base,
  name: 'get-string',
  title: 'get → string, uniform',
  run: (context) => gets(context, uniform(context)),
}
export const getBytes: Workload = {
  ...base,
  name: 'get-bytes',
  title: 'get → bytes, owned',
  options: { encoding: 'bytes' },
  run: (context) => gets(context, uniform(context)),
}
export const getValue: Workload = {
  ...base,
  name: 'get-value',
  options: { encoding: 'value' },
  title: 'get → structured value of 8 fields, uniform',
  run: (context) => gets(context, uniform(context)),
}
export const getValueZipfian: Workload = {
  ...base,
  name: 'get-value-zipfian',
  options: { encoding: 'value' },
  title: 'get → structured value of 8 fields, zipfian',
  target: '≥ 2× of lmdb with its object cache',
  run: (context) => gets(context, skewed(context)),
}
export const getAbsent: Workload = {
  ...base,
  name: 'get-absent',
  title: 'get, absent key',
  run: (context) => gets(context, uniform(context, absentKeyOf), false),
}

export const getMany: Workload = {
  ...base,
  name: 'get-many',
  title: 'getMany of 100, per key',
  target: '≥ 6×',
  async run(context) {
    const keys = uniform(context)
    const hundreds = Array.from({ length: COUNT / 100 }, (_, i) =>
      keys.slice(i * 100, i * 100 + 100),
    )
    context.begin()
    for (const hundred of hundreds) {
      const answer = context.store.getMany(hundred)
      const found = answer instanceof Promise ? await answer : answer
      if (found.length !== 100) throw new Error('getMany: an answer is missing')
    }
    return { operations: keys.length }
  },
}

export const getAsync: Workload = {
  ...base,
  name: 'get-async',
  target: '≥ 5×',
  title: 'getAsync, 64 in flight, data in memory',
  async run(context) {
    const keys = uniform(context)
    context.begin()
    for (let first = 0; first < keys.length; first += 64) {
      await Promise.all(keys.slice(first, first + 64).map((key) => context.store.getAsync(key)))
    }
    return { operations: keys.length }
  },
}
