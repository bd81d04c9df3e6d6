// Processes that convert documents, and are killed in the middle of it. What was acknowledged is there, every document is converted once, and the
// indexes are those of the documents.
import { fork } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type Collection, type OpenOptions } from '../../lib/index.ts'
import { randomFrom } from '../contract/model.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-migrating-'))
const migrator = fileURLToPath(new URL('migrator.mjs', import.meta.url))
const dist = fileURLToPath(new URL('../../dist/index.js', import.meta.url))

beforeAll(() => {
  if (!existsSync(dist)) throw new Error('build the package first: npx tsup')
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

interface Thing {
  readonly id: number
  readonly n: number
  readonly beats: number
}

/** Lets a migrator run until it has told so often that it is further, and kills it; answers whether it was ready. */
function migrateAndKill(
  directory: string,
  options: OpenOptions,
  steps: number,
  beats: Map<number, number>,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let isReady = false
    let left = steps
    const child = fork(migrator, [directory, JSON.stringify(options)])
    child.on('message', (message: 'progress' | 'ready' | { id: number; beats: number }) => {
      isReady ||= message === 'ready'
      if (typeof message === 'object') beats.set(message.id, message.beats)
      if (message === 'progress') left--
      if (isReady || left === 0) child.kill('SIGKILL')
    })
    child.on('exit', (_code, signal) => {
      if (signal === 'SIGKILL') resolve(isReady)
      else reject(new Error('the migrator ended by itself'))
    })
  })
}

interface Migrated {
  readonly before: Collection
  readonly after: Collection
  readonly COUNT: number
}

const ENGINES = ['lsm', 'btree', 'bitcask', 'memory'] as const

describe('a process that is killed while it converts documents', () => {
  it.each(ENGINES)(
    'loses none of them with engine %s',
    async (engine) => {
      const { open } = (await import(dist)) as typeof import('../../lib/index.ts')
      const { after, before, COUNT } = (await import('./migrated.mjs' as string)) as Migrated
      const directory = join(root, engine)
      const options = { engine, memory: engine === 'memory' ? '64MB' : '8MB' } as const
      const random = randomFrom(ENGINES.indexOf(engine) + 1)
      {
        await using db = await open(directory, options)
        const all = Array.from({ length: COUNT }, (_, id) => ({ id, n: String(id) }))
        await db.collection(before).insertMany(all as never)
      }
      const beats = new Map<number, number>()
      for (let isReady = false, round = 0; !isReady; round++) {
        expect(round).toBeLessThan(60)
        isReady = await migrateAndKill(directory, options, 4 + random(12), beats)
        await using db = await open(directory, options)
        const things = db.collection(after)
        const found = things.find({ where: { n: { gte: 0 } }, orderBy: 'n' } as never)
        const documents = found.all() as unknown as Thing[]
        expect(documents.map(({ id, n }) => [id, n])).toEqual(
          Array.from({ length: COUNT }, (_, id) => [id, id]),
        )
        for (const [id, count] of beats) expect(documents[id]?.beats).toBeGreaterThanOrEqual(count)
        if (!isReady) continue
        await things.ready()
        expect(found.explain()).toMatchObject({ index: 'n', building: [], converting: [] })
      }
      expect(beats.size).toBeGreaterThan(0)
    },
    120_000,
  )
})
