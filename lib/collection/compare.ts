// lib/collection/compare.ts — two declarations of one collection: what is the same, and what differs, as data and as text.
//
// The older one is what the catalog holds, the newer one what a program declares. A difference says whether documents as they are stay right under the newer
// one (`needs: 'nothing'`), or which line of the declaration is missing (`was`, `from`, `default`, `drop`): INVALID and SCHEMA errors are made of that.
// What has to be converted, so that the core cannot ask it of documents that are stored, is said by converting.ts.
import type {
  Description,
  FieldDescription,
  IndexDescription,
  Rules,
  TypeDescription,
} from './description.ts'
import type { Live } from './declaration.ts'
import { expectedOf } from './refusal.ts'
import { keptPath } from './kept.ts'
import { olderFields } from './renames.ts'

/**
 * What must be there for a difference to be applied.
 *
 * - 'nothing': every stored document is right as it is
 * - 'check': it is right if it keeps a rule that is new or narrower
 * - 'line': a line of the declaration that is not there; `line` is an example of it
 * - 'rewrite': a new collection: keys are made in another way
 */
export type Needs = 'nothing' | 'check' | 'line' | 'rewrite'

export interface Difference {
  readonly kind:
    | 'added'
    | 'removed'
    | 'dropped'
    | 'renamed'
    | 'retyped'
    | 'rules'
    | 'reference'
    | 'default'
    | 'order'
    | 'key'
    | 'extra'
    | 'index added'
    | 'index removed'
    | 'index changed'
  /** A path, or the name of an index. */
  readonly path: string
  readonly before?: string | undefined
  readonly after?: string | undefined
  readonly needs: Needs
  /** What to add to the declaration, where `needs` says that something is missing. */
  readonly line?: string | undefined
}

type Functions = Pick<Live, 'was' | 'from' | 'drop'>
const NO_FUNCTIONS: Functions = { was: new Map(), from: new Map(), drop: new Set() }

/** What is different in `after`; nothing if they mean the same. Ids and the record of defaults aside. */
export function differences(
  before: Description,
  after: Description,
  live: Functions = NO_FUNCTIONS,
): Difference[] {
  return [
    ...keyDifferences(before, after),
    ...extraDifferences(before, after),
    ...fieldDifferences(before.fields, after.fields, '', live),
    ...indexDifferences(before.indexes, after.indexes),
  ]
}

/** One line for each difference. */
export function differenceText(all: readonly Difference[]): string {
  return all.map((one) => `  ${lineOf(one)}`).join('\n')
}

function lineOf({ kind, path, before, after, line }: Difference): string {
  const change =
    before !== undefined && after !== undefined
      ? `: ${before} → ${after}`
      : `: ${after ?? before ?? ''}`
  const advice = line === undefined ? '' : `; add ${line}`
  return `${path} ${kind}${change === ': ' ? '' : change}${advice}`
}

const keyText = ({ key: { on, generated } }: Description): string =>
  (typeof on === 'string' ? `'${on}'` : `['${on.join("', '")}']`) +
  (generated === undefined ? '' : ', generated')

function keyDifferences(before: Description, after: Description): Difference[] {
  const [was, is] = [keyText(before), keyText(after)]
  if (was === is) return []
  const isSame = String(before.key.on) === String(after.key.on)
  const needs = isSame ? 'nothing' : 'rewrite'
  return [{ kind: 'key', path: 'key', before: was, after: is, needs }]
}

function extraDifferences(before: Description, after: Description): Difference[] {
  if (before.extra === after.extra) return []
  const needs = after.extra === 'keep' ? 'nothing' : 'check'
  return [{ kind: 'extra', path: 'extra', before: before.extra, after: after.extra, needs }]
}

function fieldDifferences(
  before: readonly FieldDescription[],
  after: readonly FieldDescription[],
  at: string,
  live: Functions,
): Difference[] {
  const found: Difference[] = []
  const older = olderFields(before, after, at, live.was)
  for (const field of after) {
    const path = at + field.name
    const old = older.get(field)
    if (old === undefined) {
      found.push(added(field, path))
      continue
    }
    if (keptPath(old) !== undefined)
      found.push({ kind: 'added', path, after: typeText(field.type), needs: 'nothing' })
    else if (old.name !== field.name)
      found.push({ kind: 'renamed', path, before: old.name, after: field.name, needs: 'nothing' })
    found.push(...fieldChange(old, field, path, live))
  }
  const taken = new Set(older.values())
  const gone = before.filter((field) => !taken.has(field))
  found.push(...gone.flatMap((field) => removed(field, at, live)))
  if (found.length === 0 && namesText(before) !== namesText(after))
    found.push({
      kind: 'order',
      path: at === '' ? 'fields' : at.slice(0, -1),
      before: namesText(before),
      after: namesText(after),
      needs: 'nothing',
    })
  return found
}

const namesText = (fields: readonly FieldDescription[]): string =>
  fields.map(({ name }) => name).join(', ')

