// test/addon/converting.mjs — a worker that writes its own keys into a shared store, and reads back what it wrote and
// whole ranges, until it is told to end; the last number it wrote stands under its name.
import { parentPort, workerData } from 'node:worker_threads'

import { open } from '../../dist/index.js'

const { directory, name } = workerData
const db = await open(directory, { memory: '16MB', durability: 'os' })
let isEnding = false
parentPort.on('message', () => (isEnding = true))
for (let n = 0; !isEnding || n < 100; n++) {
  await db.batch([
    { type: 'put', key: [name, n], value: n },
    { type: 'put', key: `${name} last`, value: n },
  ])
  const seen = Math.floor(n / 2)
  if (db.get([name, seen]) !== seen) throw new Error(`lost ${seen}`)
  if (n % 64 === 0 && db.count({ prefix: [name] }) !== n + 1) throw new Error(`not all of ${n}`)
  if (n === 50) parentPort.postMessage('begun')
  if (n % 8 === 0) await new Promise((resolve) => setImmediate(resolve))
}
await db.close()
process.exit(0)
