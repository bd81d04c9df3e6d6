// Feeds: whole commits in order, from any that is held, and on as they are made.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { type Commit, open, type OpenSettings } from '../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-watch-'))
let opened = 0
const fresh = () => join(root, `${++opened}`)
afterAll(() => rmSync(root, { recursive: true, force: true }))

const error = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string })

async function take<K, V>(feed: AsyncIterable<Commit<K, V>>, count: number) {
  const commits: Commit<K, V>[] = []
  if (count === 0) return commits
  for await (const commit of feed) {
    commits.push(commit)
    if (commits.length === count) break
  }
  return commits
}

function fold(state: Map<unknown, unknown>, { edits }: Commit): void {
  for (const edit of edits) {
    if (edit.type === 'put') state.set(edit.key, edit.value)
    else if (edit.type === 'delete') state.delete(edit.key)
    else for (const key of [...state.keys()]) if (edit.covers(key as string)) state.delete(key)
  }
}

const engines: readonly (readonly [string, OpenSettings])[] = [
  ['lsm', { engine: 'lsm' }],
  ['bitcask', { engine: 'bitcask' }],
  ['memory', { engine: 'memory' }],
]

const unlogged: readonly (readonly [string, () => string, OpenSettings])[] = [
  ['in memory alone', () => ':memory:', {}],
  ['with a path, without a log', fresh, { engine: 'memory', log: false, durability: 'memory' }],
]

describe.each(unlogged)('a feed of a store %s', (_, pathOf, settings) => {
  it('brings what is committed from then on, each commit once, to everybody who watches', async () => {
    await using db = await open<{ key: string; value: number }>(pathOf(), settings)
    await db.put('before', 0)
    const feeds = [db.watch(), db.watch({ prefix: 'k' }), db.watch({ from: db.commit })]
    const state = new Map<unknown, unknown>([['before', 0]])
    for (let n = 0; n < 500; n++) {
      void db.put(`k${n % 7}`, n)
      if (n % 5 === 4) void db.delete(`k${(n * 3) % 7}`)
      if (n % 100 === 50) void db.deleteRange({ gte: 'k2', lt: 'k5' })
      if (n % 120 === 119) await db.flush()
    }
    const commits = await Promise.all(feeds.map((feed) => take(feed, 605)))
    expect(commits[1]).toEqual(commits[0])
    expect(commits[2]).toEqual(commits[0])
    expect(commits[0]?.map(({ commit }) => commit)).toEqual(
      Array.from({ length: 605 }, (_none, i) => i + 2),
    )
    for (const commit of commits[0] ?? []) fold(state, commit)
    expect([...state].sort()).toEqual(db.range().toArray().sort())
    const later = take(db.watch(), 1)
    await db.put('later', 1)
    expect((await later)[0]?.edits).toEqual([{ type: 'put', key: 'later', value: 1 }])
  })

  it('is TRUNCATED where it falls behind more than a sixteenth of `memory`, or nobody followed', async () => {
    const value = 'x'.repeat(10_000)
    await using db = await open(pathOf(), { ...settings, memory: '8MB' })
    await db.put('k', value)
    expect(() => db.watch({ from: 0 })).toThrow(error('TRUNCATED', /after 0 .* from is 1$/))
    expect(() => db.watch({ from: 9 })).toThrow(error('INVALID', /beyond the newest commit/))
    const slow = db.watch()
    const quick = db.watch()
    for (let n = 0; n < 100; n++) {
      await db.put('k', `${n}${value}`)
      expect((await quick.next()).value).toMatchObject({ commit: n + 2 })
    }
    await expect(slow.next()).rejects.toEqual(error('TRUNCATED', /after 1 are not kept/))
    const again = db.watch({ from: db.commit - 10 })
    expect(await take(again, 10)).toHaveLength(10)
    await quick.return()
    expect(() => db.watch({ from: db.commit - 1 })).toThrow(error('TRUNCATED', /not kept/))
  })

  it('ends with the store, also where it begins to wait while that closes', async () => {
    const db = await open(pathOf(), settings)
    const ended = expect(db.watch().next()).rejects.toEqual(error('CLOSED', /closed/))
    await db.close()
    await ended
  })
})

