// bench/consumer.ts — a thread that follows a store's feed from a commit on until it has taken so many edits: says when it watches, and
// what it took.
import { parentPort, workerData } from 'node:worker_threads'

import { type Following, openAt } from './workloads/past.ts'

const { path, options, from, edits } = workerData as Following
const db = await openAt(path, options)
const feed = db.watch({ from })
parentPort?.postMessage('watching')
let taken = 0
for await (const commit of feed) {
  taken += commit.edits.length
  if (taken >= edits) break
}
await db.close()
parentPort?.postMessage(taken)
