// lib/prepared.ts — a transaction that was prepared, here or by an earlier opening, and waits to be committed or rolled back.
import { invalid, VarveError } from './errors.ts'
import { COMMIT, lastError, scratch } from './native.ts'
import type { Opening } from './opening.ts'
import type { Receipt } from './settling.ts'

const ID_BYTES_MAX = 256
const LONE_SURROGATE = /\p{Surrogate}/u

/**
 * A prepared transaction. It is durable and nobody sees it; whatever it has read and will write, no other commit changes. It stays so
 * until one of these is called, by whoever has the store open then.
 */
export class PreparedTransaction {
  readonly id: string
  /** When it was prepared. */
  readonly at: Date
  readonly #opening: Opening

  /** @internal */
  constructor(opening: Opening, id: string, time: number) {
    this.#opening = opening
    this.id = id
    this.at = new Date(time)
  }

  /** Makes its writes visible, as one commit; never a CONFLICT. NOT_FOUND if it was ended meanwhile. */
  commit(): Promise<Receipt> {
    return this.#end(true)
  }

  /** Ends it; nothing has changed. NOT_FOUND if it was ended meanwhile. */
  rollback(): Promise<Receipt> {
    return this.#end(false)
  }

  async #end(commits: boolean): Promise<Receipt> {
    const opening = this.#opening
    opening.checkWrite()
    if (opening.native.endPrepared(this.id, commits ? 1 : 0) < 0) throw lastError()
    return opening.settling.promise(scratch.f64[COMMIT] ?? 0, opening.durability)
  }
}

/** All of a store, by id. */
export function preparedOf(opening: Opening): PreparedTransaction[] {
  opening.check()
  const list = opening.native.prepared()
  if (typeof list === 'number') throw lastError()
  const all: PreparedTransaction[] = []
  for (let i = 0; i < list.length; i += 2)
    all.push(new PreparedTransaction(opening, String(list[i]), Number(list[i + 1])))
  return all
}

/** An id that may be given to prepare(). */
export function checkPreparedId(id: unknown): string {
  if (typeof id !== 'string' || id === '' || LONE_SURROGATE.test(id))
    throw invalid('id', 'a string that is not empty and has no lone surrogates', id)
  if (Buffer.byteLength(id) <= ID_BYTES_MAX) return id
  throw new VarveError(
    'TOO_LARGE',
    `id must take at most ${ID_BYTES_MAX} bytes as UTF-8, not ${Buffer.byteLength(id)}`,
  )
}
