// bench/records.ts — documents of collections to bytes and back: our records against those of msgpackr, which are objects with shared structures.
//
// Two kinds of document: `plain`, the 8 fields that all workloads have, and `typed`, whose fields are those that applications have beside text and
// numbers: uuid, date, enum, point, list. Rivals get them as they are. As in codecs.ts the text goes into the same buffer as the rest, so that no codec is
// spared it; in the store it comes with the crossing.
import { collection, type Collection, t } from '../lib/collection.ts'
import { type Document, recordCodec } from '../lib/collection/record.ts'
import { newVersion } from '../lib/collection/version.ts'
import { type CodeGeneration, encodedText, Shapes } from '../lib/value.ts'
import { type Codec, codecOf } from './codecs.ts'
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

const ROOM_BYTES = 64 * 1024
// The size of the head lies before it, as it does in a stored record, which also has a byte for its kind.
const HEAD_AT = 4
/** What a stored record has that is not counted here, less what is counted and it has not. */
const FRAME_BYTES = 2 - HEAD_AT

type Viewed = Buffer & { dataView?: DataView }
function viewOf(bytes: Viewed): DataView {
  bytes.dataView ??= new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return bytes.dataView
}

function ours({ declared }: Kind, code: CodeGeneration): Codec {
  const { description } = newVersion(declared.description, declared.live, 1)
  const codec = recordCodec(description, declared.live, 1, new Shapes(undefined, code))
  const bytes = Buffer.alloc(ROOM_BYTES)
  const scratch = {
    bytes,
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
    dataAt: HEAD_AT,
    grow: () => {
      throw new Error('records: a document larger than expected')
    },
  }
  return {
    encode(value) {
      const size = codec.encode(value as Document, scratch, ROOM_BYTES)
      scratch.view.setUint32(0, size, true)
      const textAt = HEAD_AT + size
      return bytes.subarray(0, textAt + bytes.latin1Write(encodedText(), textAt))
    },
    decode(encoded) {
      const from = encoded as Viewed
      const view = viewOf(from)
      const size = view.getUint32(0, true)
      const text = from.latin1Slice(HEAD_AT + size, from.length)
      return codec.decode(from, view, HEAD_AT, size, text)
    },
    decodeFields(encoded, names) {
      const from = encoded as Viewed
      const view = viewOf(from)
      const size = view.getUint32(0, true)
      const text = { at: HEAD_AT + size, size: from.length - HEAD_AT - size }
      return codec.decodeFields(from, view, HEAD_AT, size, text, names)
    },
  }
}

/** `closures` is ours where a process forbids code from strings. */
export function recordCodecOf(name: string, kind: Kind): Codec {
  if (name === 'varve') return ours(kind, 'auto')
  return name === 'closures' ? ours(kind, 'never') : codecOf(name)
}

/** How many bytes are stored. */
export const storedBytes = (name: string, encoded: Uint8Array): number =>
  encoded.length + (name === 'varve' ? FRAME_BYTES : 0)
