// test/addon/reader.mjs — a worker that has many cold gets under way in a shared store, and ends as it was told: 'close', 'closeSync',
// 'leave' (without closing, gets and all), 'endless' (until it is terminated).
import { parentPort, workerData } from 'node:worker_threads'

import { open } from '../../dist/index.js'

const { directory, count, rounds, end } = workerData
const db = await open(directory, { memory: '8MB' })
const get = async (n) => {
  const value = await db.getAsync(`k${n}`)
  if (value !== `${n} `.repeat(100)) throw new Error(`k${n} is ${value}`)
}
const some = (round) => Array.from({ length: 64 }, (_, i) => get((round * 977 + i * 7919) % count))
for (let round = 0; round < rounds || end === 'endless'; round++) {
  await Promise.all(some(round))
  if (round === rounds - 1) parentPort.postMessage('read')
}
const last = some(rounds)
if (end === 'close') await Promise.all([db.close(), ...last])
if (end === 'closeSync') {
  db.closeSync()
  const codes = (await Promise.allSettled(last)).map((one) => one.reason?.code)
  for (const code of codes) if (code !== undefined && code !== 'CLOSED') throw new Error(code)
}
if (end === 'leave') process.exit(0)
