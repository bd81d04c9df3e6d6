// test/addon/sealed.mjs — writes and reads objects of one shape, in a process that may forbid code from strings, in the
// directory it is told. Prints what came back and whether code could have been made.
import { open } from '../../dist/index.js'

const [directory] = process.argv.slice(2)
const db = await open(directory)
const user = (id) => ({ id, name: `user ${id}`, active: id % 2 === 0, score: id / 8 })
for (let id = 0; id < 100; id++) await db.put(id, user(id))
const all = db.values().toArray()
const some = db.getMany([98, 99], { fields: ['name', 'score'] })
await db.close()

let canMakeCode = true
try {
  new Function('')
} catch {
  canMakeCode = false
}
console.log(JSON.stringify({ canMakeCode, all, some }))