describe.each(engines)('a feed with %s', (_, settings) => {
  it('folds from commit 0 to the state after every commit, also after reopening', async () => {
    const path = fresh()
    const options = { ...settings, feed: { keep: 'all' }, history: { keep: 'forever' } } as const
    const commits: number[] = []
    for (let round = 0; round < 3; round++) {
      await using db = await open(path, options)
      for (let n = 0; n < 30; n++) {
        await db.put(`k${n % 7}`, { n, round })
        if (n % 5 === 4) await db.delete(`k${(n * 3) % 7}`)
        if (n % 12 === 11) await db.deleteRange({ gte: 'k2', lt: 'k5' })
        if (n % 9 === 8) await db.flush()
      }
      if (round === 1) await db.compact()
    }
    await using db = await open(path, options)
    const state = new Map<unknown, unknown>()
    const feed = db.watch({ from: 0 })
    for await (const commit of feed) {
      commits.push(commit.commit)
      fold(state, commit)
      using past = db.at(commit.commit)
      expect([...state].sort()).toEqual(past.range().toArray())
      if (commit.commit === db.commit) break
    }
    expect(commits).toEqual([...new Set(commits)].sort((a, b) => a - b))
    expect([...state].sort()).toEqual(db.range().toArray())
    const middle = commits[40] ?? 0
    const [next] = await take(db.watch({ from: middle }), 1)
    expect(next?.commit).toBe(commits[41])
  })
})

