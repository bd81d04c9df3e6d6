// Searches by a score against a naive computation: parts, their sum, and which are the best.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { collection, open, type OpenOptions, t, TextIndex } from '../../../lib/index.ts'
import { Chance } from './chance.ts'
import { distance, type Document, matches } from './naive.ts'

const Places = collection('places', {
  key: 'id',
  schema: {
    id: t.int32(),
    kind: t.string(),
    bio: t.string().optional(),
    at: t.point().optional(),
    opened: t.date().nullable(),
  },
  indexes: { bio: 'text', kind: 'bitmap', at: 'geo' },
})

const root = mkdtempSync(join(tmpdir(), 'varve-scoring-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const ENGINES: readonly OpenOptions['engine'][] = ['lsm', 'btree', 'bitcask', 'memory']
const DAY = 86_400_000
const NOW = new Date(1000 * DAY)
const HERE = { lat: 1, lng: 2 }
const TERMS = ['red', 'green', 'blue', 'apple', 'pear', 'tree']

interface Place extends Document {
  id: number
  bio?: string
  at?: { lat: number; lng: number }
  opened: Date | null
}

function placeOf(chance: Chance, id: number): Place {
  const place: Place = { id, kind: chance.one(['bar', 'park']), opened: null }
  if (chance.is(80)) place.bio = chance.some(TERMS, 8).join(' ')
  if (chance.is(80)) place.at = { lat: chance.below(900) / 100, lng: chance.below(900) / 100 }
  if (chance.is(80)) place.opened = new Date((900 + chance.below(120)) * DAY)
  return place
}

interface Asked {
  where: Document
  score: {
    text?: number
    distance?: { on: 'at'; from: typeof HERE; half: string; weight?: number }
    recency?: { on: 'opened'; half: string; weight?: number; now: Date }
  }
}

function askedOf(chance: Chance): Asked {
  const where: Document = chance.is(50) ? { kind: 'bar' } : {}
  const score: Asked['score'] = {}
  if (chance.is(60)) {
    where['bio'] = { match: chance.one(['red', 'apple pear', '+tree blue', 'none']) }
    score.text = chance.one([0.5, 1, 3])
  }
  if (chance.is(60))
    score.distance = { on: 'at', from: HERE, half: '200km', weight: chance.one([1, 2]) }
  if (chance.is(60)) score.recency = { on: 'opened', half: '30d', now: NOW }
  if (Object.keys(score).length === 0) score.recency = { on: 'opened', half: '7d', now: NOW }
  return { where, score }
}

interface Part {
  raw: number | null
  value: number
  weight: number
}

function partsOf(place: Place, { score }: Asked, ranks: Map<number, number>): Record<string, Part> {
  const parts: Record<string, Part> = {}
  if (score.text !== undefined) {
    const raw = ranks.get(place.id) as number
    parts['text'] = { raw, value: raw / Math.max(...ranks.values()), weight: score.text }
  }
  if (score.distance !== undefined) {
    const raw = place.at === undefined ? null : distance(HERE, place.at)
    const value = raw === null ? 0 : 2 ** (-raw / 200_000)
    parts['distance'] = { raw, value, weight: score.distance.weight ?? 1 }
  }
  if (score.recency !== undefined) {
    const raw = place.opened === null ? null : Math.max(0, NOW.getTime() - place.opened.getTime())
    const half = score.recency.half === '7d' ? 7 * DAY : 30 * DAY
    parts['recency'] = { raw, value: raw === null ? 0 : 2 ** (-raw / half), weight: 1 }
  }
  return parts
}

function naive(model: Map<number, Place>, asked: Asked) {
  const texts = new TextIndex()
  for (const [id, { bio }] of model) if (bio !== undefined) texts.add(id, bio)
  const match = (asked.where['bio'] as { match: string } | undefined)?.match
  const hits = match === undefined ? [] : texts.search(match, { limit: 1000 })
  const ranks = new Map(hits.map(({ id, score }) => [id as number, score]))
  return [...model.values()]
    .filter((one) => matches(one, asked.where))
    .map((place) => {
      const parts = partsOf(place, asked, ranks)
      const score = Object.values(parts).reduce((sum, one) => sum + one.weight * one.value, 0)
      return { place, parts, score }
    })
    .sort((a, b) => b.score - a.score || a.place.id - b.place.id)
}

interface Found {
  document: Place
  score: number
  parts: Record<string, Part & { share: number }>
}
interface Searching {
  search(options: object): {
    all(): Found[]
    allAsync(): Promise<Found[]>
    count(): number
    explain(): unknown
  }
}

async function check(
  places: Searching,
  model: Map<number, Place>,
  chance: Chance,
  said: string,
): Promise<void> {
  const asked = askedOf(chance)
  const [limit, offset] = [1 + chance.below(40), chance.below(4)]
  const wanted = naive(model, asked)
  const query = places.search({ ...asked, limit, offset })
  const message = `${said} ${JSON.stringify(asked)} ${JSON.stringify(query.explain())}`
  const best = wanted.slice(offset, offset + limit)
  expect(query.count(), message).toBe(best.length)
  for (const found of [query.all(), await query.allAsync()]) {
    expect(found.length, message).toBe(best.length)
    found.forEach(({ document, score, parts }, i) => {
      expect(score, message).toBeCloseTo(best[i]?.score as number, 6)
      const own = wanted.find(({ place }) => place.id === document.id)
      expect(document, message).toEqual(own?.place)
      expect(Object.keys(parts), message).toEqual(Object.keys(own?.parts ?? {}))
      for (const [name, part] of Object.entries(parts)) {
        const other = own?.parts[name] as Part
        if (other.raw === null) expect(part.raw, message).toBeNull()
        else
          expect((part.raw as number) / (other.raw || 1), message).toBeCloseTo(
            other.raw === 0 ? 0 : 1,
            6,
          )
        expect(part.value, message).toBeCloseTo(other.value, 6)
        expect(part.weight, message).toBe(other.weight)
        expect(part.share, message).toBeCloseTo(
          score === 0 ? 0 : (other.weight * other.value) / score,
          6,
        )
      }
    })
  }
}

describe.each(ENGINES)('searches by a score with engine %s', (engine) => {
  it('find the best by what a naive computation says, and say why', async () => {
    const chance = new Chance(7)
    const path = join(root, String(engine))
    await using db = await open(path, {
      engine,
      durability: 'memory',
      history: { keep: 'forever' },
    })
    const places = db.collection(Places)
    const model = new Map<number, Place>()
    const past: { commit: number; model: Map<number, Place> }[] = []
    for (let round = 0; round < 6; round++) {
      for (let i = 0; i < 30; i++) {
        const place = placeOf(chance, chance.below(150))
        model.set(place.id, place)
        await places.put(place as never)
      }
      for (let i = 0; i < 6; i++) await check(places as never, model, chance, `round ${round}`)
      past.push({ commit: db.commit, model: new Map(model) })
      using snapshot = db.snapshot()
      const inside = new Map(model)
      await db.transaction(async (tx) => {
        inside.clear()
        for (const [id, place] of model) inside.set(id, place)
        const within = places.in(tx)
        for (let i = 0; i < 10; i++) {
          const place = placeOf(chance, chance.below(150))
          inside.set(place.id, place)
          within.put(place as never)
        }
        for (let i = 0; i < 4; i++) await check(within as never, inside, chance, `within ${round}`)
      })
      await check(places.in(snapshot) as never, model, chance, `snapshot ${round}`)
      for (const [id, place] of inside) model.set(id, place)
      const old = chance.one(past)
      using then = db.at(old.commit)
      await check(places.in(then) as never, old.model, chance, `at ${old.commit}`)
    }
  })
})

describe('search', () => {
  it('selects fields, and brings more hits than pass at once', async () => {
    await using db = await open(':memory:')
    const places = db.collection(Places)
    const all = Array.from({ length: 3000 }, (_, id) => ({
      id,
      kind: 'bar',
      at: { lat: id / 1000, lng: 0 },
      opened: null,
    }))
    await places.insertMany(all)
    const score = { distance: { on: 'at', from: { lat: 0, lng: 0 }, half: '10km' } } as const
    const hits = places.search({ score, select: ['id'], limit: 2500 }).all()
    expect(hits.map(({ document }) => document)).toEqual(
      all.slice(0, 2500).map(({ id }) => ({ id })),
    )
    expect(hits[0]).toEqual({
      document: { id: 0 },
      score: 1,
      parts: { distance: { raw: 0, value: 1, weight: 1, share: 1 } },
    })
    const sliced = await places.search({ score, limit: 2500 }).allAsync()
    expect(sliced.map((hit) => hit.score)).toEqual(hits.map((hit) => hit.score))
    expect(places.search({ score }).all()).toHaveLength(10)
  })

  it('finds nothing where the collection was not there yet', async () => {
    const path = join(root, 'nothing')
    await using db = await open(path, { history: { keep: 'forever' } })
    const before = db.commit
    const places = db.collection(Places)
    await places.insert({ id: 1, kind: 'bar', opened: NOW })
    using past = db.at(before)
    const score = { recency: { on: 'opened', half: 1000 } } as const
    expect(places.in(past).search({ score }).all()).toEqual([])
    expect(places.search({ score }).all()).toHaveLength(1)
  })

  const recency = { on: 'opened', half: '7d' }
  it.each<[string, object, RegExp]>([
    ['no score', {}, /score must be an object of parts/],
    ['an empty one', { score: {} }, /score: it has no part; known are text, distance, recency/],
    ['an unknown part', { score: { size: 1 } }, /score: unknown option 'size'/],
    ['an undefined part', { score: { text: undefined } }, /score\.text is undefined/],
    ['a weight of 0', { score: { text: 0 } }, /score\.text must be a number above 0/],
    ['words without any', { score: { text: 1 } }, /score\.text: `where` has no match/],
    [
      'words that only some have to meet',
      { where: { or: [{ bio: { match: 'x' } }, { id: 1 }] }, score: { text: 1 } },
      /score\.text: `where` has no match/,
    ],
    [
      'a place that is none',
      { score: { distance: { on: 'kind', from: HERE, half: 1 } } },
      /score\.distance\.on must be a field of points/,
    ],
    [
      'no point',
      { score: { distance: { on: 'at', from: [1, 2], half: 1 } } },
      /score\.distance\.from\.lat/,
    ],
    [
      'no distance',
      { score: { distance: { on: 'at', from: HERE, half: 'far' } } },
      /score\.distance\.half must be a distance/,
    ],
    [
      'a half of 0',
      { score: { distance: { on: 'at', from: HERE, half: 0 } } },
      /score\.distance\.half must be more than 0/,
    ],
    [
      'no date',
      { score: { recency: { ...recency, on: 'id' } } },
      /score\.recency\.on must be a field of dates/,
    ],
    [
      'no age',
      { score: { recency: { ...recency, half: 'old' } } },
      /score\.recency\.half must be an age/,
    ],
    [
      'no now',
      { score: { recency: { ...recency, now: 5 } } },
      /score\.recency\.now must be a date/,
    ],
    [
      'an unknown option of a part',
      { score: { recency: { ...recency, decay: 1 } } },
      /score\.recency: unknown option 'decay'/,
    ],
    ['an order', { score: { recency }, orderBy: 'id' }, /search: unknown option 'orderBy'/],
    ['an unknown field', { where: { age: 1 }, score: { recency } }, /where\.age: no field/],
    [
      'a limit of too many',
      { score: { recency }, limit: 10_001 },
      /limit must be an integer from 1 to 10000/,
    ],
  ])('refuses %s', async (_, options, message) => {
    await using db = await open(':memory:')
    const places = db.collection(Places)
    expect(() => places.search(options as never)).toThrow(
      expect.objectContaining({ code: 'INVALID', message: expect.stringMatching(message) }),
    )
  })
})
