// lib/snapshot.ts — a held commit, read as it was: now's by snapshot(), an older one by at().
import type { Encoding } from './encoding.ts'
import { invalid, VarveError } from './errors.ts'
import { COMMIT, lastError, type NativeLevel, scratch, TIME, VIEW, VIEW_TIME } from './native.ts'
import type { Opening } from './opening.ts'
import { type Entry, Reading, type Types } from './reading.ts'
import { showAs } from './showing.ts'

/** What keeps old versions of a commit from being dropped. Snapshots of one moment share it. */
export class Hold {
  readonly opening: Opening
  readonly commit: number
  readonly timeMs: number
  #isOpen = true

  /** What the addon has just held; of a time of its own, if that is given. */
  constructor(opening: Opening, timeMs = scratch.f64[TIME] ?? 0) {
    this.opening = opening
    this.commit = scratch.f64[COMMIT] ?? 0
    this.timeMs = timeMs
    forgotten.register(this, { opening, commit: this.commit }, this)
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  end(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    forgotten.unregister(this)
    if (!this.opening.isClosed) this.opening.native.release(this.commit)
  }
}

const forgotten = new FinalizationRegistry<{ opening: Opening; commit: number }>(
  ({ opening, commit }) => {
    if (!opening.isClosed) opening.native.release(commit)
  },
)

/** Holds the newest commit. */
export function holdNow(opening: Opening): Hold {
  opening.check()
  if (opening.native.hold() < 0) throw lastError()
  return new Hold(opening)
}

/** Holds a commit by its number, or the last of the second that a date falls in. */
export function holdPast(opening: Opening, when: unknown): Hold {
  opening.check()
  const { native } = opening
  if (when instanceof Date && !Number.isNaN(when.getTime())) {
    if (native.holdAtTime(when.getTime()) < 0) throw lastError()
    return new Hold(opening)
  }
  if (typeof when !== 'number' || !Number.isSafeInteger(when) || when < 0) {
    throw invalid('at', 'the number of a commit, or a Date', when)
  }
  if (when > native.visible()) {
    const newest = `the newest commit, which is ${native.visible()}`
    throw new VarveError('INVALID', `at: ${when} is beyond ${newest}; for a time, give a Date`)
  }
  if (native.holdAt(when) < 0) throw lastError()
  return new Hold(opening)
}

/** Holds what another snapshot of the same store holds, by its id: in this worker or another. */
export function holdShared(opening: Opening, id: unknown): Hold {
  opening.check()
  const found = /^(\d{1,16})@(\d{1,16})$/.exec(typeof id === 'string' ? id : '')
  if (found === null) throw invalid('snapshot', 'the id of a snapshot', id)
  if (opening.native.holdAt(Number(found[1])) < 0) throw lastError()
  return new Hold(opening, Number(found[2]))
}

/**
 * A consistent view that stays as it was: of now, or of a commit of the past. Close it when done: it keeps old versions from being
 * dropped. Other keyspaces are read at the same moment by `level.in(snapshot)`, until it is closed.
 */
export class Snapshot<T extends Types = Entry>
  extends Reading<T>
  implements Disposable, AsyncDisposable
{
  static {
    showAs<Snapshot>(this, 'Snapshot', ({ commit, time, hold }) => ({
      commit,
      time,
      isOpen: hold.isOpen,
    }))
  }
  /** @internal */
  readonly hold: Hold

  /** @internal */
  constructor(opening: Opening, level: NativeLevel, encoding: Encoding, hold: Hold) {
    super(opening, level, encoding)
    this.hold = hold
  }

  /** The newest commit it shows. */
  get commit(): number {
    return this.hold.commit
  }

  /** When it was taken; of a commit of the past, when that was made, to the second. */
  get time(): Date {
    return new Date(this.hold.timeMs)
  }

  /** For another worker that has the store open: `db.snapshot(id)` there is the same view, as long as this one is open. */
  get id(): string {
    return `${this.hold.commit}@${this.hold.timeMs}`
  }

  /** @internal */
  asOf(): number {
    this.opening.check()
    if (!this.hold.isOpen) throw new VarveError('CLOSED', 'the snapshot is closed')
    scratch.f64[VIEW] = this.hold.commit
    scratch.f64[VIEW_TIME] = this.hold.timeMs
    return 1
  }

  protected override timeMs(): number {
    return this.hold.timeMs
  }

  close(): void {
    this.hold.end()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }
}
