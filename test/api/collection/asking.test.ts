// Indexes of rows asked within a transaction: with its own writes over them, as often as it likes, and without giving way to who packs them;
// but two that each ask, and write what the other has asked for, are not both committed.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { collection, open, t } from '../../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-asking-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const Things = collection('things', {
  key: 'id',
  schema: {
    id: t.int32(),
    status: t.enum(['new', 'open', 'done']),
    body: t.string(),
    at: t.point(),
  },
  indexes: {
    status: 'bitmap',
    words: { on: 'body', kind: 'text' },
    at: 'geo',
  },
})
const STATUS = ['new', 'open', 'done'] as const
const thing = (id: number) => ({
  id,
  status: STATUS[id % 3] ?? 'new',
  body: id % 5 === 0 ? 'a fox and a dog' : `thing ${id}`,
  at: { lat: id % 50, lng: 10 },
})
const COUNT = 300
const all = Array.from({ length: COUNT }, (_, id) => thing(id))
const ids = (found: readonly { readonly id: number }[]): number[] =>
  found.map(({ id }) => id).sort((a, b) => a - b)
const idsOf = (isOne: (id: number) => boolean): number[] =>
  all.map(({ id }) => id).filter((id) => isOne(id))

let stores = 0
const FOLDED_MS = 2500 // A fold begins a second after a commit.

describe.each(['lsm', 'btree', 'bitcask', 'memory'] as const)('with engine %s', (engine) => {
  const filled = async () => {
    const db = await open(join(root, `${engine}-${++stores}`), { engine, durability: 'memory' })
    const things = db.collection(Things)
    await things.insertMany(all)
    return { db, things }
  }

  it('a transaction that asks is committed although its indexes were packed meanwhile', async () => {
    const { db, things } = await filled()
    const tx = db.begin()
    const within = things.in(tx)
    const open = () => ids(within.find({ where: { status: 'open' } }).all())
    const foxes = () => within.find({ where: { body: { match: 'fox' } } }).all()
    const near = () =>
      ids(within.find({ where: { at: { near: { lat: 7, lng: 10 }, within: '1km' } } }).all())
    const isOpen = idsOf((id) => id % 3 === 1)
    const isNear = idsOf((id) => id % 50 === 7)
    expect([open(), near()]).toEqual([isOpen, isNear])
    expect(foxes().length).toBe(COUNT / 5)
    within.insert({ id: 1000, status: 'open', body: 'a fox', at: { lat: 7, lng: 10 } })
    const check = (): void => {
      expect([open(), near()]).toEqual([
        [...isOpen, 1000],
        [...isNear, 1000],
      ])
      expect(foxes().length).toBe(COUNT / 5 + 1)
    }
    check()
    await new Promise((resolve) => setTimeout(resolve, FOLDED_MS))
    check()
    expect(things.find({ where: { status: 'open' } }).count()).toBe(isOpen.length)
    check()
    await tx.commit()
    expect(ids(things.find({ where: { status: 'open' } }).all())).toEqual([...isOpen, 1000])
    await db.close()
  }, 30_000)

  it('what is taken back to a savepoint is not found any more', async () => {
    const { db, things } = await filled()
    await db.transaction((tx) => {
      const within = things.in(tx)
      const done = () => within.find({ where: { status: 'done' } }).count()
      const foxes = () => within.find({ where: { body: { match: 'fox' } } }).count()
      within.insert({ ...thing(1001), status: 'done' })
      expect(done()).toBe(101)
      expect(() =>
        tx.transaction(() => {
          within.insert({ ...thing(1002), status: 'done', body: 'fox' })
          within.delete(0)
          expect([done(), foxes()]).toEqual([102, 60])
          throw new Error('no')
        }),
      ).toThrow('no')
      expect([done(), foxes()]).toEqual([101, 60])
      within.insert({ ...thing(1003), status: 'done' })
      expect([done(), foxes()]).toEqual([102, 60])
    })
    expect(things.find({ where: { status: 'done' } }).count()).toBe(102)
    await db.close()
  })

  const asked = [
    ['a value', { status: 'open' }, { status: 'open' }],
    ['every other value', { status: { ne: 'new' } }, { status: 'open' }],
    ['words', { body: { match: 'fox' } }, { body: 'fox' }],
    ['nearness', { at: { near: { lat: 7, lng: 10 }, within: '1km' } }, { at: { lat: 7, lng: 10 } }],
  ] as const
  it.each(asked)(
    'of two that ask for %s and add to it, one is refused',
    async (_, where, change) => {
      const { db, things } = await filled()
      const one = db.begin()
      const other = db.begin()
      for (const [tx, id] of [
        [one, 2001],
        [other, 2002],
      ] as const) {
        const within = things.in(tx)
        const before = within.find({ where }).count()
        within.insert({ id, status: 'new', body: 'b', at: { lat: 60, lng: 60 }, ...change })
        expect(within.find({ where }).count()).toBe(before + 1)
      }
      await one.commit()
      await expect(other.commit()).rejects.toMatchObject({ code: 'CONFLICT' })
      await db.close()
    },
  )

  it('two that ask for different values, and add to their own, are both committed', async () => {
    const { db, things } = await filled()
    const one = db.begin()
    const other = db.begin()
    for (const [tx, id, status] of [
      [one, 2001, 'open'],
      [other, 2002, 'done'],
    ] as const) {
      expect(things.in(tx).find({ where: { status } }).count()).toBe(100)
      things.in(tx).insert({ ...thing(id), status })
    }
    await one.commit()
    await other.commit()
    expect(things.count({ where: { status: 'done' } })).toBe(101)
    await db.close()
  })
})
