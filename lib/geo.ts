// lib/geo.ts — places: an index that finds them by area and by distance, and geohash. What is checked before it
// crosses is in geo/place.ts, cells in geo/geohash.ts; what is found, and how, in native/pure/geo/tree.h.
import { Bitmap } from './bitmap.ts'
import { NATIVE_NUMBER } from './bitmap/members.ts'
import { invalid, VarveError } from './errors.ts'
import {
  type Area,
  AT,
  type Box,
  checkArea,
  checkBox,
  checkPoint,
  cornersOf,
  isBox,
  type Point,
  setBox,
  setPoint,
} from './geo/place.ts'
import { addon, FAILED, lastError, type NativeGeoIndex, scratch } from './native.ts'
import { checkNames } from './options.ts'
import { showAs } from './showing.ts'

export {
  type CellOptions,
  type Circle,
  type CoverOptions,
  geohash,
  type Neighbours,
} from './geo/geohash.ts'
export type { Area, Box, Point, Polygon } from './geo/place.ts'

export interface GeoIndexOptions {
  /** 'points' (default), or 'boxes', which may be points, too, and take more room. */
  readonly holds?: 'points' | 'boxes' | undefined
}

/** Many entries, as columns of the same length: points, or boxes. */
export type GeoEntries =
  | {
      readonly ids: Float64Array | Uint32Array
      readonly lats: Float64Array
      readonly lngs: Float64Array
    }
  | {
      readonly ids: Float64Array | Uint32Array
      readonly souths: Float64Array
      readonly wests: Float64Array
      readonly norths: Float64Array
      readonly easts: Float64Array
    }

export type GeoFilter = Bitmap | ((id: number) => boolean)

export interface NearOptions {
  /** At most so many metres away. Default: however far. */
  readonly radius?: number | undefined
  /** At most so many, the nearest. Default: all. */
  readonly limit?: number | undefined
  /** Which ids count: those of a bitmap, or those for which a function, which must not change the index, returns true. */
  readonly filter?: GeoFilter | undefined
}

export interface WithinOptions {
  /** At most so many; with `from` the nearest to it, without it any. Default: all. */
  readonly limit?: number | undefined
  /** Which ids count: those of a bitmap, or those for which a function, which must not change the index, returns true. */
  readonly filter?: GeoFilter | undefined
  /** Measure from here, and sort by it. */
  readonly from?: Point | undefined
}

/** What was found, nearest first; of what is as near, the smaller id. */
export interface Near {
  readonly ids: Float64Array
  /** In metres on the sphere, to the nearest point of a box. */
  readonly distances: Float64Array
}

export interface GeoStats {
  readonly count: number
  /** Of memory, the slack of blocks included. */
  readonly bytes: number
}

export interface DistanceOptions {
  /**
   * 'sphere' (default): within 0.56 % of the true distance. 'ellipsoid': that of WGS 84, to 1 mm, and ten times as slow.
   */
  readonly on?: 'sphere' | 'ellipsoid' | undefined
}

const POINTS = 1
const BOXES = 2
// Where serialise() says which: native/pure/geo/FORMAT.md.
const HOLDS_AT = 12
const ENTRY_MEMBERS = [
  ['ids', 'lats', 'lngs'],
  ['ids', 'souths', 'wests', 'norths', 'easts'],
] as const

// Answers are views of a slab until it is used up; large ones get memory of their own.
const SLAB_NUMBERS = 2048
let slab = new Float64Array(SLAB_NUMBERS)
let slabBuffer = slab.buffer
let slabUsed = 0

function slabWithRoom(): Float64Array {
  if (slabUsed <= SLAB_NUMBERS / 2) return slab
  slab = new Float64Array(SLAB_NUMBERS)
  slabBuffer = slab.buffer
  slabUsed = 0
  return slab
}

const NOTHING = new Float64Array(0)
const NOBODY: Near = Object.freeze({ ids: NOTHING, distances: NOTHING })

/** `count` numbers, or pairs of them, that a query has left in the slab, or kept because they are too many. */
function taken(index: NativeGeoIndex, total: number): Float64Array {
  if (total === 0) return NOTHING
  if (slabUsed + total > SLAB_NUMBERS) {
    const all = new Float64Array(total)
    addon.geoTake(index, all)
    return all
  }
  const all = new Float64Array(slabBuffer, slabUsed * 8, total)
  slabUsed += total
  return all
}

