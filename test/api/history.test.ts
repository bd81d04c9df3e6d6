// The past: at() by commit and by date, the versions of a key, what `history` keeps.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { open, type OpenSettings } from '../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-history-'))
let opened = 0
const fresh = () => join(root, `${++opened}`)
afterAll(() => rmSync(root, { recursive: true, force: true }))

const error = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string })

const engines: readonly (readonly [string, OpenSettings & { readonly path?: string }])[] = [
  ['lsm', { engine: 'lsm' }],
  ['bitcask', { engine: 'bitcask' }],
  ['memory', { engine: 'memory' }],
  ['memory without a log', { engine: 'memory', log: false }],
  [':memory:', { path: ':memory:' }],
]

describe.each(engines)('history with %s', (_, { path = fresh(), ...settings }) => {
  const forever = { ...settings, history: { keep: 'forever' } } as const

  it('shows the state after every commit, through flushes and compactions', async () => {
    await using db = await open<{ key: string; value: number }>(path, forever)
    const states: (readonly [number, readonly (readonly [string, number])[]])[] = []
    const note = () => states.push([db.commit, db.range().toArray()])
    note()
    for (let n = 0; n < 60; n++) {
      await db.put(`k${n % 7}`, n)
      if (n % 5 === 4) await db.delete(`k${(n * 3) % 7}`)
      if (n % 20 === 11) await db.deleteRange({ gte: 'k2', lt: 'k5' })
      if (n % 13 === 12) await db.flush()
      if (n % 29 === 28) await db.compact()
      note()
    }
    for (const [commit, entries] of states) {
      using past = db.at(commit)
      expect(past.commit).toBe(commit)
      expect(past.range().toArray()).toEqual(entries)
      expect(past.range({ reverse: true }).toArray()).toEqual([...entries].reverse())
      expect(past.count()).toBe(entries.length)
      expect(past.getMany(['k0', 'k1', 'k2'])).toEqual(
        ['k0', 'k1', 'k2'].map((key) => entries.find(([one]) => one === key)?.[1]),
      )
      expect(past.has('k3')).toBe(entries.some(([key]) => key === 'k3'))
    }
  })
})

it('lies apart from the present, and stats() shows what it takes', async () => {
  interface Engine {
    readonly historyBytes: number
    readonly entryCount: number
  }
  const engineOf = (db: { stats(): object }) => (db.stats() as { engine: Engine }).engine
  for (const engine of ['lsm', 'memory', 'bitcask'] as const) {
    await using db = await open(fresh(), { engine, history: { keep: 'forever' } })
    await db.put('k', 'x'.repeat(1000))
    await db.compact()
    const { entryCount, historyBytes } = engineOf(db)
    expect(historyBytes).toBeLessThan(1000)
    for (let n = 0; n < 20; n++) await db.put('k', `${n}`.repeat(1000))
    await db.compact()
    expect(engineOf(db).historyBytes).toBeGreaterThan(20_000)
    expect(engineOf(db).entryCount).toBeLessThan(entryCount + 20)
  }
})

describe('at()', () => {
  it('refuses what lies beyond the newest commit or below the horizon, and what is no moment', async () => {
    await using db = await open(':memory:', { history: { keep: { commits: 2 } } })
    for (let n = 1; n <= 6; n++) await db.put('k', n)
    await db.compact()
    expect(() => db.at(Date.now())).toThrow(
      error('INVALID', /beyond the newest commit, which is 6; .*a Date/),
    )
    expect(() => db.at(3)).toThrow(
      error('TRUNCATED', /commit 3 .* the oldest that can be read is 4/),
    )
    expect(db.at(4).get('k')).toBe(4)
    expect(db.stats()).toMatchObject({ horizon: 4 })
    for (const wrong of [-1, 1.5, '3', new Date(NaN), undefined]) {
      expect(() => db.at(wrong as never)).toThrow(error('INVALID', /^at must/))
    }
  })

  it('takes a date for the last commit of its second', async () => {
    await using db = await open(':memory:', { history: { keep: 'forever' } })
    await db.put('k', 1)
    using past = db.at(new Date())
    expect([past.commit, past.get('k')]).toEqual([1, 1])
    expect(Math.abs(past.time.getTime() - Date.now())).toBeLessThan(5000)
    using before = db.at(new Date(0))
    expect([before.commit, before.get('k')]).toEqual([0, undefined])
  })

  it('keeps what it shows until it is closed, and is CLOSED then', async () => {
    await using db = await open(':memory:', { history: { keep: { commits: 0 } } })
    await db.put('k', 1)
    const past = db.at(1)
    await db.put('k', 2)
    await db.compact()
    expect(past.get('k')).toBe(1)
    expect(db.at(1).get('k')).toBe(1) // Held, though below the horizon.
    past.close()
    expect(() => past.get('k')).toThrow(error('CLOSED', /closed/))
  })

  it('reads several keyspaces at one moment by in()', async () => {
    await using db = await open(':memory:', { history: { keep: 'forever' } })
    const users = db.sublevel<{ key: number; value: string }>('users')
    await users.put(1, 'ada')
    const { commit } = await db.put('count', 1)
    await users.put(1, 'eve')
    using past = db.at(commit)
    expect(users.in(past).get(1)).toBe('ada')
    expect(users.at(commit).get(1)).toBe('ada')
    expect(db.sublevel('later').in(past).count()).toBe(0)
    expect(() => users.in({} as never)).toThrow(error('INVALID', /^in must/))
    await using other = await open(':memory:')
    expect(() => users.in(other.snapshot())).toThrow(error('INVALID', /snapshot of this store/))
  })
})

