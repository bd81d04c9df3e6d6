// lib/collection/refusal.ts — what is wrong with a document, in words: its field, what was given, and the rule.
//
// Slow, and only run when the writer has refused a document, or to choose an alternative of a union. It says what the writers do (member.ts, scalar.ts,
// code.ts): what they refuse has a problem here, and nothing else has; the tests hold them to one another.
import { invalid, VarveError } from '../errors.ts'
import { encodeKey } from '../key.ts'
import { problemOfValue } from '../value.ts'
import type { FieldDescription, Rules, TypeDescription } from './description.ts'
import { stepOf } from './path.ts'
import * as scalars from './scalar.ts'
import { isUuid } from './uuid.ts'

/** The first problem of a document, or of what its hidden fields are made of. */
export function refusal(
  fields: readonly FieldDescription[],
  extra: 'refuse' | 'keep',
  document: unknown,
  hidden: readonly unknown[],
): VarveError {
  const problem = problemOfFields(fields, extra, document, 'document')
  if (problem !== undefined) return problem
  const made = fields.filter((field) => field.hidden)
  for (const [index, { name, type }] of made.entries()) {
    const what = `what the index on '${name.slice(1)}' is made of`
    const unfit = problemOf(type, hidden[index], what)
    if (unfit !== undefined) return unfit
  }
  return new VarveError('INVALID', 'document cannot be stored')
}

export const isOfType = (type: TypeDescription, value: unknown): boolean =>
  problemOf(type, value, '') === undefined

const known = new WeakMap<readonly FieldDescription[], ReadonlySet<string>>()

/** Their names, hidden ones aside. */
export function namesOf(fields: readonly FieldDescription[]): ReadonlySet<string> {
  let names = known.get(fields)
  if (names === undefined) {
    names = new Set(fields.filter(({ hidden }) => !hidden).map(({ name }) => name))
    known.set(fields, names)
  }
  return names
}

type Problem = VarveError | undefined

function problemOfFields(
  fields: readonly FieldDescription[],
  extra: 'refuse' | 'keep',
  value: unknown,
  path: string,
): Problem {
  const given = scalars.fieldsOf(value)
  if (given === undefined) return invalid(path, 'an object', value)
  for (const { name, type, hidden } of fields) {
    const problem = hidden ? undefined : problemOf(type, given[name], path + stepOf(name))
    if (problem !== undefined) return problem
  }
  const names = namesOf(fields)
  for (const name of Object.keys(given)) {
    if (names.has(name)) continue
    if (extra === 'refuse') return unknownField(path + stepOf(name), names)
    const problem = problemOfValue(given[name], path + stepOf(name))
    if (problem !== undefined) return new VarveError('INVALID', problem)
  }
  return undefined
}

function unknownField(path: string, names: ReadonlySet<string>): VarveError {
  const list = [...names].slice(0, 12).join(', ')
  const more = names.size > 12 ? ', …' : ''
  return new VarveError('INVALID', `${path}: unknown field; declared are ${list}${more}`)
}

/** INVALID with the path and the rule; undefined if there is none. */
export function problemOf(type: TypeDescription, value: unknown, path: string): Problem {
  if (value === undefined) {
    return type.optional ? undefined : invalid(path, `there, ${expectedOf(type)}`, value)
  }
  if (value === null && type.kind !== 'json' && type.kind !== 'key')
    return type.nullable ? undefined : invalid(path, expectedOf(type), value)
  if (value === null && type.nullable) return undefined
  switch (type.kind) {
    case 'array':
      return problemOfArray(type, value, path)
    case 'map':
      return problemOfMap(type, value, path)
    case 'union':
      return problemOfUnion(type, value, path)
    case 'object':
      return problemOfFields(type.fields ?? [], 'refuse', value, path)
    case 'json': {
      const problem = problemOfValue(value, path)
      return problem === undefined ? undefined : new VarveError('INVALID', problem)
    }
    default:
      return isScalar(type, value) ? undefined : invalid(path, expectedOf(type), value)
  }
}

function isScalar(type: TypeDescription, value: unknown): boolean {
  switch (type.kind) {
    case 'boolean':
      return typeof value === 'boolean'
    case 'string':
      return typeof value === 'string' && scalars.stringCheck(type.rules)(value)
    case 'bytes':
      return scalars.isBytes(value) && isInSize(value.length, type.rules)
    case 'int32':
      return typeof value === 'number' && (value | 0) === value && isInRange(value, type.rules)
    case 'int64':
      return (
        typeof value === 'bigint' &&
        value >= scalars.INT64_MIN &&
        value <= scalars.INT64_MAX &&
        isInRange(value, type.rules)
      )
    case 'float64':
      return typeof value === 'number' && isInRange(value, type.rules)
    case 'date':
      return isInRange(scalars.millisecondsOf(value), type.rules)
    case 'uuid':
      return isUuid(value)
    case 'enum':
      return (type.values as readonly unknown[]).includes(value)
    case 'vector':
      return scalars.floatsOf(value, type.dimensions ?? 0) !== undefined
    case 'key':
      return isKey(value)
    default:
      return isPlace(type.kind, value)
  }
}

const isInRange = (value: number | bigint, rules: Rules | undefined): boolean =>
  scalars.rangeCheck(rules)(value)
const isInSize = (size: number, { shortest = 0, longest = Infinity }: Rules = {}): boolean =>
  size >= shortest && size <= longest

const KEY_BYTES_MAX = 65_536
let keyRoom: Uint8Array | undefined

