// test/types/collection.test-d.ts — what the compiler infers of collections and what it refuses. Nothing here runs: the file is true when it compiles, and
// each @ts-expect-error is an error that must stay one.
import { expectTypeOf } from 'vitest'

import {
  type Box,
  type BuildProgress,
  collection,
  type Documents,
  type DocumentsLocking,
  type FindOptions,
  type Found,
  type Hit,
  type IndexName,
  type Infer,
  type InferInsert,
  type InferKey,
  type JoinQuery,
  type Key,
  type OrderBy,
  type Point,
  type SearchQuery,
  type StandardSchema,
  type Store,
  t,
  type Where,
} from '../../lib/index.ts'

const Users = collection('users', {
  key: 'id',
  schema: {
    id: t.uuid().generated(),
    name: t.string({ min: 1, max: 80 }),
    nick: t.string().optional(),
    age: t.int32({ min: 0, max: 150 }),
    role: t.enum(['admin', 'guest']).default('guest'),
    city: t.string().nullable(),
    at: t.point(),
    tags: t.array(t.string()),
    address: t.object({ street: t.string(), zip: t.string().optional() }),
    born: t.date(),
    balance: t.int64(),
    photo: t.bytes().optional(),
    settings: t.json<{ theme: string }>(),
    lower: t.string().computed((user: { name: string }) => user.name.toLowerCase()),
  },
  indexes: {
    age: 'ordered',
    name: 'text',
    at: 'geo',
    role: 'bitmap',
    byCity: { on: ['city', 'age'], unique: true },
    byZip: { on: 'address.zip', where: { age: { gte: 18 } } },
    byInitial: { on: (user) => user.name.slice(0, 1) },
  },
})
type User = Infer<typeof Users>

// ---- documents

expectTypeOf<User>().toEqualTypeOf<{
  id: string
  name: string
  nick?: string
  age: number
  role: 'admin' | 'guest'
  city: string | null
  at: Point
  tags: string[]
  address: { street: string; zip?: string }
  born: Date
  balance: bigint
  photo?: Uint8Array
  settings: { theme: string }
  lower: string
}>()
expectTypeOf<InferInsert<typeof Users>>().toEqualTypeOf<{
  id?: string
  name: string
  nick?: string
  age: number
  role?: 'admin' | 'guest'
  city: string | null
  at: Point
  tags: string[]
  address: { street: string; zip?: string }
  born: Date
  balance: bigint
  photo?: Uint8Array
  settings: { theme: string }
}>()
expectTypeOf<InferKey<typeof Users>>().toEqualTypeOf<string>()
expectTypeOf<IndexName<typeof Users>>().toEqualTypeOf<
  'age' | 'name' | 'at' | 'role' | 'byCity' | 'byZip' | 'byInitial'
>()

// ---- every type

const Kinds = t.object({
  union: t.union([t.string(), t.int32(), t.object({ a: t.boolean() })]),
  map: t.map(t.float64()),
  vector: t.vector(3),
  box: t.box(),
  key: t.key(),
  deep: t.array(t.array(t.date().nullable())),
})
expectTypeOf<(typeof Kinds)['~value']>().toEqualTypeOf<{
  union: string | number | { a: boolean }
  map: { [name: string]: number }
  vector: Float32Array
  box: Box
  key: Key
  deep: (Date | null)[][]
}>()

// ---- keys

const Visits = collection('visits', {
  key: ['user', 'day'],
  schema: {
    user: t.uuid().references(Users, { onDelete: 'cascade' }),
    day: t.date(),
    n: t.int32(),
  },
})
expectTypeOf<InferKey<typeof Visits>>().toEqualTypeOf<readonly [string, Date]>()
const Nested = collection('nested', {
  key: 'at.place',
  schema: { at: t.object({ place: t.string(), of: t.int32() }) },
})
expectTypeOf<InferKey<typeof Nested>>().toEqualTypeOf<string>()

// ---- other schemas

const Free = collection('free', { key: 'id', indexes: { byAnything: { on: 'a.b.c' } } })
expectTypeOf<Infer<typeof Free>>().toEqualTypeOf<Record<string, unknown>>()
const Logs = collection('logs', { key: 'id', schema: t.json<{ id: number; text: string }>() })
expectTypeOf<Infer<typeof Logs>>().toEqualTypeOf<{ id: number; text: string }>()
expectTypeOf<InferKey<typeof Logs>>().toEqualTypeOf<number>()
const Open = collection('open', { key: 'id', schema: { id: t.int32() }, extra: 'keep' })
expectTypeOf<Infer<typeof Open>['id']>().toEqualTypeOf<number>()
expectTypeOf<Infer<typeof Open>['whatever']>().toEqualTypeOf<unknown>()
declare const validator: StandardSchema<{ id: string; n?: string }, { id: string; n: number }>
const Checked = collection('checked', {
  key: 'id',
  schema: validator,
  storage: { n: t.int32() },
  indexes: { n: 'ordered' },
})
expectTypeOf<Infer<typeof Checked>>().toEqualTypeOf<{ id: string; n: number }>()
expectTypeOf<InferInsert<typeof Checked>>().toEqualTypeOf<{ id: string; n?: string }>()

