// test/api/geo.test.ts — GeoIndex and geohash as a user has them; the core's own tests hold them to every world.
import { describe, expect, it } from 'vitest'

import { Bitmap, geohash, GeoIndex, type Point, VarveError } from '../../lib/index.ts'

const BERLIN = { lat: 52.52, lng: 13.405 }
const HAMBURG = { lat: 53.5511, lng: 9.9937 }
const MUNICH = { lat: 48.1351, lng: 11.582 }
const SUVA = { lat: -18.1416, lng: 178.4419 }
const TAVEUNI = { lat: -16.85, lng: -179.97 }
const FIJI = { south: -21, west: 176, north: -12, east: -178 }

const cities = () => {
  const index = new GeoIndex()
  const places = [BERLIN, HAMBURG, MUNICH, SUVA, TAVEUNI]
  places.forEach((place, id) => index.add(id, place))
  return index
}

// As the core's tests have it, in words of JavaScript.
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

function expectInvalid(call: () => unknown, message: string): void {
  let caught: unknown
  try {
    call()
  } catch (error) {
    caught = error
  }
  expect(caught).toBeInstanceOf(VarveError)
  expect((caught as VarveError).code).toBe('INVALID')
  expect((caught as VarveError).message).toBe(message)
}

describe('GeoIndex', () => {
  it('finds what is near, nearest first, with distances', () => {
    const { ids, distances } = cities().near(BERLIN, { radius: 600_000 })
    expect([...ids]).toEqual([0, 1, 2])
    expect(distances[0]).toBe(0)
    expect(distances[1]).toBeCloseTo(255_250, -3)
    expect([...cities().near(BERLIN, { limit: 2 }).ids]).toEqual([0, 1])
    expect([...cities().near(BERLIN).ids]).toHaveLength(5)
  })

  it('finds what lies in a box, also across the antimeridian', () => {
    const index = cities()
    expect([...index.within(FIJI)].sort()).toEqual([3, 4])
    expect([...index.within({ south: 47, west: 9, north: 54, east: 12 })].sort()).toEqual([1, 2])
    expect([...index.within(FIJI, { from: TAVEUNI }).ids]).toEqual([4, 3])
  })

  it('finds what lies in a polygon and not in its hole', () => {
    const square = (size: number): Point[] => [
      { lat: 50 - size, lng: 11 - size }, { lat: 50 - size, lng: 11 + size },
      { lat: 50 + size, lng: 11 + size }, { lat: 50 + size, lng: 11 - size },
    ]
    expect([...cities().within([square(5)])].sort()).toEqual([0, 1, 2])
    expect([...cities().within([square(5), square(3)])].sort()).toEqual([1])
  })

  it('says of a point alone whether it lies in an area, as a query would', () => {
    const random = seeded(11)
    const square = (size: number): Point[] => [
      { lat: -size, lng: 176 - size }, { lat: -size, lng: 174 + size },
      { lat: size, lng: 174 + size }, { lat: size, lng: 176 - size },
    ]
    const areas = [FIJI, { south: -90, west: -180, north: -60, east: 180 }, [square(5), square(2)]]
    const points = Array.from({ length: 500 }, () => ({ lat: random() * 20 - 10, lng: 172 + random() * 8 }))
    points.push({ lat: -90, lng: 12 }, { lat: -17, lng: 180 }, { lat: -17, lng: -180 }, { lat: -17, lng: 0 })
    for (const area of areas) {
      for (const point of points) {
        const index = new GeoIndex()
        index.add(1, point)
        expect(GeoIndex.contains(area, point)).toBe(index.within(area).length === 1)
      }
    }
    expect(GeoIndex.contains(FIJI, { lat: -17, lng: -180 })).toBe(true)
    expect(GeoIndex.contains([square(5), square(2)], { lat: 0, lng: 175 })).toBe(false)
    expect(GeoIndex.contains([square(5), square(2)], { lat: 0, lng: 172 })).toBe(true)
    expectInvalid(() => GeoIndex.contains([[BERLIN, HAMBURG, BERLIN]], BERLIN),
      'area[0] must be a ring of 3 points or more, not an array')
    // @ts-expect-error a point is { lat, lng }
    expectInvalid(() => GeoIndex.contains(FIJI, [1, 2]), 'point.lat must be degrees from -90 to 90, not undefined')
  })

  it('removes and moves by id and place, and says whether it was there', () => {
    const index = cities()
    expect(index.remove(0, HAMBURG)).toBe(false)
    expect(index.remove(0, BERLIN)).toBe(true)
    expect(index.move(1, HAMBURG, BERLIN)).toBe(true)
    expect(index.move(1, HAMBURG, BERLIN)).toBe(false)
    expect(index.has(1, BERLIN)).toBe(true)
    expect(index.has(1, HAMBURG)).toBe(false)
    expect(index.add(1, BERLIN)).toBe(false)
    expect(index.size).toBe(4)
    index.clear()
    expect(index.size).toBe(0)
  })

  it('filters, and still finds as many as were asked for', () => {
    const index = new GeoIndex()
    for (let id = 0; id < 1000; id += 1) index.add(id, { lat: 0, lng: id / 100 })
    const { ids } = index.near({ lat: 0, lng: 0 }, { limit: 3, filter: (id) => id % 300 === 7 })
    expect([...ids]).toEqual([7, 307, 607])
    const within = index.within({ south: -1, west: 0, north: 1, east: 1 }, { filter: (id) => id > 98 })
    expect([...within].sort()).toEqual([100, 99])
    const nearest = index.within(
      { south: -1, west: 0, north: 1, east: 9 },
      { from: { lat: 0, lng: 9 }, limit: 2, filter: (id) => id % 2 === 1 },
    )
    expect([...nearest.ids]).toEqual([899, 897])
  })

  it('filters by a bitmap as by a function', () => {
    const index = new GeoIndex()
    for (let id = 0; id < 3000; id += 1) index.add(id * 1e9, { lat: (id % 7) / 10, lng: id / 100 })
    const set = new Bitmap()
    for (let id = 0; id < 3000; id += 50) set.add(id * 1e9)
    set.add(5e8)
    const passes = (id: number) => set.has(id)
    const here = { lat: 0.2, lng: 11.1 }
    const box = { south: 0, west: 3, north: 0.5, east: 20 }
    for (const limit of [0, 1, 7, Infinity]) {
      for (const radius of [30_000, Infinity]) {
        const expected = index.near(here, { limit, radius, filter: passes })
        expect(index.near(here, { limit, radius, filter: set })).toEqual(expected)
      }
      const expected = index.within(box, { limit, from: here, filter: passes })
      expect(index.within(box, { limit, from: here, filter: set })).toEqual(expected)
    }
    expect(index.near(here, { filter: set }).ids).toHaveLength(60)
    expect(index.within(box, { filter: set }).toSorted()).toEqual(index.within(box, { filter: passes }).toSorted())
    expect(index.within(box, { limit: 3, filter: set })).toHaveLength(3)
    expect([...index.near(here, { filter: new Bitmap() }).ids]).toEqual([])
    const view = Bitmap.view(new Bitmap([7e9]).serialise())
    expect([...index.near(here, { filter: view }).ids]).toEqual([7e9])
    expectInvalid(
      () => index.near(here, { filter: new Set([1]) as never }),
      'filter must be a Bitmap or a function of an id, not an object',
    )
  })

  it('answers what a look at every point does, from one call to the next', () => {
    const random = seeded(7)
    const points = Array.from({ length: 3000 }, () => ({ lat: random() * 180 - 90, lng: random() * 360 - 180 }))
    const index = new GeoIndex()
    const added = index.addMany({
      ids: Float64Array.from(points, (_, i) => i),
      lats: Float64Array.from(points, ({ lat }) => lat),
      lngs: Float64Array.from(points, ({ lng }) => lng),
    })
    expect(added).toBe(3000)
    const answers = Array.from({ length: 200 }, () => {
      const from = { lat: random() * 180 - 90, lng: random() * 360 - 180 }
      const radius = 10 ** (4 + random() * 3)
      return { from, radius, found: index.near(from, { radius }) }
    })
    for (const { from, radius, found } of answers) {
      const wanted = points.map((point, id) => ({ id, distance: GeoIndex.distance(from, point) }))
        .filter(({ distance }) => distance <= radius).sort((a, b) => a.distance - b.distance)
      expect([...found.ids]).toEqual(wanted.map(({ id }) => id))
      expect([...found.distances]).toEqual(wanted.map(({ distance }) => distance))
    }
  })

  it('holds boxes, which are found by any point of theirs', () => {
    const index = new GeoIndex({ holds: 'boxes' })
    expect(index.add(1, FIJI)).toBe(true)
    index.add(2, BERLIN)
    expect([...index.within({ south: -15, west: -179, north: -14, east: -170 })]).toEqual([1])
    expect(index.near({ lat: -15, lng: -179 }, { limit: 1 }).distances[0]).toBe(0)
    expect(index.remove(1, FIJI)).toBe(true)
    const many = { ids: Uint32Array.of(5), souths: Float64Array.of(1), wests: Float64Array.of(179),
      norths: Float64Array.of(2), easts: Float64Array.of(-179) }
    expect(index.addMany(many)).toBe(1)
    expect([...index.within({ south: 0, west: 179.5, north: 3, east: 180 })]).toEqual([5])
    expect(index.removeMany(many)).toBe(1)
  })

  it('comes back from its bytes, reads them where they lie, and can then be changed', () => {
    const index = GeoIndex.deserialise(cities().serialise())
    expect(index.size).toBe(5)
    expect([...index.near(BERLIN, { limit: 2 }).ids]).toEqual([0, 1])
    index.add(9, BERLIN)
    expect([...index.near(BERLIN, { limit: 2 }).ids]).toEqual([0, 9])
    expect(new GeoIndex({ holds: 'boxes' }).serialise()).toHaveLength(64)
    expect(GeoIndex.deserialise(new GeoIndex({ holds: 'boxes' }).serialise()).holds).toBe('boxes')
  })

  it('does not read bytes again that were changed after they were looked at', () => {
    const bytes = cities().serialise()
    const index = GeoIndex.deserialise(bytes)
    bytes.fill(255)
    expect([...index.near(BERLIN, { limit: 2 }).ids]).toEqual([0, 1])
  })

  it('refuses damaged bytes with CORRUPT and the offset', () => {
    const bytes = cities().serialise()
    bytes[66] = 200
    expect(() => GeoIndex.deserialise(bytes)).toThrow('geo: no leaf at offset 64')
    expect(() => GeoIndex.deserialise(new Uint8Array(3))).toThrow('geo: no index at offset 0')
  })

  it('keeps ids of 53 bits and takes at most 30 bytes a point', () => {
    const index = new GeoIndex()
    index.add(Number.MAX_SAFE_INTEGER, BERLIN)
    expect([...index.near(BERLIN).ids]).toEqual([Number.MAX_SAFE_INTEGER])
    const random = seeded(1)
    const COUNT = 100_000
    const column = (span: number) => Float64Array.from({ length: COUNT }, () => (random() - 0.5) * span)
    index.addMany({ ids: Uint32Array.from({ length: COUNT }, (_, i) => i), lats: column(180), lngs: column(360) })
    expect(index.stats().bytes / COUNT).toBeLessThan(30)
  })

  it('gives memory back when it is collected', async () => {
    const { gc } = globalThis
    if (gc === undefined) return
    const before = process.memoryUsage().external
    for (let i = 0; i < 50; i += 1) {
      const ids = Uint32Array.from({ length: 20_000 }, (_, id) => id)
      new GeoIndex().addMany({ ids, lats: new Float64Array(20_000), lngs: Float64Array.from(ids, (id) => id / 200) })
    }
    for (let i = 0; i < 5; i += 1) {
      gc()
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(process.memoryUsage().external - before).toBeLessThan(10e6)
  })
})

describe('what GeoIndex refuses', () => {
  const index = new GeoIndex()

  it('coordinates out of range, NaN, and what is no number', () => {
    expectInvalid(() => index.add(1, { lat: 91, lng: 0 }), 'place.lat must be degrees from -90 to 90, not 91')
    expectInvalid(() => index.add(1, { lat: 0, lng: -181 }), 'place.lng must be degrees from -180 to 180, not -181')
    expectInvalid(() => index.near({ lat: NaN, lng: 0 }), 'point.lat must be degrees from -90 to 90, not NaN')
    // @ts-expect-error a text is no longitude
    expectInvalid(() => index.near({ lat: 0, lng: '5' }), 'point.lng must be degrees from -180 to 180, not "5"')
    // @ts-expect-error nor a number a point
    expectInvalid(() => index.near(5), 'point must be { lat, lng }, not 5')
    expectInvalid(() => index.within({ south: 2, west: 0, north: 1, east: 1 }),
      'area.south must be at most north, 1, not 2')
  })

  it('ids below 0, above 2^53 - 1, and broken ones', () => {
    const place = { lat: 0, lng: 0 }
    for (const id of [-1, 0.5, NaN, 2 ** 53])
      expectInvalid(() => index.add(id, place), `id must be an integer from 0 to 2^53 - 1, not ${id}`)
  })

  it('columns that do not fit, by name and place, and has added nothing', () => {
    const [ids, lats, lngs] = [Float64Array.of(1, 2), Float64Array.of(0, 0), Float64Array.of(0, 0)]
    expectInvalid(() => index.addMany({ ids, lats: Float64Array.of(1), lngs }),
      'lats must have as many elements as ids, 2, not 1')
    expectInvalid(() => index.addMany({ ids: Float64Array.of(1, -2), lats, lngs }),
      'ids[1] must be an integer of 0 to 2^53 - 1')
    expectInvalid(() => index.addMany({ ids, lats, lngs: Float64Array.of(0, NaN) }),
      'lngs[1] must be from -180 to 180')
    // @ts-expect-error columns are typed arrays
    expectInvalid(() => index.addMany({ ids, lats: [1, 2], lngs }), 'lats must be a Float64Array, not an array')
    expectInvalid(() => index.addMany({ ids, souths: lats, wests: lngs, norths: lats, easts: lngs }),
      'entries must be { ids, lats, lngs } in an index of points, not an object')
    expect(index.size).toBe(0)
  })

  it('a box among points, an unknown option, a wrong limit, radius or ring', () => {
    expectInvalid(() => index.add(1, FIJI), 'place must be a point { lat, lng } in this index, not an object')
    // @ts-expect-error there is no such option
    expectInvalid(() => index.near(BERLIN, { radios: 5 }), "near: unknown option 'radios'; did you mean 'radius'?")
    // @ts-expect-error null is no options
    expectInvalid(() => index.near(BERLIN, null), 'near: options must be an object, not null')
    // @ts-expect-error a list neither
    expectInvalid(() => index.near(BERLIN, []), 'near: options must be an object, not an array')
    // @ts-expect-error a box has no radius
    expectInvalid(() => index.within(FIJI, { radius: 5 }), "within: unknown option 'radius'; known are limit, filter, from")
    expectInvalid(() => index.near(BERLIN, { limit: -1 }), 'limit must be an integer of 0 or more, or Infinity, not -1')
    expectInvalid(() => index.near(BERLIN, { radius: NaN }), 'radius must be metres, 0 or more, not NaN')
    expectInvalid(() => index.within([[BERLIN, HAMBURG, BERLIN]]),
      'area[0] must be a ring of 3 points or more, not an array')
    expectInvalid(() => index.within([]), 'area must be a box or at least one ring, not an array')
  })
})

describe('distance', () => {
  it('is that of the sphere, or of the ellipsoid', () => {
    expect(GeoIndex.distance(BERLIN, BERLIN)).toBe(0)
    expect(GeoIndex.distance({ lat: 0, lng: 0 }, { lat: 0, lng: 1 })).toBeCloseTo(111_195.08, 1)
    expect(GeoIndex.distance({ lat: 0, lng: 0 }, { lat: 0, lng: 1 }, { on: 'ellipsoid' })).toBeCloseTo(111_319.491, 3)
    expect(GeoIndex.distance({ lat: 0, lng: 0 }, { lat: 0.5, lng: 179.7 }, { on: 'ellipsoid' }))
      .toBeCloseTo(19_944_127.421, 2)
  })
})

describe('geohash', () => {
  it('has the published texts and numbers', () => {
    expect(geohash.encode({ lat: 57.64911, lng: 10.40744 })).toBe('u4pruydqqvj')
    expect(geohash.encode({ lat: 42.605, lng: -5.603 }, 5)).toBe('ezs42')
    const { lat, lng } = geohash.decode('ezs42')
    expect(lat).toBeCloseTo(42.605, 2)
    expect(lng).toBeCloseTo(-5.603, 2)
    const palermo = { lat: 38.115556, lng: 13.361389 }
    expect(geohash.toNumber(palermo, { redis: true })).toBe(3479099956230698)
    expect(geohash.fromNumber(3479099956230698, { redis: true }).lat).toBeCloseTo(38.115556, 5)
    expect(geohash.fromNumber(geohash.toNumber(palermo)).lng).toBeCloseTo(13.361389, 5)
  })

  it('has neighbours over the antimeridian and none beyond the poles', () => {
    expect(geohash.neighbours('dqcjq')).toMatchObject({ north: 'dqcjw', southWest: 'dqcjj' })
    expect(geohash.neighbours('x').east).toBe('8')
    expect(geohash.neighbours('zzz')).toMatchObject({ north: undefined, northEast: undefined })
  })

  it('covers an area by ranges that hold every point of it', () => {
    const circle = { center: TAVEUNI, radius: 50_000 }
    const ranges = geohash.cover(circle, { ranges: 8 })
    expect(ranges.length).toBeLessThanOrEqual(16)
    const random = seeded(3)
    const isCovered = (point: Point) => {
      const cell = geohash.toNumber(point)
      return ranges.some((first, i) => i % 2 === 0 && first <= cell && cell <= (ranges[i + 1] ?? 0))
    }
    for (let i = 0; i < 500; i += 1) {
      const lng = TAVEUNI.lng + random() - 0.5
      const point = { lat: TAVEUNI.lat + random() - 0.5, lng: lng < -180 ? lng + 360 : lng }
      if (GeoIndex.distance(TAVEUNI, point) <= 50_000) expect(isCovered(point)).toBe(true)
    }
    expect(geohash.cover(FIJI).length).toBeGreaterThan(0)
    expect(geohash.cover([[BERLIN, HAMBURG, MUNICH]], { ranges: 1 })).toHaveLength(2)
  })

  it('refuses what is none', () => {
    expectInvalid(() => geohash.decode('ezs4a'), 'hash must be a geohash of 1 to 12 characters, not "ezs4a"')
    expectInvalid(() => geohash.encode(BERLIN, 13), 'length must be an integer from 1 to 12, not 13')
    expectInvalid(() => geohash.fromNumber(-1), 'cell must be an integer from 0 to 2^52 - 1, not -1')
    expectInvalid(() => geohash.cover({ center: BERLIN, radius: -5 }), 'area.radius must be metres, 0 or more, not -5')
  })
})
