// test/crash/writer.mjs — writes until it is killed. node writer.mjs <directory> <durability> <from>
// Each commit is a batch of two halves with the same number; an acknowledged number is sent to the parent. A commit that
// is refused because the disk does not keep up (BUSY) is tried again: nothing may be left out.
import { open } from '../../dist/index.js'

const [directory, durability, from] = process.argv.slice(2)
const db = await open(directory, { memory: '8MB', durability })
const padding = 'x'.repeat(900)

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

for (let n = Number(from); ; n++) {
  await write(n)
  if (n % 8 === 0 || durability === 'disk') process.send(n)
}