function added(field: FieldDescription, path: string): Difference {
  const { type, hasDefault, filled, computed, hidden } = field
  const isFine = type.optional || hasDefault || computed || hidden || filled
  const line = isFine ? undefined : `${path}: ….default(…) or ….optional()`
  return { kind: 'added', path, after: typeText(type), needs: isFine ? 'nothing' : 'line', line }
}

// Of a document's own fields what is stored is kept until drop names it; within objects there is no place for it.
function removed(field: FieldDescription, at: string, live: Functions): Difference[] {
  const kept = keptPath(field)
  if (field.hidden && kept === undefined) return []
  const path = at + (kept ?? field.name)
  const before = typeText(field.type)
  if (live.drop.has(path)) return [{ kind: 'dropped', path, before, needs: 'nothing' }]
  if (kept !== undefined) return []
  if (at === '' || field.computed) return [{ kind: 'removed', path, before, needs: 'nothing' }]
  const line = `drop: ['${path}'], or ….was('${field.name}') where it has another name now`
  return [{ kind: 'removed', path, before, needs: 'line', line }]
}

function fieldChange(
  before: FieldDescription,
  after: FieldDescription,
  path: string,
  live: Functions,
): Difference[] {
  const canFill = after.hasDefault || after.filled
  const found = typeChange(before.type, after.type, path, live, canFill)
  const [was, is] = [fillText(before), fillText(after)]
  if (was !== is) found.push({ kind: 'default', path, before: was, after: is, needs: 'nothing' })
  return found
}

function fillText({ hasDefault, filled, computed }: FieldDescription): string {
  if (computed) return 'computed'
  return hasDefault ? 'a default' : filled ? 'filled in' : 'given'
}

function typeChange(
  before: TypeDescription,
  after: TypeDescription,
  path: string,
  live: Functions,
  canFill: boolean,
): Difference[] {
  const isSame = contentText(before) === contentText(after)
  if (before.kind === 'object' && after.kind === 'object' && (isSame || !live.from.has(path)))
    return [
      ...presenceChange(before, after, path, live, canFill),
      ...fieldDifferences(before.fields ?? [], after.fields ?? [], `${path}.`, live),
    ]
  if (!isSame) return [retyped(before, after, path, live)]
  return [
    ...presenceChange(before, after, path, live, canFill),
    ...rulesChange(before, after, path, live),
    ...referenceChange(before, after, path),
  ]
}

function retyped(
  before: TypeDescription,
  after: TypeDescription,
  path: string,
  live: Functions,
): Difference {
  const isFine = live.from.has(path) || isWider(before, after)
  const line = isFine ? undefined : `${path}: ….from((old) => …)`
  const texts = { before: typeText(before), after: typeText(after) }
  return { kind: 'retyped', path, ...texts, needs: isFine ? 'nothing' : 'line', line }
}

/** Whether they hold the same values, rules aside, where there are any. */
export const isSameContent = (before: TypeDescription, after: TypeDescription): boolean =>
  contentText(before) === contentText(after)

/** Whether it could be absent or null, and now cannot. */
export const isPresenceNarrower = (before: TypeDescription, after: TypeDescription): boolean =>
  (before.optional && !after.optional) || (before.nullable && !after.nullable)

const isSameRules = (before: TypeDescription, after: TypeDescription): boolean =>
  rulesText(before.rules) === rulesText(after.rules) && innerRules(before) === innerRules(after)

/** Whether `from`, where there is one, has to look at what was stored. */
export const isConverted = (before: TypeDescription, after: TypeDescription): boolean =>
  !isSameContent(before, after) || isPresenceNarrower(before, after) || !isSameRules(before, after)

/** Whether each value of the one is one of the other, as it is. */
export function isWider(before: TypeDescription, after: TypeDescription): boolean {
  if (isPresenceNarrower(before, after)) return false
  if (after.kind === 'json') return true
  if (before.kind === 'int32' && after.kind === 'float64') return true
  if (before.kind !== 'enum' || after.rules !== undefined) return false
  const { values = [] } = before
  if (after.kind === 'string') return true
  return after.kind === 'enum' && values.every((value) => after.values?.includes(value) === true)
}

function presenceChange(
  before: TypeDescription,
  after: TypeDescription,
  path: string,
  live: Functions,
  canFill: boolean,
): Difference[] {
  if (before.optional === after.optional && before.nullable === after.nullable) return []
  const isFilled = canFill && (after.nullable || !before.nullable)
  const isFine = !isPresenceNarrower(before, after) || isFilled || live.from.has(path)
  const line = isFine ? undefined : `${path}: ….from((old) => old ?? …)`
  const texts = { before: presenceText(before), after: presenceText(after) }
  return [{ kind: 'retyped', path, ...texts, needs: isFine ? 'nothing' : 'line', line }]
}

const presenceText = ({ optional, nullable }: TypeDescription): string =>
  [optional ? 'optional' : 'always there', nullable ? 'or null' : ''].filter(Boolean).join(' ')

