// lib/collection/code.ts — documents to columns and back by functions made for one description, as text for `new Function`.
//
// What interpret.ts does step by step is spelled out here: each field by its name, each slot at its place, each check where it is needed. A document
// is one object literal where nothing is missing. Blobs, and slots that are no plain number, are left to the same functions there and here.
//
// Names reach the text through JSON.stringify() alone, numbers as numbers; nothing else in it comes from a declaration.
import { corrupt, REFUSED, sink, source } from '../value.ts'
import { blobOf, readBlob } from './blob.ts'
import { endAt, putEnds } from './ends.ts'
import { cutText, othersOf, type Reader, type Writer } from './interpret.ts'
import { allColumns, type Column, type Layout, NONE, widthOfInt32 } from './layout.ts'
import { namesOf } from './refusal.ts'
import * as scalars from './scalar.ts'
import { putUuid, uuidAt } from './uuid.ts'

const quoted = (name: string): string => JSON.stringify(name)

/** What the text calls by a number: functions and tables that are no text. */
class Things {
  readonly all: unknown[] = []
  add(thing: unknown): string {
    this.all.push(thing)
    return `things[${this.all.length - 1}]`
  }
}

// ---- writing

class WriterText {
  readonly things = new Things()
  readonly #lines: string[] = []
  readonly #layout: Layout
  #depth = 0
  #made = 0

  constructor(layout: Layout) {
    this.#layout = layout
  }

  text(): string {
    const { fixedBytes, bitsBytes, endCount, columns, extra } = this.#layout
    const bits = Array.from({ length: bitsBytes }, (_, index) => `b${index}`)
    this.#holder(columns, 'document', this.#layout.description.fields, extra)
    return [
      'return function (document, hidden) {',
      `sink.reserve(${fixedBytes + endCount + 64})`,
      'let bytes = sink.bytes, view = sink.view, v, n = 0, text = ""',
      `const fixed = sink.at, max = sink.textMax`,
      `sink.at += ${fixedBytes + endCount}`,
      'const blobsAt = sink.at',
      ...[...bits, ...this.#allEnds()].map((name) => `let ${name} = 0`),
      ...this.#lines,
      ...bits.map((bit, index) => `bytes[fixed + ${index}] = ${bit}`),
      'sink.text = text',
      ...this.#ends(),
      '}',
    ].join('\n')
  }

  #allEnds(): string[] {
    const { columns, extra } = this.#layout
    return [...allColumns(extra === undefined ? columns : [...columns, extra])].flatMap(endsOf)
  }

