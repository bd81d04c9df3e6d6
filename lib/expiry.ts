// lib/expiry.ts — when a value expires: what a put says of it.
import { invalid } from './errors.ts'
import { parseTime } from './options.ts'

export interface ExpiryOptions {
  /** The value expires so much later: milliseconds, or text such as '90s', '15m', '12h', '7d'. */
  readonly ttl?: number | string | undefined
  /** The value expires then. */
  readonly expiresAt?: Date | number | undefined
}

const SPAN = "milliseconds above 0, or text such as '15m'"

/** As the addon takes it: 0 for never, below 0 so many milliseconds from now, above 0 that time. */
export function expiryOf({ ttl, expiresAt }: ExpiryOptions): number {
  if (ttl !== undefined) {
    if (expiresAt !== undefined) throw invalid('ttl', 'without `expiresAt`', ttl)
    return -parseTime(ttl, 'ttl', SPAN)
  }
  if (expiresAt === undefined) return 0
  const time = expiresAt instanceof Date ? expiresAt.getTime() : expiresAt
  if (typeof time === 'number' && Number.isSafeInteger(time) && time > 0) return time
  throw invalid('expiresAt', 'a Date, or milliseconds since 1970', expiresAt)
}
