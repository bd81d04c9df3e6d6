// test/crash/preparer.mjs — prepares transactions, and ends every third, until it is killed. node preparer.mjs <directory>
// Each is about a key of its own; the number of one that is durable is sent to the parent.
import { open } from '../../dist/index.js'

const db = await open(process.argv[2], { memory: '8MB' })
await db.put('fixed', 'as it was')
for (let n = 1; ; n++) {
  const tx = db.begin()
  tx.get('fixed')
  tx.put(['key', n], n)
  tx.increment('sum', n)
  await tx.prepare(String(n))
  if (n % 3 === 0) await db.prepared(String(n)).commit()
  process.send(n)
}