function rulesChange(
  before: TypeDescription,
  after: TypeDescription,
  path: string,
  live: Functions,
): Difference[] {
  const [was, is] = [rulesText(before.rules), rulesText(after.rules)]
  const hasInner = innerRules(before) !== innerRules(after)
  if (was === is && !hasInner) return []
  const isFine = live.from.has(path)
  const line = isFine ? undefined : `${path}: ….from((old) => …)`
  const needs = isFine ? 'nothing' : 'check'
  if (hasInner) return [{ kind: 'rules', path: `${path}[]`, needs, line }]
  const texts = { before: was || 'none', after: is || 'none' }
  if (!isNarrower(before.rules ?? {}, after.rules ?? {}))
    return [{ kind: 'rules', path, ...texts, needs: 'nothing' }]
  return [{ kind: 'rules', path, ...texts, needs, line }]
}

function isNarrower(before: Rules, after: Rules): boolean {
  const isHigher = (was: number | bigint = -Infinity, is: number | bigint = -Infinity) => is > was
  const isLower = (was: number | bigint = Infinity, is: number | bigint = Infinity) => is < was
  const hasPattern =
    after.pattern !== undefined && patternText(after.pattern) !== patternText(before.pattern)
  return (
    isHigher(before.least, after.least) ||
    isLower(before.greatest, after.greatest) ||
    isHigher(before.shortest, after.shortest) ||
    isLower(before.longest, after.longest) ||
    hasPattern
  )
}

const patternText = (pattern: Rules['pattern']): string =>
  pattern === undefined ? '' : `/${pattern.source}/${pattern.flags}`

function rulesText({ least, greatest, shortest, longest, pattern }: Rules = {}): string {
  const parts = { least, greatest, shortest, longest, pattern: patternText(pattern) || undefined }
  return Object.entries(parts)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ')
}

function referenceChange(
  before: TypeDescription,
  after: TypeDescription,
  path: string,
): Difference[] {
  const [was, is] = [referenceText(before), referenceText(after)]
  if (was === is) return []
  const isNew = after.reference?.collection !== before.reference?.collection
  const needs = isNew && after.reference !== undefined ? 'check' : 'nothing'
  return [{ kind: 'reference', path, before: was, after: is, needs }]
}

const referenceText = ({ reference }: TypeDescription): string =>
  reference === undefined ? 'none' : `${reference.collection}, ${reference.onDelete}`

/** A type without what makes it absent or null, and without rules. */
function contentText({ kind, values, dimensions, members, fields }: TypeDescription): string {
  return JSON.stringify([kind, values, dimensions, members, fields], (name, value: unknown) =>
    name === 'id' || name === 'rules' ? undefined : value,
  )
}

/** The rules of members, at any depth. */
function innerRules({ members = [], fields = [] }: TypeDescription): string {
  const inner = [...members, ...fields.map(({ type }) => type)]
  return inner.map((type) => `(${rulesText(type.rules)}${innerRules(type)})`).join('')
}

/** A type in words. */
export function typeText(type: TypeDescription): string {
  const ways = [type.optional ? 'optional' : '', type.nullable ? 'nullable' : '', type.kind]
  const { members = [], values, rules } = type
  const inside = members.length === 0 ? '' : ` of ${members.map(typeText).join(' or ')}`
  const listed = values === undefined ? '' : ` (${expectedOf(type).replace('one of ', '')})`
  const ruled = rulesText(rules)
  return `${ways.filter(Boolean).join(' ')}${inside}${listed}${ruled === '' ? '' : ` (${ruled})`}`
}

function indexDifferences(
  before: readonly IndexDescription[],
  after: readonly IndexDescription[],
): Difference[] {
  const found: Difference[] = []
  for (const index of after) {
    const old = before.find(({ name }) => name === index.name)
    const is = indexText(index)
    if (old === undefined)
      found.push({ kind: 'index added', path: index.name, after: is, needs: 'nothing' })
    else if (indexText(old) !== is)
      found.push({
        kind: 'index changed',
        path: index.name,
        before: indexText(old),
        after: is,
        needs: 'nothing',
      })
  }
  const names = new Set(after.map(({ name }) => name))
  for (const index of before)
    if (!names.has(index.name))
      found.push({
        kind: 'index removed',
        path: index.name,
        before: indexText(index),
        needs: 'nothing',
      })
  return found
}

/** An index in words. */
export function indexText(index: IndexDescription): string {
  const { kind, unique, multiple, parts, condition, options, revision } = index
  const paths = parts.map(({ path, descending }) => (descending ? `${path} descending` : path))
  return [
    `${unique ? 'unique' : kind} on ${paths.join(', ')}`,
    multiple ? 'each element' : '',
    condition === '' ? '' : `where ${condition}`,
    options,
    revision === 0 ? '' : `revision ${revision}`,
  ]
    .filter(Boolean)
    .join(', ')
}
