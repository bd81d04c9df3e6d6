// What a transaction did; it is committed or never was.
export interface Past {
  readonly isCommitted: boolean
  readonly reads: readonly (readonly [key: string, list: readonly number[]])[]
  readonly appends: readonly (readonly [key: string, element: number])[]
}

interface Reads {
  get(key: string): readonly number[] | undefined
  range(): Iterable<readonly [string, readonly number[]]>
}
interface Writes extends Reads {
  put(key: string, list: readonly number[]): void
}

export class Witness {
  constructor(tx: Writes, next: () => number)
  read(key: string): readonly number[]
  readAll(keys: readonly string[]): void
  append(key: string): void
  past(isCommitted: boolean): Past
}
