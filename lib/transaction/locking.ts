// lib/transaction/locking.ts — what all keyspaces of a transaction that locks share: its calls one after the other, each when it has its lock.
//
// A call that cannot say before what it is about is tried: what it has read and written is locked then, and it is tried again if others have
// written there meanwhile.
import { VarveError } from '../errors.ts'
import { COMMIT, lastError, scratch, WOULD_BLOCK } from '../native.ts'
import type { Opening } from '../opening.ts'
import { Pending } from './pending.ts'

const TRIES_MAX = 100

const overrun = (): VarveError =>
  new VarveError(
    'CONFLICT',
    `transaction: those who take no locks wrote what it reads, ${TRIES_MAX} times in turn`,
    { reason: 'written' },
  )

const thrower = (error: unknown) => () => {
  throw error
}

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
    const answer = ask()
    if (answer >= 0) return
    const waiting = this.#wait(answer)
    this.#turn = waiting.catch(() => undefined)
    try {
      await waiting
    } finally {
      this.#turn = undefined
    }
  }

  /** Until it has the lock that the addon has not given it at once. */
  async #wait(answer: number): Promise<void> {
    const number = this.number()
    if (answer !== WOULD_BLOCK) throw this.#refused(lastError())
    try {
      await this.opening.locks.wait(number, this.#timeoutMs)
    } catch (error) {
      throw this.#refused(error)
    }
    this.number() // It may have ended in the turn between.
  }

  /**
   * Does something, takes the locks of all that it has read and written, and does it again if that has changed meanwhile. What answers by a promise
   * keeps other calls waiting until it has.
   */
  async tried<R>(run: () => R | Promise<R>): Promise<R> {
    this.number()
    this.#underWay++
    try {
      while (this.#turn !== undefined) await this.#turn
      const trying = this.#tryOn(run)
      this.#turn = trying.then(
        () => undefined,
        () => undefined,
      )
      try {
        return await trying
      } finally {
        this.#turn = undefined
      }
    } finally {
      this.#underWay--
    }
  }

  async #tryOn<R>(run: () => R | Promise<R>): Promise<R> {
    for (let tries = 1; ; tries++) {
      const trying = this.#try(run)
      const answer = trying instanceof Promise ? await trying : trying
      if (await this.#keeps(tries)) return answer()
    }
  }

  // What it answered or threw, to be told when its locks are there.
  #try<R>(run: () => R | Promise<R>): (() => R) | Promise<() => R> {
    const number = this.number()
    if (this.opening.native.beginTrial(number) < 0) throw lastError()
    try {
      const value = run()
      if (!(value instanceof Promise)) return () => value
      return value.then((later) => () => later, thrower)
    } catch (error) {
      return thrower(error)
    }
  }

  async #keeps(tries: number): Promise<boolean> {
    const number = this.number()
    const { native } = this.opening
    try {
      for (let answer; (answer = native.lockTrial(number)) < 0;) await this.#wait(answer)
    } catch (error) {
      if (this.isOpen) native.endTrial(number, 0)
      throw error
    }
    const kept = native.endTrial(number, 1)
    if (kept < 0) throw lastError()
    if (kept === 0 && tries === TRIES_MAX) throw overrun()
    return kept === 1
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
