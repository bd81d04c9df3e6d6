// bench/workloads/collections.ts — the set `collections`. Documents as records and back, without a store: how quickly, and in how many bytes.
import { deepStrictEqual } from 'node:assert'
import type { Codec } from '../codecs.ts'
import { type Kind, KINDS, recordCodecOf, storedBytes } from '../records.ts'
import { alone, type Context, type Outcome, type Row, type Workload } from '../shape.ts'

const COUNT = 200_000
const DOCUMENTS = 1000

type Document = Readonly<Record<string, unknown>>
const documentsOf = (kind: Kind) => Array.from({ length: DOCUMENTS }, (_, i) => kind.make(i))

function expectRoundTrips(codec: Codec, kind: Kind): void {
  for (const document of documentsOf(kind))
    deepStrictEqual(codec.decode(Buffer.from(codec.encode(document))), document)
}

async function encode(context: Context, kind: Kind): Promise<Outcome> {
  const codec = recordCodecOf(context.contestant, kind)
  const given = documentsOf(kind)
  const operations = context.count(COUNT, DOCUMENTS)
  let size = 0
  const lap = await context.time(() => {
    for (let i = 0; i < operations; i += 1) size += codec.encode(given[i % DOCUMENTS] ?? {}).length
    return Promise.resolve()
  })
  if (size < operations * 50) throw new Error(`encode: ${size} bytes for ${operations} documents`)
  expectRoundTrips(codec, kind)
  return { operations, lap }
}

interface Reading {
  readonly decode: (codec: Codec, bytes: Uint8Array, kind: Kind) => unknown
  readonly read: (document: Document, kind: Kind) => number
}
const WHOLE: Reading = {
  decode: (codec, bytes) => codec.decode(bytes),
  read: (document, kind) => kind.readAll(document),
}
const SOME: Reading = {
  decode: (codec, bytes, kind) => codec.decodeFields(bytes, kind.some),
  read: (document, kind) => kind.readSome(document),
}

async function decode(context: Context, kind: Kind, { decode: by, read }: Reading) {
  const codec = recordCodecOf(context.contestant, kind)
  const given = documentsOf(kind)
  const encoded = given.map((document) => Buffer.from(codec.encode(document)))
  const operations = context.count(COUNT, DOCUMENTS)
  let sum = 0
  const lap = await context.time(() => {
    for (let i = 0; i < operations; i += 1)
      sum += read(by(codec, encoded[i % DOCUMENTS] ?? new Uint8Array(), kind) as Document, kind)
    return Promise.resolve()
  })
  const once = given.reduce((total, document) => total + read(document, kind), 0)
  const expected = (once * operations) / DOCUMENTS
  if (Math.abs(sum - expected) > Math.abs(expected) * 1e-9)
    throw new Error('decode: fields differ from what was encoded')
  expectRoundTrips(codec, kind)
  return { operations, lap }
}

function size(context: Context, name: string, kind: Kind): Promise<Outcome> {
  const codec = recordCodecOf(context.contestant, kind)
  expectRoundTrips(codec, kind) // By now msgpackr shares its structures.
  const sizes = documentsOf(kind).map((document) =>
    storedBytes(context.contestant, codec.encode(document)),
  )
  const mean = sizes.reduce((sum, one) => sum + one, 0) / sizes.length
  return Promise.resolve({ figures: { [name]: mean } })
}

const RIVALS = ['msgpackr', 'json']

function rate(row: Omit<Row, 'per'>, rivals: readonly string[], run: Workload['run']): Workload {
  return alone(
    { ...row, per: 'cpu' },
    { contest: 'codecs', begins: 'none', warmUps: 3, rivals, run },
  )
}

function workloadsOf(name: string, kind: Kind): Workload[] {
  const title = (what: string) => `records, ${name} documents: ${what}`
  const targets = [{ times: 1, of: 'msgpackr' }]
  // JSON has no dates.
  const rivals = name === 'plain' ? RIVALS : ['msgpackr']
  const both = [...rivals, 'closures']
  const sizeName = `record-${name}-size`
  return [
    rate({ name: `record-${name}-encode`, title: title('encode'), targets }, both, (context) =>
      encode(context, kind),
    ),
    rate({ name: `record-${name}-decode`, title: title('decode'), targets }, both, (context) =>
      decode(context, kind, WHOLE),
    ),
    rate({ name: `record-${name}-some`, title: title('2 fields'), targets }, both, (context) =>
      decode(context, kind, SOME),
    ),
    alone(
      { name: sizeName, title: title('size'), per: 'figure', unit: 'bytes', targets },
      {
        contest: 'codecs',
        begins: 'none',
        warmUps: 0,
        roundsMax: 1,
        rivals,
        run: (context) => size(context, sizeName, kind),
      },
    ),
  ]
}

export const collectionWorkloads: readonly Workload[] = Object.entries(KINDS).flatMap(
  ([name, kind]) => workloadsOf(name, kind),
)
