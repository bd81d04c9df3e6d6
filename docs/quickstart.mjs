// docs/quickstart.mjs — Varve in one minute: opens a real store, writes and reads, kills a process in the middle of its work,
// and shows that what was acknowledged is still there. Run it with `npm run quickstart`.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { Bitmap, collection, GeoIndex, open, t, TextIndex } from 'varve'

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
  const db = await open(directory, { history: { keep: 'forever' } })
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
    await transact(db)
    await travel(db)
    await documents(db)
    return db.count()
  } finally {
    await db.close()
  }
}

async function transact(db) {
  say('\n4. A transaction reads, writes, and is one commit or none')
  await db.batch([
    { type: 'put', key: ['account', 'ada'], value: 100 },
    { type: 'put', key: ['account', 'bob'], value: 0 },
  ])
  const move = (amount) =>
    db.transaction((tx) => {
      const left = tx.get(['account', 'ada']) - amount
      tx.put(['account', 'ada'], left)
      tx.put(['account', 'bob'], tx.get(['account', 'bob']) + amount)
      if (left < 0) throw new Error('not enough')
      return left
    })
  say(`   moved 30          → ada has ${await move(30)}, bob ${db.get(['account', 'bob'])}`)
  const refused = await move(300).catch((error) => error.message)
  say(`   moved 300         → ${refused}; ada still has ${db.get(['account', 'ada'])}`)
}

async function travel(db) {
  say('\n5. The past can be read, and commits be followed')
  const before = db.commit
  await db.put('price', 10)
  await db.put('price', 12)
  const past = db.at(before + 1)
  say(
    `   price             → ${db.get('price')} now, ${past.get('price')} at commit ${past.commit}`,
  )
  past.close()
  const seen = []
  for await (const commit of db.watch({ from: before })) {
    seen.push(`${commit.commit}: ${commit.edits.map(({ value }) => value)}`)
    if (commit.commit >= db.commit) break
  }
  say(`   feed              → ${seen.join(' · ')}`)
}

const Places = collection('places', {
  key: 'id',
  schema: {
    id: t.int32(),
    name: t.string(),
    about: t.string(),
    kind: t.enum(['city', 'lake']),
    people: t.int32().optional(),
    at: t.point(),
  },
  indexes: {
    name: 'unique',
    people: 'ordered',
    kind: 'bitmap',
    words: { on: 'about', kind: 'text', languages: ['english'] },
    at: 'geo',
  },
})

async function documents(db) {
  say('\n6. Documents have types, rules, indexes and queries, in the same commits')
  const places = db.collection(Places)
  await places.insertMany([
    {
      id: 1,
      name: 'Berlin',
      about: 'A city of bridges and lakes',
      kind: 'city',
      people: 3_700_000,
      at: { lat: 52.52, lng: 13.405 },
    },
    {
      id: 2,
      name: 'Hamburg',
      about: 'A port with more bridges than Venice',
      kind: 'city',
      people: 1_900_000,
      at: { lat: 53.5511, lng: 9.9937 },
    },
    {
      id: 3,
      name: 'Müritz',
      about: 'A lake between the two',
      kind: 'lake',
      at: { lat: 53.42, lng: 12.69 },
    },
  ])
  const names = (query) =>
    query
      .all()
      .map(({ name }) => name)
      .join(', ')
  say(`   people ≥ 2 M      → ${names(places.find({ where: { people: { gte: 2_000_000 } } }))}`)
  say(`   about 'lake'      → ${names(places.find({ where: { about: { match: 'lake' } } }))}`)
  const near = { near: { lat: 53.1, lng: 12.9 }, within: '100km' }
  say(`   within 100 km     → ${names(places.find({ where: { at: near } }))}`)
  const bridges = { kind: 'city', about: { match: 'bridges' } }
  const orderBy = { people: 'asc' }
  say(`   all at once       → ${names(places.find({ where: bridges, orderBy }))}`)
  const [row] = places.aggregate({ groupBy: 'kind', values: { sum: { sum: 'people' } } })
  say(`   people by kind    → ${row.kind}: ${row.sum}`)
  const again = { id: 4, name: 'Berlin', about: '', kind: 'city', at: { lat: 0, lng: 0 } }
  const refused = await places.insert(again).catch((error) => error.code)
  say(`   another Berlin    → ${refused}`)
}

function kernels() {
  say('\n7. Bitmaps, places and texts, also without a store')
  const even = new Bitmap([2, 4, 6, 8])
  say(`   bitmap            → ${[...Bitmap.and(even, new Bitmap([1, 2, 3, 4]))].join(' ')}`)
  const places = new GeoIndex()
  places.add(1, { lat: 52.52, lng: 13.405 })
  places.add(2, { lat: 53.5511, lng: 9.9937 })
  const near = places.near({ lat: 52.4, lng: 13 }, { limit: 1 })
  say(`   nearest place     → ${near.ids[0]}, ${Math.round(near.distances[0] / 1000)} km away`)
  const texts = new TextIndex({ language: 'english' })
  texts.add(1, 'The quick brown fox')
  texts.add(2, 'A lazy dog')
  say(`   text              → ${texts.search('foxes').map(({ id }) => id)}`)
}

async function crash(directory, before) {
  say('\n8. A process is killed while it writes')
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
    kernels()
    await crash(directory, before)
    say('\nEverything that was acknowledged survived.')
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
