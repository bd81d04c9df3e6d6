// test/crash/writer.mjs — writes until it is killed. node writer.mjs <directory> <options as JSON> <from> [converts]
// Each commit is a batch of two halves with the same number; an acknowledged number is sent to the parent. A commit that
// is refused because the disk does not keep up (BUSY) is tried again: nothing may be left out. A store in memory, or of pages, writes
// all of it anew all the while; without a log, a number is acknowledged when a flush has brought it to rest. With `converts` the store gets
// one engine after the other.
import { open } from '../../dist/index.js'

const [directory, given, from, converts] = process.argv.slice(2)
const options = JSON.parse(given)
const db = await open(directory, { memory: '8MB', ...options })
const padding = 'x'.repeat(900)
const isLogged = options.log !== false
let compacting

async function write(n) {
  try {
    await db.batch([
      { type: 'put', key: ['left', n], value: { n, padding } },
      { type: 'put', key: ['right', n], value: { n } },
      { type: 'put', key: 'last', value: n },
    ])
  } catch (error) {
    if (error.code !== 'BUSY') throw error
    await write(n)
  }
}

async function convert() {
  for (let i = Number(from); ; i++) {
    await db.flush()
    await db.convert(['btree', 'bitcask', 'memory', 'lsm'][i % 4])
  }
}
if (converts) void convert()

for (let n = Number(from); ; n++) {
  await write(n)
  if ((options.engine === 'memory' || options.engine === 'btree') && n % 100 === 0) {
    compacting ??= db.compact().finally(() => (compacting = undefined))
    if (!isLogged) await db.flush()
  }
  const isAcknowledged = isLogged ? n % 8 === 0 || options.durability === 'disk' : n % 100 === 0
  if (isAcknowledged) process.send(n)
}
