// bench/warm.ts — data that is in memory before it is read: the rows that say so time neither reads from files nor the first
// touch of a page.
import { inKeyOrder, keyOf } from './data.ts'
import type { Context, OpenOptions, Store } from './shape.ts'

/** Of a store that is to hold in memory what a row reads; lmdb has as much of the system's cache as it wants. */
export const FITTING: Partial<OpenOptions> = { memoryBytes: 2 ** 30 }

const STRIDE = 8 // No block or page of a store has fewer entries.
const touched = new WeakSet<Store>()

/** Gets one key of every block, once for each opening. */
export async function touchAll({ store, keyCount }: Context): Promise<void> {
  if (touched.has(store)) return
  touched.add(store)
  const order = inKeyOrder(keyCount)
  for (let i = 0; i < keyCount; i += STRIDE) await store.get(keyOf(order[i] ?? 0))
}
