// lib/collection/condition.ts — the condition of a partial index as text, so that two declarations can be compared and a catalog keeps it.
//
// JSON, with what JSON lacks as an object of one name: { "$date": ms }, { "$int": "12" }, { "$number": "Infinity" }, { "$bytes": base64 }. Names
// come in their alphabetical order, because the order in which they were written means nothing. What a condition means is not known here.
import { types } from 'node:util'

import { invalid, VarveError } from '../errors.ts'
import { stepOf } from './path.ts'

const DEPTH_MAX = 16

/** INVALID where it holds what no condition can; `where` is how messages call it. */
export function conditionText(condition: unknown, where: string): string {
  if (typeof condition !== 'object' || condition === null || Array.isArray(condition))
    throw invalid(where, 'a condition, as { age: { gte: 18 } }', condition)
  return JSON.stringify(plain(condition, where, 0))
}

/** What was given to conditionText(). */
export function conditionOf(text: string): unknown {
  return JSON.parse(text, (_, value: unknown) => revived(value))
}

function plain(value: unknown, where: string, depth: number): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      if (value !== value) throw invalid(where, 'a number that is one', value)
      return Number.isFinite(value) && !Object.is(value, -0) ? value : { $number: signed(value) }
    case 'bigint':
      return { $int: String(value) }
    case 'object':
      return value === null ? null : plainObject(value, where, depth)
    default:
      throw invalid(where, 'a value that can be compared', value)
  }
}

const signed = (value: number): string => (Object.is(value, -0) ? '-0' : String(value))

function plainObject(value: object, where: string, depth: number): unknown {
  if (depth >= DEPTH_MAX) throw new VarveError('INVALID', `${where}: more than ${DEPTH_MAX} deep`)
  if (types.isDate(value)) {
    const ms = Date.prototype.getTime.call(value)
    if (ms !== ms) throw new VarveError('INVALID', `${where} must be a valid date`)
    return { $date: ms }
  }
  if (types.isUint8Array(value)) return { $bytes: Buffer.from(value).toString('base64') }
  if (Array.isArray(value))
    return value.map((member: unknown, index) => plain(member, where + stepOf(index), depth + 1))
  const names = Object.keys(value).sort()
  for (const name of names)
    if (name.startsWith('$')) throw new VarveError('INVALID', `${where}: unknown name '${name}'`)
  const fields = value as Record<string, unknown>
  return Object.fromEntries(
    names.map((name) => [name, plain(fields[name], where + stepOf(name), depth + 1)]),
  )
}

function revived(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const { $date, $int, $number, $bytes } = value as Record<string, unknown>
  if (typeof $date === 'number') return new Date($date)
  if (typeof $int === 'string') return BigInt($int)
  if (typeof $number === 'string') return Number($number)
  return typeof $bytes === 'string' ? new Uint8Array(Buffer.from($bytes, 'base64')) : value
}
