// lib/transaction/locking.ts — what all keyspaces of a transaction that locks share: its calls one after the other, each when it has its lock.
import { VarveError } from '../errors.ts'
import { COMMIT, lastError, scratch, WOULD_BLOCK } from '../native.ts'
import type { Opening } from '../opening.ts'
import { Pending } from './pending.ts'

export interface LockSettings {
  readonly timeoutMs: number
  /** 0, or that of its first try: the older of two that wait for each other goes on. */
  readonly age: number
}

export class LockingPending extends Pending {
  /** What its next try is to have as its age. */
  readonly age: number
  /** It was the youngest of a circle: it has ended. */
  deadlock: VarveError | undefined
  readonly #timeoutMs: number
  #underWay = 0
  #turn: Promise<void> | undefined

  constructor(opening: Opening, attempt: number, { timeoutMs, age }: LockSettings) {
    super(opening, 'serializable', attempt, age)
    this.age = age === 0 ? (scratch.f64[COMMIT] ?? 0) : age
    this.#timeoutMs = timeoutMs
    const number = this.number()
    forgotten.register(this, { opening, number }, this)
  }

  /** Asks for a lock, waits for it, and then does what it is for. */
  async locked<R>(ask: () => number, then: () => R): Promise<R> {
    this.number()
    this.#underWay++
    try {
      while (this.#turn !== undefined) await this.#turn
      await this.#acquire(ask)
      return then()
    } finally {
      this.#underWay--
    }
  }

  async #acquire(ask: () => number): Promise<void> {
    const number = this.number()
    const answer = ask()
    if (answer >= 0) return
    if (answer !== WOULD_BLOCK) throw this.#refused(lastError())
    const waiting = this.opening.locks.wait(number, this.#timeoutMs)
    this.#turn = waiting.catch(() => undefined)
    try {
      await waiting
    } catch (error) {
      throw this.#refused(error)
    } finally {
      this.#turn = undefined
    }
    this.number() // It may have ended in the turn between.
  }

  #refused(error: unknown): unknown {
    if (!(error instanceof VarveError) || error.code !== 'DEADLOCK') return error
    this.deadlock = error
    this.rollback()
    return error
  }

  override tryCommit(): number | undefined {
    return this.#endBy(() => super.tryCommit())
  }

  override tryPrepare(id: string): number | undefined {
    return this.#endBy(() => super.tryPrepare(id))
  }

  #endBy(end: () => number | undefined): number | undefined {
    if (this.#underWay > 0) {
      this.rollback()
      throw new VarveError('INVALID', 'transaction: a call is still under way: await it')
    }
    try {
      return end()
    } finally {
      this.#ended()
    }
  }

  override rollback(): void {
    if (!this.isOpen) return
    const number = this.number()
    super.rollback()
    this.opening.locks.end(number, new VarveError('CLOSED', 'the transaction has ended'))
    this.#ended()
  }

  // Others of this thread may go on at once: but only when the addon was asked what a commit was refused for.
  #ended(): void {
    forgotten.unregister(this)
    const { opening } = this
    queueMicrotask(() => {
      if (!opening.isClosed) opening.locks.progress()
    })
  }
}

interface Forgotten {
  readonly opening: Opening
  readonly number: number
}

const forgotten = new FinalizationRegistry<Forgotten>(({ opening, number }) => {
  if (opening.isClosed) return
  opening.native.rollback(number)
  opening.locks.progress()
})
