// Snapshots beyond one call: in another thread, in stats(), forgotten by everybody.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Worker } from 'node:worker_threads'

import { afterAll, describe, expect, it } from 'vitest'

import { open } from '../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-snapshots-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const turn = () => new Promise((resolve) => setImmediate(resolve))

const ABANDONED = 10_000

interface Told {
  readonly commit?: number
  readonly entries: unknown
}
const told = (worker: Worker) =>
  new Promise<Told>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })

describe('a snapshot', () => {
  it('is handed to a worker by its id, and outlives the one it came from', async () => {
    const directory = join(root, 'handed')
    await using db = await open(directory, { memory: '8MB', durability: 'os' })
    for (let n = 0; n < 10; n++) await db.put(`k${n}`, n)
    const snapshot = db.snapshot()
    const entries = snapshot.range().toArray()
    const workerData = { directory, id: snapshot.id }
    const worker = new Worker(new URL('holder.mjs', import.meta.url), { workerData })
    const exited = new Promise((resolve) => worker.once('exit', resolve))
    expect(await told(worker)).toEqual({ commit: snapshot.commit, entries })
    snapshot.close()
    await db.deleteRange({})
    await db.compact()
    worker.postMessage('again')
    expect(await told(worker)).toEqual({ entries })
    expect(await exited).toBe(0)
    await db.put('k', 1)
    await db.compact()
    expect(() => db.snapshot(snapshot.id)).toThrow(
      expect.objectContaining({ code: 'TRUNCATED' }) as Error,
    )
    for (const id of ['', '1', '1@', 7, `${Number.MAX_SAFE_INTEGER}@1`]) {
      expect(() => db.snapshot(id as string)).toThrow(
        expect.objectContaining({ code: 'INVALID' }) as Error,
      )
    }
  }, 60_000)

  it('is in stats(), with its age and how far it is behind', async () => {
    await using db = await open(':memory:')
    await db.put('k', 1)
    using one = db.snapshot()
    using same = db.snapshot(one.id)
    await db.put('k', 2)
    await db.put('k', 3)
    expect(same.get('k')).toBe(1)
    const { snapshots } = db.stats()
    expect(snapshots).toMatchObject([{ commit: 1, holders: 2, commitsBehind: 2 }])
    expect((snapshots as { ageMs: number }[])[0]?.ageMs).toBeGreaterThanOrEqual(0)
  })

  it(`is let go when it is forgotten, ${ABANDONED} of them, and memory comes back`, async () => {
    await using db = await open(':memory:', { memory: '64MB' })
    const value = 'x'.repeat(1000)
    const bytes = () => (db.stats()['engine'] as { dataBytes: number }).dataBytes
    await db.put('k', value)
    await db.compact()
    const before = bytes()
    const abandon = () => {
      for (let n = 0; n < ABANDONED; n++) {
        void db.put('k', `${n}${value}`)
        db.snapshot()
      }
    }
    abandon()
    for (let tries = 0; tries < 50 && db.stats()['snapshotCount'] !== 0; tries++) {
      collect()
      await turn()
    }
    expect(db.stats()['snapshotCount']).toBe(0)
    await db.compact()
    expect(bytes()).toBeLessThan(before + 10_000)
  }, 60_000)
})
