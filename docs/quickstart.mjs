// docs/quickstart.mjs — Varve in one minute: opens a real store, writes and reads, kills a process in the middle of its work,
// and shows that what was acknowledged is still there. Run it with `npm run quickstart`.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { open } from 'varve'

const say = (text) => console.log(text)

/** The child: writes durable numbers until it is killed, and tells of each one that was acknowledged. */
async function writeUntilKilled(directory) {
  const db = await open(directory)
  for (let n = 1; ; n++) {
    await db.batch([
      { type: 'put', key: ['acknowledged', n], value: { n, half: 'first' } },
      { type: 'put', key: ['mirror', n], value: { n, half: 'second' } },
    ])
    process.send(n)
  }
}

function killAfter(directory, milliseconds) {
  return new Promise((resolve) => {
    let last = 0
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), directory], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    child.on('message', (n) => {
      if (last === 0) setTimeout(() => child.kill('SIGKILL'), milliseconds)
      last = n
    })
    child.on('exit', () => resolve(last))
  })
}

async function keyValues(directory) {
  const db = await open(directory)
  try {
    say('\n1. Key-values: any key, any value')
    await db.put('ada', {
      name: 'Ada',
      born: new Date('1815-12-10'),
      languages: new Set(['en', 'fr']),
    })
    await db.put(['user', 7], 'tuples are keys, too')
    await db.put(42, 10n ** 20n)
    say(
      `   get('ada')        → ${JSON.stringify(db.get('ada').name)}, born ${db.get('ada').born.getFullYear()}`,
    )
    say(`   get(['user', 7])  → ${db.get(['user', 7])}`)
    say(`   get(42)           → ${db.get(42)}`)

    say('\n2. A batch is one commit; ranges are in key order')
    const batch = db.batch()
    for (let i = 0; i < 1000; i++) batch.put(`item/${String(i).padStart(4, '0')}`, i)
    const { commit, durability } = await batch.write()
    say(`   1,000 puts        → commit ${commit}, on ${durability}`)
    const found = db.range({ gte: 'item/0500', lt: 'item/0503' }).toArray()
    say(`   range             → ${found.map(([key, value]) => `${key}=${value}`).join(' ')}`)
    say(
      `   last two          → ${db.keys({ prefix: 'item/', reverse: true, limit: 2 }).toArray().join(' ')}`,
    )

    say('\n3. A snapshot stays as it was')
    const snapshot = db.snapshot()
    await db.update('counter', (n) => (n ?? 0) + 1)
    await db.deleteRange({ prefix: 'item/' })
    say(
      `   now ${db.count({ prefix: 'item/' })} items, in the snapshot ${snapshot.count({ prefix: 'item/' })}`,
    )
    snapshot.close()
    return db.count()
  } finally {
    await db.close()
  }
}

async function crash(directory, before) {
  say('\n4. A process is killed while it writes')
  const acknowledged = await killAfter(directory, 400)
  const db = await open(directory)
  try {
    const { replayedCommits, cutRecords } = db.recovery
    say(`   acknowledged      → ${acknowledged} commits before the kill`)
    say(
      `   found again       → ${replayedCommits} commits read back, ${cutRecords} unfinished ones dropped`,
    )
    let lost = 0
    for (let n = 1; n <= acknowledged; n++) {
      const halves = [db.get(['acknowledged', n]), db.get(['mirror', n])]
      if (halves.some((half) => half?.n !== n)) lost++
    }
    const halves = db.count({ prefix: ['acknowledged'] }) - db.count({ prefix: ['mirror'] })
    const others =
      db.count() - db.count({ prefix: ['acknowledged'] }) - db.count({ prefix: ['mirror'] })
    say(
      `   lost              → ${lost}; half commits → ${halves}; earlier entries → ${others} of ${before}`,
    )
    if (lost !== 0 || halves !== 0 || others !== before) throw new Error('the store lost something')
  } finally {
    await db.close()
  }
}

if (process.argv[2] !== undefined) {
  await writeUntilKilled(process.argv[2])
} else {
  const directory = mkdtempSync(join(tmpdir(), 'varve-quickstart-'))
  try {
    say(`A store in ${directory}`)
    const before = await keyValues(directory)
    await crash(directory, before)
    say('\nEverything that was acknowledged survived.')
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
