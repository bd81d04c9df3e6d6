// lib/snapshot.ts — a held commit, read as it was.
import type { Encoding } from './encoding.ts'
import { VarveError } from './errors.ts'
import { type NativeLevel, scratch, VIEW } from './native.ts'
import type { Opening } from './opening.ts'
import { type Entry, Reading, type Types } from './reading.ts'

/** A consistent view that stays as it was when it was taken. Close it when done: it keeps old versions from being dropped. */
export class Snapshot<T extends Types = Entry>
  extends Reading<T>
  implements Disposable, AsyncDisposable
{
  /** The newest commit it shows. */
  readonly commit: number
  #isOpen = true

  /** @internal */
  constructor(opening: Opening, level: NativeLevel, encoding: Encoding, commit: number) {
    super(opening, level, encoding)
    this.commit = commit
    forgotten.register(this, { opening, commit }, this)
  }

  /** @internal */
  asOf(): number {
    this.opening.check()
    if (!this.#isOpen) throw new VarveError('CLOSED', 'the snapshot is closed')
    scratch.f64[VIEW] = this.commit
    return 1
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    forgotten.unregister(this)
    if (!this.opening.isClosed) this.opening.native.release(this.commit)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }
}

const forgotten = new FinalizationRegistry<{ opening: Opening; commit: number }>(
  ({ opening, commit }) => {
    if (!opening.isClosed) opening.native.release(commit)
  },
)