// ---- asking

const asked: Where<User> = {
  age: { gte: 18, lt: 65 },
  name: { startsWith: 'A' },
  city: null,
  role: { in: ['admin'] },
  tags: { has: 'x', hasAny: ['y'] },
  at: { near: { lat: 1, lng: 2 }, within: '5km' },
  address: { zip: { isNull: true } },
  born: { between: [new Date(0), new Date(1)] },
  or: [{ balance: 5n }, { not: { lower: 'x' } }],
}
void asked
expectTypeOf<{ 'address.street': 'desc'; age: 'asc' }>().toExtend<OrderBy<User>>()
expectTypeOf<readonly ['age', { name: 'desc' }]>().toExtend<OrderBy<User>>()

const Posts = collection('posts', {
  key: 'id',
  schema: {
    id: t.int64().generated(),
    author: t.uuid().references(Users),
    parent: t.int64().nullable().references('posts', { onDelete: 'set null' }),
    text: t.string(),
  },
})
type Post = Infer<typeof Posts>
const Authors = Users.relate({ posts: { from: Posts, by: 'author' } })

declare function find<
  C extends { readonly '~schema': unknown; readonly '~relations': unknown },
  const O extends FindOptions<C>,
>(from: C, options: O): Found<C, O>

expectTypeOf(find(Users, { where: { age: 5 } })).toEqualTypeOf<User>()
expectTypeOf(find(Users, { select: ['name', 'age'] })).toEqualTypeOf<{
  name: string
  age: number
}>()
expectTypeOf(find(Users, { select: ['nick'] })).toEqualTypeOf<{ nick?: string }>()
expectTypeOf(find(Posts, { include: { author: true } }).author).toEqualTypeOf<User | null>()
expectTypeOf(
  find(Authors, { include: { posts: { where: { text: { match: 'a' } }, limit: 5 } } }).posts,
).toEqualTypeOf<Post[]>()
expectTypeOf(find(Authors, { include: { posts: true }, select: ['name'] })).toEqualTypeOf<{
  name: string
  posts: Post[]
}>()

// ---- joins

declare const posts: Documents<typeof Posts>
declare const authors: Documents<typeof Authors>
type RowOf<Q> = Q extends JoinQuery<infer R> ? R : never
const joined = posts.join({ author: { where: { age: { gte: 18 } } } }, { limit: 3 })
expectTypeOf<RowOf<typeof joined>>().toEqualTypeOf<{ posts: Post; author: User }>()
const wide = posts.join(
  { author: { kind: 'left', as: 'writer', select: ['name'] } },
  { as: 'post', select: ['text'], orderBy: [{ 'writer.age': 'desc' }, 'post.text'] },
)
expectTypeOf<RowOf<typeof wide>>().toEqualTypeOf<{
  post: { text: string }
  writer: { name: string } | null
}>()
const deep = authors.join(
  { posts: { kind: 'left', along: { author: { as: 'again', select: ['name'] } } } },
  { as: 'author', select: ['name'], orderBy: 'again.name' },
)
expectTypeOf<RowOf<typeof deep>>().toEqualTypeOf<{
  author: { name: string }
  posts: Post | null
  again: { name: string } | null
}>()
// @ts-expect-error no such reference
posts.join({ writer: true })
// @ts-expect-error no such kind
posts.join({ author: { kind: 'outer' } })
// @ts-expect-error no such field
posts.join({ author: { where: { agee: 1 } } })
// @ts-expect-error no such side
posts.join({ author: true }, { orderBy: 'users.name' })
// @ts-expect-error a row has sides
joined.first()?.name

// ---- scores

declare const users: Documents<typeof Users>
type HitIn<Q> = Q extends SearchQuery<infer H> ? H : never
const found = users.search({
  where: { name: { match: 'ada' } },
  score: { text: 2, distance: { on: 'at', from: { lat: 0, lng: 0 }, half: '2km' } },
  select: ['name'],
})
expectTypeOf<HitIn<typeof found>>().toEqualTypeOf<Hit<{ name: string }, 'text' | 'distance'>>()
expectTypeOf(
  users.search({ score: { recency: { on: 'born', half: '7d' } } }).first()?.document,
).toEqualTypeOf<User | undefined>()
// @ts-expect-error no place
users.search({ score: { distance: { on: 'name', from: { lat: 0, lng: 0 }, half: 1 } } })
// @ts-expect-error no date
users.search({ score: { recency: { on: 'age', half: 1 } } })
// @ts-expect-error no such part
users.search({ score: { size: 1 } })