describe('watch()', () => {
  it('brings commits as they are made, each whole, to everybody who watches', async () => {
    await using db = await open<{ key: string; value: number }>(fresh())
    const feeds = [db.watch(), db.watch({ durable: true })]
    const taken = feeds.map((feed) => take(feed, 3))
    await db.batch([
      { type: 'put', key: 'a', value: 1 },
      { type: 'delete', key: 'b' },
    ])
    await new Promise((resolve) => setTimeout(resolve, 20))
    await db.put('c', 2, { durability: 'memory', expiresAt: new Date(4e12) })
    await db.deleteRange({ gte: 'a', lt: 'b' })
    for (const commits of await Promise.all(taken)) {
      expect(commits.map(({ commit }) => commit)).toEqual([1, 2, 3])
      const [first, second, third] = commits.map(({ edits }) => edits)
      expect(first).toEqual([
        { type: 'put', key: 'a', value: 1 },
        { type: 'delete', key: 'b' },
      ])
      expect(second).toEqual([{ type: 'put', key: 'c', value: 2, expires: new Date(4e12) }])
      const range = third?.[0]
      expect(third).toHaveLength(1)
      if (range?.type !== 'deleteRange') return expect.fail('is no range')
      expect(['a', 'az', 'b', '9'].map((key) => range.covers(key))).toEqual([
        true,
        true,
        false,
        false,
      ])
      expect(Math.abs((commits[0]?.time.getTime() ?? 0) - Date.now())).toBeLessThan(5000)
    }
  })

  it('brings a range, a sublevel, every kind of key and value, and commits of many edits', async () => {
    await using db = await open(fresh(), { feed: { keep: 'all' } })
    const users = db.sublevel('users')
    const values = [
      'text',
      'ä',
      '漢字',
      7,
      null,
      { a: [1] },
      Uint8Array.of(1, 2),
      'x'.repeat(200_000),
    ]
    const keys = ['k', 'ä', '漢', 1, [1, 'a'], Uint8Array.of(9), true, new Date(5)]
    const entries = keys.map((key, i) => ({ type: 'put', key, value: values[i] }) as const)
    await users.batch(entries)
    await db.batch(
      Array.from({ length: 3000 }, (_, n) => ({ type: 'put', key: n, value: `v${n}` })),
    )
    await db.put('z', 1)
    const [own] = await take(users.watch({ from: 0 }), 1)
    expect(own?.edits).toHaveLength(keys.length)
    for (const { key, value } of entries) {
      expect(own?.edits).toContainEqual({ type: 'put', key, value })
    }
    const [many, last] = await take(db.watch({ from: 0 }), 2)
    expect(many?.edits).toHaveLength(3000)
    expect(many?.edits.at(-1)).toEqual({ type: 'put', key: 2999, value: 'v2999' })
    expect(last?.edits).toEqual([{ type: 'put', key: 'z', value: 1 }])
    const [some] = await take(db.watch({ from: 0, gte: 10, lt: 12 }), 1)
    expect(some?.edits.map((edit) => (edit.type === 'put' ? edit.value : ''))).toEqual([
      'v10',
      'v11',
    ])
  })

  it('goes on behind what was seen, without skipping or repeating', async () => {
    const path = fresh()
    await using db = await open(path, { feed: { keep: 'all' }, durability: 'os' })
    const seen: number[] = []
    const write = async (count: number) => {
      for (let n = 0; n < count; n++) await db.put('k', n)
    }
    const writing = write(500)
    let from = 0
    while (seen.length < 500) {
      for await (const { commit } of db.watch({ from })) {
        seen.push((from = commit))
        if (seen.length % 37 === 0 || seen.length === 500) break
      }
    }
    await writing
    expect(seen).toEqual(Array.from({ length: 500 }, (_, i) => i + 1))
  })

  it('keeps nobody waiting who writes, and reads the log when it comes back', async () => {
    await using db = await open(fresh(), { memory: '8MB', durability: 'memory' })
    const feed = db.watch()
    const value = 'x'.repeat(1000)
    const writes: Promise<unknown>[] = []
    for (let n = 0; n < 5000; n++) writes.push(db.put(n % 100, `${n}${value}`))
    await Promise.all(writes)
    await db.flush()
    const commits = await take(feed, 5000)
    expect(commits.map(({ commit }) => commit)).toEqual(
      Array.from({ length: 5000 }, (_, i) => i + 1),
    )
  })

  it('is TRUNCATED below what is kept, and refuses what makes no sense', async () => {
    const path = fresh()
    await using db = await open(path)
    for (let n = 0; n < 5; n++) {
      await db.put('k', n)
      await db.flush()
    }
    await expect(take(db.watch({ from: 0 }), 1)).rejects.toEqual(
      error('TRUNCATED', /after 0 are not kept any more; the oldest .* is 5/),
    )
    expect(() => db.watch({ from: Date.now() })).toThrow(
      error('INVALID', /beyond the newest commit/),
    )
    expect(() => db.watch({ from: -1 })).toThrow(error('INVALID', /^from must/))
    expect(() => db.watch({ limit: 1 } as never)).toThrow(
      error('INVALID', /unknown option 'limit'/),
    )
    expect(() => db.watch({ durable: 1 } as never)).toThrow(error('INVALID', /^durable must/))
    for (const keep of ['7 years', -1, null, {}]) {
      await expect(open(fresh(), { feed: { keep } as never })).rejects.toEqual(
        error('INVALID', /^feed.keep must/),
      )
    }
    await db.close()
    await using reading = await open(path, { readOnly: true })
    expect(() => reading.watch()).toThrow(error('INVALID', /nothing is written .* `readOnly`/))
  })

  it('ends with the loop, with the signal, and with the store', async () => {
    const db = await open(fresh())
    const abort = new AbortController()
    const aborted = take(db.watch({ signal: abort.signal }), 1)
    const closed = take(db.watch(), 1)
    const left = db.watch()
    await left.return()
    expect(await left.next()).toEqual({ done: true, value: undefined })
    abort.abort()
    await expect(aborted).rejects.toEqual(error('ABORTED', /^watch: aborted/))
    const ended = expect(closed).rejects.toEqual(error('CLOSED', /closed/))
    await db.close()
    await ended
    expect(() => db.watch()).toThrow(error('CLOSED', /closed/))
  })
})
