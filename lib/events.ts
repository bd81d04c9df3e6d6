// lib/events.ts — what a store tells of itself, unasked: stalls, recovery, failure.
//
// Every opening of a store, in any worker, hears of its stalls and failures. A listener that throws is nobody
// else's trouble: what it threw comes up as an uncaught exception, and the others are called.
import type { VarveError } from './errors.ts'
import { invalid } from './errors.ts'
import type { Damage } from './repair.ts'

export interface RecoveryReport {
  readonly created: boolean
  /** The last close was a clean one. */
  readonly clean: boolean
  /** Commits that were read back from the log. */
  readonly replayedCommits: number
  /** Records that never reached the disk whole, and were dropped. */
  readonly cutRecords: number
  readonly lastCommit: number
  /** With `damaged: 'serve'`: what is not whole and can't be read. */
  readonly lost: readonly Damage[]
}

/** Writers were held for 50 ms or more of a second, because what works behind them could not keep up. */
export interface Stall {
  /** 'flush': memory fills faster than it comes to rest. 'compaction': the engine's own work is behind. */
  readonly reason: 'flush' | 'compaction'
  /** How long writers of all threads were held in that second, as far as it had got. */
  readonly heldMs: number
  /** The longest single wait. */
  readonly longestMs: number
  /** In how many waits. */
  readonly waits: number
}

export interface Events {
  /** Once a second at most. If there were several since the event loop last turned, of the last one. */
  readonly stall: Stall
  /**
   * What opening found, if the store was not closed cleanly or something is lost. Told once, one turn of the event loop after
   * opening, so that a listener attached right after `await open()` hears of it; `recovery` of the store always has it.
   */
  readonly recovery: RecoveryReport
  /**
   * The log or a background worker failed: writing has stopped, reads go on. Or something else is wrong, and writing goes on: CORRUPT
   * is of a file that merges leave alone from then on (`verify()` says what of it is damaged), NO_SPACE of a flush or merge that waits
   * for room on the disk. Each is told once; one who listens later is told, too, but not of NO_SPACE, which may be over.
   */
  readonly error: VarveError
}

type Listener<E extends keyof Events> = (event: Events[E]) => void
type Sets = { readonly [E in keyof Events]: Set<Listener<E>> }

/** The listeners of one opening. */
export class Listeners {
  readonly #sets: Sets = { stall: new Set(), recovery: new Set(), error: new Set() }
  readonly #failures: VarveError[] = []

  /** Answers the function that takes the listener away again. */
  add<E extends keyof Events>(event: E, listener: Listener<E>): () => void {
    if (!Object.hasOwn(this.#sets, event)) {
      throw invalid('event', "'stall', 'recovery' or 'error'", event)
    }
    if (typeof listener !== 'function') throw invalid('listener', 'a function', listener)
    const all: Set<Listener<E>> = this.#sets[event]
    const own: Listener<E> = (payload) => listener(payload) // So that adding one twice is two.
    all.add(own)
    for (const failure of event === 'error' ? [...this.#failures] : []) {
      queueMicrotask(() => {
        if (all.has(own)) listener(failure as Events[E])
      })
    }
    return () => {
      all.delete(own)
    }
  }

  tell<E extends keyof Events>(event: E, payload: Events[E]): void {
    if (event === 'error' && (payload as VarveError).code !== 'NO_SPACE') {
      this.#failures.push(payload as VarveError)
    }
    for (const listener of [...this.#sets[event]]) {
      try {
        listener(payload)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
