// Processes whose stores build indexes, and are killed in the middle of it. The next one goes on though it only opens the store; what is made
// in the end answers as what was never interrupted.
import { fork } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { Collection, OpenOptions } from '../../lib/index.ts'
import { randomFrom } from '../contract/model.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-building-'))
const builder = fileURLToPath(new URL('builder.mjs', import.meta.url))
const dist = fileURLToPath(new URL('../../dist/index.js', import.meta.url))

beforeAll(() => {
  if (!existsSync(dist)) throw new Error('build the package first: npx tsup')
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

interface Building {
  readonly collection: string
  readonly index?: string
  readonly documents: number
  readonly error?: string
}

interface Built {
  readonly before: Collection
  readonly after: Collection
  readonly COUNT: number
  readonly QUESTIONS: readonly object[]
  readonly document: (id: number) => object
}

/** Lets a builder run until it has told so often that something is left to be built, and kills it. Answers what it said at last. */
function buildAndKill(
  directory: string,
  options: OpenOptions,
  declares: boolean,
  times: number,
): Promise<readonly Building[]> {
  return new Promise((resolve, reject) => {
    let last: readonly Building[] = []
    let told = 0
    let quiet = 0
    const child = fork(builder, [directory, JSON.stringify(options), String(declares)])
    child.on('message', (message: readonly Building[]) => {
      last = message
      if (message.length > 0) told++
      else quiet++
      if (told >= times || quiet >= 200) child.kill('SIGKILL')
    })
    child.on('exit', (_code, signal) => {
      if (signal === 'SIGKILL') resolve(last)
      else reject(new Error('the builder ended by itself'))
    })
  })
}

const ENGINES = ['lsm', 'btree', 'bitcask', 'memory'] as const
const ids = (found: readonly unknown[]): number[] =>
  (found as readonly { readonly id: number }[]).map(({ id }) => id).sort((a, b) => a - b)

describe('a process that is killed while its store builds indexes', () => {
  it.each(ENGINES)(
    'leaves what the next opening goes on with, with engine %s',
    async (engine) => {
      const { open } = (await import(dist)) as typeof import('../../lib/index.ts')
      const built = (await import('./built.mjs' as string)) as Built
      const { after, before, COUNT, document, QUESTIONS } = built
      const directory = join(root, engine)
      const inMemory = engine === 'memory' || engine === 'bitcask' // All keys, or more.
      const options = { engine, memory: inMemory ? '64MB' : '16MB' } as const
      const random = randomFrom(ENGINES.indexOf(engine) + 1)
      const all = Array.from({ length: COUNT }, (_, id) => document(id))
      {
        await using db = await open(directory, options)
        await db.collection(before).insertMany(all as never)
      }
      const first = await buildAndKill(directory, options, true, 1 + random(2))
      expect(first.length).toBeGreaterThan(0)
      let interrupted = 0
      for (let round = 0; round < 3; round++) {
        const left = await buildAndKill(directory, options, false, 1)
        if (left.length > 0) interrupted++
      }
      expect(interrupted).toBeGreaterThan(0)

      await using db = await open(directory, options)
      const building = () => db.stats()['building'] as readonly Building[]
      const indexes = new Set<string | undefined>()
      await expect
        .poll(
          () => {
            for (const { index, error } of building()) indexes.add(error ?? index)
            return building()
          },
          { interval: 1, timeout: 30_000 },
        )
        .toEqual([])
      for (const name of indexes)
        expect(['kind', 'tags', 'words', 'at', 'area', 'rising']).toContain(name)
      const things = db.collection(after)
      await using other = await open(':memory:')
      const fresh = other.collection(after)
      await fresh.insertMany(all as never)
      for (const where of QUESTIONS) {
        const found = things.find({ where } as never)
        expect(found.explain()).toMatchObject({ building: [] })
        expect(ids(found.all()), JSON.stringify(where)).toEqual(
          ids(fresh.find({ where } as never).all()),
        )
        expect(found.count()).toBe(fresh.count({ where } as never))
      }
    },
    120_000,
  )
})
