// bench/workloads/geo.ts — indexes of 1 M places, even over the sphere: building, what is near, what lies in a box, single changes; and of
// the cities of the world, against a look at every one.
//
// Questions keep away from the poles and the antimeridian, of which kdbush and flatbush know nothing.
import { Random } from '../data.ts'
import { cities, type Columns, type Places, placesOf } from '../places.ts'
import {
  alone,
  type Context,
  type Outcome,
  type Row,
  type Target,
  type Workload,
} from '../shape.ts'

const PLACES = 1_000_000
const QUERIES = 100_000
const CHANGES = 100_000
const CHECKED = 5
const NEAREST = 10
const KM_OF_DEGREE = 111.195
const EARTH_RADIUS = 6_371_008.8
const RADIAN = Math.PI / 180

function placesIn(random: Random, count: number, latMax = 90, lngMax = 180): Columns {
  const top = Math.sin(latMax * RADIAN)
  return {
    lats: Float64Array.from(
      { length: count },
      () => Math.asin((random.unit() * 2 - 1) * top) / RADIAN,
    ),
    lngs: Float64Array.from({ length: count }, () => (random.unit() * 2 - 1) * lngMax),
  }
}
const questionsIn = (random: Random, count: number) => placesIn(random, count, 60, 170)

function metresBetween(lat: number, lng: number, otherLat: number, otherLng: number): number {
  const up = Math.sin(((otherLat - lat) * RADIAN) / 2)
  const aside = Math.sin(((otherLng - lng) * RADIAN) / 2)
  const cosines = Math.cos(lat * RADIAN) * Math.cos(otherLat * RADIAN)
  return 2 * EARTH_RADIUS * Math.asin(Math.sqrt(up * up + cosines * aside * aside))
}

const distancesFrom = ({ lats, lngs }: Columns, lat: number, lng: number) =>
  Float64Array.from(lats, (other, i) => metresBetween(lat, lng, other, lngs[i] ?? 0))

interface Asked {
  readonly places: Places
  readonly given: Columns
}
type Ask = (places: Places, lat: number, lng: number) => number
type Check = (asked: Asked, lat: number, lng: number) => void

async function ask(
  context: Context,
  given: Columns,
  question: Ask,
  check: Check,
): Promise<Outcome> {
  const places = await placesOf(context.contestant)
  places.build(given)
  const operations = context.count(QUERIES)
  const { lats, lngs } = questionsIn(new Random(context.round + 1), operations)
  let found = 0
  const lap = await context.time(() => {
    for (let i = 0; i < operations; i += 1) found += question(places, lats[i] ?? 0, lngs[i] ?? 0)
    return Promise.resolve()
  })
  if (!Number.isInteger(found)) throw new Error('geo: no count')
  for (let i = 0; i < CHECKED; i += 1) check({ places, given }, lats[i] ?? 0, lngs[i] ?? 0)
  return { operations, lap }
}

function expectCount(what: string, found: number | undefined, wanted: number): void {
  // One at the edge may be on either side: the rivals take the earth for 9 m smaller.
  if (found === undefined || Math.abs(found - wanted) > 1)
    throw new Error(`${what}: found ${found ?? 'nothing'}, not ${wanted}`)
}

const expectNearest =
  (count: number): Check =>
  ({ places, given }, lat, lng) => {
    const distances = distancesFrom(given, lat, lng)
    const wanted = distances.slice().sort().slice(0, count)
    const found = Array.from(places.nearest?.(lat, lng, count) ?? [], (id) => distances[id] ?? 0)
    const isSame = found.every((one, i) => Math.abs(one - (wanted[i] ?? 0)) < 1e-3)
    if (found.length !== count || !isSame) throw new Error('nearest: not the nearest')
  }

const boxAround = (lat: number, lng: number, km: number) => {
  const up = km / 2 / KM_OF_DEGREE
  const aside = up / Math.cos(lat * RADIAN)
  return { south: lat - up, west: lng - aside, north: lat + up, east: lng + aside }
}

function row(about: Omit<Row, 'per'>, rivals: readonly string[], run: Workload['run']): Workload {
  return alone(
    { ...about, per: 'cpu' },
    { contest: 'kernels', begins: 'none', keyCount: PLACES, rivals, run },
  )
}

const given = (context: Context) => placesIn(new Random(7), context.count(PLACES))

function radiusRow(name: string, km: number, targets: readonly Target[]): Workload {
  const check: Check = (asked, lat, lng) =>
    expectCount(
      name,
      asked.places.radius?.(lat, lng, km * 1000),
      distancesFrom(asked.given, lat, lng).filter((distance) => distance <= km * 1000).length,
    )
  const question: Ask = (places, lat, lng) => places.radius?.(lat, lng, km * 1000) ?? NaN
  return row(
    {
      name,
      title: `places: within ${km} km, nearest first`,
      targets,
      plot: {
        family: 'geo-radius',
        title: 'places: all within a radius, nearest first',
        axis: 'radius',
        at: `${km} km`,
      },
    },
    ['kdbush', 'flatbush'],
    (context) => ask(context, given(context), question, check),
  )
}

