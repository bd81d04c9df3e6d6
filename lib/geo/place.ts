// lib/geo/place.ts — points, boxes and polygons: their types, their checks, and how they cross.
import { invalid } from '../errors.ts'
import { DATA_AT, scratch } from '../native.ts'

/** In degrees. */
export interface Point {
  /** From -90 to 90. */
  readonly lat: number
  /** From -180 to 180, both of which are the antimeridian. */
  readonly lng: number
}

/** From its west edge eastwards to its east edge: `west` above `east` crosses the antimeridian. Edges belong to it. */
export interface Box {
  readonly south: number
  readonly west: number
  readonly north: number
  readonly east: number
}

/**
 * Rings of three points or more; the last may repeat the first. A point is inside when it is in an odd number of rings: so a hole is a ring in a
 * ring. Sides are straight in degrees and go the shorter way round the earth; a ring around it contains the pole on the side of its corners.
 */
export type Polygon = readonly (readonly Point[])[]

export type Area = Box | Polygon

/** Where numbers of a call begin in `scratch.f64`. */
export const AT = DATA_AT / 8

export const isBox = (place: unknown): place is Box =>
  typeof place === 'object' && place !== null && 'south' in place

const isLat = (lat: unknown): lat is number => typeof lat === 'number' && lat >= -90 && lat <= 90
const isLng = (lng: unknown): lng is number => typeof lng === 'number' && lng >= -180 && lng <= 180

export function checkPoint(point: unknown, name: string): asserts point is Point {
  if (typeof point !== 'object' || point === null) throw invalid(name, '{ lat, lng }', point)
  const { lat, lng } = point as Partial<Point>
  if (!isLat(lat)) throw invalid(`${name}.lat`, 'degrees from -90 to 90', lat)
  if (!isLng(lng)) throw invalid(`${name}.lng`, 'degrees from -180 to 180', lng)
}

export function checkBox(box: unknown, name: string): asserts box is Box {
  if (!isBox(box)) throw invalid(name, '{ south, west, north, east }', box)
  const { south, west, north, east } = box
  if (!isLat(south)) throw invalid(`${name}.south`, 'degrees from -90 to 90', south)
  if (!isLat(north)) throw invalid(`${name}.north`, 'degrees from -90 to 90', north)
  if (!isLng(west)) throw invalid(`${name}.west`, 'degrees from -180 to 180', west)
  if (!isLng(east)) throw invalid(`${name}.east`, 'degrees from -180 to 180', east)
  if (south > north) throw invalid(`${name}.south`, `at most north, ${north}`, south)
}

const CORNERS_MAX = 1_048_576

/** A box, or rings. What a ring needs more than points the core checks. */
export function checkArea(area: unknown, name: string): asserts area is Area {
  if (!Array.isArray(area)) {
    if (isBox(area)) return checkBox(area, name)
    throw invalid(name, 'a box { south, west, north, east } or an array of rings', area)
  }
  const rings: readonly unknown[] = area
  if (rings.length === 0) throw invalid(name, 'a box or at least one ring', area)
  let corners = 0
  rings.forEach((ring, i) => {
    if (!Array.isArray(ring)) throw invalid(`${name}[${i}]`, 'an array of points', ring)
    const points: readonly unknown[] = ring
    corners += points.length
    const first: unknown = points[0]
    const distinct =
      points.length > 1 && isSame(first, points.at(-1)) ? points.length - 1 : points.length
    if (distinct < 3) throw invalid(`${name}[${i}]`, 'a ring of 3 points or more', ring)
    points.forEach((point, k) => checkPoint(point, `${name}[${i}][${k}]`))
  })
  if (corners > CORNERS_MAX) throw invalid(name, `at most ${CORNERS_MAX} points`, corners)
}

const isSame = (a: unknown, b: unknown) => {
  const [one, other] = [a, b] as readonly (Partial<Point> | null | undefined)[]
  return one?.lat === other?.lat && one?.lng === other?.lng
}

export function setPoint(place: number, { lat, lng }: Point): void {
  const { f64 } = scratch
  f64[AT + place] = lat
  f64[AT + place + 1] = lng
}

export function setBox(place: number, { south, west, north, east }: Box): void {
  const { f64 } = scratch
  f64[AT + place] = south
  f64[AT + place + 1] = west
  f64[AT + place + 2] = north
  f64[AT + place + 3] = east
}

export function boxAt(place: number): Box {
  const [south = 0, west = 0, north = 0, east = 0] = scratch.f64.subarray(
    AT + place,
    AT + place + 4,
  )
  return { south, west, north, east }
}

/** Corners as latitudes and longitudes in turn, and where each ring ends. */
export function cornersOf(polygon: Polygon): { corners: Float64Array; ends: Uint32Array } {
  const corners = polygon.flat()
  const ends: number[] = []
  for (const ring of polygon) ends.push((ends.at(-1) ?? 0) + ring.length)
  return {
    corners: Float64Array.from(corners.flatMap(({ lat, lng }) => [lat, lng])),
    ends: Uint32Array.from(ends),
  }
}
