// test/addon/inserter.mjs — a worker that inserts documents of which others insert the same: who was first has each, nobody twice.
import { parentPort, workerData } from 'node:worker_threads'

import { collection, open, t } from '../../dist/index.js'

const { directory, name, count } = workerData
const db = await open(directory, { memory: '8MB', durability: 'memory' })
const things = db.collection(
  collection('things', {
    key: 'id',
    schema: { id: t.string(), code: t.int32(), by: t.string() },
    indexes: { code: 'unique', by: 'ordered' },
  }),
)
const wins = []
const wrong = []
for (let code = 0; code < count; code++) {
  try {
    await things.insert({ id: `${name}-${code}`, code, by: name })
    wins.push(code)
  } catch (error) {
    if (error.code !== 'EXISTS' || error.index !== 'code') wrong.push(String(error))
  }
}
parentPort.postMessage({ wins, wrong })
await db.close()
