// lib/settling.ts — when a write's promise settles: writes of one tick share a promise, and one call settles many.
//
// A write that is as durable as was asked may have to wait for something else: room for the next one. So a writer who awaits each
// of his writes is slowed down by a disk that does not keep up, on no thread's time, and not refused. As long as there is some
// room he waits a while for more, and is let in then: what takes long is spread over his writes.
//
// A tick that wrote once, for the disk, while nothing else waits, may be somebody's who has nothing to do until it is there: two
// threads that wake each other would cost him half as much again as a quick sync. So it is looked at again when this turn of the
// event loop is over, and if nobody else has written by then, this thread syncs, should syncs be quick. In the turn, that would
// be one sync for each of many writers, and a loop that awaits its writes would let nobody else run. Writes of weaker classes are
// written when their tick ends, and a loop that awaits them would not let anybody else run either: one in a thousand of their
// ticks is held until the turn is over.
import { type VarveError } from './errors.ts'
import { CROWDING, DURABLE, lastError, type NativeStore, scratch, WRITTEN } from './native.ts'
import { type Durability, DURABILITY_NAMES } from './options.ts'

/** What a write resolves to: the newest commit that reached the class, never older than the write's own. */
export interface Receipt {
  readonly commit: number
  readonly durability: Durability
}

const TICK = Promise.resolve() // What follows it runs at the end of the tick, as by queueMicrotask(), which costs more.
const afterTurn = setImmediate // Whoever puts a clock of his own in its place for a test still has his writes settled.
const afterWhile = setTimeout
const forget = clearTimeout
const ROOM_MS = 25
const AT_ONCE_MAX = 1000 // Ticks that settle with no turn of the event loop between them.
const SOME = 1 // Of CROWDING: there is room for little.
const DISK = DURABILITY_NAMES.indexOf('disk')

const nothing = (): void => undefined // Until the promise is made, which is at once.

class Group {
  commit = 0
  writes = 0
  isLate = false
  readonly durability: number
  readonly promise: Promise<Receipt>
  resolve: (receipt: Receipt) => void = nothing
  reject: (error: VarveError) => void = nothing

  constructor(durability: number) {
    this.durability = durability
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }

  /** Whoever awaits it hears of a failure; nobody else is bothered. */
  fail(error: VarveError): void {
    this.promise.catch(() => undefined)
    this.reject(error)
  }
}

interface Waiting {
  progress(): void
}

/** The writes of one store and thread that wait. */
export class Settling {
  readonly #native: NativeStore
  readonly #feeds: Iterable<Waiting>
  readonly #open: (Group | undefined)[] = [undefined, undefined, undefined] // Of this tick, by class.
  #waiting: Group[] = []
  readonly #closers: readonly (() => void)[]
  #alive = false
  #atOnce = 0
  #patience: NodeJS.Timeout | undefined

  /** The feeds that wait for commits, some of them until these are on disk. */
  constructor(native: NativeStore, feeds: Iterable<Waiting>) {
    this.#native = native
    this.#feeds = feeds
    this.#closers = DURABILITY_NAMES.map((_, durability) => () => this.#close(durability))
  }

  get isIdle(): boolean {
    return this.#waiting.length === 0 && this.#open.every((group) => group === undefined)
  }

  /** The promise of a commit made just now. */
  promise(commit: number, durability: number): Promise<Receipt> {
    let group = this.#open[durability]
    if (group === undefined) {
      group = this.#open[durability] = new Group(durability)
      void TICK.then(this.#closers[durability])
    }
    group.commit = commit
    group.writes += 1
    return group.promise
  }

  /** The tick is over: what it wrote is asked for as one. */
  #close(durability: number): void {
    const group = this.#open[durability]
    if (group === undefined) return
    const isAlone = durability === DISK && group.writes === 1 && this.#waiting.length === 0
    if ((isAlone || this.#atOnce >= AT_ONCE_MAX) && !group.isLate) {
      group.isLate = true
      this.#atOnce = 0
      afterTurn(this.#closers[durability] as () => void)
      return
    }
    this.#open[durability] = undefined
    if (this.#native.request(durability, isAlone ? 1 : 0) === 1) {
      this.#atOnce += 1
      this.#settle(group)
      if (isAlone) for (const feed of this.#feeds) feed.progress()
      return
    }
    this.#waiting.push(group)
    if (!this.#alive) this.#native.keepAlive(1)
    this.#alive = true
    this.#waitAwhile()
  }

  /** Where there is some room, whoever waits for more of it has it in a while. */
  #waitAwhile(): void {
    if (this.#patience !== undefined || scratch.u32[CROWDING] !== SOME) return
    this.#patience = afterWhile(() => {
      this.#patience = undefined
      this.progress(false, false)
    }, ROOM_MS)
  }

  #closeAll(): void {
    for (const group of this.#open) if (group !== undefined) group.isLate = true
    for (const close of this.#closers) close()
  }

  #settle(group: Group): void {
    group.resolve({
      commit: group.commit,
      durability: DURABILITY_NAMES[group.durability] ?? 'disk',
    })
  }

  /** The log got further or failed, or room was made; where it is the last word, nobody waits for room. */
  progress(isLast = false, isPatient = !isLast): void {
    if (isLast) this.#closeAll()
    if (this.#waiting.length === 0) return
    const failed = this.#native.progress() < 0 ? lastError() : undefined
    const written = scratch.f64[WRITTEN] ?? 0
    const durable = scratch.f64[DURABLE] ?? 0
    const crowding = scratch.u32[CROWDING] ?? 0
    const waits = crowding > SOME || (crowding === SOME && isPatient)
    const crowded = waits && failed === undefined && !isLast
    const still: Group[] = []
    for (const group of this.#waiting) {
      const reached = [group.commit, written, durable][group.durability] ?? durable
      if (group.commit <= reached && !crowded) this.#settle(group)
      else if (failed !== undefined) group.fail(failed)
      else still.push(group)
    }
    this.#waiting = still
    if (still.length > 0) {
      this.#waitAwhile()
      return
    }
    if (this.#patience !== undefined) forget(this.#patience)
    this.#patience = undefined
    if (!this.#alive) return
    this.#native.keepAlive(0)
    this.#alive = false
  }

  /** Resolves when nothing waits any more. */
  async drained(): Promise<void> {
    while (!this.isIdle) {
      for (const group of this.#open) await group?.promise.catch(() => undefined)
      await this.#waiting[0]?.promise.catch(() => undefined)
    }
  }
}
