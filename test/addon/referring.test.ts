// Workers that remove what documents refer to, and write documents that refer to it, at the same time.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

import { afterAll, expect, it } from 'vitest'

import { collection, open, t } from '../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-referring-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const ROUNDS = 3000
const TEAMS = 12

interface Told {
  readonly done: { readonly joined: number; readonly refused: number; readonly removed: number }
  readonly wrong: readonly string[]
}

const told = (worker: Worker) =>
  new Promise<Told>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })

it('nobody is left in a team that was removed, however many workers remove and join', async () => {
  const directory = join(root, 'store')
  await using db = await open(directory, { memory: '8MB', durability: 'memory' })
  const workers = ['a', 'b'].map((name) => {
    const workerData = { directory, name, rounds: ROUNDS, teams: TEAMS }
    return new Worker(new URL('referring.mjs', import.meta.url), { workerData })
  })
  const all = await Promise.all(workers.map((worker) => told(worker)))
  expect(all.flatMap(({ wrong }) => wrong)).toEqual([])
  for (const { done } of all) {
    expect(done.joined).toBeGreaterThan(0)
    expect(done.refused).toBeGreaterThan(0)
    expect(done.removed).toBeGreaterThan(0)
  }
  const Teams = collection('teams', { key: 'id', schema: { id: t.int32(), by: t.string() } })
  const People = collection('people', {
    key: 'id',
    schema: {
      id: t.string(),
      team: t.int32().nullable().references(Teams, { onDelete: 'set null' }),
      kind: t.enum(['a', 'b']),
    },
    indexes: { team: 'ordered', kind: 'bitmap' },
  })
  const teams = db.collection(Teams)
  const people = db.collection(People)
  const everybody = people.find().all()
  expect(everybody.length).toBeGreaterThan(100)
  expect(everybody.some(({ team }) => team === null)).toBe(true)
  for (const { team } of everybody) if (team !== null) expect(teams.has(team)).toBe(true)
  for (let team = 0; team < TEAMS; team++) {
    const query = people.find({ where: { team } })
    expect(query.explain()).toMatchObject({ way: 'index', index: 'team' })
    expect(query.count()).toBe(everybody.filter((one) => one.team === team).length)
  }
  for (const kind of ['a', 'b'] as const)
    expect(people.find({ where: { kind } }).all().length).toBe(
      everybody.filter((one) => one.kind === kind).length,
    )
}, 120_000)
