// lib/geo/geohash.ts — cells of the earth as text and as numbers, and areas as ranges of them:
// native/pure/geo/geohash.h.
import { invalid } from '../errors.ts'
import { ABSENT, addon, FAILED, lastError, scratch } from '../native.ts'
import { checkNames } from '../options.ts'
import {
  type Area,
  AT,
  type Box,
  boxAt,
  checkArea,
  checkPoint,
  cornersOf,
  isBox,
  type Point,
  setBox,
  setPoint,
} from './place.ts'

/** All within so many metres of a point. */
export interface Circle {
  readonly center: Point
  readonly radius: number
}

export interface CoverOptions {
  /** At most so many ranges; more cover less beside the area. Default 16; 1 to 4096. */
  readonly ranges?: number | undefined
  /** Cells as Redis has them. Default false. */
  readonly redis?: boolean | undefined
}

export interface CellOptions {
  /** As Redis has it, whose latitudes end at ±85.05112878. Default false. */
  readonly redis?: boolean | undefined
}

export interface Neighbours {
  readonly north: string | undefined
  readonly northEast: string | undefined
  readonly east: string | undefined
  readonly southEast: string | undefined
  readonly south: string | undefined
  readonly southWest: string | undefined
  readonly west: string | undefined
  readonly northWest: string | undefined
}

const LENGTH_MAX = 12
const RANGES = 16
const RANGES_MAX = 4096
const CELLS = 2 ** 52
const BOX = 0
const CIRCLE = 1
const POLYGON = 2
const DEFAULTS: Readonly<Record<string, undefined>> = Object.freeze({})
const NO_CORNERS = { corners: new Float64Array(0), ends: new Uint32Array(0) }

function checkHash(hash: unknown): asserts hash is string {
  if (typeof hash === 'string' && hash.length <= LENGTH_MAX && addon.geohashDecode(hash) !== ABSENT)
    return
  throw invalid('hash', `a geohash of 1 to ${LENGTH_MAX} characters`, hash)
}

function redisOf({ redis }: CellOptions): number {
  if (redis !== undefined && typeof redis !== 'boolean')
    throw invalid('redis', 'true or false', redis)
  return redis === true ? 1 : 0
}

const middleOf = ({ south, west, north, east }: Box): Point => ({
  lat: (south + north) / 2,
  lng: (west + east) / 2,
})

const isCircle = (area: unknown): area is Circle =>
  typeof area === 'object' && area !== null && 'center' in area

function setArea(area: Area | Circle): number {
  if (isCircle(area)) {
    checkPoint(area.center, 'area.center')
    const { radius } = area
    if (typeof radius !== 'number' || !(radius >= 0))
      throw invalid('area.radius', 'metres, 0 or more', radius)
    setPoint(2, area.center)
    scratch.f64[AT + 4] = radius
    return CIRCLE
  }
  checkArea(area, 'area')
  if (!isBox(area)) return POLYGON
  setBox(2, area)
  return BOX
}

function neighbour(hash: string, north: number, east: number): string | undefined {
  scratch.f64[AT] = north
  scratch.f64[AT + 1] = east
  const found = addon.geohashNeighbour(hash)
  return typeof found === 'string' && found !== '' ? found : undefined
}

/** Geohash: places as short texts, or as numbers of 52 bits, that begin alike when they are near. */
export const geohash = Object.freeze({
  /** `length` characters, 1 to 12; by default 11, which is 15 cm. */
  encode(point: Point, length = 11): string {
    checkPoint(point, 'point')
    if (!Number.isInteger(length) || length < 1 || length > LENGTH_MAX)
      throw invalid('length', `an integer from 1 to ${LENGTH_MAX}`, length)
    setPoint(0, point)
    return addon.geohashEncode(length)
  },

  /** The middle of its cell. */
  decode(hash: string): Point {
    return middleOf(geohash.box(hash))
  },

  /** Its cell. */
  box(hash: string): Box {
    checkHash(hash)
    return boxAt(0)
  },

  /** The cells around it, undefined beyond a pole. */
  neighbours(hash: string): Neighbours {
    checkHash(hash)
    return {
      north: neighbour(hash, 1, 0),
      northEast: neighbour(hash, 1, 1),
      east: neighbour(hash, 0, 1),
      southEast: neighbour(hash, -1, 1),
      south: neighbour(hash, -1, 0),
      southWest: neighbour(hash, -1, -1),
      west: neighbour(hash, 0, -1),
      northWest: neighbour(hash, 1, -1),
    }
  },

  /** As an integer of 52 bits. A point beyond Redis's latitudes is taken to their edge. */
  toNumber(point: Point, options: CellOptions = DEFAULTS): number {
    checkPoint(point, 'point')
    checkNames(options, ['redis'], 'toNumber')
    setPoint(0, point)
    scratch.f64[AT + 2] = redisOf(options)
    addon.geohashNumber()
    return scratch.f64[AT] ?? 0
  },

  /** The middle of such a cell. */
  fromNumber(cell: number, options: CellOptions = DEFAULTS): Point {
    if (!Number.isInteger(cell) || cell < 0 || cell >= CELLS)
      throw invalid('cell', 'an integer from 0 to 2^52 - 1', cell)
    checkNames(options, ['redis'], 'fromNumber')
    scratch.f64[AT] = cell
    scratch.f64[AT + 1] = redisOf(options)
    addon.geohashCell()
    return middleOf(boxAt(0))
  },

  /**
   * Ranges of such numbers, first and last in turn, ascending, that together hold every point of the area, and a little more.
   */
  cover(area: Area | Circle, options: CoverOptions = DEFAULTS): Float64Array {
    checkNames(options, ['ranges', 'redis'], 'cover')
    const { ranges = RANGES } = options
    if (!Number.isInteger(ranges) || ranges < 1 || ranges > RANGES_MAX)
      throw invalid('ranges', `an integer from 1 to ${RANGES_MAX}`, ranges)
    const kind = setArea(area)
    scratch.f64[AT] = redisOf(options)
    scratch.f64[AT + 1] = ranges
    const found = new Float64Array(2 * ranges)
    const { corners, ends } = kind === POLYGON ? cornersOf(area as Exclude<Area, Box>) : NO_CORNERS
    const count = addon.geohashCover(found, kind, corners, ends)
    if (count === FAILED) throw lastError()
    return found.slice(0, 2 * count)
  },
})
