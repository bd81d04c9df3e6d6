// test/format/write-stores.ts — writes the stores of test/format/stores anew: npm run fixtures. Until 0.1.0 a format may change,
// and this is run; from then on what lies there is read for ever.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { open, type OpenOptions, type Store } from '../../lib/index.ts'
import { fill } from './contents.ts'

const stores: Readonly<Record<string, OpenOptions>> = {
  plain: {},
  compressed: { compression: 'fast', compaction: 'universal', blockSize: 1024 },
  large: { largeValue: '1KB' },
  memory: { engine: 'memory' },
  bitcask: { engine: 'bitcask' },
  btree: { engine: 'btree', largeValue: '1KB' },
  'btree-past': { engine: 'btree', history: { keep: 'forever' }, write: 'behind' },
  past: { history: { keep: 'forever' } },
  prepared: {},
}

/** Of each kind of what is kept of it. */
async function prepare(db: Store): Promise<void> {
  const tx = db.begin()
  tx.get('object')
  tx.count({ gte: ['x'], lt: ['y'] } as never)
  tx.put('promised', { a: 1 })
  tx.delete('latin')
  tx.deleteRange({ gte: ['many', 0], lt: ['many', 100] } as never)
  tx.increment('sum', 5)
  await tx.prepare('the id')
}

// The zeros behind the last record are room, not content.
function trimLogs(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = `${folder}/${name}`
    if (name === 'LOCK') rmSync(path)
    if (!name.endsWith('.log')) continue
    const bytes = readFileSync(path)
    const end = bytes.findLastIndex((byte) => byte !== 0) + 1
    writeFileSync(path, bytes.subarray(0, Math.ceil(end / 8) * 8))
  }
}

for (const [name, options] of Object.entries(stores)) {
  const folder = fileURLToPath(new URL(`stores/${name}`, import.meta.url))
  rmSync(folder, { recursive: true, force: true })
  const db = await open(folder, { memory: '8MB', ...options })
  // So little would be left to the log where it rests in memory, and unmerged with what it supersedes elsewhere.
  const isMerged = options.engine === 'memory' || options.history !== undefined
  await fill(db, isMerged ? () => db.compact() : undefined)
  if (name === 'prepared') await prepare(db)
  await db.close()
  trimLogs(folder)
}