function takenNear(index: NativeGeoIndex, count: number): Near {
  if (count === 0) return NOBODY
  const all = taken(index, 2 * count)
  const { buffer, byteOffset } = all
  return {
    ids: new Float64Array(buffer, byteOffset, count),
    distances: new Float64Array(buffer, byteOffset + count * 8, count),
  }
}

function checkId(id: unknown): asserts id is number {
  if (typeof id === 'number' && Number.isSafeInteger(id) && id >= 0) return
  throw invalid('id', 'an integer from 0 to 2^53 - 1', id)
}

function checkLimit(limit: unknown): number {
  if (limit === undefined) return Infinity
  if (typeof limit === 'number' && limit >= 0 && (Number.isInteger(limit) || limit === Infinity))
    return limit
  throw invalid('limit', 'an integer of 0 or more, or Infinity', limit)
}

function checkRadius(radius: unknown): number {
  if (radius === undefined) return Infinity
  if (typeof radius === 'number' && radius >= 0) return radius
  throw invalid('radius', 'metres, 0 or more', radius)
}

function checkFilter(filter: unknown): void {
  if (filter === undefined || typeof filter === 'function' || filter instanceof Bitmap) return
  throw invalid('filter', 'a Bitmap or a function of an id', filter)
}

/** What the index is asked beside the place. */
interface Asked {
  readonly limit: number
  readonly from?: Point | undefined
  readonly set?: Bitmap | undefined
}

/** As native/binding/geo.cc reads it. */
function setAsked(place: number, limit: number, from?: Point, set?: Bitmap): void {
  const number = set === undefined ? -1 : set[NATIVE_NUMBER]()
  const { f64 } = scratch
  f64[AT + place] = limit
  f64[AT + place + 1] = from === undefined ? 0 : 1
  if (from !== undefined) setPoint(place + 2, from)
  f64[AT + place + 4] = number
}

const NEAR = ['radius', 'limit', 'filter']
const WITHIN = ['limit', 'filter', 'from']
const DEFAULTS: Readonly<Record<string, undefined>> = Object.freeze({})

// What most queries have, seen without making a list of names.
function checkQuery(options: object, known: readonly string[], where: string): void {
  if (options === null || typeof options !== 'object' || Array.isArray(options))
    return checkNames(options, known, where)
  for (const name in options)
    if (name !== 'radius' && name !== 'limit') return checkNames(options, known, where)
  if (where === 'within' && 'radius' in options) checkNames(options, known, where)
}

/** What makes an index of something that the addon made. */
class Opened {
  constructor(
    readonly index: NativeGeoIndex,
    readonly holds: 'points' | 'boxes',
  ) {}
}

/**
 * Places with ids, in memory. An entry is an id at a place: the same id may stand at many places, and is replaced within the same 9 mm.
 * Ids are integers from 0 to 2^53 - 1. Longitudes are from -180 to 180; boxes and areas may cross the antimeridian, and poles are places.
 */
export class GeoIndex {
  static {
    showAs<GeoIndex>(this, 'GeoIndex', ({ holds, size }) => ({ holds, size }))
  }
  readonly holds: 'points' | 'boxes'
  readonly #index: NativeGeoIndex

  constructor(options: GeoIndexOptions = DEFAULTS) {
    if (options instanceof Opened) {
      this.holds = options.holds
      this.#index = options.index
      return
    }
    checkNames(options, ['holds'], 'GeoIndex')
    const holds = options.holds ?? 'points'
    if (holds !== 'points' && holds !== 'boxes')
      throw invalid('holds', "'points' or 'boxes'", holds)
    this.holds = holds
    this.#index = addon.geoCreate(holds === 'points' ? POINTS : BOXES)
  }

  /**
   * What serialise() wrote, read where it lies until it is first changed. The bytes are copied once. Damage is CORRUPT, with the offset.
   */
  static deserialise(bytes: Uint8Array): GeoIndex {
    if (!(bytes instanceof Uint8Array)) throw invalid('bytes', 'a Uint8Array', bytes)
    const index = addon.geoOpen(bytes)
    if (typeof index === 'number') throw lastError()
    const holds = bytes[HOLDS_AT] === POINTS ? 'points' : 'boxes'
    return new GeoIndex(new Opened(index, holds) as GeoIndexOptions)
  }

