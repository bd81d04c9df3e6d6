// test/crash/migrator.mjs — converts documents until it is killed, and writes beside it. node migrator.mjs <directory> <options as JSON>
// Each write is durable before the next, and is told to the parent: { id, beats }. The last message is 'ready'.
import { open } from '../../dist/index.js'
import { after, COUNT } from './migrated.mjs'

const [directory, given] = process.argv.slice(2)
const db = await open(directory, { memory: '8MB', ...JSON.parse(given) })
const things = db.collection(after)
let isReady = false
const ready = things.ready({ onProgress: () => process.send('progress') }).then(() => {
  isReady = true
})
for (let n = 1; !isReady; n++) {
  const id = (n * 7919) % COUNT
  const { beats } = await things.update(id, (thing) => ({ ...thing, beats: thing.beats + 1 }), {
    durability: 'disk',
  })
  process.send({ id, beats })
}
await ready
process.send('ready')
setInterval(() => undefined, 1000)
