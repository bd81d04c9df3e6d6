// test/api/collection/version.test.ts — two declarations of one collection: what differs, and old records read as the newer one says.
import { describe, expect, it } from 'vitest'

import { type Collection, collection, t } from '../../../lib/collection.ts'
import { differences, differenceText } from '../../../lib/collection/compare.ts'
import type { Description } from '../../../lib/collection/description.ts'
import { framed, roomFor } from '../../../lib/collection/frame.ts'
import { type Document, recordCodec } from '../../../lib/collection/record.ts'
import { Records } from '../../../lib/collection/upgrade.ts'
import { newVersion } from '../../../lib/collection/version.ts'
import { encodedText, Shapes } from '../../../lib/value.ts'

const users = (schema: Parameters<typeof collection>[1]['schema'], rest: object = {}) =>
  collection('users', { key: 'id', schema, ...rest } as never) as Collection

/** All versions of a collection, one after the other; write() writes by one, read() reads by the newest. */
class Versions {
  readonly #declared: Collection[] = []
  readonly #described: Description[] = []
  readonly #shapes = new Shapes()
  #nextId = 1

  add(declared: Collection): this {
    const before = this.#described.at(-1)
    const made = newVersion(
      declared.description,
      declared.live,
      this.#described.length + 1,
      before && { description: before, nextId: this.#nextId },
    )
    this.#described.push(made.description)
    this.#declared.push(declared)
    this.#nextId = made.nextId
    return this
  }

  #codec(version: number) {
    const [declared, description] = [this.#declared[version - 1], this.#described[version - 1]]
    if (declared === undefined || description === undefined) throw new Error('no such version')
    return recordCodec(description, declared.live, version, this.#shapes)
  }

  write(version: number, document: Document): { head: Uint8Array; text: string } {
    const room = roomFor(64)
    const codec = this.#codec(version)
    const size = codec.encode(codec.fill(document), room, 2 ** 20)
    expect(framed(room, size).length).toBeGreaterThan(size)
    return { head: room.bytes.slice(0, size), text: encodedText() }
  }

  read({ head, text }: { head: Uint8Array; text: string }, names?: readonly string[]): Document {
    const newest = this.#codec(this.#described.length)
    const live = this.#declared.at(-1)?.live
    if (live === undefined) throw new Error('no version')
    const records = new Records(newest, live, this.#shapes, (one) => this.#described[one - 1])
    const view = new DataView(head.buffer)
    if (names === undefined) return records.decode(head, view, 0, head.length, text)
    return records.decodeFields(head, view, 0, head.length, text, names)
  }
}

describe('older versions', () => {
  it('are read by the newest: added, renamed, converted and dropped fields', () => {
    const versions = new Versions()
      .add(users({ id: t.int32(), fullName: t.string(), age: t.string(), old: t.string() }))
      .add(
        users({
          id: t.int32(),
          name: t.string().was('fullName'),
          age: t.int32().from((old: string) => Number(old)),
          role: t.enum(['guest', 'admin']).default('guest'),
          nick: t.string().optional(),
          city: t.string().nullable(),
        }),
      )
      .add(
        users({
          nick: t.string().optional(),
          title: t.string().was('name'),
          age: t.float64().from((old: string) => Number(old)),
          id: t.int32(),
          role: t.string().default('guest'),
          lower: t.string().computed((d: { title: string }) => d.title.toLowerCase()),
        }),
      )
    const first = versions.write(1, { id: 1, fullName: 'Ada', age: '36', old: 'x' })
    expect(versions.read(first)).toStrictEqual({
      title: 'Ada',
      age: 36,
      id: 1,
      role: 'guest',
      lower: 'ada',
    })
    expect(versions.read(first, ['title', 'nick'])).toStrictEqual({ title: 'Ada' })
    const second = versions.write(2, {
      id: 2,
      name: 'Bob',
      age: 5,
      nick: 'b',
      city: null,
      role: 'admin',
    })
    expect(versions.read(second)).toStrictEqual({
      nick: 'b',
      title: 'Bob',
      age: 5, // What from() makes of a number is its own affair.
      id: 2,
      role: 'admin',
      lower: 'bob',
    })
  })

  it('objects within change as documents do', () => {
    const versions = new Versions()
      .add(users({ id: t.int32(), at: t.object({ town: t.string(), zip: t.int32() }).optional() }))
      .add(
        users({
          id: t.int32(),
          at: t
            .object({
              zip: t.int32(),
              city: t.string().was('town'),
              land: t.string().default('be'),
            })
            .optional(),
        }),
      )
    const old = versions.write(1, { id: 1, at: { town: 'Ghent', zip: 9000 } })
    expect(versions.read(old)).toStrictEqual({
      id: 1,
      at: { zip: 9000, city: 'Ghent', land: 'be' },
    })
    expect(versions.read(versions.write(1, { id: 2 }))).toStrictEqual({ id: 2 })
  })

  it('a name that another field has now is no older field of that name', () => {
    const versions = new Versions()
      .add(users({ id: t.int32(), a: t.string(), b: t.string() }))
      .add(users({ id: t.int32(), a: t.string().was('b'), b: t.string().was('a') }))
    const old = versions.write(1, { id: 1, a: 'A', b: 'B' })
    expect(versions.read(old)).toStrictEqual({ id: 1, a: 'B', b: 'A' })
  })

  it('a version that nobody knows is CORRUPT', () => {
    const versions = new Versions().add(users({ id: t.int32() }))
    const { head, text } = versions.write(1, { id: 1 })
    head[0] = 9 << 3
    const error = expect.objectContaining({ code: 'CORRUPT' }) as Error
    expect(() => versions.read({ head, text })).toThrow(error)
  })

  it('another type without from() is refused', () => {
    const versions = new Versions()
      .add(users({ id: t.int32(), age: t.string() }))
      .add(users({ id: t.int32(), age: t.int32() }))
    const old = versions.write(1, { id: 1, age: '5' })
    expect(() => versions.read(old)).toThrow(
      'age: stored as string, declared as int32: add from((old) => …)',
    )
  })
})

describe('two declarations', () => {
  const base = { id: t.int32(), name: t.string(), tags: t.array(t.string({ max: 5 })) }
  const difference = (before: Collection, after: Collection) =>
    differences(before.description, after.description, after.live)
  const one = users(base, { indexes: { name: 'ordered' } })

  it('that say the same do not differ', () => {
    expect(difference(one, users({ ...base }, { indexes: { name: 'ordered' } }))).toEqual([])
  })

  const CHANGES: readonly (readonly [
    what: string,
    after: Collection,
    text: string,
    needs: string,
  ])[] = [
    [
      'an optional field',
      users({ ...base, x: t.int32().optional() }, { indexes: { name: 'ordered' } }),
      'x added: optional int32',
      'nothing',
    ],
    [
      'a required field',
      users({ ...base, x: t.int32() }, { indexes: { name: 'ordered' } }),
      'x added: int32; add x: ….default(…) or ….optional()',
      'line',
    ],
    [
      'a field less',
      users({ id: base.id, name: base.name }, { indexes: { name: 'ordered' } }),
      "tags removed: array of string (longest 5); add drop: ['tags'], or ….was('tags') where it has another name now",
      'line',
    ],
    [
      'another name',
      users(
        { id: base.id, title: t.string().was('name'), tags: base.tags },
        { indexes: { name: { on: 'title' } } },
      ),
      'title renamed: name → title',
      'nothing',
    ],
    [
      'another type',
      users({ ...base, name: t.date() }, { indexes: { name: 'ordered' } }),
      'name retyped: string → date; add name: ….from((old) => …)',
      'line',
    ],
    [
      'a wider type',
      users({ ...base, id: t.float64() }, { indexes: { name: 'ordered' } }),
      'id retyped: int32 → float64',
      'nothing',
    ],
    [
      'a rule more',
      users({ ...base, name: t.string({ max: 5 }) }, { indexes: { name: 'ordered' } }),
      'name rules: none → longest 5',
      'check',
    ],
    [
      'a rule of elements',
      users({ ...base, tags: t.array(t.string({ max: 6 })) }, { indexes: { name: 'ordered' } }),
      'tags[] rules',
      'check',
    ],
    [
      'a reference',
      users({ ...base, id: t.int32().references('c') }, { indexes: { name: 'ordered' } }),
      'id reference: none → c, restrict',
      'check',
    ],
    [
      'another order',
      users({ name: base.name, id: base.id, tags: base.tags }, { indexes: { name: 'ordered' } }),
      'fields order: id, name, tags → name, id, tags',
      'nothing',
    ],
    [
      'a default',
      users({ ...base, name: t.string().default('x') }, { indexes: { name: 'ordered' } }),
      'name default: given → a default',
      'nothing',
    ],
    [
      'another index',
      users(base, { indexes: { name: 'unique' } }),
      'name index changed: ordered on name → unique on name',
      'nothing',
    ],
    ['an index less', users(base), 'name index removed: ordered on name', 'nothing'],
    [
      'another key',
      collection('users', {
        key: 'name',
        schema: base,
        indexes: { name: 'ordered' },
      }) as Collection,
      "key key: 'id' → 'name'",
      'rewrite',
    ],
    [
      'extra fields',
      users(base, { indexes: { name: 'ordered' }, extra: 'keep' }),
      'extra extra: refuse → keep',
      'nothing',
    ],
  ]
  it.each(CHANGES)('%s', (_, after, text, needs) => {
    const found = difference(one, after)
    expect(differenceText(found).trimStart()).toContain(text)
    expect(found.map((change) => change.needs)).toContain(needs)
  })
})