  #ends(): string[] {
    const { textCount, blobCount, fixedBytes } = this.#layout
    const texts = Array.from({ length: Math.max(textCount - 1, 0) }, (_, index) => `e${index}`)
    const blobs = Array.from({ length: Math.max(blobCount - 1, 0) }, (_, index) => `f${index}`)
    const all = [...texts, ...blobs]
    if (all.length === 0) return ['return 0']
    const last = [texts.at(-1), blobs.at(-1)].filter((end) => end !== undefined)
    const greatest = last.length === 1 ? last[0] : `Math.max(${last.join(', ')})`
    const at = `fixed + ${fixedBytes}`
    return [
      `const greatest = ${greatest}`,
      `if (greatest > 0xff) return putEnds([${all.join(', ')}], greatest, ${at})`,
      ...all.map((end, index) => `bytes[${at} + ${index}] = ${end}`),
      'return 0',
    ]
  }

  #holder(
    columns: readonly Column[],
    holder: string,
    fields: Layout['description']['fields'],
    extra?: Column,
  ): void {
    const count = `k${this.#depth++}`
    const visible = columns.filter(({ field }) => field?.hidden !== true)
    const always = visible.filter(({ type }) => !type.optional).length
    this.#lines.push(`let ${count} = ${always}`)
    for (const column of columns) this.#column(column, holder, count)
    const names = this.things.add(namesOf(fields))
    this.#lines.push(`for (const _ in ${holder}) ${count}--`)
    if (extra === undefined) {
      const others = `othersOf(${holder}, ${names}) !== undefined`
      this.#lines.push(`if (${count} !== 0 && ${others}) throw refused`)
      return
    }
    const write = this.things.add(blobOf(extra).write)
    this.#lines.push(
      `v = ${count} === 0 ? undefined : othersOf(${holder}, ${names})`,
      `if (v !== undefined) { ${this.#byFunction(`${write}(v)`)} }`,
      ...this.#mark(extra),
    )
  }

  #column(column: Column, holder: string, count: string): void {
    const { name, absentBit, nullBit, field } = column
    const from = field?.hidden === true ? `hidden[${this.#made++}]` : `${holder}[${quoted(name)}]`
    this.#lines.push(`v = ${from}`)
    const isCounted = absentBit !== NONE && field?.hidden !== true
    if (absentBit !== NONE)
      this.#lines.push(
        `if (v === undefined) {`,
        setBit(absentBit),
        ...this.#leave(column),
        '} else',
      )
    if (nullBit !== NONE)
      this.#lines.push(
        `if (v === null) {`,
        setBit(nullBit),
        ...(isCounted ? [`${count}++`] : []),
        ...this.#leave(column),
        '} else',
      )
    this.#lines.push('{', ...(isCounted ? [`${count}++`] : []))
    this.#present(column)
    this.#lines.push('}')
  }

  #present(column: Column): void {
    const { type } = column
    if (type.kind === 'object') {
      const own = `o${this.#depth}`
      const fields = this.things.add(scalars.fieldsOf)
      this.#lines.push(`const ${own} = ${fields}(v)`, `if (${own} === undefined) throw refused`)
      this.#holder(column.columns, own, type.fields ?? [])
      return
    }
    this.#lines.push(...this.#value(column), ...this.#mark(column))
  }

  #value(column: Column): string[] {
    const { type, slotAt, truthBit, blob } = column
    const at = `fixed + ${slotAt}`
    if (blob !== NONE) {
      const write = this.things.add(blobOf(column).write)
      return [this.#byFunction(`${write}(v)`)]
    }
    switch (type.kind) {
      case 'boolean':
        return [`if (v === true) ${setBit(truthBit)}`, 'else if (v !== false) throw refused']
      case 'string':
        return this.#string(column)
      case 'int32': {
        const check = `typeof v !== 'number' || (v | 0) !== v${this.#range(column)}`
        return [`if (${check}) throw refused`, putInt32(column, at)]
      }
      case 'float64': {
        const check = `typeof v !== 'number' || v !== v${this.#range(column)}`
        return [`if (${check}) throw refused`, `view.setFloat64(${at}, v, true)`]
      }
      case 'uuid':
        return [`if (typeof v !== 'string' || !putUuid(v, bytes, ${at})) throw refused`]
      default: {
        const put = this.things.add(scalars.slotOf(type, widthOfInt32(type.rules)).put)
        return [`${put}(v, ${at})`]
      }
    }
  }

  #string({ type }: Column): string[] {
    const check =
      type.rules === undefined ? '' : ` || !${this.things.add(scalars.stringCheck(type.rules))}(v)`
    return [
      `if (typeof v !== 'string'${check}) throw refused`,
      'if ((n += v.length) > max) throw sink.tooLarge()',
      'text += v',
    ]
  }

  #range({ type: { rules = {} } }: Column): string {
    const { least, greatest } = rules
    const low = least === undefined ? '' : ` || v < ${String(least)}`
    return greatest === undefined ? low : `${low} || v > ${String(greatest)}`
  }

  #byFunction(call: string): string {
    return (
      `sink.text = text; ${call}; ` +
      'text = sink.text; n = text.length; bytes = sink.bytes; view = sink.view'
    )
  }

  #mark(column: Column): string[] {
    return endsOf(column).map(
      (end) => `${end} = ${end.startsWith('e') ? 'n' : 'sink.at - blobsAt'}`,
    )
  }

  #leave(column: Column): string[] {
    const lines: string[] = []
    for (const one of allColumns([column])) {
      const { slotAt, slotBytes } = one
      let at = 0
      for (; at + 8 <= slotBytes; at += 8) lines.push(`view.setFloat64(fixed + ${slotAt + at}, 0)`)
      for (; at < slotBytes; at++) lines.push(`bytes[fixed + ${slotAt + at}] = 0`)
      lines.push(...this.#mark(one))
    }
    return lines
  }
}

const setBit = (bit: number): string => `b${bit >> 3} |= ${1 << (bit & 7)}`

/** The variables in which the ends of a column are. */
function endsOf({ text, blob }: Column): string[] {
  return [...(text === NONE ? [] : [`e${text}`]), ...(blob === NONE ? [] : [`f${blob}`])]
}

