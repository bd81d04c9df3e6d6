// lib/collection/places.ts — what is asked of points and boxes, as operands: native/layer/collection/FORMAT.md.
import { invalid, VarveError } from '../errors.ts'
import { type Area, checkArea, checkPoint, cornersOf, isBox } from '../geo/place.ts'
import type { TypeDescription } from './description.ts'

const NEAR = 30
const WITHIN_BOX = 31
const WITHIN_POLYGON = 32

const METRES: Readonly<Record<string, number>> = { m: 1, km: 1000, mi: 1609.344 }
const DISTANCE = /^(\d+(?:\.\d+)?)\s*(m|km|mi)$/

interface PlaceOperand {
  readonly op: number
  readonly operand: Uint8Array
}

export const isPlace = ({ kind }: TypeDescription): boolean => kind === 'point' || kind === 'box'

/** Metres of 5000, '5km', '300m', '2mi'. */
export function metresOf(distance: unknown, where: string): number {
  if (typeof distance === 'number' && distance >= 0) return distance
  const [, number, unit] = (typeof distance === 'string' && DISTANCE.exec(distance)) || []
  const scale = unit === undefined ? undefined : METRES[unit]
  if (scale === undefined)
    throw invalid(where, "a distance: metres, or '5km', '300m', '2mi'", distance)
  return Number(number) * scale
}

const isDistance = (within: unknown): within is string | number =>
  typeof within === 'string' || typeof within === 'number'

/** Of `near` and `within`, as far as they are there. */
export function placeOperands(
  near: unknown,
  within: unknown,
  where: string,
): readonly PlaceOperand[] {
  const found: PlaceOperand[] = []
  if (near !== undefined) {
    checkPoint(near, `${where}.near`)
    const metres = isDistance(within) ? metresOf(within, `${where}.within`) : Infinity
    found.push({ op: NEAR, operand: numbers([near.lat, near.lng, metres]) })
  }
  if (isDistance(within)) {
    if (near === undefined)
      throw new VarveError('INVALID', `${where}.within: a distance is from a point: give near, too`)
  } else if (within !== undefined) {
    checkArea(within, `${where}.within`)
    found.push(areaOperand(within))
  }
  return found
}

function areaOperand(area: Area): PlaceOperand {
  if (isBox(area)) {
    const { south, west, north, east } = area
    return { op: WITHIN_BOX, operand: numbers([south, west, north, east]) }
  }
  const { corners, ends } = cornersOf(area)
  const count = Uint32Array.of(ends.length)
  const parts = [count, ends, corners].map(({ buffer }) => Buffer.from(buffer))
  return { op: WITHIN_POLYGON, operand: Buffer.concat(parts) }
}

const numbers = (all: readonly number[]): Uint8Array =>
  new Uint8Array(Float64Array.from(all).buffer)
