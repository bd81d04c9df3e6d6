// test/format/write-records.ts — writes records.txt, and with it the seeds of the record fuzzer, from lib/collection/: npm run fixtures, after a
// format change.
//
// A line: name, version, description, record, its key, and in turn path and key of each field that has one; all bytes in hex. What is between two
// tabs is nothing where a value is absent.
import { writeFileSync } from 'node:fs'

import type { Collection } from '../../lib/collection/declaration.ts'
import { writeDescription } from '../../lib/collection/description-bytes.ts'
import { framed, roomFor } from '../../lib/collection/frame.ts'
import { keyPart } from '../../lib/collection/key.ts'
import { columnAt } from '../../lib/collection/paths.ts'
import { type Document, recordCodec } from '../../lib/collection/record.ts'
import { newVersion } from '../../lib/collection/version.ts'
import { encodeKey, type Key } from '../../lib/key.ts'
import { Shapes } from '../../lib/value.ts'
import { RECORDS } from './records.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const room = new Uint8Array(65_536)
const keyHex = (key: Key): string => hex(room.subarray(0, encodeKey(key, 'key', room, 0)))

function keysOf(declared: Collection, document: Document, paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const type = columnAt(declared.description.fields, path)?.type
    let value: unknown = document
    for (const step of path.split('.')) value = (value as Document | undefined)?.[step]
    return [path, keyHex(keyPart(type, value))]
  })
}

const lines = RECORDS.map(({ name, declared, document, keyed, row, version }) => {
  const { description } = newVersion(declared.description, declared.live, version)
  const codec = recordCodec(description, declared.live, version, new Shapes())
  const complete = codec.fill(document)
  const scratch = roomFor(256)
  const record = framed(scratch, codec.encode(complete, scratch, 2 ** 20, row))
  const described = writeDescription(description)
  const size = Uint8Array.of(described.length & 0xff, described.length >> 8)
  const seed = Buffer.concat([size, described, record])
  writeFileSync(new URL(`../fuzz/corpus/record/${name}`, import.meta.url), seed)
  const keys = keysOf(declared, complete, keyed)
  return [name, version, hex(described), hex(record), keyHex(codec.keyOf(complete)), ...keys].join('\t')
})
writeFileSync(new URL('records.txt', import.meta.url), `${lines.join('\n')}\n`)
