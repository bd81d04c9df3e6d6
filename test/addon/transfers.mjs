// test/addon/transfers.mjs — a worker that moves money between accounts by transactions, while others do the same. Each counts what it
// has moved under one key, so that they meet; now and then it adds all accounts up, and tells any sum that was wrong.
import { parentPort, workerData } from 'node:worker_threads'

import { open } from '../../dist/index.js'

const { directory, kind, accounts, count, gate } = workerData
const db = await open(directory, { memory: '8MB', durability: 'memory' })
const total = accounts * 100
let told = total

function read(tx, n) {
  if (n % 10 === 0) {
    const sum = tx.values({ prefix: ['account'] }).toArray().reduce((a, b) => a + b, 0)
    if (sum !== total) told = sum
  }
  const from = ['account', n % accounts]
  const to = ['account', (n * 7 + 1) % accounts]
  return { from, to, source: tx.get(from), moved: tx.get('moved') ?? 0 }
}

function write(tx, { from, to, source, moved }, n) {
  tx.put(from, source - 1)
  tx.update(to, (value) => value + 1)
  tx.put('moved', moved + 1)
  // So large that it is flushed now and then between reading and writing.
  if (n % 50 === 0) tx.put(['large', kind, n], 'x'.repeat(100_000))
}

const move = {
  sync: (n) => db.transaction((tx) => write(tx, read(tx, n), n)),
  async: (n) =>
    db.transaction(
      async (tx) => {
        const seen = read(tx, n)
        await null
        write(tx, seen, n)
      },
      { retries: 10_000 },
    ),
}[kind]

Atomics.sub(gate, 0, 1)
while (Atomics.load(gate, 0) > 0); // All begin at once.
for (let n = 0; n < count; n += 4) await Promise.all([0, 1, 2, 3].map((i) => move(n + i)))
await db.close()
parentPort.postMessage(told)