describe('history()', () => {
  it('lists values, deletions and range deletions, newest first', async () => {
    await using db = await open(fresh(), { history: { keep: 'forever' } })
    await db.put('k', 'a')
    await db.delete('k')
    await db.put('k', { b: 1 })
    await db.flush()
    await db.deleteRange({ prefix: 'k' })
    await db.put('other', 0)
    await db.put('k', 'c'.repeat(100_000)) // Lies apart.
    const values = () =>
      db.history('k').map((one) => [one.commit, one.deleted ? undefined : one.value])
    const all = values()
    expect(all.map(([, value]) => value)).toEqual([
      'c'.repeat(100_000),
      undefined,
      { b: 1 },
      undefined,
      'a',
    ])
    await db.compact()
    expect(values()).toEqual(all)
    expect(db.history('k', { limit: 2 })).toEqual(db.history('k').slice(0, 2))
    expect(db.history('never')).toEqual([])
    const [newest] = db.history('k')
    expect(Math.abs((newest?.time.getTime() ?? 0) - Date.now())).toBeLessThan(5000)
    expect(() => db.history('k', { limit: -1 })).toThrow(error('INVALID', /^limit must/))
    expect(() => db.history('k', { newest: true } as never)).toThrow(error('INVALID', /newest/))
  })

  it('ends with the value that was there at the horizon', async () => {
    await using db = await open(':memory:', { history: { keep: { commits: 1 } } })
    for (let n = 1; n <= 5; n++) await db.put('k', n)
    await db.compact()
    expect(db.history('k').map(({ commit }) => commit)).toEqual([5, 4])
  })

  it('is the newest value alone where nothing is kept', async () => {
    await using db = await open(':memory:')
    for (let n = 1; n <= 5; n++) await db.put('k', n)
    expect(db.history('k')).toMatchObject([{ commit: 5, value: 5 }])
  })
})

describe('the option history', () => {
  it('belongs to the store: it survives reopening, and what is dropped stays so', async () => {
    const path = fresh()
    const commits: number[] = []
    const write = async (settings: OpenSettings) => {
      await using db = await open(path, settings)
      commits.push((await db.put('k', commits.length)).commit)
      await db.compact()
    }
    await write({ history: { keep: 'forever' } })
    await write({})
    {
      await using db = await open(path)
      expect(commits.map((commit) => db.at(commit).get('k'))).toEqual([0, 1])
      await expect(open(path, { history: { keep: 'none' } })).rejects.toEqual(
        error('INVALID', /another `history`/),
      )
    }
    await write({ history: { keep: 'none' } })
    await write({ history: { keep: 'forever' } })
    await write({})
    await using db = await open(path)
    expect(() => db.at(commits[1] ?? 0)).toThrow(error('TRUNCATED', /oldest that can be read/))
    expect(commits.slice(2).map((commit) => db.at(commit).get('k'))).toEqual([2, 3, 4])
  })

  it('is refused by name where it makes no sense', async () => {
    const wrong = ['7', '7 years', 0, -1, null, { commits: -1 }, { commits: '7' }, { days: 7 }, {}]
    for (const keep of wrong) {
      await expect(open(':memory:', { history: { keep } as never })).rejects.toEqual(
        error('INVALID', /^history/),
      )
    }
    await expect(open(':memory:', { history: '7d' as never })).rejects.toEqual(
      error('INVALID', /history/),
    )
  })

  it.each(['7d', '12h', '1.5h', '90s', 5000])('takes the age %s', async (keep) => {
    await using db = await open(':memory:', { history: { keep } })
    await db.put('k', 1)
    await db.put('k', 2)
    await db.compact()
    expect(db.at(1).get('k')).toBe(1)
  })
})
