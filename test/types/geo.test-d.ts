// test/types/geo.test-d.ts — what the compiler infers of places and what it refuses.
import { expectTypeOf } from 'vitest'

import { Bitmap, geohash, GeoIndex, type Near, type Point } from '../../lib/index.ts'

const index = new GeoIndex()
const here: Point = { lat: 0, lng: 0 }

expectTypeOf(index.near(here, { radius: 5, limit: 1, filter: (id) => id > 3 })).toEqualTypeOf<Near>()
expectTypeOf(index.near(here, { filter: new Bitmap([1]) })).toEqualTypeOf<Near>()
// @ts-expect-error ids are of a bitmap, or asked for one by one
index.near(here, { filter: [1] })
expectTypeOf(index.within({ south: 0, west: 0, north: 1, east: 1 })).toEqualTypeOf<Float64Array>()
expectTypeOf(index.within([[here, here, here]], { from: here })).toEqualTypeOf<Near>()
expectTypeOf(geohash.encode(here)).toEqualTypeOf<string>()
expectTypeOf(geohash.neighbours('ezs').north).toEqualTypeOf<string | undefined>()

// @ts-expect-error a point is { lat, lng }
index.near([0, 0])
// @ts-expect-error an id is a number
index.add('a', here)
// @ts-expect-error there is no such kind
new GeoIndex({ holds: 'lines' })
// @ts-expect-error an answer is read-only
index.near(here).ids = new Float64Array()
