// lib/value/refusal.ts — where in a value the thing is that cannot be stored, in words.
//
// Slow, and only run when encode.ts has refused the value. It walks in the order of writing, so that the first
// thing it finds is what was refused.

import { VarveError } from '../errors.ts'
import * as kinds from './kind.ts'
import * as tags from './tags.ts'

/** What encode.ts throws; refusal() puts it into words. */
export const REFUSED = new Error('refused')

export function refusal(value: unknown): VarveError {
  return new VarveError('INVALID', search(value, 'value', []) ?? 'value cannot be stored')
}

/** What is wrong with a value that is to lie at `path` of another; undefined if it can be stored. */
export function problemOfValue(value: unknown, path: string): string | undefined {
  return search(value, path, [])
}

const cannot = (path: string, what: string): string =>
  `${path} is ${/^[AEIO]/i.test(what) ? 'an' : 'a'} ${what}, which cannot be stored`

function search(value: unknown, path: string, above: readonly object[]): string | undefined {
  if (typeof value === 'function' || typeof value === 'symbol') return cannot(path, typeof value)
  if (typeof value !== 'object' || value === null) return undefined
  if (above.includes(value)) return cannot(path, 'cycle')
  if (above.length >= tags.DEPTH_MAX) return `${path} is nested more than ${tags.DEPTH_MAX} deep`
  const kind = kinds.kindOf(value)
  if (kind === kinds.KIND_NONE) return cannot(path, kinds.refusedName(value) ?? 'object')
  const within = [...above, value]
  for (const [step, member] of membersOf(value, kind)) {
    const found = search(member, path + step, within)
    if (found !== undefined) return found
  }
  return undefined
}

type Member = readonly [step: string, value: unknown]

function* membersOf(value: object, kind: number): Generator<Member> {
  let index = 0
  if (kind === kinds.KIND_ARRAY) {
    for (const member of value as readonly unknown[]) yield [`[${index++}]`, member]
  } else if (kind === kinds.KIND_MAP) {
    for (const [key, member] of value as ReadonlyMap<unknown, unknown>) {
      yield [`.key(${index})`, key]
      yield [`.entry(${index++})`, member]
    }
  } else if (kind === kinds.KIND_SET) {
    for (const member of value as ReadonlySet<unknown>) yield [`.member(${index++})`, member]
  } else if (kind === kinds.KIND_OBJECT) {
    for (const name of Object.keys(value)) {
      const step = /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`
      yield [step, (value as Record<string, unknown>)[name]]
    }
  }
}
