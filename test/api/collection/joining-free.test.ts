// Joins over fields that are not declared: conditions and orders on those that an index is of answer what they would if they were; the others
// are refused by name, since the core knows nothing of them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { collection, open, type Store, t } from '../../../lib/index.ts'
import { Chance } from './chance.ts'
import { compare, type Document, matches } from './naive.ts'

const Members = collection('members', {
  key: 'id',
  schema: { id: t.int32() },
  extra: 'keep',
  indexes: {
    city: { on: 'city', kind: 'bitmap' },
    level: { on: 'level' },
    badges: { on: 'badges', multiple: true },
  },
})
const Notes = collection('notes', {
  key: 'id',
  schema: { id: t.int32(), by: t.int32().nullable().references(Members) },
  extra: 'keep',
  indexes: { by: 'ordered', rank: { on: 'rank' }, room: { on: 'place.room' } },
})
const People = Members.relate({ notes: { from: Notes, by: 'by' } })

const random = new Chance(11)
const present = (fields: Document): Document =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))

const members = Array.from({ length: 40 }, (_, id) =>
  present({
    id,
    city: random.one(['Rome', 'Oslo', undefined]),
    level: random.one([1, 2.5, 4, null, undefined]),
    badges: random.one([['gold'], ['gold', 'old'], [], undefined]),
    mood: random.one(['fine', undefined]),
  }),
)
const notes = Array.from({ length: 150 }, (_, id) =>
  present({
    id,
    by: random.is(20) ? null : random.below(members.length),
    rank: random.one([3, 1, 2, undefined]),
    place: random.one([{ room: 'a' }, { room: 'b' }, {}, undefined]),
  }),
)

interface Pair {
  readonly notes: Document
  readonly by: Document | null
}

// By the paths that conditions name.
const flat = (note: Document): Document => ({
  ...note,
  'place.room': (note['place'] as Document | undefined)?.['room'],
})

function pairs(ofNotes: Document, ofMembers: Document, isLeft: boolean): Pair[] {
  const rows: Pair[] = []
  for (const note of notes.filter((one) => matches(flat(one), ofNotes))) {
    const member = members.find(({ id }) => id === note['by'])
    const by = member !== undefined && matches(member, ofMembers) ? member : null
    if (by !== null || isLeft) rows.push({ notes: note, by })
  }
  return rows
}

const OF_MEMBERS: readonly Document[] = [
  {},
  { city: 'Rome' },
  { city: { in: ['Oslo', 'Rome'] }, level: { gte: 2 } },
  { level: { isNull: true } },
  { badges: { has: 'old' } },
  { not: { badges: { hasAny: ['gold'] } } },
]
const OF_NOTES: readonly Document[] = [
  {},
  { rank: { lt: 3 } },
  { 'place.room': 'a' },
  { or: [{ rank: 1 }, { 'place.room': { isNull: true } }] },
]

describe('joins over fields that are not declared', () => {
  let db: Store
  beforeAll(async () => {
    db = await open(':memory:')
    await db.collection(People).insertMany(members as never)
    await db.collection(Notes).insertMany(notes as never)
  })
  afterAll(() => db.close())

  const cases = OF_NOTES.flatMap((ofNotes) =>
    OF_MEMBERS.flatMap((ofMembers) =>
      (['inner', 'left'] as const).map((kind) => [ofNotes, ofMembers, kind] as const),
    ),
  )
  it.each(cases)('notes %j with members %j, %s', (ofNotes, ofMembers, kind) => {
    const options = { where: ofNotes, orderBy: ['by.level', { 'notes.rank': 'desc' }, 'notes.id'] }
    const along = { by: { where: ofMembers, kind } }
    const found = db
      .collection(Notes)
      .join(along as never, options as never)
      .all() as Pair[]
    const level = ({ by }: Pair) => by?.['level'] ?? null
    const wanted = pairs(ofNotes, ofMembers, kind === 'left').sort(
      (a, b) =>
        compare(level(a), level(b)) ||
        compare(b.notes['rank'] ?? null, a.notes['rank'] ?? null) ||
        Number(a.notes['id']) - Number(b.notes['id']),
    )
    expect(wanted.length).toBeGreaterThan(0)
    expect(found).toEqual(wanted)
  })

  it('from the other end', () => {
    const options = { where: { city: 'Rome' }, orderBy: 'notes.id' }
    const found = db
      .collection(People)
      .join({ notes: { where: { rank: { gte: 2 } } } } as never, options as never)
      .all() as { members: Document; notes: Document }[]
    const wanted = pairs({ rank: { gte: 2 } }, { city: 'Rome' }, false)
    expect(found).toEqual(wanted.map(({ notes: note, by }) => ({ members: by, notes: note })))
  })

  it('refuses what no index is of, by its name', () => {
    const all = db.collection(Notes)
    const join =
      (along: object, options: object = {}) =>
      () =>
        all.join(along as never, options as never).all()
    expect(join({ by: { where: { mood: 'fine' } } })).toThrow(/'mood' is stored in a free form/)
    expect(join({ by: true }, { where: { 'place.floor': 1 } })).toThrow(/'place\.floor' is stored/)
    expect(join({ by: true }, { orderBy: 'by.mood' })).toThrow(/'mood' is stored in a free form/)
  })
})
