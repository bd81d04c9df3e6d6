// lib/transaction/run.ts — runs a callback as a transaction: again after a conflict, up to a bound, and with pauses.
import { unlessAborted } from '../aborting.ts'
import { refusal } from '../conflict.ts'
import { VarveError } from '../errors.ts'
import type { Opening } from '../opening.ts'
import type { TransactionSettings } from '../options.ts'
import { LockingPending } from './locking.ts'
import { isThenable, Pending } from './pending.ts'

const AT_ONCE_MAX = 3 // So many tries follow each other without a pause.
const PAUSE_MS_MAX = 32

/** The steps of one try: what the callback answered, and whether it was committed. */
interface Try<R> {
  readonly pending: Pending
  readonly answer: R
  readonly isLater: boolean
}

function pendingOf(
  opening: Opening,
  { isolation, lockTimeoutMs }: TransactionSettings,
  attempt: number,
  before: Pending | undefined,
): Pending {
  if (lockTimeoutMs === undefined) return new Pending(opening, isolation, attempt)
  const age = before instanceof LockingPending ? before.age : 0
  return new LockingPending(opening, attempt, { timeoutMs: lockTimeoutMs, age })
}

/** What it has lost its locks for: then it has ended, and may run again. */
function deadlockOf(pending: Pending): VarveError | undefined {
  return pending instanceof LockingPending ? pending.deadlock : undefined
}

export type Callback<R> = (pending: Pending) => R

function begin<R>(
  opening: Opening,
  fn: Callback<R>,
  settings: TransactionSettings,
  attempt: number,
  before?: Pending,
): Try<R> {
  throwIfAborted(settings.signal)
  const pending = pendingOf(opening, settings, attempt, before)
  opening.callbacks++
  try {
    const answer = fn(pending)
    return { pending, answer, isLater: isThenable(answer) } // By a getter, which may throw.
  } catch (error) {
    pending.rollback()
    throw error
  } finally {
    opening.callbacks--
  }
}

/** A callback that answers at once is committed when it returns; one that answers a promise, when that resolves. */
export function run<R>(
  opening: Opening,
  fn: Callback<R>,
  settings: TransactionSettings,
): Promise<Awaited<R>> {
  try {
    for (let attempt = 1; ; attempt++) {
      const first = begin(opening, fn, settings, attempt)
      if (first.isLater) return runLater(opening, fn, settings, first)
      const { pending, answer } = first
      const commit = pending.tryCommit()
      if (commit === undefined) {
        throwIfLast(attempt, settings)
        continue
      }
      const settled = opening.settling.promise(commit, settings.durability)
      const value = answer as Awaited<R>
      return unlessAborted(settled, settings.signal, 'transaction', COMMITTED).then(() => value)
    }
  } catch (error) {
    return Promise.reject(error)
  }
}

const COMMITTED = 'it has been committed'

async function runLater<R>(
  opening: Opening,
  fn: Callback<R>,
  settings: TransactionSettings,
  first: Try<R>,
): Promise<Awaited<R>> {
  for (let next: Try<R> = first, attempt = 1; ;) {
    const { pending, answer } = next
    let value: Awaited<R> | undefined
    try {
      value = (await unlessAborted(
        Promise.resolve(answer),
        settings.signal,
        'transaction',
      )) as Awaited<R>
    } catch (error) {
      pending.rollback()
      if (deadlockOf(pending) === undefined || settings.signal?.aborted === true) throw error
    }
    const deadlock = deadlockOf(pending)
    const commit = deadlock === undefined ? pending.tryCommit() : undefined
    if (commit !== undefined) {
      const settled = opening.settling.promise(commit, settings.durability)
      await unlessAborted(settled, settings.signal, 'transaction', COMMITTED)
      return value as Awaited<R>
    }
    throwIfLast(attempt, settings, deadlock)
    await pause(attempt)
    next = begin(opening, fn, settings, ++attempt, pending)
  }
}

/** run() for a callback that answers at once: what it answered, and the commit. */
export function runSync<R>(
  opening: Opening,
  fn: Callback<R>,
  settings: TransactionSettings,
): { readonly value: R; readonly commit: number } {
  for (let attempt = 1; ; attempt++) {
    const { pending, answer, isLater } = begin(opening, fn, settings, attempt)
    if (isLater) {
      pending.rollback()
      Promise.resolve(answer).catch(() => undefined) // It ends with CLOSED, which nobody awaits.
      throw new VarveError(
        'INVALID',
        'transactionSync: its callback must answer at once, not by a promise; use transaction()',
      )
    }
    const commit = pending.tryCommit()
    if (commit !== undefined) return { value: answer, commit }
    throwIfLast(attempt, settings)
  }
}

function throwIfLast(
  attempt: number,
  { retries }: TransactionSettings,
  deadlock?: VarveError,
): void {
  if (attempt > retries) throw deadlock ?? refusal()
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return
  throw new VarveError('ABORTED', 'transaction: aborted; nothing has changed', {
    cause: signal.reason,
  })
}

// Longer from try to try, and by chance, so that those who met do not meet again.
function pause(attempt: number): Promise<void> {
  if (attempt <= AT_ONCE_MAX) return Promise.resolve()
  const ms = Math.random() * Math.min(2 ** (attempt - AT_ONCE_MAX), PAUSE_MS_MAX)
  return new Promise((resolve) => setTimeout(resolve, ms))
}
