// bench/records.ts — documents of collections to bytes and back: our records against those of msgpackr, which are objects with shared structures.
//
// Two kinds of document: `plain`, the 8 fields that all workloads have, and `typed`, whose fields are those that applications have beside text and
// numbers: uuid, date, enum, point, list. Rivals get them as they are. As in codecs.ts the text goes into the same buffer as the rest, so that no codec is
// spared it; in the store it comes with the crossing.
import { collection, type Collection, t } from '../lib/collection.ts'
import { type Document, recordCodec } from '../lib/collection/record.ts'
import { newVersion } from '../lib/collection/version.ts'
import { type CodeGeneration, Shapes } from '../lib/value.ts'
import { type Codec, codecOf, HEAD_AT, withText } from './codecs.ts'
import { documentOf, textOf } from './data.ts'

export interface Kind {
  readonly declared: Collection
  make(index: number): Document
  /** Looks at every field, as a program does. */
  readAll(document: Document): number
  readonly some: readonly string[]
  readSome(document: Document): number
}

const ROLES = ['guest', 'member', 'editor', 'admin'] as const
const BEGAN = Date.UTC(2020, 0, 1)
const length = (value: unknown): number => String(value).length

function uuidOf(index: number): string {
  const hex = (index * 2654435761).toString(16).padStart(12, '0').slice(-12)
  return `0198a4f2-7c3e-7abc-8def-${hex}`
}

export const KINDS: Readonly<Record<string, Kind>> = {
  plain: {
    declared: collection('plain', {
      key: 'id',
      schema: {
        id: t.int32(),
        name: t.string(),
        email: t.string(),
        age: t.int32({ min: 0, max: 150 }),
        city: t.string(),
        score: t.float64(),
        active: t.boolean(),
        notes: t.string(),
      },
    }) as Collection,
    make: (index) => documentOf(index, 0) as Document,
    readAll: (one) =>
      Number(one['id']) +
      length(one['name']) +
      length(one['email']) +
      Number(one['age']) +
      length(one['city']) +
      Number(one['score']) +
      (one['active'] === true ? 1 : 0) +
      length(one['notes']),
    some: ['age', 'city'],
    readSome: (one) => Number(one['age']) + length(one['city']),
  },
  typed: {
    declared: collection('typed', {
      key: 'id',
      schema: {
        id: t.uuid(),
        name: t.string(),
        role: t.enum(ROLES),
        born: t.date(),
        at: t.point(),
        tags: t.array(t.string()),
        active: t.boolean(),
        verified: t.boolean(),
        nick: t.string().optional(),
        balance: t.float64(),
      },
    }) as Collection,
    make: (index) => ({
      id: uuidOf(index),
      name: textOf(index, 20),
      role: ROLES[index % 4],
      born: new Date(BEGAN + index * 977_531),
      at: { lat: (index % 180) / 2 - 45.25, lng: (index % 360) - 179.5 },
      tags: [textOf(index, 6), textOf(index + 1, 6), textOf(index + 2, 6)],
      active: index % 2 === 0,
      verified: index % 3 === 0,
      balance: index / 7,
    }),
    readAll: (one) =>
      length(one['id']) +
      length(one['name']) +
      length(one['role']) +
      (one['born'] as Date).getTime() +
      (one['at'] as { lat: number }).lat +
      (one['tags'] as string[]).length +
      (one['active'] === true ? 1 : 0) +
      (one['verified'] === true ? 1 : 0) +
      Number(one['balance']),
    some: ['role', 'balance'],
    readSome: (one) => length(one['role']) + Number(one['balance']),
  },
}

/** A stored record has a byte for its kind and, of heads as small as these, one for the size; here there are four. */
const FRAME_BYTES = 2 - HEAD_AT

function ours({ declared }: Kind, code: CodeGeneration): Codec {
  const { description } = newVersion(declared.description, declared.live, 1)
  const codec = recordCodec(description, declared.live, 1, new Shapes(undefined, code))
  return withText({
    encode: (value, room, bytesMax) => codec.encode(value as Document, room, bytesMax),
    decode: (from, view, at, size, text) => codec.decode(from, view, at, size, text),
    decodeFields: (from, view, at, size, text, names) =>
      codec.decodeFields(from, view, at, size, text, names),
  })
}

/** `closures` is ours where a process forbids code from strings. */
export function recordCodecOf(name: string, kind: Kind): Codec {
  if (name === 'varve') return ours(kind, 'auto')
  return name === 'closures' ? ours(kind, 'never') : codecOf(name)
}

/** How many bytes are stored. */
export const storedBytes = (name: string, encoded: Uint8Array): number =>
  encoded.length + (name === 'varve' ? FRAME_BYTES : 0)
