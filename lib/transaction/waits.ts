// lib/transaction/waits.ts — the transactions of one opening that wait for a lock: told by the addon, or given up after a time.
//
// Whoever lets a lock go, on any thread, has the addon note whose waiting has ended, and then its progress told to every opening.
import { VarveError } from '../errors.ts'
import { lastError, type NativeStore, WOULD_BLOCK } from '../native.ts'

interface Waiter {
  readonly timer: NodeJS.Timeout
  readonly resolve: () => void
  readonly reject: (error: VarveError) => void
}

export class LockWaits {
  readonly #native: NativeStore
  readonly #waiters = new Map<number, Waiter>()

  constructor(native: NativeStore) {
    this.#native = native
  }

  /** Resolves when the transaction of that number has the lock that it waits for. */
  wait(number: number, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#giveUp(number, timeoutMs), timeoutMs)
      this.#waiters.set(number, { timer, resolve, reject })
    })
  }

  // A lock that has come meanwhile is taken.
  #giveUp(number: number, timeoutMs: number): void {
    if (this.#native.cancelLock(number) !== 1) return this.#look(number)
    const message = `transaction: a lock was not free within ${timeoutMs} ms`
    this.end(number, new VarveError('TIMEOUT', message))
  }

  progress(): void {
    if (this.#waiters.size === 0) return
    for (let number; (number = this.#native.nextLock()) >= 0;) this.#look(number)
  }

  #look(number: number): void {
    if (!this.#waiters.has(number)) return // It has ended since.
    const state = this.#native.lockState(number)
    if (state === WOULD_BLOCK) return
    this.end(number, state < 0 ? lastError() : undefined)
  }

  /** It waits no more, for whatever reason. */
  end(number: number, error?: VarveError): void {
    const waiter = this.#waiters.get(number)
    if (waiter === undefined) return
    this.#waiters.delete(number)
    clearTimeout(waiter.timer)
    if (error === undefined) waiter.resolve()
    else waiter.reject(error)
  }

  endAll(): void {
    const error = new VarveError('CLOSED', 'the store is closed')
    for (const number of [...this.#waiters.keys()]) this.end(number, error)
  }
}
