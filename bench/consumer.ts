// bench/consumer.ts — a thread that follows a store's feed from a commit on until it has taken so many edits: says when it watches, and
// what it took.
import { parentPort, workerData } from 'node:worker_threads'

import { type Following, openAt } from './workloads/past.ts'

const { path, options, from, edits } = workerData as Following
const db = await openAt(path, options)
const feed = db.watch({ from })
parentPort?.postMessage('watching')
const staying = setInterval(() => undefined, 1000) // A feed that waits does not keep its thread alive.
let taken = 0
for await (const commit of feed) {
  taken += commit.edits.length
  if (taken >= edits) break
}
clearInterval(staying)
await db.close()
parentPort?.postMessage(taken)
