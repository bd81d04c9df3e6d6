// lib/value.ts — the tagged binary form of values: a head of tags and numbers, and one text.
//
// All strings of a value are one text that crosses the binding as one JavaScript string and is cut up here
// by a running position; everything else is the head. A plain string or Uint8Array needs neither and is
// stored by its caller. What a record has besides (lib/collection/) goes into the same sink and out of the same source, which are
// at the end of this list. Bytes: value/FORMAT.md

export { type CodeGeneration } from './value/code.ts'
export { decodeValue, take } from './value/decode.ts'
export { beginValues, closeText, encodedText, encodeValue, put, putCount } from './value/encode.ts'
export { decodeFields, notAnObject, type Text } from './value/fields.ts'
export { isDetached, isObject } from './value/kind.ts'
export { problemOfValue, REFUSED } from './value/refusal.ts'
export { sameNames, setField } from './value/shape.ts'
export { Shapes, type ShapeStore } from './value/shapes.ts'
export { type Scratch, type Sink, sink } from './value/sink.ts'
export {
  corrupt,
  move,
  moveText,
  type Source,
  source,
  takeCount,
  takeLength,
  textOf,
  wholeText,
} from './value/source.ts'
