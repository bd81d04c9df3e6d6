// lib/value/code.ts — functions made for one shape, as text for `new Function`.
//
// Property access and object literals by constant names are several times as fast as by names in variables, and what a field
// held once it mostly holds again: so each field tries first, without a call, the tags that it had in the value at hand, and
// leaves all others to the general function. Where the process forbids code from strings, the closures of shape.ts and
// fields.ts do the same.
//
// Names reach the text through JSON.stringify() alone; nothing else in it comes from a value.
//
// Reading looks at a tag before it knows that the value goes on there, and checks its ends once, behind the last field: what lies
// beyond is memory of ours and is never answered. Doubles are checked singly, for a DataView would throw.
import type { Fields, Shape } from './shape.ts'
import type { Sink } from './sink.ts'
import { checkEnds, source, textOf } from './source.ts'
import * as tags from './tags.ts'

export type CodeGeneration = 'auto' | 'never'

type Kind = 'number' | 'text' | 'truth' | 'any'

/** What a field is likely to be, by the tag that it has in one value. */
function kindOfTag(tag: number): Kind {
  if (tag <= tags.TAG_SMALL_LAST) return 'number'
  if (tag >= tags.TAG_SHORT_TEXT && tag < tags.TAG_SHAPE) return 'text'
  switch (tag) {
    case tags.TAG_TRUE:
    case tags.TAG_FALSE:
      return 'truth'
    case tags.TAG_TEXT:
      return 'text'
    case tags.TAG_INT16:
    case tags.TAG_INT32:
    case tags.TAG_DOUBLE:
    case tags.TAG_FLOAT:
      return 'number'
    default:
      return 'any'
  }
}

const KIND_OF_TYPE: Readonly<Record<string, Kind>> = {
  number: 'number',
  string: 'text',
  boolean: 'truth',
}

// Fixed-width numbers: tag, width in bytes, function of the DataView.
const WIDE_NUMBERS = [
  [tags.TAG_INT16, 2, 'getInt16'],
  [tags.TAG_INT32, 4, 'getInt32'],
  [tags.TAG_DOUBLE, 8, 'getFloat64'],
  [tags.TAG_FLOAT, 4, 'getFloat32'],
] as const

const numberReader = (to: string): string =>
  `if (t < 128) { at++; ${to} = t + ${tags.SMALL_MIN} } ` +
  WIDE_NUMBERS.map(
    ([tag, width, get]) =>
      `else if (t === ${tag} && at + ${width} < end) ` +
      `{ ${to} = view.${get}(at + 1, true); at += ${width + 1} } `,
  ).join('')

const numberPasser =
  'if (t < 128) at++ \n' +
  WIDE_NUMBERS.map(([tag, width]) => `else if (t === ${tag}) at += ${width + 1} \n`).join('')

const textReader = (then: string): string =>
  `if (t >= ${tags.TAG_SHORT_TEXT} && t < ${tags.TAG_SHAPE}) ` +
  `{ at++; n = t - ${tags.TAG_SHORT_TEXT}; ${then} p += n } ` +
  `else if (t === ${tags.TAG_TEXT} && bytes[at + 1] < 128) ` +
  `{ n = bytes[at + 1]; at += 2; ${then} p += n } `

const truthReader = (to: string): string =>
  `if (t === ${tags.TAG_TRUE}) { at++; ${to} = true } ` +
  `else if (t === ${tags.TAG_FALSE}) { at++; ${to} = false } `

const generalReader = (then: string): string =>
  `{ source.at = at; source.textAt = p; ${then}; at = source.at; p = source.textAt }`

type CutText = (to: string) => string

function readerOf(kind: Kind, to: string, cut: CutText): string {
  const general = generalReader(`${to} = take()`)
  if (kind === 'number') return `${numberReader(to)} else ${general}`
  if (kind === 'text') return `${textReader(cut(to))} else ${general}`
  return kind === 'truth' ? `${truthReader(to)} else ${general}` : general
}

function passerOf(kind: Kind): string {
  const general = generalReader('pass()')
  if (kind === 'number') return `${numberPasser} else ${general}`
  if (kind === 'text') return `${textReader('')} else ${general}`
  if (kind !== 'truth') return general
  return `if (t === ${tags.TAG_TRUE} || t === ${tags.TAG_FALSE}) at++ \n else ${general}`
}

