// test/crash/builder.mjs — a process whose store builds indexes until it is killed. node builder.mjs <directory> <options as JSON> <declares>
// Only with `declares` it opens their collection; else nothing but the store. It tells how much is left to be built, again and again.
import { open } from '../../dist/index.js'
import { after } from './built.mjs'

const [directory, given, declares] = process.argv.slice(2)
const db = await open(directory, JSON.parse(given))
if (declares === 'true') {
  db.collection(after)
  await db.put('declared', true, { durability: 'os' })
}
process.send(db.stats().building)
setInterval(() => process.send(db.stats().building), 1)