function isKey(value: unknown): boolean {
  keyRoom ??= new Uint8Array(KEY_BYTES_MAX)
  try {
    return encodeKey(value, 'key', keyRoom, 0) > 0
  } catch {
    return false
  }
}

function isPlace(kind: string, value: unknown): boolean {
  const fields = scalars.fieldsOf(value)
  if (fields === undefined) return false
  const count = Object.keys(fields).length
  const isWithin = (name: string, most: number) => {
    const degrees = fields[name]
    return typeof degrees === 'number' && degrees >= -most && degrees <= most
  }
  if (kind === 'point') return count === 2 && isWithin('lat', 90) && isWithin('lng', 180)
  const hasSides = isWithin('south', 90) && isWithin('west', 180)
  const hasOthers = isWithin('north', 90) && isWithin('east', 180)
  return count === 4 && hasSides && hasOthers && Number(fields['south']) <= Number(fields['north'])
}

function problemOfArray(type: TypeDescription, value: unknown, path: string): Problem {
  if (!Array.isArray(value)) return invalid(path, expectedOf(type), value)
  if (!isInSize(value.length, type.rules))
    return invalid(path, `an array of ${sizeWords(type.rules, 'elements')}`, value.length)
  const member = type.members?.[0] as TypeDescription
  for (let index = 0; index < value.length; index++) {
    const problem = problemOf(member, (value as readonly unknown[])[index], path + stepOf(index))
    if (problem !== undefined) return problem
  }
  return undefined
}

function problemOfMap(type: TypeDescription, value: unknown, path: string): Problem {
  const fields = scalars.fieldsOf(value)
  if (fields === undefined) return invalid(path, expectedOf(type), value)
  const names = Object.keys(fields)
  if (!isInSize(names.length, type.rules))
    return invalid(path, `an object of ${sizeWords(type.rules, 'fields')}`, names.length)
  const member = type.members?.[0] as TypeDescription
  for (const name of names) {
    const problem = problemOf(member, fields[name], path + stepOf(name))
    if (problem !== undefined) return problem
  }
  return undefined
}

// Of one alternative that could be meant, its own problem is told.
function problemOfUnion(type: TypeDescription, value: unknown, path: string): Problem {
  const problems: VarveError[] = []
  const { members = [] } = type
  for (const member of members) {
    const problem = problemOf(member, value, path)
    if (problem === undefined) return undefined
    problems.push(problem)
  }
  const objects = members.flatMap(({ kind }, index) => (kind === 'object' ? [index] : []))
  if (objects.length === 1 && scalars.fieldsOf(value) !== undefined)
    return problems[objects[0] as number]
  return invalid(path, expectedOf(type), value)
}

function sizeWords({ shortest, longest }: Rules = {}, what: string): string {
  if (shortest !== undefined && longest !== undefined) return `${shortest} to ${longest} ${what}`
  if (longest !== undefined) return `at most ${longest} ${what}`
  return shortest === undefined ? what : `at least ${shortest} ${what}`
}

function rangeWords(
  { least, greatest }: Rules = {},
  show: (bound: number | bigint) => string,
): string {
  if (least !== undefined && greatest !== undefined)
    return ` from ${show(least)} to ${show(greatest)}`
  if (least !== undefined) return ` of at least ${show(least)}`
  return greatest === undefined ? '' : ` of at most ${show(greatest)}`
}

const shown = (bound: number | bigint): string =>
  typeof bound === 'bigint' ? `${bound}n` : `${bound}`
const shownDate = (bound: number | bigint): string => new Date(Number(bound)).toISOString()

const INT32 = { least: -(2 ** 31), greatest: 2 ** 31 - 1 }

/** What a type takes, in words. */
export function expectedOf({
  kind,
  rules,
  values = [],
  dimensions,
  members = [],
}: TypeDescription): string {
  switch (kind) {
    case 'boolean':
      return 'true or false'
    case 'int32':
      return `an integer${rangeWords({ ...INT32, ...rules }, shown)}`
    case 'int64':
      return `a bigint of 64 bits${rangeWords(rules, shown)}`
    case 'float64':
      return `a number${rangeWords(rules, shown)}`
    case 'date':
      return `a valid Date${rangeWords(rules, shownDate)}`
    case 'string':
      return stringWords(rules)
    case 'bytes':
      return rules === undefined ? 'a Uint8Array' : `a Uint8Array of ${sizeWords(rules, 'bytes')}`
    case 'uuid':
      return 'a uuid'
    case 'enum':
      return `one of ${enumWords(values)}`
    case 'point':
      return '{ lat, lng } in degrees'
    case 'box':
      return '{ south, west, north, east } in degrees'
    case 'vector':
      return `${dimensions} finite numbers`
    case 'array':
      return 'an array'
    case 'union':
      return members.map(expectedOf).join(', or ')
    case 'json':
      return 'a value'
    case 'key':
      return 'an ordered key'
    default:
      return 'an object'
  }
}

function stringWords(rules: Rules | undefined): string {
  if (rules === undefined) return 'a string'
  const { pattern, shortest, longest } = rules
  const sized = shortest !== undefined || longest !== undefined
  const size = sized ? ` of ${sizeWords(rules, 'characters')}` : ''
  const like = pattern === undefined ? '' : ` that matches /${pattern.source}/${pattern.flags}`
  return `a string${size}${like}`
}

const ENUM_SHOWN_MAX = 12

function enumWords(values: readonly string[]): string {
  const some = values.slice(0, ENUM_SHOWN_MAX).map((value) => `'${value}'`)
  return values.length > ENUM_SHOWN_MAX ? `${some.join(', ')}, …` : some.join(', ')
}