function putInt32({ type }: Column, at: string): string {
  const { bytes } = widthOfInt32(type.rules)
  if (bytes === 1) return `bytes[${at}] = v`
  return bytes === 2 ? `view.setInt16(${at}, v, true)` : `view.setInt32(${at}, v, true)`
}

/** Throws EvalError where the process forbids code from strings. */
export function generatedWriter(layout: Layout): Writer {
  const writer = new WriterText(layout)
  const text = writer.text()
  const make = new Function(
    'sink',
    'refused',
    'things',
    'putEnds',
    'othersOf',
    'putUuid',
    text,
  ) as (...given: unknown[]) => Writer
  return make(sink, REFUSED, writer.things.all, putEnds, othersOf, putUuid)
}

// ---- reading

class ReaderText {
  readonly things = new Things()
  readonly #lines: string[] = []
  readonly #layout: Layout
  readonly #isWhole: boolean
  #objects = 0

  /** `isWhole`: all texts are cut out of one string. */
  constructor(layout: Layout, isWhole: boolean) {
    this.#layout = layout
    this.#isWhole = isWhole
  }

  text(columns: readonly Column[]): string {
    const { fixedBytes, endCount } = this.#layout
    const shown = columns.filter(({ field }) => field?.hidden !== true)
    const all = [...allColumns(shown)]
    const result = this.#object(shown)
    return [
      'return function (fixed, width) {',
      'const bytes = source.bytes, view = source.view, text = source.text',
      `const ends = fixed + ${fixedBytes}, blobsAt = ends + ${endCount} * width`,
      ...this.#bits(all),
      ...this.#ends(all),
      ...this.#lines,
      `return ${result}`,
      '}',
    ].join('\n')
  }

  #bits(columns: readonly Column[]): string[] {
    const bits = columns.flatMap(({ absentBit, nullBit, truthBit }) => [
      absentBit,
      nullBit,
      truthBit,
    ])
    const used = new Set(bits.filter((bit) => bit !== NONE).map((bit) => bit >> 3))
    return [...used].map((index) => `const b${index} = bytes[fixed + ${index}]`)
  }

  // Those that are needed, each read once; e-1 and f-1 are where the first begin.
  #ends(columns: readonly Column[]): string[] {
    const { textCount, blobCount } = this.#layout
    const texts = neededEnds(columns.map(({ text }) => text))
    const blobs = neededEnds(columns.map(({ blob }) => blob))
    const lines = [
      ...texts.map((text) =>
        text === textCount - 1 ? `const e${text} = source.textEnd` : endText('e', text, text),
      ),
      ...blobs.map((blob) =>
        blob === blobCount - 1
          ? `const f${blob} = source.end`
          : endText('f', blob, Math.max(textCount - 1, 0) + blob, 'blobsAt + '),
      ),
    ]
    if (!this.#isWhole || texts.length < 2) return lines
    const order = texts.slice(1).map((text, index) => `e${texts[index]} > e${text}`)
    return [...lines, `if (${order.join(' || ')}) throw corrupt('ends out of order')`]
  }

  /** Lines that make an object of columns; answers what it is called. */
  #object(columns: readonly Column[]): string {
    const values = columns.map((column) => this.#column(column))
    const literal = literalOf(columns.map(({ name }, index) => [name, values[index] as string]))
    const optional = columns.flatMap(({ absentBit }) => (absentBit === NONE ? [] : [absentBit]))
    if (optional.length === 0) return literal
    const object = `o${this.#objects++}`
    this.#lines.push(`let ${object}`, `if (${noneOf(optional)}) ${object} = ${literal}`, 'else {')
    const first = columns.findIndex(({ absentBit }) => absentBit !== NONE)
    const begin = columns.slice(0, first).map(({ name }, i) => [name, values[i] as string] as const)
    this.#lines.push(`${object} = ${literalOf(begin)}`)
    columns.slice(first).forEach(({ name, absentBit }, index) => {
      const put = `${object}[${quoted(name)}] = ${values[first + index]}`
      this.#lines.push(absentBit === NONE ? put : `if (${isClear(absentBit)}) ${put}`)
    })
    this.#lines.push('}')
    return object
  }

  /** Lines that read a column, if it takes any; answers an expression for its value. */
  #column(column: Column): string {
    const { absentBit, nullBit, type } = column
    const guards = [absentBit, nullBit].filter((bit) => bit !== NONE)
    if (type.kind !== 'object') {
      const value = this.#value(column)
      if (guards.length === 0) return value
      const absent = nullBit === NONE ? 'undefined' : 'null'
      return `(${noneOf(guards)} ? ${value} : ${absent})`
    }
    if (guards.length === 0) return this.#object(column.columns)
    const name = `v${this.#objects++}`
    this.#lines.push(`let ${name} = ${nullBit === NONE ? 'undefined' : 'null'}`)
    this.#lines.push(`if (${noneOf(guards)}) {`)
    const value = this.#object(column.columns)
    this.#lines.push(`${name} = ${value}`, '}')
    return name
  }

  #value(column: Column): string {
    const { type, slotAt, truthBit, text, blob } = column
    const at = `fixed + ${slotAt}`
    if (blob !== NONE) {
      const codec = this.things.add(blobOf(column))
      const begin = blob === 0 ? 'blobsAt' : `f${blob - 1}`
      const texts = text === NONE ? '0, 0' : `${beginOf(text)}, e${text}`
      return `readBlob(${codec}, ${begin}, f${blob}, ${texts})`
    }
    switch (type.kind) {
      case 'boolean':
        return `(b${truthBit >> 3} & ${1 << (truthBit & 7)}) !== 0`
      case 'string':
        if (this.#isWhole) return `text.substring(${beginOf(text)}, e${text})`
        return `cutText(${beginOf(text)}, e${text})`
      case 'int32':
        return int32At(column, at)
      case 'float64':
        return `view.getFloat64(${at}, true)`
      case 'date':
        return `dateAt(view.getFloat64(${at}, true))`
      case 'uuid':
        return `uuidAt(bytes, ${at})`
      case 'point':
        return `{ lat: view.getFloat64(${at}, true), lng: view.getFloat64(${at} + 8, true) }`
      default:
        return `${this.things.add(scalars.slotOf(type, widthOfInt32(type.rules)).take)}(${at})`
    }
  }
}

