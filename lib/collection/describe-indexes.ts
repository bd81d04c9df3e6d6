// lib/collection/describe-indexes.ts — indexes as declared, as data: their words and objects made one form.
//
// Where an index is on a function, or on a path that is no column (free forms), it is on a hidden field, which is described here, too: '#byLower()' of
// an index byLower on a function, '#a.b' of a path, '#a.b[]' of its elements, with ':text' behind for words.
import { invalid, VarveError } from '../errors.ts'
import { checkNames } from '../options.ts'
import { conditionText } from './condition.ts'
import type {
  FieldDescription,
  IndexDescription,
  IndexKind,
  TypeDescription,
  TypeKind,
} from './description.ts'
import { isWellFormed } from './path.ts'
import { columnAt, keyKinds } from './paths.ts'
import { languagesOf } from './words.ts'

const INDEXES_MAX = 64
const PARTS_MAX = 16
const REVISION_MAX = 2 ** 31 - 1
const KINDS: readonly string[] = ['ordered', 'bitmap', 'text', 'geo']
const NAMES = [
  'on',
  'kind',
  'unique',
  'descending',
  'where',
  'multiple',
  'revision',
  'languages',
  'stopWords',
]

type Make = (document: never) => unknown

interface DescribedIndexes {
  readonly indexes: readonly IndexDescription[]
  readonly hiddenFields: readonly FieldDescription[]
  readonly hidden: ReadonlyMap<string, Make>
}

export function describeIndexes(
  given: unknown,
  fields: readonly FieldDescription[],
  extra: 'refuse' | 'keep',
): DescribedIndexes {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw invalid('indexes', 'an object of indexes', given)
  const entries = Object.entries(given as Record<string, unknown>)
  if (entries.length > INDEXES_MAX)
    throw new VarveError('INVALID', `more than ${INDEXES_MAX} indexes`)
  const walk = new Walk(fields, extra)
  const indexes = entries.map(([name, one]) => walk.index(name, one))
  return { indexes, hiddenFields: [...walk.hiddenFields.values()], hidden: walk.hidden }
}

interface Given {
  readonly on: unknown
  readonly kind?: unknown
  readonly unique?: unknown
  readonly descending?: unknown
  readonly where?: unknown
  readonly multiple?: unknown
  readonly revision?: unknown
  readonly languages?: unknown
  readonly stopWords?: unknown
}

class Walk {
  readonly hiddenFields = new Map<string, FieldDescription>()
  readonly hidden = new Map<string, Make>()
  readonly #fields: readonly FieldDescription[]
  readonly #extra: 'refuse' | 'keep'

  constructor(fields: readonly FieldDescription[], extra: 'refuse' | 'keep') {
    this.#fields = fields
    this.#extra = extra
  }

  index(name: string, one: unknown): IndexDescription {
    const where = `indexes.${name}`
    if (name === '' || name.startsWith('#') || !isWellFormed(name))
      throw invalid('indexes', 'named, not beginning with #', name)
    if (typeof one !== 'string' && (typeof one !== 'object' || one === null || Array.isArray(one)))
      throw invalid(where, "'ordered', 'unique', 'bitmap', 'text', 'geo' or { on }", one)
    const given = typeof one === 'string' ? wordOf(name, one, where) : (one as Given)
    checkNames(given, NAMES, where)
    const kind = (given.kind ?? 'ordered') as IndexKind
    if (!KINDS.includes(kind))
      throw invalid(`${where}.kind`, "'ordered', 'bitmap', 'text' or 'geo'", kind)
    const paths = this.#pathsOf(name, given, kind, where)
    const multiple = this.#isMultiple(paths, given.multiple, where)
    for (const path of paths) this.#checkPart(path, kind, multiple, where)
    return {
      name,
      kind,
      unique: truthOf(given.unique, `${where}.unique`, kind === 'ordered'),
      multiple,
      revision: revisionOf(given.revision, `${where}.revision`),
      parts: partsOf(paths, given, kind, where),
      condition: given.where === undefined ? '' : conditionText(given.where, `${where}.where`),
      options: optionsOf(given, kind, where),
    }
  }

