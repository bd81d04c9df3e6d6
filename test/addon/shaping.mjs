// test/addon/shaping.mjs — a worker that, when all others are ready, writes objects of shapes that are new to the store,
// and reads what the others write.
import { parentPort, workerData } from 'node:worker_threads'

import { open } from '../../dist/index.js'

const { directory, name, count, ready, all } = workerData
const db = await open(directory, { memory: '8MB', durability: 'os' })
const gate = new Int32Array(ready)
if (Atomics.add(gate, 0, 1) + 1 === all) Atomics.notify(gate, 0)
for (let n = Atomics.load(gate, 0); n < all; n = Atomics.load(gate, 0)) Atomics.wait(gate, 0, n, 10)
for (let n = 0; n < count; n++) {
  // Each kind of object becomes common in all workers at about the same time.
  const kind = Math.floor(n / 40)
  await db.put([name, n], { [`id${kind}`]: n, [`name${kind}`]: `${name} ${n}`, score: n / 8 }, { durability: 'memory' })
  for (const value of db.values({ limit: 20, reverse: n % 2 === 0 })) if (typeof value.score !== 'number') throw new Error('torn')
}
parentPort.postMessage('written')
await db.close()
