// lib/collection/joining.ts — joins: rows that pair documents of several collections along references.
//
//   posts.join({ author: { where: { city: 'Rome' } } }, { orderBy: { 'posts.at': 'desc' }, limit: 10 })   ──▶ [{ posts, author }, …]
//
// Sides are a tree, written as a list in which each names the one that it hangs on; the addon decides where to begin and pairs them
// (native/layer/collection/join.h). Of a row each document comes with the number of its side. A side whose collection, or field, is not there
// in the view yet has no documents.
import { invalid, VarveError } from '../errors.ts'
import { checkNames } from '../options.ts'
import { showAs } from '../showing.ts'
import { eachStored } from './batch.ts'
import { ByteWriter } from './byte-writer.ts'
import type { Columns } from './columns.ts'
import { Collection } from './declaration.ts'
import { isNowhere, notForTheCore } from './free.ts'
import type { AnyCollection, Includable } from './including.ts'
import { isOrdered } from './operand.ts'
import { checkExplain, type ExplainOptions, type Explanation, Lazy } from './query.ts'
import {
  type Asked,
  checkSelect,
  columnAt,
  ORDERS_MAX,
  type Queried,
  selectOf,
  type Shape,
} from './request.ts'
import { ask } from './running.ts'
import type { QuerySource } from './source.ts'
import { isNodeOn, isPlain, nodeBytes, whereNode } from './where.ts'

const JOINED = 8
const FORWARD = 1
const BACKWARD = 2
const SIDES_MAX = 16
const OPTIONS = ['kind', 'as', 'where', 'select', 'along']
const KINDS = ['inner', 'left']

// Told of what is walked.
type Expected = 'estimate' | 'matches'

/** How a join is answered: `explain()`. */
export interface JoinExplanation {
  /** In the order in which documents are looked for. */
  readonly steps: readonly {
    readonly name: string
    /** The first is walked, others are looked up: by their key, or by their field that names one. */
    readonly by: 'walk' | 'key' | 'reference'
    readonly plan?: Omit<Explanation, 'converting' | 'free' | Expected> &
      Partial<Pick<Explanation, Expected>>
    /** With `run`: documents that were found. */
    readonly found?: number
  }[]
  /** Sides that might have been walked, with the rows that were expected of them, and what a join from there would have cost. */
  readonly leaders: readonly {
    readonly name: string
    readonly rows: number
    readonly cost: number
  }[]
  readonly sorts: boolean
  /** With `run`. */
  readonly rows?: number
}

/** A lazy sequence of rows: each run reads the view of the moment at which it begins. */
export class JoinQuery<T> extends Lazy<T> {
  static {
    showAs<JoinQuery<unknown>>(this, 'JoinQuery', (query) => query.shown())
  }

  /** How it is answered: without answering it, unless `run` is asked for. */
  explain(options: ExplainOptions = {}): JoinExplanation {
    const runs = checkExplain(options)
    const { source, asked } = this
    const joined = asked.shape as Joined
    if (source.view() === undefined || joined.isNothing())
      return { steps: [], leaders: [], sorts: false }
    const json = ask(source, asked, 0, (size, asOf) => source.level.queryExplain(size, asOf, runs))
    const explained = JSON.parse(json) as NumberedExplanation
    const sides = joined.present()
    const named = <O>({ side, ...rest }: Numbered<O>): { readonly name: string } & O => ({
      name: sides[side]?.name ?? '',
      ...(rest as O),
    })
    const { steps, leaders, ...rest } = explained
    return {
      ...rest,
      steps: steps.map((one) => named<Step>(one)),
      leaders: leaders.map((one) => named<Leader>(one)),
    }
  }
}

type Numbered<O> = O & { readonly side: number }
type Step = Omit<JoinExplanation['steps'][number], 'name'>
type Leader = Omit<JoinExplanation['leaders'][number], 'name'>
interface NumberedExplanation {
  readonly steps: readonly Numbered<Step>[]
  readonly leaders: readonly Numbered<Leader>[]
  readonly sorts: boolean
  readonly rows?: number
}

interface Side {
  readonly name: string
  /** How messages call it. */
  readonly path: string
  readonly parent: Side | undefined
  readonly way: number
  readonly isLeft: boolean
  readonly id: number
  readonly source: QuerySource
  /** The reference: of the parent, or of its own. */
  readonly field: string
  readonly where: unknown
  readonly select: readonly string[] | undefined
}

type Given = Readonly<Record<string, unknown>>

