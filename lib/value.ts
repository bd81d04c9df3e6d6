// lib/value.ts — the tagged binary form of values: a head of tags and numbers, and one text.
//
// All strings of a value are one text that crosses the binding as one JavaScript string and is cut up here
// by a running position; everything else is the head. A plain string or Uint8Array needs neither and is
// stored by its caller. Bytes: value/FORMAT.md

export { type CodeGeneration } from './value/code.ts'
export { decodeValue } from './value/decode.ts'
export { encodedText, encodeValue } from './value/encode.ts'
export { decodeFields, notAnObject, type Text } from './value/fields.ts'
export { isDetached } from './value/kind.ts'
export { Shapes, type ShapeStore } from './value/shapes.ts'
export { type Scratch } from './value/sink.ts'