// Computed names are slow, but the only way to say __proto__ and mean a field.
function literalOf(names: readonly string[], variables: readonly string[]): string {
  const fields = names.map((name, index) => {
    const quoted = JSON.stringify(name)
    return `${name === '__proto__' ? `[${quoted}]` : quoted}: ${variables[index]}`
  })
  return `{ ${fields.join(', ')} }`
}

const READING =
  'const bytes = source.bytes, view = source.view, end = source.end\n' +
  'let at = source.at, p = source.textAt, t = 0, n = 0\n'
const READ =
  'source.at = at; source.textAt = p\n' + 'if (at > end || p > source.textEnd) checkEnds()\n'

/** Makes an object of all fields; `seen` are the tags that they had in one value. The text must be a string. */
export function readerCode(shape: Shape, seen: readonly number[]): Shape['read'] {
  const cut: CutText = (to) => `${to} = text.substring(p, p + n);`
  const variables = shape.names.map((_, index) => `v${index}`)
  const reads = variables.map(
    (to, index) => `let ${to}; t = bytes[at]; ${readerOf(kindOfTag(seen[index] ?? 0), to, cut)}`,
  )
  const made = new Function(
    'checkEnds',
    `return function (source, take) {\n${READING}const text = source.text\n` +
      `${reads.join('\n')}\n${READ}return ${literalOf(shape.names, variables)}\n}`,
  ) as (...given: unknown[]) => Shape['read']
  return made(checkEnds)
}

/** Makes an object of the fields at the indexes `wanted`, in order, and passes over the others up to the last of them. */
export function fieldsCode(
  names: readonly string[],
  wanted: readonly number[],
  seen: readonly number[],
): (take: () => unknown, pass: () => void) => Fields {
  const cut: CutText = (to) => `${to} = textOf(p, n);`
  const last = wanted.at(-1) ?? -1
  const steps = names.slice(0, last + 1).map((_, index) => {
    const kind = kindOfTag(seen[index] ?? 0)
    const step = wanted.includes(index)
      ? `let v${index}; t = bytes[at]; ${readerOf(kind, `v${index}`, cut)}`
      : `t = bytes[at]; ${passerOf(kind)}`
    return step
  })
  const literal = literalOf(
    wanted.map((index) => names[index] as string),
    wanted.map((index) => `v${index}`),
  )
  const made = new Function(
    'source',
    'textOf',
    'checkEnds',
    `return function (take, pass) {\n${READING}${steps.join('\n')}\n${READ}return ${literal}\n}`,
  ) as (...given: unknown[]) => ReturnType<typeof fieldsCode>
  return made(source, textOf, checkEnds)
}

const WRITERS: Readonly<Record<Kind, string>> = {
  number:
    `if (typeof v === 'number' && (v | 0) === v && ` +
    `v >= ${tags.SMALL_MIN} && v <= ${tags.SMALL_MAX} && (v !== 0 || 1 / v > 0)) ` +
    `bytes[at++] = v - ${tags.SMALL_MIN}\nelse `,
  text:
    `if (typeof v === 'string' && v.length < ${tags.SHORT_TEXT_COUNT}) ` +
    `{ bytes[at++] = ${tags.TAG_SHORT_TEXT} + v.length; text += v } else `,
  truth:
    `if (v === true) bytes[at++] = ${tags.TAG_TRUE}\n` +
    `else if (v === false) bytes[at++] = ${tags.TAG_FALSE}\nelse `,
  any: '',
}

/**
 * Writes the fields of an object; `seen` says typeof of each in one. The sink has room for a byte a field, and has it again
 * after each put().
 */
export function writerCode(shape: Shape, seen: readonly string[]): Shape['write'] {
  const steps = shape.names.map((name, index) => {
    const general =
      '{ sink.at = at; sink.text = text; put(v); sink.reserve(64); ' +
      'at = sink.at; text = sink.text; bytes = sink.bytes }'
    const field = `object[${JSON.stringify(name)}]`
    return `v = ${field}; ${WRITERS[KIND_OF_TYPE[seen[index] ?? ''] ?? 'any']}${general}`
  })
  const made = new Function(
    `return function (object, sink, put) {\nsink.reserve(64)\n` +
      `let at = sink.at, text = sink.text, bytes = sink.bytes, v\n${steps.join('\n')}\n` +
      `sink.at = at; sink.text = text\nsink.checkText()\n}`,
  ) as () => (object: Fields, sink: Sink, put: (value: unknown) => void) => void
  return made()
}