/** A join as it is asked: INVALID for what is none. */
export function joinedOf(
  along: unknown,
  options: Given,
  root: { readonly id: number; readonly source: QuerySource },
  from: Includable,
): Joined {
  const { as = from.declared.name, where, select } = options
  const first: Side = {
    ...root,
    name: nameOf(as, 'as'),
    path: '',
    parent: undefined,
    way: FORWARD,
    isLeft: false,
    field: '',
    where,
    select: selectOf(select),
  }
  const sides = [first]
  addSides(along, 'join', first, from, sides)
  if (sides.length === 1) throw new VarveError('INVALID', 'join: it names nothing to be joined')
  return new Joined(sides, options['orderBy'])
}

function nameOf(name: unknown, where: string): string {
  if (typeof name === 'string' && name !== '' && name !== '__proto__') return name
  throw invalid(where, 'a name', name)
}

function addSides(
  along: unknown,
  path: string,
  parent: Side,
  from: Includable,
  sides: Side[],
): void {
  if (!isPlain(along)) throw invalid(path, 'an object of references and relations', along)
  for (const [name, given] of Object.entries(along)) {
    const where = `${path}.${name}`
    if (given === undefined) throw new VarveError('INVALID', `${where} is undefined: leave it out`)
    const options = given === true ? {} : (given as Given)
    checkNames(options, OPTIONS, where)
    for (const [option, value] of Object.entries(options))
      if (value === undefined)
        throw new VarveError('INVALID', `${where}.${option} is undefined: leave it out`)
    const { kind = 'inner', as = name, select } = options
    if (!KINDS.includes(kind as string)) throw invalid(`${where}.kind`, "'inner' or 'left'", kind)
    const { target, way, field } = endOf(name, where, from)
    const side: Side = {
      ...from.beside(target),
      name: nameOf(as, `${where}.as`),
      path: where,
      parent,
      way,
      isLeft: kind === 'left',
      field,
      where: options['where'],
      select: selectOf(select, `${where}.select`),
    }
    if (sides.some((one) => one.name === side.name))
      throw new VarveError('INVALID', `${where}: a row would have '${side.name}' twice: give as`)
    sides.push(side)
    if (sides.length > SIDES_MAX)
      throw new VarveError('INVALID', `join: more than ${SIDES_MAX} sides`)
    const { relations } = target
    if ('along' in options)
      addSides(
        options['along'],
        `${where}.along`,
        side,
        { ...from, declared: target, relations },
        sides,
      )
  }
}

function endOf(name: string, where: string, { declared, relations }: Includable) {
  const relation = Object.hasOwn(relations, name) ? relations[name] : undefined
  if (relation !== undefined) {
    if (typeof declared.description.key.on !== 'string')
      throw new VarveError('INVALID', `${where}: nobody can refer to a key of several fields`)
    return { target: relation.from as AnyCollection, way: BACKWARD, field: relation.by }
  }
  const target = declared.live.targets.get(name)
  if (target instanceof Collection) return { target, way: FORWARD, field: name }
  const names = [...declared.live.targets.keys(), ...Object.keys(relations)]
  const hint = names.length === 0 ? 'the collection has none' : `known are ${names.join(', ')}`
  throw new VarveError('INVALID', `${where}: no reference or relation '${name}'; ${hint}`)
}

/** The sides of a join, and the order of its rows. */
class Joined implements Shape {
  readonly #sides: readonly Side[]
  readonly #orderBy: unknown

  constructor(sides: readonly Side[], orderBy: unknown) {
    this.#sides = sides
    this.#orderBy = orderBy
  }

