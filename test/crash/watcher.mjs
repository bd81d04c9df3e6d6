// test/crash/watcher.mjs — writes, and follows its own feed, until it is killed. node watcher.mjs <directory> <file>
// Every commit delivered is one line of the file, written before the next is asked for; it goes on behind the last whole line.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'

import { open } from '../../dist/index.js'

const [directory, file] = process.argv.slice(2)
const db = await open(directory, { memory: '8MB', feed: { keep: 'all' } })
const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []
if (lines.at(-1) !== '') appendFileSync(file, '\n') // A torn line counts as none.
const seen = lines.filter((line) => line.endsWith('.')).map((line) => JSON.parse(line.slice(0, -1)))
const from = seen.at(-1)?.commit ?? 0

async function write() {
  for (let n = (db.get('last') ?? 0) + 1; ; n++) {
    const padding = 'x'.repeat(n % 900)
    await db.batch([
      { type: 'put', key: 'last', value: n },
      { type: 'put', key: ['k', n % 50], value: { n, padding } },
    ])
    if (n % 500 === 0) await db.flush()
  }
}
void write()

let count = 0
for await (const { commit, edits } of db.watch({ from, durable: true })) {
  appendFileSync(file, `${JSON.stringify({ commit, last: edits[0].value })}.\n`)
  if (++count % 10 === 0) process.send(count)
}
