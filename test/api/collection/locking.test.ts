// Collections in transactions that lock: who waits for whom by a document, by an entry of an index, and by what a query has walked.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'

import { afterAll, describe, expect, it } from 'vitest'

import {
  collection,
  type DocumentsLocking,
  open,
  type Pessimistic,
  type Store,
  t,
} from '../../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-locking-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const Teams = collection('teams', { key: 'id', schema: { id: t.int32(), name: t.string() } })
const Users = collection('users', {
  key: 'id',
  schema: {
    id: t.int32(),
    name: t.string(),
    age: t.int32().default(0),
    status: t.enum(['new', 'open', 'done']).default('new'),
    bio: t.string().default(''),
    at: t.point().optional(),
    team: t.int32().references(Teams, { onDelete: 'restrict' }).optional(),
  },
  indexes: {
    age: 'ordered',
    name: 'unique',
    status: 'bitmap',
    bio: 'text',
    at: 'geo',
  },
})

const mode: Pessimistic = { mode: 'pessimistic' }
const soon = { ...mode, lockTimeout: 60 } as const
const code = (name: string) => expect.objectContaining({ code: name })
interface Stats {
  readonly openCount: number
  readonly lockCount: number
  readonly waitingCount: number
}
const stats = (db: Store) => db.stats()['transactions'] as Stats

async function filled(): Promise<Store> {
  const db = await open(':memory:')
  await db.collection(Teams).insertMany([
    { id: 1, name: 'red' },
    { id: 2, name: 'blue' },
  ])
  await db.collection(Users).insertMany(
    Array.from({ length: 40 }, (_, id) => ({
      id,
      name: `u${id}`,
      age: id,
      status: (['new', 'open', 'done'] as const)[id % 3] ?? 'new',
      bio: id % 4 === 0 ? 'fox' : 'dog',
      at: { lat: id, lng: 0 },
    })),
  )
  return db
}

