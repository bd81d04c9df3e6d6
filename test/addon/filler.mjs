// test/addon/filler.mjs — fills a store with more than it may keep in memory, reads it in every way, and tells how much
// memory the process took meanwhile, and before. node filler.mjs <directory> <options as JSON> <megabytes>
import { open } from '../../dist/index.js'

const [directory, given, megabytes] = process.argv.slice(2)
const VALUE_BYTES = 1000
const BATCH = 500
const count = Number(megabytes) * 1000
const noise = Buffer.allocUnsafe(1 << 20)
for (let at = 0, seed = 1; at < noise.length; at += 4) {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  noise.writeUInt32LE(seed, at)
}
const valueOf = (n) => {
  const at = (n * 37) % (noise.length - VALUE_BYTES)
  return noise.subarray(at, at + VALUE_BYTES)
}
// Every key once, in an order that is none.
const keyOf = (n) => (n * 7919) % count

const db = await open(directory, { encoding: 'bytes', ...JSON.parse(given) })
const before = process.memoryUsage.rss()
let most = 0
const look = () => (most = Math.max(most, process.memoryUsage.rss()))

async function write(n) {
  const batch = db.batch()
  for (let i = n; i < n + BATCH; i++) batch.put(keyOf(i), valueOf(i))
  await batch.write()
}

for (let n = 0; n < count; n += BATCH) {
  await write(n)
  look()
}
let found = 0
for (let n = 0; n < count / 5; n++) {
  if (db.get(keyOf(n * 3))?.length === VALUE_BYTES) found++
  if (n % 1000 === 0) look()
}
let ranged = 0
for (const [, value] of db.range()) {
  if (value.length === VALUE_BYTES) ranged++
  if (ranged % 1000 === 0) look()
}
await db.close()
process.send({ before, most, found, ranged, count })
