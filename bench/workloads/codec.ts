// bench/workloads/codec.ts — documents of 8 fields to bytes and back, without a store: our encoding of values against
// msgpackr with shared structures and against JSON.
import { deepStrictEqual } from 'node:assert'
import { codecOf, type Codec } from '../codecs.ts'
import { documentOf } from '../data.ts'
import { alone, type Context, type Outcome, type Row, type Workload } from '../shape.ts'

const COUNT = 200_000
const KINDS = 1000

type Document = Readonly<Record<string, unknown>>
const documents = () => Array.from({ length: KINDS }, (_, i) => documentOf(i, 0) as Document)

function expectRoundTrips(codec: Codec): void {
  for (const document of documents())
    deepStrictEqual(codec.decode(Buffer.from(codec.encode(document))), document)
}

async function encode(context: Context): Promise<Outcome> {
  const codec = codecOf(context.contestant)
  const given = documents()
  const operations = context.count(COUNT, KINDS)
  let size = 0
  const lap = await context.time(() => {
    for (let i = 0; i < operations; i += 1) size += codec.encode(given[i % KINDS] ?? {}).length
    return Promise.resolve()
  })
  if (size < operations * 100) throw new Error(`encode: ${size} bytes for ${operations} documents`)
  expectRoundTrips(codec)
  return { operations, lap }
}

// What the reader looks at: each by its name, as a program does.
const readAll = (one: Document) =>
  Number(one['id']) +
  String(one['name']).length +
  String(one['email']).length +
  Number(one['age']) +
  String(one['city']).length +
  Number(one['score']) +
  (one['active'] === true ? 1 : 0) +
  String(one['notes']).length
const readTwo = (one: Document) => Number(one['age']) + String(one['city']).length

interface Reading {
  readonly decode: (codec: Codec, bytes: Uint8Array) => unknown
  readonly read: (one: Document) => number
}
const whole: Reading = { decode: (codec, bytes) => codec.decode(bytes), read: readAll }
const TWO = ['age', 'city'] as const
const two: Reading = { decode: (codec, bytes) => codec.decodeFields(bytes, TWO), read: readTwo }

async function decode(context: Context, { decode: decodeBy, read }: Reading): Promise<Outcome> {
  const codec = codecOf(context.contestant)
  const given = documents()
  const encoded = given.map((document) => Buffer.from(codec.encode(document)))
  const operations = context.count(COUNT, KINDS)
  let sum = 0
  const lap = await context.time(() => {
    for (let i = 0; i < operations; i += 1)
      sum += read(decodeBy(codec, encoded[i % KINDS] ?? new Uint8Array()) as Document)
    return Promise.resolve()
  })
  const once = given.reduce((total, document) => total + read(document), 0)
  if (sum !== (once * operations) / KINDS)
    throw new Error('decode: fields differ from what was encoded')
  expectRoundTrips(codec)
  return { operations, lap }
}

function codecRow(row: Omit<Row, 'per'>, run: Workload['run']): Workload {
  return alone(
    { ...row, per: 'cpu' },
    { contest: 'codecs', begins: 'none', warmUps: 3, rivals: ['msgpackr', 'json'], run },
  )
}

export const codecEncode = codecRow(
  { name: 'codec-encode', title: 'value codec, 8 fields: encode', targets: [{ times: 1 }] },
  encode,
)
export const codecDecode = codecRow(
  {
    name: 'codec-decode',
    title: 'value codec, 8 fields: decode, all read',
    targets: [{ times: 2 }],
  },
  (context) => decode(context, whole),
)
export const codecDecodeSome = codecRow(
  {
    name: 'codec-decode-some',
    title: 'value codec, 8 fields: decode 2 of 8',
    targets: [{ times: 5 }],
  },
  (context) => decode(context, two),
)
