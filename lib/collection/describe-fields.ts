// lib/collection/describe-fields.ts — fields as declared with `t`, taken apart into descriptions and functions.
import { invalid, VarveError } from '../errors.ts'
import type { FieldDescription, Generated, TypeDescription } from './description.ts'
import type { Live } from './declaration.ts'
import { Field } from './field.ts'
import { isWellFormed } from './path.ts'
import type { Fields } from './types.ts'

export const COLUMNS_MAX = 1024
const DEPTH_MAX = 16
/** They mean something else in conditions, and in objects. */
const RESERVED = ['and', 'or', 'not', '__proto__']

export interface Described {
  readonly fields: readonly FieldDescription[]
  /** Paths that are generated. */
  readonly generated: ReadonlyMap<string, Generated>
  readonly live: Pick<Live, 'fills' | 'computed' | 'was' | 'from'>
}

/** INVALID says which field cannot be. */
export function describeFields(fields: Fields): Described {
  const walk = new Walk()
  const described = walk.fields(fields, '', 0, true)
  return { fields: described, generated: walk.generated, live: walk }
}

class Walk {
  readonly fills = new Map<string, { value: unknown } | { make: () => unknown }>()
  readonly computed = new Map<string, (document: never) => unknown>()
  readonly was = new Map<string, string>()
  readonly from = new Map<string, (old: never) => unknown>()
  readonly generated = new Map<string, Generated>()
  #columns = 0

  /** `isColumn`: they are not in an array, map or union. */
  fields(fields: unknown, at: string, depth: number, isColumn: boolean): FieldDescription[] {
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
      throw invalid(at === '' ? 'schema' : at, 'an object of fields', fields)
    return Object.entries(fields as Record<string, unknown>).map(([name, field]) => {
      checkFieldName(name, at)
      const path = at === '' ? name : `${at}.${name}`
      if (!(field instanceof Field)) throw invalid(path, 'a field, as t.string()', field)
      if (isColumn && ++this.#columns > COLUMNS_MAX)
        throw new VarveError('INVALID', `more than ${COLUMNS_MAX} fields`)
      return this.#field(name, field, path, depth, isColumn)
    })
  }

  #field(
    name: string,
    field: Field,
    path: string,
    depth: number,
    isColumn: boolean,
  ): FieldDescription {
    const { fill, generated, compute, was, from } = field.ways
    if (isColumn) this.#keep(field, path, depth)
    else if ([fill, generated, compute, was, from].some((way) => way !== undefined))
      throw new VarveError('INVALID', `${path}: only fields of documents are filled in or changed`)
    return {
      name,
      id: 0,
      type: this.type(field, path, depth, isColumn),
      hasDefault: fill !== undefined && 'value' in fill,
      filled: (fill !== undefined && 'make' in fill) || generated !== undefined,
      computed: compute !== undefined,
      hidden: false,
    }
  }

  #keep({ type, ways }: Field, path: string, depth: number): void {
    const { fill, generated, compute, was, from } = ways
    if (type.optional && (fill ?? generated ?? compute) !== undefined)
      throw new VarveError('INVALID', `${path}: optional, and yet filled in`)
    if ([fill, generated, compute].filter((way) => way !== undefined).length > 1)
      throw new VarveError('INVALID', `${path}: filled in in two ways`)
    if (fill !== undefined) this.fills.set(path, fill)
    if (generated !== undefined) this.generated.set(path, generated)
    if (compute !== undefined && depth > 0)
      throw new VarveError('INVALID', `${path}: only a field of the document itself is computed`)
    if (compute !== undefined) this.computed.set(path, compute)
    if (was !== undefined) this.was.set(path, was)
    if (from !== undefined) this.from.set(path, from)
  }

  type(field: Field, path: string, depth: number, isColumn: boolean): TypeDescription {
    if (depth >= DEPTH_MAX) throw new VarveError('INVALID', `${path}: more than ${DEPTH_MAX} deep`)
    const { type, ways } = field
    if (type.reference !== undefined) checkReference(type, path, isColumn)
    if (ways.fields !== undefined) {
      if (Object.keys(ways.fields).length === 0) throw invalid(path, 'an object with fields', {})
      return { ...type, fields: this.fields(ways.fields, path, depth + 1, isColumn) }
    }
    if (ways.members === undefined) return type
    const members = ways.members.map((member) => {
      const place = type.kind === 'union' ? path : `${path}[]`
      const { fill, generated, compute } = member.ways
      if ([fill, generated, compute].some((way) => way !== undefined))
        throw new VarveError('INVALID', `${place}: only fields of documents are filled in`)
      return this.type(member, place, depth + 1, false)
    })
    return { ...type, members }
  }
}

function checkFieldName(name: string, at: string): void {
  const path = at === '' ? name : `${at}.${name}`
  if (name === '' || /[.#]/.test(name) || !isWellFormed(name))
    throw invalid(`the name '${path}'`, 'without dots and #, and not empty', name)
  if (RESERVED.includes(name)) throw new VarveError('INVALID', `a field cannot be called '${name}'`)
}

function checkReference(type: TypeDescription, path: string, isColumn: boolean): void {
  if (!isColumn) throw new VarveError('INVALID', `${path}: a reference is a field of its own`)
  if (type.reference?.onDelete === 'set null' && !type.nullable)
    throw new VarveError('INVALID', `${path}: onDelete 'set null' needs nullable()`)
}
