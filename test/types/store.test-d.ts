// test/types/store.test-d.ts — what the compiler infers of a store and what it refuses. Nothing here runs: the
// file is true when it compiles, and each @ts-expect-error is an error that must stay one.
import { expectTypeOf } from 'vitest'

import {
  type Batch,
  type Entry,
  type Key,
  type Level,
  open,
  openSync,
  type Range,
  type RecoveryReport,
  type Receipt,
  type Snapshot,
  type Stall,
  type Store,
  type Transaction,
  type UserEncoding,
  type VarveError,
} from '../../lib/index.ts'

interface User {
  readonly name: string
  readonly age: number
}
interface Users {
  readonly key: string
  readonly value: User
}

declare const ada: User
declare const users: Store<Users>
declare const any: Store

// ---- opening

expectTypeOf(open<Users>('x')).toEqualTypeOf<Promise<Store<Users>>>()
expectTypeOf(open<{ key: string; value: User }>('x')).resolves.toExtend<Store<Users>>()
expectTypeOf(openSync<Users>('x')).toEqualTypeOf<Store<Users>>()
expectTypeOf(open('x')).toEqualTypeOf<Promise<Store<Entry>>>()
expectTypeOf(openSync('x', { memory: '64MB' })).toEqualTypeOf<Store>()
expectTypeOf(any.get('k')).toEqualTypeOf<unknown>()
// @ts-expect-error a symbol is no key
void open<{ key: symbol; value: User }>('x')
// @ts-expect-error an object is no key
void open<{ key: { id: number }; value: User }>('x')
// @ts-expect-error the name of the option is durability
void open('x', { durabilty: 'os' })
// @ts-expect-error the same where an encoding is given
void open('x', { encoding: 'string', durabilty: 'os' })
// @ts-expect-error the class is 'disk'
void open('x', { durability: 'disc' })
// @ts-expect-error a store has a path
void open({ memory: '64MB' })

// ---- reading

expectTypeOf(users.get('ada')).toEqualTypeOf<User | undefined>()
expectTypeOf(users.getAsync('ada')).toEqualTypeOf<Promise<User | undefined>>()
expectTypeOf(users.getMany(['ada'])).toEqualTypeOf<(User | undefined)[]>()

// ---- fields

type Name = Pick<User, 'name'>
expectTypeOf(users.get('ada', { fields: ['name'] })).toEqualTypeOf<Name | undefined>()
expectTypeOf(users.getAsync('ada', { fields: ['name'] })).resolves.toEqualTypeOf<Name | undefined>()
expectTypeOf(users.getMany(['ada'], { fields: ['name'] })).toEqualTypeOf<(Name | undefined)[]>()
expectTypeOf(users.snapshot().get('ada', { fields: ['name'] })).toEqualTypeOf<Name | undefined>()
expectTypeOf(users.range({ prefix: 'a', fields: ['age'] })).toEqualTypeOf<
  Range<[string, Pick<User, 'age'>]>
>()
expectTypeOf(users.values({ fields: ['name', 'age'] })).toEqualTypeOf<
  Range<Pick<User, 'name' | 'age'>>
>()
expectTypeOf(any.get('k', { fields: ['a'] })).toEqualTypeOf<{ readonly a?: unknown } | undefined>()
declare const optional: Store<{ key: string; value: { a?: number; b: string } }>
expectTypeOf(optional.get('k', { fields: ['a'] })).toEqualTypeOf<{ a?: number } | undefined>()
// @ts-expect-error a user has no such field
users.get('ada', { fields: ['nmae'] })
// @ts-expect-error nor here
users.getMany(['ada'], { fields: ['name', 'nmae'] })
// @ts-expect-error nor in a range
users.values({ fields: ['nmae'] })
// @ts-expect-error keys have no fields
users.keys({ fields: ['name'] })
// @ts-expect-error what was not asked for is not there
users.get('ada', { fields: ['name'] })?.age
declare const texts: Store<{ key: string; value: string }>
// @ts-expect-error a string has no fields
texts.get('k', { fields: ['length'] })
declare const mixed: Store<{ key: string; value: User | string }>
// @ts-expect-error nor has what may be a string
mixed.get('k', { fields: ['name'] })
expectTypeOf(users.has('ada')).toEqualTypeOf<boolean>()
expectTypeOf(users.version('ada')).toEqualTypeOf<number | undefined>()
// @ts-expect-error keys are strings here
users.get(1)
// @ts-expect-error absence is undefined, so the answer is not yet a User
users.get('ada').name
// @ts-expect-error many keys are an array
users.getMany('ada')

// ---- writing

