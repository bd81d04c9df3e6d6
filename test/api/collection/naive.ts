// test/api/collection/naive.ts — what a query means, said by a look at every document: the oracle of random tests.

export type Document = Record<string, unknown>
type Value = unknown

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Date) &&
  !(value instanceof Uint8Array)

const rank = (value: Value): number =>
  value === undefined || value === null
    ? 0
    : typeof value === 'boolean'
      ? 1
      : typeof value === 'number' || typeof value === 'bigint'
        ? 2
        : value instanceof Date
          ? 3
          : typeof value === 'string'
            ? 4
            : 5

/** Null first; strings by code point. */
export function compare(a: Value, b: Value): number {
  const difference = rank(a) - rank(b)
  if (difference !== 0) return difference
  if (rank(a) === 0) return 0
  if (rank(a) === 4) return Buffer.compare(Buffer.from(a as string), Buffer.from(b as string))
  if (rank(a) === 5) return Buffer.compare(a as Uint8Array, b as Uint8Array)
  const [x, y] = [a, b] as [number, number]
  return x < y ? -1 : x > y ? 1 : 0
}

const isNull = (value: Value): boolean => value === undefined || value === null

// ---- places and words

interface Point {
  readonly lat: number
  readonly lng: number
}
const EARTH = 6_371_008.8
const METRES: Readonly<Record<string, number>> = { m: 1, km: 1000, mi: 1609.344 }

export function distance(a: Point, b: Point): number {
  const radian = Math.PI / 180
  const half = (degrees: number): number => Math.sin((degrees * radian) / 2) ** 2
  const cosines = Math.cos(a.lat * radian) * Math.cos(b.lat * radian)
  const haversine = half(a.lat - b.lat) + cosines * half(a.lng - b.lng)
  return 2 * EARTH * Math.asin(Math.sqrt(haversine))
}

const metresOf = (given: unknown): number => {
  if (given === undefined) return Infinity
  if (typeof given === 'number') return given
  const [, number, unit] = /^([\d.]+)(\w+)$/.exec(given as string) ?? []
  return Number(number) * (METRES[unit ?? ''] ?? NaN)
}

// Of boxes that cross no antimeridian, and polygons that are boxes.
function isWithin({ lat, lng }: Point, area: unknown): boolean {
  if (!Array.isArray(area)) {
    const { south, north, west, east } = area as Record<string, number>
    const isThere = lat >= Number(south) && lat <= Number(north)
    return isThere && lng >= Number(west) && lng <= Number(east)
  }
  const [ring = []] = area as Point[][]
  const lats = ring.map((corner) => corner.lat)
  const lngs = ring.map((corner) => corner.lng)
  const [south, north] = [Math.min(...lats), Math.max(...lats)]
  return isWithin({ lat, lng }, { south, north, west: Math.min(...lngs), east: Math.max(...lngs) })
}

function isPlaced(value: Value, { near, within, isNull: wanted }: Document): boolean {
  if (wanted !== undefined) return isNull(value) === wanted
  if (isNull(value)) return false
  const point = value as Point
  if (near !== undefined) return distance(near as Point, point) <= metresOf(within) + 1e-6
  return isWithin(point, within)
}

/** The few queries that chance.ts makes. */
export function isMatch(value: Value, query: string): boolean {
  if (typeof value !== 'string') return false
  const words = value.split(' ')
  if (query.startsWith('"')) return ` ${value} `.includes(` ${query.slice(1, -1)} `)
  const parts = query.split(' ')
  const has = (word: string): boolean =>
    words.some((one) => (word.endsWith('*') ? one.startsWith(word.slice(0, -1)) : one === word))
  const isSigned = parts.some((part) => /^[+-]/.test(part))
  if (!isSigned) return parts.some(has)
  return parts.every((part) => has(part.slice(1)) === part.startsWith('+'))
}

function operator(name: string, value: Value, operand: unknown): boolean {
  const list = operand as readonly unknown[]
  const order = (other: unknown): number => compare(value, other)
  switch (name) {
    case 'eq':
      return order(operand) === 0
    case 'ne':
      return order(operand) !== 0
    case 'gt':
      return !isNull(value) && order(operand) > 0
    case 'gte':
      return !isNull(value) && order(operand) >= 0
    case 'lt':
      return !isNull(value) && order(operand) < 0
    case 'lte':
      return !isNull(value) && order(operand) <= 0
    case 'between':
      return !isNull(value) && order(list[0]) >= 0 && order(list[1]) <= 0
    case 'in':
      return list.some((one) => order(one) === 0)
    case 'notIn':
      return list.every((one) => order(one) !== 0)
    case 'startsWith':
      return typeof value === 'string' && value.startsWith(operand as string)
    case 'match':
      return isMatch(value, operand as string)
    case 'isNull':
      return isNull(value) === operand
    case 'has':
      return Array.isArray(value) && value.some((one) => compare(one, operand) === 0)
    case 'hasAny':
      return (
        Array.isArray(value) && list.some((two) => value.some((one) => compare(one, two) === 0))
      )
    case 'hasAll':
      return list.every(
        (two) => Array.isArray(value) && value.some((one) => compare(one, two) === 0),
      )
    default:
      throw new Error(`no operator ${name}`)
  }
}

export function matches(document: Document, where: Document): boolean {
  return Object.entries(where).every(([name, condition]) => {
    const several = condition as readonly Document[]
    if (name === 'and') return several.every((one) => matches(document, one))
    if (name === 'or') return several.some((one) => matches(document, one))
    if (name === 'not') return !matches(document, condition as Document)
    const value = document[name]
    if (!isObject(condition)) return compare(value, condition) === 0
    if (name === 'place') return isPlaced(value, condition)
    if (isObject(value)) return matches(value, condition)
    return Object.entries(condition).every(([one, operand]) => operator(one, value, operand))
  })
}

export interface Step {
  readonly path: string
  readonly descending: boolean
}

export const at = (document: Document, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>((value, name) => (isObject(value) ? value[name] : undefined), document)

export function byOrder(steps: readonly Step[]): (a: Document, b: Document) => number {
  return (a, b) => {
    for (const { path, descending } of steps) {
      const order = compare(at(a, path), at(b, path))
      if (order !== 0) return descending ? -order : order
    }
    return 0
  }
}
