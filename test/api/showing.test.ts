// What console.log and JSON.stringify make of our objects: what they are known by, and nothing of their insides.
import { inspect } from 'node:util'

import { expect, it } from 'vitest'

import {
  BitString,
  Bitmap,
  collection,
  GeoIndex,
  open,
  openSync,
  t,
  TextIndex,
} from '../../lib/index.ts'

const Users = collection('users', {
  key: 'id',
  schema: { id: t.uuid().generated(), name: t.string(), boss: t.uuid().nullable().optional() },
  indexes: { name: 'unique' },
})

it('shows stores, keyspaces and views by what a user knows of them', async () => {
  const db = openSync(':memory:')
  await db.put('a', 1)
  expect(inspect(db)).toBe("Store { path: ':memory:', commit: 1, isOpen: true }")
  const snapshot = db.snapshot()
  expect(inspect(snapshot)).toMatch(/^Snapshot \{ commit: 1, time: .*Z, isOpen: true \}$/)
  expect(inspect(db.sublevel('a').sublevel('b'))).toBe("Level { sublevel: 'a / b' }")
  const tx = db.begin()
  expect(inspect(tx)).toBe('Transaction { attempt: 1, isOpen: true }')
  tx.rollback()
  expect(inspect(tx)).toBe('Transaction { attempt: 1, isOpen: false }')
  const locking = db.begin({ mode: 'pessimistic' })
  expect(inspect(locking)).toBe('LockingTransaction { attempt: 1, isOpen: true }')
  await locking.rollback()
  await db.close()
  expect(inspect(db)).toBe("Store { path: ':memory:', isOpen: false }")
  expect(inspect([[[db]]])).toBe('[ [ [ [Store] ] ] ]')
})

it('shows collections and queries', async () => {
  await using db = await open(':memory:')
  const users = db.collection(Users)
  expect(inspect(Users)).toContain("Collection {\n  name: 'users',\n  key: 'id',")
  expect(inspect(users)).toBe("Documents { collection: 'users' }")
  expect(inspect(users.in(db.snapshot()))).toBe("Documents { collection: 'users' }")
  const query = users.find({ where: { name: 'Ada' }, limit: 3 })
  expect(inspect(query)).toBe("Query { collection: 'users', where: { name: 'Ada' }, limit: 3 }")
  await db.transaction(
    (tx) => {
      expect(inspect(users.in(tx))).toBe("DocumentsLocking { collection: 'users' }")
      expect(inspect(users.in(tx).find())).toBe("LockingQuery { collection: 'users' }")
    },
    { mode: 'pessimistic' },
  )
})

it('writes a query as JSON as what it answers', async () => {
  await using db = await open(':memory:')
  const users = db.collection(Users)
  const ada = await users.insert({ name: 'Ada' })
  expect(JSON.stringify({ users: users.find() })).toBe(JSON.stringify({ users: [ada] }))
})

it('shows kernels', () => {
  expect(inspect(new Bitmap([3, 1, 2]))).toBe('Bitmap { size: 3, first: [ 1, 2, 3 ] }')
  expect(inspect(new Bitmap(Array.from({ length: 50 }, (_, i) => i)))).toContain('size: 50')
  expect(inspect(new GeoIndex())).toBe("GeoIndex { holds: 'points', size: 0 }")
  expect(inspect(new TextIndex())).toBe('TextIndex { size: 0 }')
  expect(inspect(new BitString(new Uint8Array(4)))).toBe('BitString { length: 4 }')
})

it('names documents in errors by the uuids that their users know', async () => {
  await using db = await open(':memory:')
  const users = db.collection(Users)
  const ada = await users.insert({ name: 'Ada' })
  await expect(users.insert({ name: 'Ada' })).rejects.toThrow(`"Ada" is that of ${ada.id}`)
  await expect(users.insert(ada)).rejects.toThrow(`users: ${ada.id} is there already`)
  const other = '01a205d1-4fd5-717a-90f5-cea0574eb32e'
  await expect(users.update(other, { name: 'x' })).rejects.toThrow(other)
})

it('names keys of every type in errors', async () => {
  await using db = await open(':memory:')
  const keys = [5n, new Date(0), new Uint8Array([1, 255]), ['a', 1]]
  const shown = ['5n', 'date 0', 'bytes 01ff', '["a", 1]']
  const Any = collection('any', { key: 'key', schema: { key: t.key() } })
  const any = db.collection(Any)
  for (const [i, key] of keys.entries()) {
    const missing = `any: ${shown[i]} is not there`
    await expect(any.update(key, (document) => document)).rejects.toThrow(missing)
    await expect(any.update(key, {})).rejects.toThrow(missing)
    await any.insert({ key })
    await expect(any.insert({ key })).rejects.toThrow(`any: ${shown[i]} is there already`)
  }
})

it('says of a function that answers a part of its document what it must answer', async () => {
  await using db = await open(':memory:')
  const users = db.collection(Users)
  const ada = await users.insert({ name: 'Ada' })
  const partial = (() => ({ name: 'Eve' })) as never
  await expect(users.update(ada.id, partial)).rejects.toThrow(
    "the function must answer the whole document, and 'id' is missing",
  )
  expect(users.get(ada.id)).toEqual(ada)
})

it('shows in errors which Date it was given', async () => {
  await using db = await open(':memory:')
  const at = (when: unknown) => () => db.at(when as never)
  expect(at(new Date(NaN))).toThrow('not an invalid Date')
  expect(() => db.sublevel(new Date(0) as never)).toThrow('not the Date 1970-01-01T00:00:00.000Z')
  expect(at({ getTime: () => 0 })).toThrow('not an object')
})
