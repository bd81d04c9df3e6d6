// lib/collection/source.ts — where a query reads: a collection, and as of when.
import type { Encoding } from '../encoding.ts'
import type { NativeCollection } from '../native.ts'
import type { Opening } from '../opening.ts'
import type { Queried } from './request.ts'

export interface QuerySource {
  /** Of the collection. */
  readonly name: string
  readonly opening: Opening
  readonly level: NativeCollection
  readonly encoding: Encoding
  readonly isTransaction: boolean
  /** As that of a range: lib/range.ts. */
  asOf(): number
  /** The definition that is known to hold there; undefined where there is no such collection yet. */
  view(): Queried | undefined
  /** The addon has another one. */
  refresh(): void
}
