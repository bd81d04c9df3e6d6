// lib/history.ts — the versions of a key, newest first.
import { invalid } from './errors.ts'
import { checkNames } from './options.ts'

/** What a key had from a commit on: a value, or none any more. */
export type KeyVersion<V> =
  | {
      readonly commit: number
      /** When that was, to the second. */
      readonly time: Date
      readonly deleted: false
      readonly value: V
      /** When it expires, or did, if it does. */
      readonly expires?: Date
    }
  | { readonly commit: number; readonly time: Date; readonly deleted: true }

export interface HistoryReadOptions {
  /** At most so many. Default: all that are kept. */
  readonly limit?: number | undefined
}

export function checkHistory(options: HistoryReadOptions | undefined): number {
  if (options === undefined) return Infinity
  checkNames(options, ['limit'], 'history')
  const { limit = Infinity } = options
  const isCount = limit === Infinity || (Number.isInteger(limit) && limit >= 0)
  if (!isCount) throw invalid('limit', 'a count, 0 or more', limit)
  return limit
}