const isClear = (bit: number): string => `(b${bit >> 3} & ${1 << (bit & 7)}) === 0`
const beginOf = (text: number): string => (text === 0 ? '0' : `e${text - 1}`)

/** True where all of these bits are clear. */
function noneOf(bits: readonly number[]): string {
  const masks = new Map<number, number>()
  for (const bit of bits) masks.set(bit >> 3, (masks.get(bit >> 3) ?? 0) | (1 << (bit & 7)))
  return [...masks].map(([index, mask]) => `(b${index} & ${mask}) === 0`).join(' && ')
}

/** Where columns of these numbers begin and end, rising. */
function neededEnds(numbers: readonly number[]): number[] {
  const needed = new Set(numbers.filter((one) => one !== NONE).flatMap((one) => [one - 1, one]))
  needed.delete(-1)
  return [...needed].sort((a, b) => a - b)
}

const endText = (name: string, number: number, place: number, base = ''): string =>
  `const ${name}${number} = ${base}` +
  `(width === 1 ? bytes[ends + ${place}] : endAt(ends, ${place}, width))`

const literalOf = (fields: readonly (readonly [name: string, value: string])[]): string =>
  `{ ${fields.map(([name, value]) => `${quoted(name)}: ${value}`).join(', ')} }`

function int32At({ type }: Column, at: string): string {
  const { bytes, signed } = widthOfInt32(type.rules)
  if (bytes === 4) return `view.getInt32(${at}, true)`
  if (bytes === 2) return `view.${signed ? 'getInt16' : 'getUint16'}(${at}, true)`
  return signed ? `view.getInt8(${at})` : `bytes[${at}]`
}

/** Throws EvalError where the process forbids code from strings. `isWhole`: the text of the source is one string. */
export function generatedReader(
  layout: Layout,
  columns: readonly Column[],
  isWhole: boolean,
): Reader {
  const reader = new ReaderText(layout, isWhole)
  const text = reader.text(columns)
  const make = new Function(
    'source',
    'things',
    'corrupt',
    'endAt',
    'cutText',
    'readBlob',
    'dateAt',
    'uuidAt',
    text,
  ) as (...given: unknown[]) => Reader
  const { all } = reader.things
  return make(source, all, corrupt, endAt, cutText, readBlob, scalars.dateAt, uuidAt)
}
