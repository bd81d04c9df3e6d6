// test/crash/putter.mjs — puts one key, and is killed as soon as that is acknowledged. node putter.mjs <directory> <options as JSON> <durability>
import { open } from '../../dist/index.js'

const [directory, given, durability] = process.argv.slice(2)
const db = await open(directory, JSON.parse(given))
await db.put('kept', durability, { durability })
process.kill(process.pid, 'SIGKILL')
