// lib/collection/including.ts — what comes along with documents: the one that a reference names, those that refer to it by a relation.
//
//   include: { author: true }                                   forward: in the place of the key, or null
//   include: { posts: { where, orderBy, limit } }               backward: an array
//
// The addon finds them in the same step as the documents they belong to (native/layer/collection/inclusion.h): they come behind theirs, each with
// the number of its inclusion.
import { checkNames } from '../options.ts'
import { invalid, VarveError } from '../errors.ts'
import { eachStored } from './batch.ts'
import type { ByteWriter } from './byte-writer.ts'
import type { Columns } from './columns.ts'
import { Collection } from './declaration.ts'
import type { Relation, Relations } from './asking.ts'
import type { Document } from './record.ts'
import { type Asked, checkCount, putOrder, type Queried } from './request.ts'
import type { QuerySource } from './source.ts'
import { isOnWords, isPlain, nodeBytes, whereBytes, whereNode } from './where.ts'

const FORWARD = 1
const BACKWARD = 2
const INCLUSIONS_MAX = 16
const OPTIONS = ['where', 'orderBy', 'limit']

export interface Inclusion {
  readonly name: string
  readonly isMany: boolean
  /** Where those documents are read: as of the same moment. */
  readonly source: QuerySource
  /** The definition of their collection there; undefined: it was not there yet. */
  view(): Queried | undefined
  write(to: ByteWriter, columns: Columns): void
}

/** What a collection can include, and how another one is read beside it. */
export interface Includable {
  readonly declared: AnyCollection
  readonly relations: Relations
  beside(other: AnyCollection): { readonly id: number; readonly source: QuerySource }
}

export type AnyCollection = Collection<string, unknown, unknown, unknown, unknown>

/** INVALID for what is neither a reference nor a relation. */
export function inclusionsOf(include: unknown, from: Includable): readonly Inclusion[] {
  if (include === undefined) return []
  if (!isPlain(include)) throw invalid('include', 'an object of references and relations', include)
  const entries = Object.entries(include)
  if (entries.length > INCLUSIONS_MAX)
    throw new VarveError('INVALID', `include: more than ${INCLUSIONS_MAX}`)
  return entries.map(([name, options]) => {
    const where = `include.${name}`
    if (options === undefined)
      throw new VarveError('INVALID', `${where} is undefined: leave it out`)
    const relation = Object.hasOwn(from.relations, name) ? from.relations[name] : undefined
    if (relation !== undefined) return backward(name, relation, options, where, from)
    return forward(name, options, where, from)
  })
}

function forward(name: string, options: unknown, where: string, from: Includable): Inclusion {
  const { live, description } = from.declared
  const target = live.targets.get(name)
  if (!(target instanceof Collection)) throw unknown(name, where, from)
  if (options !== true) throw invalid(where, 'true: a reference names one document', options)
  const { id, source } = from.beside(target)
  if (source.view() !== undefined && description.fields.every((field) => field.name !== name))
    throw unknown(name, where, from)
  return {
    name,
    isMany: false,
    source,
    view: () => source.view(),
    write(to, columns) {
      begin(to, FORWARD, id, source.view())
      to.count(columns.get(name)?.number ?? 0)
      to.float(1)
      to.count(0)
      to.sized(whereBytes(undefined, columns))
    },
  }
}

function backward(
  name: string,
  relation: Relation,
  options: unknown,
  where: string,
  from: Includable,
): Inclusion {
  if (options !== true) checkNames(options, OPTIONS, where)
  const given = options === true ? {} : (options as Readonly<Record<string, unknown>>)
  for (const [option, value] of Object.entries(given))
    if (value === undefined)
      throw new VarveError('INVALID', `${where}.${option} is undefined: leave it out`)
  const { limit } = given
  if (limit !== undefined) checkCount(limit, `${where}.limit`, 0, Number.MAX_SAFE_INTEGER)
  if (typeof from.declared.description.key.on !== 'string')
    throw new VarveError('INVALID', `${where}: nobody can refer to a key of several fields`)
  const { id, source } = from.beside(relation.from as AnyCollection)
  const inclusion: Inclusion = {
    name,
    isMany: true,
    source,
    view: () => source.view(),
    write(to) {
      const view = source.view()
      const columns: Columns = view?.columns ?? new Map()
      begin(to, BACKWARD, id, view)
      const column = columns.get(relation.by)
      if (column === undefined)
        throw new VarveError('INVALID', `${where}: '${relation.by}' is not in the store yet`)
      to.count(column.number)
      to.float((limit as number | undefined) ?? -1)
      putOrder(given['orderBy'], columns, `${where}.orderBy`, to)
      const condition = whereNode(given['where'], columns, `${where}.where`)
      if (isOnWords(condition))
        throw new VarveError('INVALID', `${where}.where: match cannot be asked of what is included`)
      to.sized(nodeBytes(condition))
    },
  }
  return inclusion
}

function begin(to: ByteWriter, way: number, id: number, view: Queried | undefined): void {
  to.byte(way)
  to.count(id)
  to.float(view?.commit ?? 0)
}

function unknown(name: string, where: string, { declared, relations }: Includable): VarveError {
  const names = [...declared.live.targets.keys(), ...Object.keys(relations)]
  const isNamed = declared.description.fields.some(
    (field) => field.name === name && field.type.reference !== undefined,
  )
  const hint = isNamed
    ? 'its reference is by name: give references() the collection itself'
    : names.length === 0
      ? 'the collection has none'
      : `known are ${names.join(', ')}`
  return new VarveError('INVALID', `${where}: no reference or relation '${name}'; ${hint}`)
}

/** Puts together documents with what came along, however many crossings they came by. */
export class Assembly<T> {
  readonly #source: QuerySource
  readonly #select: readonly string[] | undefined
  readonly #inclusions: readonly Inclusion[]
  readonly #present: readonly Inclusion[]
  #last: Document | undefined

  constructor(source: QuerySource, { select, inclusions }: Asked) {
    this.#source = source
    this.#select = select
    this.#inclusions = inclusions
    this.#present = inclusions.filter((one) => one.view() !== undefined)
  }

  /** Adds the documents of a crossing. */
  take(text: string, to: T[]): void {
    eachStored(text, (mark, kind, at, size, own) => {
      if (mark > 0) return this.#include(mark, kind, at, size, own)
      const { encoding } = this.#source
      const document = (
        this.#select === undefined
          ? encoding.read(kind, at, size, own)
          : encoding.readFields(kind, at, size, own, this.#select)
      ) as Document
      for (const { name, isMany } of this.#inclusions) document[name] = isMany ? [] : null
      this.#last = document
      to.push(document as T)
    })
  }

  #include(mark: number, kind: number, at: number, size: number, own: string): void {
    const inclusion = this.#present[mark - 1]
    if (inclusion === undefined || this.#last === undefined)
      throw new VarveError('CORRUPT', 'query: a document that nothing includes')
    const document = inclusion.source.encoding.read(kind, at, size, own)
    if (inclusion.isMany) (this.#last[inclusion.name] as unknown[]).push(document)
    else this.#last[inclusion.name] = document
  }
}