  /** Those that may have documents in the view. */
  present(): readonly Side[] {
    const present: Side[] = []
    for (const side of this.#sides)
      if (this.#isWhole(side) && (side.parent === undefined || present.includes(side.parent)))
        present.push(side)
    return present
  }

  // It is there, and so is what its rows cannot be without.
  #isWhole(side: Side): boolean {
    const isThere =
      side.parent === undefined ? viewOf(side) !== undefined : columnOf(side) !== undefined
    const needed = this.#sides.filter(({ parent, isLeft }) => parent === side && !isLeft)
    return isThere && needed.every((one) => this.#isWhole(one))
  }

  isNothing(): boolean {
    return this.present().length === 0
  }

  refresh(): void {
    for (const { source } of this.#sides) source.refresh()
  }

  request(_: Queried, asked: Asked, flags: number): Uint8Array {
    const sides = this.present()
    const to = new ByteWriter()
    to.byte(flags | JOINED)
    to.float(0)
    to.float(Number.isFinite(asked.limit) ? asked.limit : -1)
    to.float(asked.offset)
    to.count(0)
    to.sized(new Uint8Array(0))
    to.count(0)
    to.list(sides, (side) => writeSide(side, sides, to))
    const order = this.#order(sides)
    to.list(flags === 0 ? order : [], (part) => {
      to.count(part.side)
      to.count(part.column)
      to.byte(part.descending ? 1 : 0)
    })
    return to.bytes()
  }

  #order(present: readonly Side[]) {
    if (this.#orderBy === undefined) return []
    const steps: readonly unknown[] = Array.isArray(this.#orderBy) ? this.#orderBy : [this.#orderBy]
    const parts = steps.flatMap((step, i) => {
      const where = Array.isArray(this.#orderBy) ? `orderBy[${i}]` : 'orderBy'
      if (typeof step === 'string') return [this.#orderPart(step, false, where)]
      if (!isPlain(step)) throw invalid(where, "a side's field, or { 'side.field': 'desc' }", step)
      return Object.entries(step).map(([path, direction]) => {
        if (direction !== 'asc' && direction !== 'desc')
          throw invalid(`${where}.${path}`, "'asc' or 'desc'", direction)
        return this.#orderPart(path, direction === 'desc', where)
      })
    })
    if (parts.length > ORDERS_MAX)
      throw new VarveError('INVALID', `orderBy: more than ${ORDERS_MAX} fields`)
    return parts
      .filter(({ of }) => present.includes(of))
      .map(({ of, column, descending }) => ({ side: present.indexOf(of), column, descending }))
  }

  #orderPart(path: string, descending: boolean, where: string) {
    const of = this.#sides
      .filter(({ name }) => path.startsWith(`${name}.`))
      .reduce<Side | undefined>((a, b) => (a && a.name.length > b.name.length ? a : b), undefined)
    const known = this.#sides.map(({ name }) => name).join(', ')
    if (of === undefined)
      throw new VarveError('INVALID', `${where}: '${path}' begins with no side; known are ${known}`)
    const view = of.source.view()
    if (view === undefined) return { of, column: 0, descending }
    const own = path.slice(of.name.length + 1)
    const column = columnAt(own, view.columns, `${where}: ${of.name}`)
    if (isNowhere(column)) throw notForTheCore(column.path)
    if (!isOrdered(column.type))
      throw invalid(`${where}: '${path}'`, 'of a type that has an order', column.type.kind)
    checkConverted(view, column.number, path)
    return { of, column: column.number, descending }
  }

  assembly<T>(): RowAssembly<T> {
    return new RowAssembly<T>(
      this.#sides.map(({ name }) => name),
      this.present(),
    )
  }
}

const viewOf = ({ source }: Side): Queried | undefined => source.view()

/** The column of the reference; undefined where it, or the collection, is not there yet. */
function columnOf({ way, parent, field, source }: Side): number | undefined {
  const own = source.view()
  const view = way === FORWARD ? parent && viewOf(parent) : own
  return own === undefined ? undefined : view?.columns.get(field)?.number
}

function writeSide(side: Side, sides: readonly Side[], to: ByteWriter): void {
  const { parent, way, isLeft, id, where, path, select } = side
  const view = viewOf(side)
  const columns: Columns = view?.columns ?? new Map()
  const column = columnOf(side) ?? 0
  const before = path === '' ? '' : `${path}.`
  const node = whereNode(where, columns, `${before}where`)
  if (view !== undefined) {
    checkSelect(select, view, `${before}select`)
    if (isNodeOn(node, view.converting)) throw converted(`${before}where`)
  }
  if (parent !== undefined)
    checkConverted(way === FORWARD ? viewOf(parent) : view, column, `${path}: its reference`)
  to.count(parent === undefined ? 0 : sides.indexOf(parent))
  to.byte(way)
  to.byte(isLeft ? 1 : 0)
  to.count(id)
  to.float(view?.commit ?? 0)
  to.count(column)
  to.sized(nodeBytes(node))
}

// The core compares what is stored.
function checkConverted(view: Queried | undefined, column: number, what: string): void {
  if (view?.converting.has(column) === true) throw converted(what)
}

const converted = (what: string): VarveError =>
  new VarveError('BUSY', `join: ${what} is being converted; await ready()`)

type Row = Record<string, unknown>

/** Puts rows together, however many crossings they came by. */
class RowAssembly<T> {
  readonly #names: readonly string[]
  readonly #present: readonly Side[]
  #row: Row = {}

  constructor(names: readonly string[], present: readonly Side[]) {
    this.#names = names
    this.#present = present
  }

  take(text: string, to: T[]): void {
    eachStored(text, (mark, kind, at, size, own) => {
      const side = this.#present[mark]
      if (side === undefined) throw new VarveError('CORRUPT', 'join: a document of no side')
      if (mark === 0) {
        this.#row = {}
        for (const name of this.#names) this.#row[name] = null
        to.push(this.#row as T)
      }
      const { encoding } = side.source
      this.#row[side.name] =
        side.select === undefined
          ? encoding.read(kind, at, size, own)
          : encoding.readFields(kind, at, size, own, side.select)
    })
  }
}
