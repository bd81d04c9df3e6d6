// What snapshots of the past, versions and feeds are typed as.
import { expectTypeOf } from 'vitest'

import type {
  Commit,
  CommitEdit,
  KeyVersion,
  Level,
  Snapshot,
  Store,
  Transaction,
} from '../../lib/index.ts'

interface User {
  readonly name: string
}
declare const db: Store<{ key: string; value: User }>
declare const users: Level<{ key: number; value: User }>

expectTypeOf(db.at(1)).toEqualTypeOf<Snapshot<{ key: string; value: User }>>()
expectTypeOf(users.in(db.at(new Date()))).toEqualTypeOf<Snapshot<{ key: number; value: User }>>()
expectTypeOf(users.in(db.snapshot('1@2')).get(1)).toEqualTypeOf<User | undefined>()
expectTypeOf(db.history('k')).toEqualTypeOf<KeyVersion<User>[]>()
for (const version of db.history('k')) {
  if (version.deleted) continue
  expectTypeOf(version.value).toEqualTypeOf<User>()
}
expectTypeOf(db.ttl('k')).toEqualTypeOf<number | undefined>()
expectTypeOf(db.persist('k')).toEqualTypeOf<Promise<boolean>>()
declare const tx: Transaction<{ key: string; value: User }>
expectTypeOf(tx.ttl('k')).toEqualTypeOf<number | undefined>()
expectTypeOf(tx.persist('k')).toEqualTypeOf<boolean>()
expectTypeOf(db.at(1).ttl('k')).toEqualTypeOf<number | undefined>()
tx.put('k', { name: 'ada' }, { ttl: '1h' })
tx.batch([{ type: 'put', key: 'k', value: { name: 'ada' }, expiresAt: new Date() }])
void db.put('k', { name: 'ada' }, { ttl: '1h', durability: 'os' })
void db.batch([{ type: 'put', key: 'k', value: { name: 'ada' }, expiresAt: new Date() }])

for await (const commit of users.watch({ gte: 1, from: 0, durable: true })) {
  expectTypeOf(commit).toEqualTypeOf<Commit<number, User>>()
  for (const edit of commit.edits) {
    expectTypeOf(edit).toEqualTypeOf<CommitEdit<number, User>>()
    if (edit.type === 'put') expectTypeOf(edit.value).toEqualTypeOf<User>()
  }
}

// @ts-expect-error A commit is a number or a Date.
db.at('yesterday')
// @ts-expect-error A view of the past can't be written.
void db.at(1).put('k', { name: 'ada' })
// @ts-expect-error Keys of this keyspace are strings.
db.watch({ prefix: 7 })
// @ts-expect-error A transaction has one durability, its own.
tx.put('k', { name: 'ada' }, { durability: 'os' })
// @ts-expect-error An expiry belongs to a put.
void db.delete('k', { ttl: 1 })