// ---- figures

expectTypeOf(
  users.aggregate({
    values: {
      all: { count: true },
      sum: { sum: 'balance' },
      old: { max: 'born' },
      mean: { avg: 'age' },
    },
  }),
).toEqualTypeOf<{ all: number; sum: bigint; old: Date | null; mean: number | null }>()
expectTypeOf(
  users.aggregate({
    groupBy: 'city',
    values: { top: { max: 'age' } },
    having: { top: { gte: 5 } },
    orderBy: { top: 'desc' },
  }),
).toEqualTypeOf<{ city: string | null; top: number | null }[]>()
expectTypeOf(
  users.aggregate({
    groupBy: { year: { histogram: 'born', width: 365 }, street: 'address.street' },
    values: { n: { count: true } },
  }),
).toEqualTypeOf<{ year: Date; street: string; n: number }[]>()
expectTypeOf(users.aggregateAsync({ values: { n: { count: true } } })).toEqualTypeOf<
  Promise<{ n: number }>
>()
// @ts-expect-error no such field
users.aggregate({ values: { a: { sum: 'agee' } } })
// @ts-expect-error a sum is of numbers
users.aggregate({ values: { a: { sum: 'name' } } })
// @ts-expect-error not in a row
users.aggregate({ groupBy: 'city', values: { n: { count: true } }, orderBy: 'age' })

// ---- within a transaction that locks: the same calls, each by a promise

declare const locking: DocumentsLocking<typeof Users>
expectTypeOf(locking.get('a')).toEqualTypeOf<Promise<User | undefined>>()
expectTypeOf(locking.find({ select: ['age'] }).all()).toEqualTypeOf<Promise<{ age: number }[]>>()
expectTypeOf(locking.delete('a')).toEqualTypeOf<Promise<boolean>>()
expectTypeOf(locking.count({ where: { age: { gt: 1 } } })).toEqualTypeOf<Promise<number>>()
// @ts-expect-error no such field
void locking.update('a', { agee: 5 })
// @ts-expect-error a query is no promise
expectTypeOf(locking.find()).toExtend<PromiseLike<unknown>>()

// ---- refused: the words of each error are in collection-messages.test.ts

// @ts-expect-error a uuid is a string
expectTypeOf<User>().toExtend<{ id: number }>()
// @ts-expect-error no such field
find(Users, { where: { agee: 5 } })
// @ts-expect-error nor here
find(Users, { select: ['agee'] })
// @ts-expect-error nor here
find(Users, { orderBy: 'agee' })
// @ts-expect-error no relation of that name
find(Users, { include: { posts: true } })
// @ts-expect-error a number does not begin with a text
find(Users, { where: { age: { startsWith: '1' } } })

// ---- some fields by key

declare const opened: Store
expectTypeOf(users.get('x')).toEqualTypeOf<User | undefined>()
expectTypeOf(users.get('x', { select: ['age', 'nick'] })).toEqualTypeOf<
  { age: number; nick?: string } | undefined
>()
expectTypeOf(users.getAsync('x', { select: ['age'] })).toEqualTypeOf<
  Promise<{ age: number } | undefined>
>()
expectTypeOf(users.getMany(['x'], { select: ['age'] })).toEqualTypeOf<
  ({ age: number } | undefined)[]
>()
expectTypeOf(
  opened
    .collection(Users)
    .in(opened.snapshot())
    .get('x', { select: ['age'] }),
).toEqualTypeOf<{ age: number } | undefined>()
// @ts-expect-error no such field
users.get('x', { select: ['agee'] })

// ---- care: what is built, rewritten and dropped

expectTypeOf(users.ready()).toEqualTypeOf<Promise<void>>()
expectTypeOf(
  users.ready({
    onProgress: (progress) => expectTypeOf(progress).toEqualTypeOf<BuildProgress>(),
    signal: AbortSignal.timeout(5),
  }),
).toEqualTypeOf<Promise<void>>()
expectTypeOf(users.rewrite({ signal: AbortSignal.timeout(5) })).toEqualTypeOf<Promise<void>>()
// @ts-expect-error no such option
void users.ready({ onprogress: () => undefined })
// @ts-expect-error that is asked of collections that are open, not of a snapshot of one
void users.in(opened.snapshot()).rewrite()
// @ts-expect-error nor within a transaction
void opened.transaction((tx) => users.in(tx).ready())
expectTypeOf(opened.drop(users)).toEqualTypeOf<Promise<boolean>>()
// @ts-expect-error a collection that is open, not a name
void opened.drop('users')
collection('less', { key: 'id', schema: { id: t.int32() }, drop: ['age', 'address.zip'] })
// @ts-expect-error names of fields
collection('less', { key: 'id', schema: { id: t.int32() }, drop: [5] })
// @ts-expect-error an array of them
collection('less', { key: 'id', schema: { id: t.int32() }, drop: 'age' })
