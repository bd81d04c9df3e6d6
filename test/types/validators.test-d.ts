// What schemas of zod, valibot and arktype make of documents, keys and queries, unaided.
import { type } from 'arktype'
import * as v from 'valibot'
import { expectTypeOf } from 'vitest'
import { z } from 'zod'

import {
  collection,
  type Documents,
  type Infer,
  type InferInsert,
  type InferKey,
  t,
} from '../../lib/index.ts'

interface Stored {
  id: string
  size: number
  tags: string[]
  address: { city: string }
}
interface Given {
  id: string
  size: string
  tags?: string[] | undefined
  address: { city: string }
}

const Zod = collection('zod', {
  key: 'id',
  schema: z.object({
    id: z.string(),
    size: z.string().transform(Number),
    tags: z.array(z.string()).default([]),
    address: z.object({ city: z.string() }),
  }),
  storage: { size: t.float64() },
  indexes: { size: 'ordered', byCity: { on: ['address.city', 'size'] } },
})
const Valibot = collection('valibot', {
  key: 'id',
  schema: v.object({
    id: v.string(),
    size: v.pipe(v.string(), v.transform(Number)),
    tags: v.optional(v.array(v.string()), []),
    address: v.object({ city: v.string() }),
  }),
  indexes: { size: 'ordered' },
})
const Ark = collection('arktype', {
  key: 'id',
  schema: type({
    id: 'string',
    size: type('string').pipe((text) => Number(text)),
    tags: type('string[]').default(() => []),
    address: { city: 'string' },
  }),
  indexes: { size: 'ordered' },
})

expectTypeOf<Infer<typeof Zod>>().toEqualTypeOf<Stored>()
expectTypeOf<Infer<typeof Valibot>>().toEqualTypeOf<Stored>()
expectTypeOf<Infer<typeof Ark>>().toEqualTypeOf<Stored>()
expectTypeOf<InferInsert<typeof Zod>>().toEqualTypeOf<Given>()
expectTypeOf<InferInsert<typeof Valibot>>().toEqualTypeOf<Given>()
// A default of arktype may be left out, and undefined is none.
expectTypeOf<InferInsert<typeof Ark>>().toExtend<Given>()
expectTypeOf<Omit<Given, 'tags'>>().toExtend<InferInsert<typeof Ark>>()
expectTypeOf<InferKey<typeof Zod>>().toEqualTypeOf<string>()

declare const zod: Documents<typeof Zod>
declare const ark: Documents<typeof Ark>

expectTypeOf(zod.find({ where: { size: { gte: 5 } }, select: ['id', 'size'] }).all()).toEqualTypeOf<
  { id: string; size: number }[]
>()
expectTypeOf(ark.get('a')).toEqualTypeOf<Stored | undefined>()
// @ts-expect-error: it is stored as a number
zod.find({ where: { size: 'x' } })
// @ts-expect-error: insert() takes what the validator takes
void zod.insert({ id: 'a', size: 5, address: { city: 'x' } })
// @ts-expect-error: no such field
collection('x', { key: 'id', schema: z.object({ id: z.string() }), indexes: { size: 'ordered' } })
// @ts-expect-error: no such key
collection('x', { key: 'size', schema: v.object({ id: v.string() }) })
