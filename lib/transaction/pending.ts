// lib/transaction/pending.ts — what all keyspaces of one transaction share: its number in the addon, and whether it is open.
import { refusal } from '../conflict.ts'
import { VarveError } from '../errors.ts'
import { COMMIT, CONFLICT, lastError, scratch } from '../native.ts'
import type { Opening } from '../opening.ts'
import type { Isolation } from '../options.ts'

const ISOLATIONS: readonly Isolation[] = ['serializable', 'snapshot', 'read-committed']
const LOCKS_NOTHING = -1
const FIRST_AS_OF = 2 // Of numbers that read as of a transaction: native/binding/transaction.h.

export class Pending {
  readonly opening: Opening
  readonly attempt: number
  readonly #number: number
  #isOpen = true
  /** Savepoints that have not ended. */
  depth = 0

  /** With an `age` it locks: transaction/locking.ts. */
  constructor(opening: Opening, isolation: Isolation, attempt: number, age = LOCKS_NOTHING) {
    opening.check()
    this.opening = opening
    this.attempt = attempt
    this.#number = opening.native.begin(ISOLATIONS.indexOf(isolation), age)
    if (this.#number < 0) throw lastError()
  }

  get isOpen(): boolean {
    return this.#isOpen && !this.opening.isClosed
  }

  /** The number that names it, while it is open; else CLOSED. */
  number(): number {
    this.opening.check()
    if (!this.#isOpen) throw new VarveError('CLOSED', 'the transaction has ended')
    return this.#number
  }

  asOf(): number {
    return this.number() + FIRST_AS_OF
  }

  /** The commit's number; undefined after a conflict, which refusal() tells. Whatever comes of it, it has ended. */
  tryCommit(): number | undefined {
    return this.#end((number) => this.opening.native.commitTransaction(number))
  }

  /** The same in place of a commit: it is durable, held against others, and seen by nobody. */
  tryPrepare(id: string): number | undefined {
    return this.#end((number) => this.opening.native.prepareTransaction(number, id))
  }

  #end(end: (number: number) => number): number | undefined {
    const number = this.number()
    if (this.depth > 0) {
      this.rollback()
      throw new VarveError('INVALID', 'transaction: a savepoint is still open: await it')
    }
    this.#isOpen = false
    const answer = end(number)
    if (answer === CONFLICT) return undefined
    if (answer < 0) throw refusal()
    return scratch.f64[COMMIT] ?? 0
  }

  rollback(): void {
    if (this.isOpen) this.opening.native.rollback(this.#number)
    this.#isOpen = false
  }

  /** Runs `fn` above a savepoint: what it wrote stays if it returns, and is taken back if it throws. */
  nested<R>(fn: () => R): R {
    const { native } = this.opening
    const savepoint = native.savepoint(this.number())
    if (savepoint < 0) throw lastError()
    this.depth++
    const end = (keeps: boolean): void => {
      if (!this.isOpen) return
      if (--this.depth !== savepoint) {
        this.rollback()
        throw new VarveError(
          'INVALID',
          'transaction: a savepoint has ended before one within it; await each before the next',
        )
      }
      if (native.rewind(this.#number, savepoint, keeps ? 1 : 0) < 0) throw lastError()
    }
    let answer: R
    let isLater: boolean
    try {
      answer = fn()
      isLater = isThenable(answer) // By a getter, which may throw.
    } catch (error) {
      end(false)
      throw error
    }
    if (!isLater) {
      end(true)
      return answer
    }
    return this.#later(answer as PromiseLike<unknown>, end) as R
  }

  async #later(answer: PromiseLike<unknown>, end: (keeps: boolean) => void): Promise<unknown> {
    let value: unknown
    try {
      value = await answer
    } catch (error) {
      end(false)
      throw error
    }
    end(true)
    return value
  }
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (typeof value !== 'object' && typeof value !== 'function') return false
  return typeof (value as { then?: unknown } | null)?.then === 'function'
}
