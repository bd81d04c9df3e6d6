// lib/conflict.ts — what a commit was refused for, as an error that names the key.
import { type ConflictReason, ERROR_CODES, VarveError } from './errors.ts'
import { decodeKey, type Key, showKey } from './key.ts'
import { addon } from './native.ts'

const REASONS: readonly (ConflictReason | undefined)[] = [
  undefined,
  'written',
  'too old',
  'prepared',
]
// The first byte of a stored key says whose it is: native/layer/KEYSPACE.md.
const ROOT = 0x10
const SUBLEVEL = 0x11
const DOCUMENT = 0x14
const PREFIX_BYTES: Readonly<Record<number, number>> = { [ROOT]: 1, [SUBLEVEL]: 5, [DOCUMENT]: 5 }

/** The error of the last call that was refused: for a conflict with its reason and key. */
export function refusal(): VarveError {
  const [code, message, reasonNumber, stored] = addon.lastError()
  const reason = REASONS[reasonNumber]
  if (reason === undefined) return new VarveError(ERROR_CODES[code] ?? 'IO', message)
  const key = keyOf(stored)
  const which = key === undefined ? '' : `: ${showKey(key)}`
  return new VarveError('CONFLICT', message + which, { reason, key })
}

// What a range reached to may be no key: then none is named.
function keyOf(stored: Uint8Array): Key | undefined {
  const at = PREFIX_BYTES[stored[0] ?? 0]
  if (at === undefined || at >= stored.length) return undefined
  try {
    return decodeKey(stored, at, stored.length)
  } catch {
    return undefined
  }
}
