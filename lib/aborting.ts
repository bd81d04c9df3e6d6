// lib/aborting.ts — promises that stop waiting when a signal fires.
import { VarveError } from './errors.ts'

/** The same promise, or, when `signal` fires first, a rejection with ABORTED that says what has happened to the data. */
export function unlessAborted<V>(
  promise: Promise<V>,
  signal: AbortSignal | undefined,
  what: string,
  outcome = 'nothing has changed',
): Promise<V> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const abort = (): void =>
      reject(new VarveError('ABORTED', `${what}: aborted; ${outcome}`, { cause: signal.reason }))
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