describe('a collection in a transaction that locks', () => {
  it('has the calls of a transaction, and shows its own writes to nobody before the commit', async () => {
    await using db = await filled()
    const users = db.collection(Users)
    const answer = await db.transaction(async (tx) => {
      const within = users.in(tx)
      expect(within.name).toBe('users')
      expect(await within.insert({ id: 100, name: 'new', age: 7 })).toMatchObject({ status: 'new' })
      expect(await within.insertMany([{ id: 101, name: 'n101' }])).toBe(1)
      expect(await within.put({ id: 3, name: 'three', status: 'open' })).toMatchObject({ age: 0 })
      expect(
        await within.update(4, ({ age, ...rest }) => ({ ...rest, age: age + 1 })),
      ).toMatchObject({ age: 5 })
      expect(await within.upsert({ id: 5, name: 'five' })).toMatchObject({ id: 5, name: 'five' })
      expect([await within.delete(6), await within.delete(6)]).toEqual([true, false])
      expect(await within.updateWhere({ where: { age: { gte: 38 } } }, { bio: 'cat' })).toBe(2)
      expect(await within.deleteWhere({ where: { status: 'done', age: { lt: 9 } } })).toBe(3)
      expect([await within.has(6), await within.has(100)]).toEqual([false, true])
      expect((await within.getMany([6, 100])).map((one) => one?.name)).toEqual([undefined, 'new'])
      expect((await within.getForUpdate(100))?.age).toBe(7)
      expect(await within.count({ where: { status: 'open' } })).toBe(14)
      expect(await within.exists({ where: { bio: { match: 'cat' } } })).toBe(true)
      expect((await within.findOne({ where: { name: 'three' } }))?.id).toBe(3)
      expect(await within.aggregate({ values: { most: { max: 'age' } } })).toEqual({ most: 39 })
      const found = within.find({ where: { age: { between: [4, 7] } }, orderBy: ['age', 'id'] })
      expect((await found.all()).map(({ id }) => id)).toEqual([4, 7, 100])
      expect((await found.first())?.id).toBe(4)
      expect((await found.page({ size: 2 })).items.length).toBe(2)
      expect(await found.count()).toBe(3)
      expect(found.explain()).toMatchObject({ index: 'age' })
      expect(users.has(100)).toBe(false)
      return (await within.get(100))?.name
    }, mode)
    expect(answer).toBe('new')
    expect([users.has(100), users.has(6), users.get(39)?.bio]).toEqual([true, false, 'cat'])
    expect(stats(db)).toMatchObject({ openCount: 0, lockCount: 0, waitingCount: 0 })
  })

  it('joins, scores and sums up what it has written itself', async () => {
    await using db = await filled()
    const users = db.collection(Users)
    await db.transaction(async (tx) => {
      const within = users.in(tx)
      await within.update(1, { team: 2, bio: 'owl' })
      const rows = within.join({ team: { where: { name: 'blue' } } })
      expect(await rows.all()).toMatchObject([{ users: { id: 1 }, team: { name: 'blue' } }])
      expect([await rows.count(), (await rows.first())?.users.bio]).toEqual([1, 'owl'])
      expect(rows.explain().steps.length).toBe(2)
      const hits = within.search({ where: { bio: { match: 'owl' } }, score: { text: 1 } })
      expect((await hits.all()).map(({ document }) => document.id)).toEqual([1])
      expect(hits.explain()?.indexes).toEqual(['bio'])
      const values = { n: { count: true }, sum: { sum: 'age' } } as const
      const figures = within.aggregateAsync({ values })
      const later = within.get(1)
      expect([await figures, (await later)?.bio]).toEqual([{ n: 40, sum: 780 }, 'owl'])
      const gone = AbortSignal.abort()
      await expect(within.aggregateAsync({ values }, { signal: gone })).rejects.toEqual(
        code('ABORTED'),
      )
      expect(await within.count()).toBe(40)
    }, mode)
    expect(users.get(1)?.team).toBe(2)
    expect(stats(db)).toMatchObject({ openCount: 0, lockCount: 0, waitingCount: 0 })
  })

  it('that ends while figures are being made is CLOSED for these', async () => {
    await using db = await filled()
    const tx = db.begin(mode)
    const figures = db.collection(Users).in(tx).aggregateAsync({ values: { n: { count: true } } })
    const refused = expect(figures).rejects.toEqual(code('CLOSED'))
    await Promise.resolve()
    tx.rollback()
    await refused
    expect(stats(db)).toMatchObject({ openCount: 0, lockCount: 0, waitingCount: 0 })
  })

  it('counts up one document among many, and nobody runs again', async () => {
    await using db = await filled()
    const users = db.collection(Users)
    let tries = 0
    const countUp = () =>
      db.transaction(async (tx) => {
        tries++
        await users.in(tx).update(1, ({ age, ...rest }) => ({ ...rest, age: age + 1 }))
        await turn()
      }, mode)
    await Promise.all(Array.from({ length: 100 }, countUp))
    expect([users.get(1)?.age, tries]).toEqual([101, 100])
    expect(users.find({ where: { age: 101 } }).all().length).toBe(1)
  })

  type Locked = DocumentsLocking<typeof Users>
  type Call = (users: Locked) => Promise<unknown>
  const near = { at: { near: { lat: 5, lng: 0 }, within: '10km' } } as const
  const waits: readonly [string, Call, Call, Call][] = [
    [
      'a document',
      (users) => users.get(7),
      (users) => users.update(7, { age: 70 }),
      (users) => users.update(8, { age: 80 }),
    ],
    [
      'a range of an ordered index',
      (users) => users.find({ where: { age: { between: [10, 12] } } }).all(),
      (users) => users.insert({ id: 200, name: 'x', age: 11 }),
      (users) => users.insert({ id: 250, name: 'y', age: 13 }),
    ],
    [
      'a value of a bitmap index',
      (users) => users.count({ where: { status: 'open' } }),
      (users) => users.update(0, { status: 'open' }),
      (users) => users.update(0, { status: 'done' }),
    ],
    [
      'words',
      (users) => users.find({ where: { bio: { match: 'fox' } } }).all(),
      (users) => users.insert({ id: 200, name: 'x', bio: 'fox' }),
      (users) => users.update(1, { age: 90 }),
    ],
    [
      'nearness',
      (users) => users.find({ where: near }).all(),
      (users) => users.update(9, { at: { lat: 5, lng: 0 } }),
      (users) => users.update(9, { age: 90 }),
    ],
    [
      'all documents',
      (users) => users.find().all(),
      (users) => users.delete(30),
      (users) => users.has(31),
    ],
    [
      'the sides of a join',
      (users) => users.join({ team: { kind: 'left' } }, { where: { age: { lt: 10 } } }).all(),
      (users) => users.update(20, { age: 3 }),
      (users) => users.update(20, { age: 30 }),
    ],
    [
      'what is worth the most',
      (users) => users.search({ where: { bio: { match: 'fox' } }, score: { text: 1 } }).all(),
      (users) => users.insert({ id: 200, name: 'x', bio: 'fox' }),
      (users) => users.update(1, { age: 90 }),
    ],
    [
      'figures in slices',
      (users) =>
        users.aggregateAsync({ where: { age: { lt: 10 } }, values: { n: { count: true } } }),
      (users) => users.insert({ id: 200, name: 'x', age: 5 }),
      (users) => users.insert({ id: 250, name: 'y', age: 50 }),
    ],
    [
      'a unique value',
      (users) => users.insert({ id: 200, name: 'same' }),
      (users) => users.insert({ id: 201, name: 'same' }),
      (users) => users.insert({ id: 250, name: 'other' }),
    ],
  ]

  it.each(waits)(
    'that has looked for %s lets others wait who write there, and nobody else',
    async (_, look, write, pass) => {
      await using db = await filled()
      const users = db.collection(Users)
      await using first = db.begin(mode)
      await look(users.in(first))
      await db.transaction(async (tx) => pass(users.in(tx)), soon)
      let isOver = false
      const writing = db
        .transaction(async (tx) => write(users.in(tx)), mode)
        .finally(() => (isOver = true))
      writing.catch(() => undefined)
      for (let i = 0; i < 10; i++) await turn()
      expect([isOver, stats(db).waitingCount]).toEqual([false, 1])
      await first.commit()
      await writing.catch((error: unknown) => expect(error).toEqual(code('EXISTS')))
      expect(isOver).toBe(true)
      expect(stats(db)).toMatchObject({ openCount: 0, lockCount: 0, waitingCount: 0 })
    },
  )

  it('reads what others have written while it waited, not what it saw before', async () => {
    await using db = await filled()
    const users = db.collection(Users)
    await using first = db.begin(mode)
    await users.in(first).insert({ id: 300, name: 'late', age: 11 })
    const second = db.transaction(
      async (tx) =>
        users
          .in(tx)
          .find({ where: { age: 11 } })
          .all(),
      mode,
    )
    await turn()
    expect(stats(db).waitingCount).toBe(1)
    await first.commit()
    expect((await second).map(({ id }) => id)).toEqual([11, 300])
  })

  it('that waits too long is TIMEOUT, has changed nothing, and may go on', async () => {
    await using db = await filled()
    const users = db.collection(Users)
    await using first = db.begin(mode)
    await users.in(first).getForUpdate(1)
    await using second = db.begin(soon)
    const within = users.in(second)
    await expect(within.update(1, { age: 99 })).rejects.toEqual(code('TIMEOUT'))
    await expect(within.get(1)).rejects.toEqual(code('TIMEOUT'))
    await within.update(2, { age: 99 })
    first.rollback()
    expect((await within.get(1))?.age).toBe(1)
    await second.commit()
    expect([users.get(1)?.age, users.get(2)?.age]).toEqual([1, 99])
  })

  it('that waits for one that waits for it is DEADLOCK or goes on, and both come through', async () => {
    await using db = await filled()
    const users = db.collection(Users)
    let tries = 0
    const both = (first: number, second: number) =>
      db.transaction(async (tx) => {
        tries++
        const within = users.in(tx)
        await within.update(first, ({ age, ...rest }) => ({ ...rest, age: age + 100 }))
        await turn()
        await within.update(second, ({ age, ...rest }) => ({ ...rest, age: age + 100 }))
      }, mode)
    await Promise.all([both(1, 2), both(2, 1)])
    expect([users.get(1)?.age, users.get(2)?.age, tries]).toEqual([201, 202, 3])

    await using older = db.begin(mode)
    await using younger = db.begin(mode)
    await users.in(older).count({ where: { age: { lt: 10 } } })
    await users.in(younger).count({ where: { age: { lt: 10 } } })
    const writing = users.in(older).insert({ id: 400, name: 'a', age: 5 })
    const lost = users.in(younger).insert({ id: 401, name: 'b', age: 5 })
    await expect(lost).rejects.toEqual(code('DEADLOCK'))
    expect(() => users.in(younger)).toThrow(code('CLOSED'))
    await writing
    await older.commit()
    expect([users.has(400), users.has(401)]).toEqual([true, false])
  })

  it('is CONFLICT where one that takes no lock has written what it has read', async () => {
    await using db = await filled()
    const users = db.collection(Users)
    await using tx = db.begin(mode)
    expect(await users.in(tx).count({ where: { age: { lt: 10 } } })).toBe(10)
    await users.insert({ id: 500, name: 'plain', age: 3 })
    await expect(tx.commit()).rejects.toEqual(code('CONFLICT'))
  })

  it('takes back what a savepoint wrote, and what was refused', async () => {
    await using db = await filled()
    const users = db.collection(Users)
    await db.transaction(async (tx) => {
      const within = users.in(tx)
      await expect(within.insert({ id: 1, name: 'z' })).rejects.toEqual(code('EXISTS'))
      await expect(within.insert({ id: 600, name: 'u1' })).rejects.toEqual(code('EXISTS'))
      await expect(within.update(700, { age: 1 })).rejects.toEqual(code('NOT_FOUND'))
      const many = [
        { id: 601, name: 'a' },
        { id: 602, name: 'u2' },
      ]
      await expect(within.insertMany(many)).rejects.toThrow(/documents\[1\]/)
      expect(await within.has(601)).toBe(false)
      const saved = tx.transaction(async () => {
        await within.insert({ id: 603, name: 'b', status: 'open' })
        expect(await within.count({ where: { status: 'open' } })).toBe(14)
        throw new Error('no')
      })
      await expect(saved).rejects.toThrow('no')
      expect(await within.count({ where: { status: 'open' } })).toBe(13)
    }, mode)
    expect(users.count()).toBe(40)
  })

  it('waits for the document that a reference names, and holds it', async () => {
    await using db = await filled()
    const [users, teams] = [db.collection(Users), db.collection(Teams)]
    await using first = db.begin(mode)
    await users.in(first).update(1, { team: 2 })
    const dropping = db.transaction(async (tx) => teams.in(tx).delete(2), mode)
    dropping.catch(() => undefined)
    await turn()
    expect(stats(db).waitingCount).toBe(1)
    await first.commit()
    await expect(dropping).rejects.toEqual(code('EXISTS'))
  })
})

