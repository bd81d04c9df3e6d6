// test/addon/worker.mjs — a worker that writes its own keys into a shared store and reads everybody's, and then ends as it
// was told: 'close', 'leave' (without closing) or 'endless' (until it is terminated).
import { parentPort, workerData } from 'node:worker_threads'

import { open } from '../../dist/index.js'

const { directory, name, count, end } = workerData
const db = await open(directory, { memory: '8MB', durability: 'os' })
for (let n = 0; n < count || end === 'endless'; n++) {
  await db.put([name, n % count], `${name} ${n}`)
  if (n % 16 === 0) for (const [key, value] of db.range({ limit: 50 })) if (!value.startsWith(key[0])) throw new Error('torn')
  if (n === count - 1) parentPort.postMessage('written')
}
if (end === 'close') await db.close()
