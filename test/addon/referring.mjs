// test/addon/referring.mjs — a worker that removes teams and makes others, while it and another let people join them.
import { parentPort, workerData } from 'node:worker_threads'

import { collection, open, t } from '../../dist/index.js'

const { directory, name, rounds, teams: count } = workerData
const db = await open(directory, { memory: '8MB', durability: 'memory' })
const Teams = collection('teams', { key: 'id', schema: { id: t.int32(), by: t.string() } })
const People = collection('people', {
  key: 'id',
  schema: {
    id: t.string(),
    team: t.int32().nullable().references(Teams, { onDelete: 'set null' }),
    kind: t.enum(['a', 'b']),
  },
  indexes: { team: 'ordered', kind: 'bitmap' },
})
const teams = db.collection(Teams)
const people = db.collection(People)
let seed = name === 'a' ? 1 : 2
const random = (below) => (seed = (seed * 48271) % 0x7fffffff) % below
const wrong = []
const done = { joined: 0, refused: 0, removed: 0 }
for (let round = 0; round < rounds; round++) {
  const team = random(count)
  try {
    if (random(3) === 0) {
      if (await teams.delete(team)) done.removed++
    } else if (random(3) === 0) {
      await teams.put({ id: team, by: name })
    } else {
      await people.put({ id: `${name}-${random(100)}`, team, kind: random(2) === 0 ? 'a' : 'b' })
      done.joined++
    }
  } catch (error) {
    if (error.code === 'INVALID' && error.path === 'team') done.refused++
    else wrong.push(`${error.code}: ${error.message}`)
  }
}
parentPort.postMessage({ done, wrong })
await db.close()
