// test/addon/counter.mjs — a worker that adds to counters which others add to as well, by update() and increment() and nothing else.
import { workerData } from 'node:worker_threads'

import { open } from '../../dist/index.js'

const { directory, count, gate } = workerData
const db = await open(directory, { memory: '8MB', durability: 'memory' })
Atomics.sub(gate, 0, 1)
while (Atomics.load(gate, 0) > 0); // All begin at once.
for (let n = 0; n < count; n++) {
  await db.update('one', (value) => (value ?? 0) + 1)
  if ((await db.increment('two')) <= n) throw new Error('a sum without what was added here')
  if (n % 10 === 0) await db.transaction((tx) => (tx.increment('two', 10), tx.increment('three', 1n)), { retries: 0 })
  // Large enough that it is flushed now and then between reading and writing.
  if (n % 100 === 0) await db.update(['large', n % 3], (value) => ({ n: (value?.n ?? 0) + 1, padding: 'x'.repeat(20_000) }))
}
await db.close()