  #pathsOf(name: string, given: Given, kind: IndexKind, where: string): readonly string[] {
    const { on, multiple } = given
    if (typeof on === 'function') {
      if (kind === 'geo') throw invalid(`${where}.on`, 'a field of points or boxes', on)
      return [this.#hide(`#${name}()`, on as Make, multiple === true, kind)]
    }
    const paths: readonly unknown[] = Array.isArray(on) ? on : [on]
    if (paths.length === 0 || paths.length > PARTS_MAX)
      throw invalid(`${where}.on`, `a field or 1 to ${PARTS_MAX} of them`, on)
    return paths.map((path) => {
      if (typeof path !== 'string' || path === '')
        throw invalid(`${where}.on`, 'the name of a field', path)
      if (columnAt(this.#fields, path) !== undefined) return path
      if (path.startsWith('#')) throw invalid(`${where}.on`, 'a field without # before it', path)
      if (this.#extra === 'refuse')
        throw invalid(`${where}.on`, 'the name of a declared field', path)
      if (kind === 'geo') throw invalid(`${where}.on`, 'a declared field of points or boxes', path)
      const isMany = multiple === true
      return this.#hide(isMany ? `#${path}[]` : `#${path}`, reader(path), isMany, kind)
    })
  }

  // A text index is on strings, others on anything that has an order.
  #hide(name: string, make: Make, isMany: boolean, kind: IndexKind): string {
    const hiddenName = kind === 'text' ? `${name}:text` : name
    const own = hiddenType(kind === 'text' ? 'string' : 'key')
    const type = isMany ? { ...hiddenType('array'), members: [{ ...own, optional: false }] } : own
    this.hidden.set(hiddenName, make)
    this.hiddenFields.set(hiddenName, {
      name: hiddenName,
      id: 0,
      type,
      hasDefault: false,
      filled: false,
      computed: true,
      hidden: true,
    })
    return hiddenName
  }

  #typeAt(path: string): TypeDescription {
    const column = columnAt(this.#fields, path) ?? columnAt([...this.hiddenFields.values()], path)
    return (column as NonNullable<typeof column>).type
  }

  #isMultiple(paths: readonly string[], given: unknown, where: string): boolean {
    if (given !== undefined && typeof given !== 'boolean')
      throw invalid(`${where}.multiple`, 'true or false', given)
    const arrays = paths.filter((path) => this.#typeAt(path).kind === 'array')
    if (arrays.length > 1)
      throw new VarveError('INVALID', `${where}: an entry for each element of one array, not two`)
    if (given === true && arrays.length === 0)
      throw new VarveError('INVALID', `${where}.multiple: '${paths.join("', '")}' is no array`)
    if (given === false && arrays.length === 1)
      throw new VarveError('INVALID', `${where}.multiple: an array has an entry for each element`)
    return arrays.length === 1
  }

  #checkPart(path: string, kind: IndexKind, multiple: boolean, where: string): void {
    const type = this.#typeAt(path)
    const inside = (type.kind === 'array' && multiple ? type.members?.[0] : type)?.kind
    const fits: (inner: TypeKind) => boolean =
      kind === 'text'
        ? (inner) => inner === 'string'
        : kind === 'geo'
          ? (inner) => inner === 'point' || inner === 'box'
          : (inner) => keyKinds.has(inner)
    if (inside === undefined || !fits(inside) || (kind === 'geo' && multiple))
      throw invalid(`${where}: '${path}'`, EXPECTED[kind], type.kind)
  }
}

const EXPECTED: Readonly<Record<IndexKind, string>> = {
  ordered: 'of a type that has an order',
  bitmap: 'of a type that has an order',
  text: 'a string or an array of strings',
  geo: 'a point or box',
}

const hiddenType = (kind: TypeKind): TypeDescription => ({ kind, optional: true, nullable: true })

function wordOf(name: string, word: string, where: string): Given {
  if (word === 'unique') return { on: name, unique: true }
  if (KINDS.includes(word)) return { on: name, kind: word }
  throw invalid(where, "'ordered', 'unique', 'bitmap', 'text' or 'geo'", word)
}

function partsOf(
  paths: readonly string[],
  { descending = [], on }: Given,
  kind: IndexKind,
  where: string,
): IndexDescription['parts'] {
  if (kind !== 'ordered' && kind !== 'text' && paths.length > 1)
    throw new VarveError('INVALID', `${where}: a ${kind} index is on one field`)
  if (!Array.isArray(descending))
    throw invalid(`${where}.descending`, 'an array of names', descending)
  const names: readonly unknown[] = typeof on === 'string' ? [on] : Array.isArray(on) ? on : []
  for (const one of descending as readonly unknown[])
    if (kind !== 'ordered' || !names.includes(one))
      throw invalid(`${where}.descending`, 'names of `on`, of an ordered index', one)
  return paths.map((path, place) => ({ path, descending: descending.includes(names[place]) }))
}

function truthOf(given: unknown, where: string, isPossible: boolean): boolean {
  if (given !== undefined && typeof given !== 'boolean')
    throw invalid(where, 'true or false', given)
  if (given === true && !isPossible)
    throw new VarveError('INVALID', `${where}: only an ordered index can be unique`)
  return given === true
}

function revisionOf(given: unknown, where: string): number {
  if (given === undefined) return 0
  if (typeof given === 'number' && Number.isInteger(given) && given >= 0 && given <= REVISION_MAX)
    return given
  throw invalid(where, `an integer from 0 to ${REVISION_MAX}`, given)
}

function optionsOf({ languages, stopWords }: Given, kind: IndexKind, where: string): string {
  for (const [name, words] of Object.entries({ languages, stopWords })) {
    if (words === undefined) continue
    if (kind !== 'text') throw new VarveError('INVALID', `${where}.${name}: only of a text index`)
    if (!Array.isArray(words) || words.some((word) => typeof word !== 'string'))
      throw invalid(`${where}.${name}`, 'an array of strings', words)
    if (name === 'languages') languagesOf(words as readonly string[], `${where}.languages`)
  }
  if (languages === undefined && stopWords === undefined) return ''
  return JSON.stringify({ languages, stopWords })
}

/** What lies at a path of a document of any form. */
function reader(path: string): Make {
  const steps = path.split('.')
  return (document: unknown) => {
    let value: unknown = document
    for (const step of steps) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step))
        return undefined
      value = (value as Record<string, unknown>)[step]
    }
    return value
  }
}