expectTypeOf(users.put('ada', ada)).toEqualTypeOf<Promise<Receipt>>()
expectTypeOf(users.putSync('ada', ada)).toEqualTypeOf<Receipt>()
expectTypeOf(users.delete('ada')).toEqualTypeOf<Promise<Receipt>>()
expectTypeOf(users.update('ada', (user) => user)).toEqualTypeOf<Promise<User | undefined>>()
void users.update('ada', (user) => {
  expectTypeOf(user).toEqualTypeOf<User | undefined>()
  return { name: 'Ada', age: (user?.age ?? 0) + 1 }
})
// @ts-expect-error a field is missing
void users.put('ada', { name: 'Ada' })
// @ts-expect-error a value of another type
void users.put('ada', 'Ada')
// @ts-expect-error the callback answers a value of another type
void users.update('ada', () => 1)
// @ts-expect-error options are an object
void users.put('ada', ada, 'disk')

// ---- batches

expectTypeOf(users.batch()).toEqualTypeOf<Batch<Users>>()
expectTypeOf(users.batch().put('ada', ada).delete('bob').write()).toEqualTypeOf<Promise<Receipt>>()
expectTypeOf(users.batch([{ type: 'put', key: 'a', value: ada }])).toEqualTypeOf<Promise<Receipt>>()
// @ts-expect-error a put has a value
void users.batch([{ type: 'put', key: 'a' }])
// @ts-expect-error of the type of the store
void users.batch([{ type: 'put', key: 'a', value: 1 }])
// @ts-expect-error the word is delete
void users.batch([{ type: 'del', key: 'a' }])

// ---- sublevels, with types of their own

expectTypeOf(users.sublevel<{ key: number; value: string[] }>('n').get(1)).toEqualTypeOf<
  string[] | undefined
>()
expectTypeOf(users.sublevel('s')).toEqualTypeOf<Level<Entry>>()
expectTypeOf(users.sublevel<Users>('s').sublevel<Users>('t')).toEqualTypeOf<Level<Users>>()
// @ts-expect-error the types of a sublevel are not those of its store
void users.sublevel<{ key: number; value: string[] }>('n').put('ada', ada)
// @ts-expect-error durability is an option of the store
users.sublevel('s', { durability: 'disk' })

// ---- encodings are types

declare const codec: UserEncoding<User>
expectTypeOf(open('x', { encoding: 'string' })).toEqualTypeOf<Promise<Store<Entry<string>>>>()
expectTypeOf(openSync('x', { encoding: 'bytes' }).get(1)).toEqualTypeOf<Uint8Array | undefined>()
expectTypeOf(openSync('x', { encoding: 'json' }).get(1)).toEqualTypeOf<unknown>()
expectTypeOf(openSync('x', { encoding: codec }).get(1)).toEqualTypeOf<User | undefined>()
expectTypeOf(
  openSync('x', { encoding: { encode: (n: number) => Uint8Array.of(n), decode: (b) => b.length } }),
).toEqualTypeOf<Store<Entry<number>>>()
expectTypeOf(users.sublevel('s', { encoding: 'string' })).toEqualTypeOf<Level<Entry<string>>>()
expectTypeOf(users.sublevel('s', { encoding: codec })).toEqualTypeOf<Level<Entry<User>>>()
void open<Users>('x', { encoding: 'json' })
void open<Users>('x', { encoding: codec })
void open<{ key: string; value: 'on' | 'off' }>('x', { encoding: 'string' })
void users.sublevel<{ key: string; value: Uint8Array }>('b', { encoding: 'bytes' })
// @ts-expect-error a User is no string
void open<Users>('x', { encoding: 'string' })
// @ts-expect-error a string is no Uint8Array
users.sublevel<{ key: string; value: string }>('b', { encoding: 'bytes' })
// @ts-expect-error there is no such encoding
void open('x', { encoding: 'utf8' })
// @ts-expect-error values of the codec are Users
void open<{ key: string; value: number }>('x', { encoding: codec })
// @ts-expect-error a string store holds strings
void openSync('x', { encoding: 'string' }).put('k', 1)

// ---- ranges

expectTypeOf(users.range()).toEqualTypeOf<Range<[string, User]>>()
expectTypeOf(users.keys({ gte: 'a' })).toEqualTypeOf<Range<string>>()
expectTypeOf(users.values({ reverse: true, limit: 1 })).toEqualTypeOf<Range<User>>()
expectTypeOf(users.count({ prefix: 'a' })).toEqualTypeOf<number>()
expectTypeOf(users.range().first()).toEqualTypeOf<[string, User] | undefined>()
expectTypeOf(users.keys().toArray()).toEqualTypeOf<string[]>()
expectTypeOf(any.keys().toArray()).toEqualTypeOf<Key[]>()
for (const [key, user] of users.range()) {
  expectTypeOf(key).toEqualTypeOf<string>()
  expectTypeOf(user).toEqualTypeOf<User>()
}
for await (const user of users.values()) expectTypeOf(user).toEqualTypeOf<User>()
// @ts-expect-error a bound is a key
users.range({ gte: 1 })
// @ts-expect-error a limit is a number
users.range({ limit: '10' })
// @ts-expect-error there is no such option
users.range({ start: 'a' })
// @ts-expect-error a string begins with a string
users.range({ prefix: ['a'] })