function boxRow(name: string, km: number, times: number): Workload {
  const check: Check = (asked, lat, lng) => {
    const { south, west, north, east } = boxAround(lat, lng, km)
    const { lats, lngs } = asked.given
    const isIn = (one: number, i: number) =>
      one >= south && one <= north && (lngs[i] ?? 0) >= west && (lngs[i] ?? 0) <= east
    expectCount(name, asked.places.box?.(boxAround(lat, lng, km)), lats.filter(isIn).length)
  }
  const question: Ask = (places, lat, lng) => places.box?.(boxAround(lat, lng, km)) ?? NaN
  return row(
    {
      name,
      title: `places: in a box of ${km} km`,
      targets: [{ times }],
      plot: {
        family: 'geo-box',
        title: 'places: all in a box',
        axis: 'side of the box',
        at: `${km} km`,
      },
    },
    ['kdbush', 'flatbush'],
    (context) => ask(context, given(context), question, check),
  )
}

const nearest =
  (count: number): Ask =>
  (places, lat, lng) =>
    places.nearest?.(lat, lng, count).length ?? NaN
const nearestRow = (
  about: Omit<Row, 'per'>,
  count: number,
  from: (context: Context) => Columns,
): Workload =>
  row(about, ['kdbush', 'flatbush'], (context) =>
    ask(context, from(context), nearest(count), expectNearest(count)),
  )
// The ten nearest are what is asked of it; the others are drawn beside.
const nearestOf = (count: number): Workload =>
  nearestRow(
    {
      name: count === NEAREST ? 'geo-nearest' : `geo-nearest-${count}`,
      title: `places: nearest ${count} of 1 M`,
      targets: count === NEAREST ? [{ times: 10 }] : [],
      plot: {
        family: 'geo-nearest',
        title: 'places: the nearest',
        axis: 'how many',
        at: String(count),
      },
    },
    count,
    given,
  )

async function build(context: Context): Promise<Outcome> {
  const columns = given(context)
  const places = await placesOf(context.contestant)
  const lap = await context.time(() => Promise.resolve(places.build(columns)))
  expectCount(
    'build',
    places.box?.({ south: -90, west: -180, north: 90, east: 180 }),
    columns.lats.length,
  )
  return { operations: columns.lats.length, lap }
}

type Change = (places: Places, ids: Uint32Array, columns: Columns) => void

const each =
  (act: (id: number, lat: number, lng: number) => void): Change =>
  (_, ids, { lats, lngs }) =>
    ids.forEach((id, i) => act(id, lats[i] ?? 0, lngs[i] ?? 0))
const insertEach: Change = (places, ids, columns) =>
  each((id, lat, lng) => places.insert?.(id, lat, lng))(places, ids, columns)
const removeEach: Change = (places, ids, columns) =>
  each((id, lat, lng) => places.remove?.(id, lat, lng))(places, ids, columns)
const insertMany: Change = (places, ids, columns) => places.insertMany?.(ids, columns)
const removeMany: Change = (places, ids, columns) => places.removeMany?.(ids, columns)

function changeRow(
  name: string,
  title: string,
  times: number,
  before: Change,
  change: Change,
): Workload {
  return row({ name, title, targets: [{ times }] }, ['rbush'], async (context) => {
    const columns = given(context)
    const places = await placesOf(context.contestant)
    places.build(columns)
    const operations = context.count(CHANGES)
    const changed = placesIn(new Random(context.round + 1), operations)
    const ids = Uint32Array.from({ length: operations }, (_, i) => PLACES + i)
    before(places, ids, changed)
    const lap = await context.time(() => Promise.resolve(change(places, ids, changed)))
    const added = change === insertEach || change === insertMany ? operations : 0
    expectCount(
      name,
      places.box?.({ south: -90, west: -180, north: 90, east: 180 }),
      columns.lats.length + added,
    )
    return { operations, lap }
  })
}
const nothing: Change = () => undefined

export const geoWorkloads: readonly Workload[] = [
  row(
    { name: 'geo-build', title: 'places: build of 1 M', targets: [{ times: 5 }] },
    ['kdbush', 'flatbush'],
    build,
  ),
  radiusRow('geo-radius-1', 1, [{ times: 3 }]),
  radiusRow('geo-radius-10', 10, []),
  radiusRow('geo-radius-100', 100, [{ times: 5 }]),
  boxRow('geo-box-10', 10, 3),
  boxRow('geo-box-100', 100, 3),
  ...[1, NEAREST, 100].map(nearestOf),
  nearestRow(
    {
      name: 'geo-cities',
      title: 'places: nearest 10 of the cities of the world',
      targets: [{ times: 10 }],
    },
    NEAREST,
    cities,
  ),
  changeRow('geo-insert', 'places: insert one into 1 M', 5, nothing, insertEach),
  changeRow('geo-remove', 'places: remove one of 1 M', 5, insertMany, removeEach),
  changeRow('geo-insert-many', 'places: insert 100 k into 1 M', 10, nothing, insertMany),
  changeRow('geo-remove-many', 'places: remove 100 k of 1 M', 10, insertMany, removeMany),
]
