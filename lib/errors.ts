// lib/errors.ts — the one error class, its codes, and the words for a caller's mistake.
//
// The codes are those of `Code` in native/base/status.h, by the same names; the number is what crosses the
// binding. An error is known by its name and code, so it survives copies of the package and workers.

import type { Key } from './key.ts'

export type ErrorCode =
  | 'CLOSED'
  | 'INVALID'
  | 'TOO_LARGE'
  | 'BUSY'
  | 'IO'
  | 'NO_SPACE'
  | 'CORRUPT'
  | 'LOCKED'
  | 'NOT_FOUND'
  | 'EXISTS'
  | 'FOREIGN'
  | 'NEWER_FORMAT'
  | 'READ_ONLY'
  | 'PERMISSION'
  | 'TRUNCATED'
  | 'CONFLICT'
  | 'ABORTED'
  | 'LOST'
  | 'DEADLOCK'
  | 'TIMEOUT'
  | 'SCHEMA'

/** What a CONFLICT is by: another commit wrote the key; it is too long ago to tell; a prepared transaction holds the key. */
export type ConflictReason = 'written' | 'too old' | 'prepared'

/** The code of each number that crosses the binding; 0 is no error. */
export const ERROR_CODES: readonly (ErrorCode | undefined)[] = [
  undefined,
  'CLOSED',
  'INVALID',
  'TOO_LARGE',
  'BUSY',
  'IO',
  'NO_SPACE',
  'CORRUPT',
  'LOCKED',
  'NOT_FOUND',
  'EXISTS',
  'FOREIGN',
  'NEWER_FORMAT',
  'READ_ONLY',
  'PERMISSION',
  'TRUNCATED',
  'CONFLICT',
  'ABORTED',
  'LOST',
  'DEADLOCK',
  'TIMEOUT',
  undefined,
  'SCHEMA',
]

export interface ErrorDetail {
  readonly reason?: ConflictReason | undefined
  readonly key?: Key | undefined
  readonly index?: string | undefined
  readonly fields?: readonly string[] | undefined
  readonly path?: string | undefined
  readonly rule?: string | undefined
}

const DETAILS = ['reason', 'key', 'index', 'fields', 'path', 'rule'] as const

export class VarveError extends Error {
  override readonly name = 'VarveError'
  readonly code: ErrorCode
  /** Of a CONFLICT: why. */
  declare readonly reason?: ConflictReason
  /** Of a CONFLICT: a key that another commit wrote, or holds, where one can be named. */
  declare readonly key?: Key
  /** Of a document that cannot be: the unique index that holds what another document has there, and its fields. */
  declare readonly index?: string
  declare readonly fields?: readonly string[]
  /** Of a document that cannot be: the field that breaks a rule, and the rule. */
  declare readonly path?: string
  declare readonly rule?: string

  constructor(code: ErrorCode, message: string, options?: ErrorOptions & ErrorDetail) {
    super(message, options)
    this.code = code
    for (const name of DETAILS)
      if (options?.[name] !== undefined) Object.assign(this, { [name]: options[name] })
  }
}

/** Whether this is an error of Varve, made by any copy of it in any thread. */
export function isVarveError(error: unknown): error is VarveError {
  if (typeof error !== 'object' || error === null) return false
  const { name, code } = error as { name?: unknown; code?: unknown }
  const codes: readonly unknown[] = ERROR_CODES
  return name === 'VarveError' && code !== undefined && codes.includes(code)
}

/** The error for a wrong argument: `invalid('key', 'a string', 5)` says "key must be a string, not 5". */
export function invalid(argument: string, expected: string, given: unknown): VarveError {
  return new VarveError('INVALID', `${argument} must be ${expected}, not ${render(given)}`)
}

/** The same error, saying where in what was given it came up. */
export function within(where: string, error: unknown): unknown {
  if (!(error instanceof VarveError)) return error
  const { reason, key, index, fields, path, rule } = error
  const detail = { cause: error, reason, key, index, fields, path, rule }
  return new VarveError(error.code, `${where}: ${error.message}`, detail)
}

const RENDERED_MAX = 40

// Runs no code of the value's own, and never returns more than a line.
function render(value: unknown): string {
  switch (typeof value) {
    case 'string':
      if (value.length <= RENDERED_MAX) return JSON.stringify(value)
      return JSON.stringify(`${value.slice(0, RENDERED_MAX)}…`)
    case 'bigint':
      return value < 2n ** 64n && value > -(2n ** 64n) ? `${value}n` : 'a large bigint'
    case 'symbol':
      return 'a symbol'
    case 'function':
      return 'a function'
    case 'object':
      if (value === null) return 'null'
      return isArray(value) ? 'an array' : (dateText(value) ?? 'an object')
    default:
      return Object.is(value, -0) ? '-0' : String(value)
  }
}

function dateText(value: object): string | undefined {
  try {
    const time = Date.prototype.getTime.call(value)
    return Number.isNaN(time) ? 'an invalid Date' : `the Date ${new Date(time).toISOString()}`
  } catch {
    return undefined
  }
}

function isArray(value: object): boolean {
  try {
    return Array.isArray(value)
  } catch {
    return false
  }
}
