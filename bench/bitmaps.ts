// bench/bitmaps.ts — compressed bitmaps behind one shape: ours and `roaring`, each in its quickest way.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as Roaring from 'roaring'
import type { Bitmap as OurBitmap } from '../lib/bitmap.ts'
import { repositoryRoot } from './place.ts'

export interface Bits<Set> {
  of(members: Uint32Array): Set
  add(set: Set, member: number): void
  has(set: Set, member: number): boolean
  size(set: Set): number
  sum(set: Set): number
  and(a: Set, b: Set): Set
  or(a: Set, b: Set): Set
  xor(a: Set, b: Set): Set
  andNot(a: Set, b: Set): Set
  andCount(a: Set, b: Set): number
  orCount(a: Set, b: Set): number
  // How many are in a or b, and in c, and not in d.
  expressionCount(a: Set, b: Set, c: Set, d: Set): number
  // Bytes that open() makes a set of, which answers.
  bytes(set: Set): Uint8Array
  open(bytes: Uint8Array): Set
}

function sumOf(members: Iterable<number>): number {
  let sum = 0
  for (const member of members) sum += member
  return sum
}

// As a user gets them: the bundle of dist/ over the addon of build/Release.
async function ours(): Promise<Bits<OurBitmap>> {
  const href = pathToFileURL(join(repositoryRoot, 'dist', 'index.js')).href
  const { Bitmap } = (await import(href)) as { Bitmap: typeof OurBitmap }
  return {
    of: (members) => new Bitmap(members),
    add: (set, member) => void set.add(member),
    has: (set, member) => set.has(member),
    size: (set) => set.size,
    sum: sumOf,
    and: (a, b) => Bitmap.and(a, b),
    or: (a, b) => Bitmap.or(a, b),
    xor: (a, b) => Bitmap.xor(a, b),
    andNot: (a, b) => Bitmap.andNot(a, b),
    andCount: (a, b) => Bitmap.count(['and', a, b]),
    orCount: (a, b) => Bitmap.count(['or', a, b]),
    expressionCount: (a, b, c, d) => Bitmap.count(['andNot', ['and', ['or', a, b], c], d]),
    bytes: (set) => set.serialise(),
    open: (bytes) => Bitmap.view(bytes),
  }
}

function roaring(): Bits<Roaring.RoaringBitmap32> {
  // A CommonJS module whose names Node cannot see before it runs; loaded where it is measured alone.
  const { RoaringBitmap32 } = createRequire(import.meta.url)('roaring') as typeof Roaring
  return {
    of: (members) => new RoaringBitmap32(members),
    add: (set, member) => void set.add(member),
    has: (set, member) => set.has(member),
    size: (set) => set.size,
    sum: sumOf,
    and: (a, b) => RoaringBitmap32.and(a, b),
    or: (a, b) => RoaringBitmap32.or(a, b),
    xor: (a, b) => RoaringBitmap32.xor(a, b),
    andNot: (a, b) => RoaringBitmap32.andNot(a, b),
    andCount: (a, b) => a.andCardinality(b),
    orCount: (a, b) => a.orCardinality(b),
    expressionCount: (a, b, c, d) => RoaringBitmap32.or(a, b).andInPlace(c).andNotCardinality(d),
    bytes: (set) => set.serialize('croaring'),
    open: (bytes) => RoaringBitmap32.deserialize(bytes, 'croaring'),
  }
}

/** Calls `body` with the bitmaps of a contestant; their class is its own matter. */
export async function withBits<T>(
  contestant: string,
  body: <Set>(bits: Bits<Set>) => Promise<T>,
): Promise<T> {
  if (contestant === 'varve') return body(await ours())
  if (contestant === 'roaring') return body(roaring())
  throw new Error(`no bitmaps of ${contestant}`)
}
