// A store that was closed with all of its log at rest, opened again, written to, and killed: what was acknowledged since is there.
import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, describe, expect, it } from 'vitest'

import type { OpenOptions } from '../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-reopened-'))
const putter = fileURLToPath(new URL('putter.mjs', import.meta.url))
const dist = fileURLToPath(new URL('../../dist/index.js', import.meta.url))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const putAndDie = (directory: string, options: OpenOptions, durability: string): Promise<unknown> =>
  new Promise((resolve) => {
    fork(putter, [directory, JSON.stringify(options), durability]).on('exit', (_code, signal) =>
      resolve(signal),
    )
  })

describe.each(['lsm', 'btree', 'bitcask', 'memory'] as const)('with engine %s', (engine) => {
  it.each([10, 10_000, 20_000])(
    'a put behind a clean close of %i keys survives the process that made it',
    async (count) => {
      const { open } = (await import(dist)) as typeof import('../../lib/index.ts')
      const directory = join(root, `${engine}-${count}`)
      const options = { engine, memory: '16MB' } as const
      {
        await using db = await open(directory, options)
        const value = 'x'.repeat(100)
        for (let i = 0; i < count; i++) void db.put(`k${i}`, value)
        await db.flush()
      }
      for (const durability of ['os', 'disk']) {
        expect(await putAndDie(directory, options, durability)).toBe('SIGKILL')
        await using db = await open(directory, options)
        expect(db.get('kept')).toBe(durability)
        expect(db.count()).toBe(count + 1)
      }
    },
  )
})