  /** Metres between two points. */
  static distance(a: Point, b: Point, options: DistanceOptions = DEFAULTS): number {
    checkPoint(a, 'a')
    checkPoint(b, 'b')
    checkNames(options, ['on'], 'distance')
    const on = options.on ?? 'sphere'
    if (on !== 'sphere' && on !== 'ellipsoid') throw invalid('on', "'sphere' or 'ellipsoid'", on)
    setPoint(0, a)
    setPoint(2, b)
    addon.geoDistance(on === 'ellipsoid' ? 1 : 0)
    return scratch.f64[AT] ?? 0
  }

  /** Whether a point lies in a box or a polygon, as within() has it. */
  static contains(area: Area, point: Point): boolean {
    checkArea(area, 'area')
    checkPoint(point, 'point')
    setPoint(0, point)
    if (isBox(area)) {
      setBox(2, area)
      return addon.geoContains() === 1
    }
    const { corners, ends } = cornersOf(area)
    const answer = addon.geoContains(corners, ends)
    if (answer === FAILED) throw lastError()
    return answer === 1
  }

  /** How many entries there are. */
  get size(): number {
    return this.stats().count
  }

  stats(): GeoStats {
    addon.geoStats(this.#index)
    return { count: scratch.f64[AT] ?? 0, bytes: scratch.f64[AT + 1] ?? 0 }
  }

  /** False if it replaced one: the same id at the same place. */
  add(id: number, place: Point | Box): boolean {
    this.#setEntry(id, place, 'place')
    return addon.geoInsert(this.#index) === 1
  }

  /** False if this id is not at this place. A box is found by its middle. */
  remove(id: number, place: Point | Box): boolean {
    this.#setEntry(id, place, 'place')
    return addon.geoRemove(this.#index) === 1
  }

  has(id: number, place: Point | Box): boolean {
    this.#setEntry(id, place, 'place')
    return addon.geoHas(this.#index) === 1
  }

  /** Removes the one and adds the other, if the one is there; else false, and nothing has changed. */
  move(id: number, from: Point | Box, to: Point | Box): boolean {
    this.#setEntry(id, to, 'to')
    this.#setEntry(id, from, 'from')
    if (addon.geoRemove(this.#index) !== 1) return false
    this.#setEntry(id, to, 'to')
    addon.geoInsert(this.#index)
    return true
  }

  /** As so many add(), the last of the same id and place; answers how many were new. All of them, or an error and none. */
  addMany(entries: GeoEntries): number {
    const added = addon.geoInsertMany(this.#index, entries.ids, ...this.#columns(entries))
    if (added === FAILED) throw lastError()
    return added
  }

  /** As so many remove(); answers how many were there. All of them, or an error and none. */
  removeMany(entries: GeoEntries): number {
    const removed = addon.geoRemoveMany(this.#index, entries.ids, ...this.#columns(entries))
    if (removed === FAILED) throw lastError()
    return removed
  }

  clear(): void {
    addon.geoClear(this.#index)
  }

  /** What is near a point, nearest first: within a radius, at most so many, or both. */
  near(point: Point, options: NearOptions = DEFAULTS): Near {
    checkPoint(point, 'point')
    if (options === DEFAULTS) return this.#near(point, Infinity, { limit: Infinity })
    checkQuery(options, NEAR, 'near')
    const { filter } = options
    const radius = checkRadius(options.radius)
    const limit = checkLimit(options.limit)
    checkFilter(filter)
    if (typeof filter !== 'function') return this.#near(point, radius, { limit, set: filter })
    return this.#filtered(limit, filter, (wanted) => this.#near(point, radius, { limit: wanted }))
  }

  /** The ids of what shares a point with an area, in no order; with `from`, nearest first, with distances. */
  within(area: Area, options: WithinOptions & { readonly from: Point }): Near
  within(area: Area, options?: WithinOptions & { readonly from?: undefined }): Float64Array
  within(area: Area, options?: WithinOptions): Float64Array | Near
  within(area: Area, options: WithinOptions = DEFAULTS): Float64Array | Near {
    checkArea(area, 'area')
    if (options !== DEFAULTS) checkQuery(options, WITHIN, 'within')
    const { filter, from } = options
    const limit = checkLimit(options.limit)
    checkFilter(filter)
    const set = typeof filter === 'function' ? undefined : filter
    const find = (wanted: number) => this.#within(area, { limit: wanted, from, set })
    if (from === undefined) {
      if (typeof filter !== 'function') return taken(this.#index, find(limit))
      const ids = taken(this.#index, find(Infinity)).filter((id) => filter(id))
      return ids.length > limit ? ids.slice(0, limit) : ids
    }
    checkPoint(from, 'from')
    const findNear = (wanted: number) => takenNear(this.#index, find(wanted))
    if (typeof filter !== 'function') return findNear(limit)
    return this.#filtered(limit, filter, findNear)
  }

  /** All of it, for GeoIndex.deserialise() in any process; native/pure/geo/FORMAT.md. */
  serialise(): Uint8Array {
    const bytes = new Uint8Array(addon.geoWrite(this.#index))
    addon.geoTakeBytes(this.#index, bytes)
    return bytes
  }

  #near(point: Point, radius: number, { limit, set }: Asked): Near {
    setAsked(1, limit, point, set)
    scratch.f64[AT] = radius
    return takenNear(this.#index, addon.geoNear(this.#index, slabWithRoom(), slabUsed))
  }

  #within(area: Area, { limit, from, set }: Asked): number {
    setAsked(isBox(area) ? 4 : 0, limit, from, set)
    if (isBox(area)) {
      setBox(0, area)
      return addon.geoWithinBox(this.#index, slabWithRoom(), slabUsed)
    }
    const { corners, ends } = cornersOf(area)
    const count = addon.geoWithinPolygon(this.#index, slabWithRoom(), slabUsed, corners, ends)
    if (count === FAILED) throw lastError()
    return count
  }

  // Asks for more and more until so many have passed, or there are no more.
  #filtered(limit: number, filter: (id: number) => boolean, find: (wanted: number) => Near): Near {
    for (let wanted = Math.max(2 * limit, 64); ; wanted *= 4) {
      const { ids, distances } = find(wanted)
      const passed: number[] = []
      for (let i = 0; i < ids.length && passed.length < limit; i += 1)
        if (filter(ids[i] ?? 0)) passed.push(i)
      if (passed.length < limit && ids.length >= wanted) continue
      return {
        ids: Float64Array.from(passed, (i) => ids[i] ?? 0),
        distances: Float64Array.from(passed, (i) => distances[i] ?? 0),
      }
    }
  }

  #setEntry(id: number, place: Point | Box, name: string): void {
    checkId(id)
    if (isBox(place)) {
      if (this.holds === 'points') throw invalid(name, 'a point { lat, lng } in this index', place)
      checkBox(place, name)
      setBox(1, place)
    } else {
      checkPoint(place, name)
      const { f64 } = scratch
      f64[AT + 1] = f64[AT + 3] = place.lat
      f64[AT + 2] = f64[AT + 4] = place.lng
    }
    scratch.f64[AT] = id
  }

  #columns(entries: GeoEntries): readonly Float64Array[] {
    checkNames(entries, ENTRY_MEMBERS.flat(), 'entries')
    const arePoints = 'lats' in entries
    if (!arePoints && this.holds === 'points')
      throw invalid('entries', '{ ids, lats, lngs } in an index of points', entries)
    const { ids } = entries
    if (!(ids instanceof Float64Array) && !(ids instanceof Uint32Array))
      throw invalid('ids', 'a Float64Array or a Uint32Array', ids)
    const given = entries as Readonly<Record<string, unknown>>
    const [, ...names] = arePoints ? ENTRY_MEMBERS[0] : ENTRY_MEMBERS[1]
    return names.map((name) => {
      const column = given[name]
      if (!(column instanceof Float64Array)) throw invalid(name, 'a Float64Array', column)
      if (column.length === ids.length) return column
      throw new VarveError(
        'INVALID',
        `${name} must have as many elements as ids, ${ids.length}, not ${column.length}`,
      )
    })
  }
}
