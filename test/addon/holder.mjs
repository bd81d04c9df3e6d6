// test/addon/holder.mjs — a worker that reads a snapshot of another thread, by its id, and says what it saw.
import { parentPort, workerData } from 'node:worker_threads'

import { open } from '../../dist/index.js'

const { directory, id } = workerData
const db = await open(directory, { memory: '8MB' })
const snapshot = db.snapshot(id)
parentPort.postMessage({ commit: snapshot.commit, entries: snapshot.range().toArray() })
parentPort.once('message', async () => {
  const entries = snapshot.range().toArray()
  snapshot.close()
  await db.close()
  parentPort.postMessage({ entries })
})
