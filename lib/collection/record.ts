// lib/collection/record.ts — documents to records and back, for one version of a collection.
//
//   document ──fill()──▶ complete document ──encode()──▶ head in the scratch, text beside it ──▶ the addon frames both
//   head and text ──decode()──▶ document            ──decodeFields()──▶ some fields of it
//
// Checks and writes are one pass, by a function made for the schema; what it refuses, a second and slow walk puts into words (refusal.ts), as in
// lib/value/. A record crosses as a value does (kinds 0x10 to 0x12), so whatever brings values over brings records over.
//
// Bytes: native/pure/codec/record/FORMAT.md
import type { Scratch, Text } from '../value.ts'

export type Document = Record<string, unknown>

export interface RecordCodec {
  /** The number that its records say. */
  readonly version: number
  /**
   * The document as it will be stored, a new object: defaults and generated keys put in, the validator's answer, computed fields. `next` makes the next
   * number of a sequence. INVALID says what is wrong with it.
   */
  fill(document: unknown, next?: () => number): Document
  /**
   * Checks a complete document, writes its head at `into.dataAt` and returns the size; the text is in encodedText() of lib/value.ts. INVALID
   * names the field, what was given and the rule; TOO_LARGE above `bytesMax`.
   */
  encode(document: Document, into: Scratch, bytesMax: number, row?: number): number
  /** The document of the head at `at` of `bytes`, of which `view` is the same memory. CORRUPT if it is none of this version. */
  decode(bytes: Uint8Array, view: DataView, at: number, size: number, text: string): Document
  /** Of its fields only these, in their order; nothing else is looked at. */
  decodeFields(
    bytes: Uint8Array,
    view: DataView,
    at: number,
    size: number,
    text: Text,
    names: readonly string[],
  ): Document
  /** The key of a document, as an ordered key's value. */
  keyOf(document: Document): unknown
}
