// lib/value.ts — the tagged binary form of values: a head of tags and numbers, and one text.
//
// All strings of a value are one text that crosses the binding as one JavaScript string and is cut up here
// by a running position; everything else is the head. A plain string or Uint8Array needs neither and is
// stored by its caller. Bytes: value/FORMAT.md

export { decodeValue } from './value/decode.ts'
export { encodedText, encodeValue, type Scratch } from './value/encode.ts'
export { isDetached } from './value/kind.ts'
export { type CodeGeneration, setCodeGeneration } from './value/shape.ts'
