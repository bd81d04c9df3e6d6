// lib/collection/document-key.ts — the key of a document: what a caller names it by, as an ordered key.
import { invalid } from '../errors.ts'
import type { Key } from '../key.ts'
import type { Defined } from './catalog.ts'
import { keyValue } from './operand.ts'

/** INVALID where it is none of the collection. */
export function keyOf({ description, columns }: Defined, key: unknown): Key {
  const { on } = description.key
  if (typeof on === 'string') return partOf(on, key, 'key')
  if (!Array.isArray(key) || key.length !== on.length)
    throw invalid('key', `an array of ${on.length}: [${on.join(', ')}]`, key)
  return on.map((path, index) => partOf(path, key[index], `key[${index}]`))

  function partOf(path: string, value: unknown, where: string): Key {
    const column = columns.get(path)
    if (value === undefined) throw invalid(where, `the value of '${path}'`, value)
    return column === undefined ? (value as Key) : keyValue(column.type, value, where)
  }
}
