import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, it } from 'vitest'

import { open, type OpenOptions } from '../../lib/index.ts'
import { kv } from './kv.ts'
import { againstModel } from './model.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-kv-'))
let count = 0
afterAll(() => rmSync(root, { recursive: true, force: true }))

const small = { memory: '8MB', durability: 'os' } as const
const SEEDS = [1, 2, 3, 4, 5, 6]

const shapes: readonly [string, OpenOptions][] = [
  ['leveled', small],
  ['tiered, compressed', { ...small, compaction: 'tiered', compression: 'fast' }],
  [
    'universal, compressed below',
    { ...small, compaction: 'universal', compression: ['none', 'fast'], threads: 4 },
  ],
]
for (const [shape, options] of shapes) {
  describe(`key-values on lsm, ${shape}`, () => {
    kv(() => open(join(root, `${++count}`), options))
    for (const seed of SEEDS) {
      it(`follows the model with seed ${seed}`, async () => {
        const directory = join(root, `${++count}`)
        await againstModel(seed, 1500, () => open(directory, options), true)
      })
    }
  })
}

const bitcasks: readonly [string, OpenOptions][] = [
  ['values in the cache', { ...small, engine: 'bitcask' }],
  ['most values apart', { ...small, engine: 'bitcask', largeValue: '1KB', threads: 4 }],
]

describe.each(bitcasks)('key-values on bitcask, %s', (_name, options) => {
  kv(() => open(join(root, `${++count}`), options))
  for (const seed of SEEDS) {
    it(`follows the model with seed ${seed}`, async () => {
      const directory = join(root, `${++count}`)
      await againstModel(seed, 1500, () => open(directory, options), true)
    })
  }
})

const tree = { ...small, engine: 'btree' } as const
const trees: readonly [string, OpenOptions][] = [
  ['through', tree],
  ['back, large pages', { ...tree, write: 'back', eviction: 'lru', pageSize: 16_384 }],
  ['behind', { ...tree, write: 'behind', eviction: 'random', threads: 4 }],
]
for (const [shape, options] of trees) {
  describe(`key-values on btree, ${shape}`, () => {
    kv(() => open(join(root, `${++count}`), options))
    for (const seed of SEEDS) {
      it(`follows the model with seed ${seed}`, async () => {
        const directory = join(root, `${++count}`)
        await againstModel(seed, 1500, () => open(directory, options), true)
      })
    }
  })
}

const resting = { ...small, engine: 'memory' } as const
const logless = { memory: '8MB', engine: 'memory', log: false } as const

describe.each([
  ['with a log', resting],
  ['without a log', logless],
])('key-values in memory, resting in a directory %s', (_name, options) => {
  kv(() => open(join(root, `${++count}`), options))
  for (const seed of SEEDS) {
    it(`follows the model with seed ${seed}`, async () => {
      const directory = join(root, `${++count}`)
      await againstModel(seed, 1500, () => open(directory, options), true)
    })
  }
})

describe('key-values in memory', () => {
  kv(() => open(':memory:', { memory: '8MB' }))
  for (const seed of SEEDS) {
    it(`follows the model with seed ${seed}`, async () => {
      await againstModel(seed, 1500, () => open(':memory:', { memory: '8MB' }), false)
    })
  }
})
