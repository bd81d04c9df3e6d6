// Transactions that were prepared when their process was killed: they are there, hold what they held, and can still be committed.
import { fork } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { open } from '../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-prepared-'))
const preparer = fileURLToPath(new URL('preparer.mjs', import.meta.url))
const dist = fileURLToPath(new URL('../../dist/index.js', import.meta.url))

beforeAll(() => {
  if (!existsSync(dist)) throw new Error('build the package first: npx tsup')
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** Answers the last number that was said to be durable. */
function prepareAndKill(directory: string, milliseconds: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let last = 0
    const child = fork(preparer, [directory])
    child.on('message', (n) => {
      if (last === 0) setTimeout(() => child.kill('SIGKILL'), milliseconds)
      last = Number(n)
    })
    child.on('exit', (_code, signal) => {
      if (signal === 'SIGKILL') resolve(last)
      else reject(new Error('it ended by itself'))
    })
  })
}

describe('a process that is killed while it prepares', () => {
  it.each([1, 2, 3])('leaves what can be committed or rolled back (%i)', async (round) => {
    const directory = join(root, String(round))
    const last = await prepareAndKill(directory, 50 * round)
    let db = await open(directory)
    const ids = db.prepared().map(({ id }) => Number(id))
    const acknowledged = Array.from({ length: last }, (_, i) => i + 1)
    expect(ids).toEqual(expect.arrayContaining(acknowledged.filter((n) => n % 3 !== 0)))
    for (const n of ids) await expect(db.put(['key', n], 0)).rejects.toThrow(/prepared/)
    await expect(db.put('fixed', 'changed')).rejects.toMatchObject({ reason: 'prepared' })
    let sum = db.get('sum') as number | undefined
    for (const n of ids) {
      expect(db.get(['key', n])).toBeUndefined()
      if (n % 2 === 0) sum = (sum ?? 0) + n
      await (n % 2 === 0 ? db.prepared(String(n))?.commit() : db.prepared(String(n))?.rollback())
      expect(db.get(['key', n])).toBe(n % 2 === 0 ? n : undefined)
    }
    expect(db.get('sum')).toBe(sum)
    await db.put('fixed', 'changed')
    await db.close()
    db = await open(directory)
    expect(db.prepared()).toEqual([])
    await db.close()
  })
})