describe.each(['lsm', 'btree', 'bitcask', 'memory'] as const)('with engine %s', (engine) => {
  it('what many do at once is as if they had taken turns', async () => {
    await using db = await open(join(root, engine), { engine, durability: 'memory' })
    const users = db.collection(Users)
    const SUM = 1000
    await users.insertMany(
      Array.from({ length: 10 }, (_, id) => ({ id, name: `u${id}`, age: SUM / 10 })),
    )
    const sum = { total: { sum: 'age' } } as const
    const move = (n: number) =>
      db.transaction(
        async (tx) => {
          const within = users.in(tx)
          if (n % 5 === 0) {
            expect(await within.aggregate({ values: sum })).toEqual({ total: SUM })
            return
          }
          const [from, to] = [n % 10, (n * 7 + 1) % 10]
          const rich =
            (await within.find({ where: { age: { gt: 0 }, id: from } }).first()) !== undefined
          if (!rich || from === to) return
          await within.update(from, (user) => ({ ...user, age: user.age - 1 }))
          await turn()
          await within.update(to, (user) => ({ ...user, age: user.age + 1 }))
        },
        { ...mode, retries: 1000 },
      )
    await Promise.all(Array.from({ length: 120 }, (_, n) => move(n)))
    expect(users.aggregate({ values: sum })).toEqual({ total: SUM })
    expect(stats(db)).toMatchObject({ openCount: 0, lockCount: 0, waitingCount: 0 })
  })
})
