// test/addon/locking.mjs — a worker that counts up keys under locks, while others do the same: it tells how often it had to try again.
// With 'holds' it takes a lock and says so, until it is terminated.
import { parentPort, workerData } from 'node:worker_threads'

import { open } from '../../dist/index.js'

const { directory, count, gate, holds } = workerData
const db = await open(directory, { memory: '8MB', durability: 'memory' })
const mode = 'pessimistic'
if (holds !== undefined) {
  globalThis.kept = db.begin({ mode })
  await globalThis.kept.put(holds, -1)
  parentPort.postMessage('holds')
  setInterval(() => undefined, 1000)
} else {
  Atomics.sub(gate, 0, 1)
  while (Atomics.load(gate, 0) > 0); // All begin at once.
  let again = 0
  const countUp = async (tx) => {
    if (tx.attempt > 1) again++
    await tx.update('first', (n) => (n ?? 0) + 1)
    await tx.update('second', (n) => (n ?? 0) + 1)
  }
  for (let n = 0; n < count; n += 4)
    await Promise.all([0, 1, 2, 3].map(() => db.transaction(countUp, { mode, lockTimeout: 60_000 })))
  await db.close()
  parentPort.postMessage(again)
}