declare const pairs: Store<{ key: readonly [city: string, id: number]; value: null }>
pairs.keys({ prefix: [] })
pairs.keys({ prefix: ['Rome'] })
pairs.keys({ prefix: ['Rome', 1] })
pairs.keys({ gte: ['Rome', 1] })
expectTypeOf(pairs.keys().first()).toEqualTypeOf<readonly [city: string, id: number] | undefined>()
// @ts-expect-error the second element is a number
pairs.keys({ prefix: ['Rome', 'x'] })
// @ts-expect-error a pair begins with an array
pairs.keys({ prefix: 'Rome' })
// @ts-expect-error a bound is a whole key
pairs.keys({ gte: ['Rome'] })

any.range({ prefix: 'a' })
any.range({ prefix: ['a', 1] })
any.range({ prefix: Uint8Array.of(1) })
// @ts-expect-error nothing begins with a number
any.range({ prefix: 1 })

// ---- snapshots

expectTypeOf(users.snapshot()).toEqualTypeOf<Snapshot<Users>>()
expectTypeOf(users.snapshot().get('ada')).toEqualTypeOf<User | undefined>()
expectTypeOf(users.snapshot().keys()).toEqualTypeOf<Range<string>>()
// @ts-expect-error a snapshot cannot be written
users.snapshot().put('ada', ada)

// ---- events

any.on('stall', (event) => expectTypeOf(event).toEqualTypeOf<Stall>())
any.on('recovery', (event) => expectTypeOf(event).toEqualTypeOf<RecoveryReport>())
any.on('error', (event) => expectTypeOf(event).toEqualTypeOf<VarveError>())
expectTypeOf(any.on('stall', () => undefined)).toEqualTypeOf<() => void>()
expectTypeOf<Stall['reason']>().toEqualTypeOf<'flush' | 'compaction'>()
// @ts-expect-error there is no such event
any.on('stalled', () => undefined)
// @ts-expect-error a stall is no error
any.on('stall', (event: VarveError) => event)

// ---- reads by a promise

expectTypeOf(users.getAsync('ada')).toEqualTypeOf<Promise<User | undefined>>()
expectTypeOf(
  users.snapshot().getAsync('ada', { signal: new AbortController().signal }),
).toEqualTypeOf<Promise<User | undefined>>()

// ---- transactions

expectTypeOf(users.transaction((tx) => tx.get('ada'))).toEqualTypeOf<Promise<User | undefined>>()
expectTypeOf(users.transaction(async (tx) => tx.count())).toEqualTypeOf<Promise<number>>()
expectTypeOf(users.transactionSync((tx) => tx.update('ada', () => ada))).toEqualTypeOf<
  User | undefined
>()
void users.transaction((tx) => {
  expectTypeOf(tx).toEqualTypeOf<Transaction<Users>>()
  expectTypeOf(tx.put('ada', ada)).toEqualTypeOf<void>()
  expectTypeOf(tx.transaction((inner) => inner.attempt)).toEqualTypeOf<number>()
  expectTypeOf(any.sublevel<Users>('s').in(tx).get('ada')).toEqualTypeOf<User | undefined>()
  // @ts-expect-error: a key of another type
  tx.get(5)
  // @ts-expect-error: a value of another type
  tx.put('ada', 5)
  // @ts-expect-error: ends by its callback
  tx.commit()
})
void users.transaction(
  (tx) => {
    expectTypeOf(tx).toEqualTypeOf<Snapshot<Users>>()
    // @ts-expect-error: reads alone
    tx.put('ada', ada)
  },
  { readOnly: true },
)
// @ts-expect-error: no such isolation
void users.transaction(() => 1, { isolation: 'none' })
expectTypeOf(users.begin().commit()).toEqualTypeOf<Promise<Receipt>>()
expectTypeOf(users.putIfAbsent('ada', ada)).toEqualTypeOf<Promise<boolean>>()
expectTypeOf(any.increment('n')).toEqualTypeOf<Promise<number>>()
expectTypeOf(any.increment('n', 2n)).toEqualTypeOf<Promise<bigint>>()
expectTypeOf(any.incrementSync('n', 2n)).toEqualTypeOf<bigint>()
// @ts-expect-error a text is no number
void any.increment('n', '2')
// @ts-expect-error: a value of another type
void users.compareAndSwap('ada', undefined, 5)
