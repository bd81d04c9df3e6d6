// test/isolation/chains.mjs — a worker that runs chains of random transactions, which interleave at every await, and tells what each has
// read and appended, also every try that was refused.
import { setImmediate as turn } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'

import { open } from '../../dist/index.js'
import { Witness } from './witness.mjs'

const { directory, options, isolation, keys, chains, count, seed, firstElement, gate } = workerData
const db = await open(directory, options)
const pasts = []
let element = firstElement
const next = () => ++element
const rolledBack = new Error('rolled back')

// Numbers that a seed decides: mulberry32.
function randomFrom(state) {
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

function step(witness, random) {
  const what = random(10)
  const key = keys[random(keys.length)]
  if (what < 4) witness.read(key)
  else if (what < 5) witness.readAll(keys)
  else witness.append(key)
}

// Every try is noted down; whether it was committed is known when the promise of all of them settles.
async function transaction(random) {
  const steps = 2 + random(4)
  const throws = random(8) === 0
  let witness
  const begin = (tx) => {
    if (witness !== undefined) pasts.push(witness.past(false))
    witness = new Witness(tx, next)
  }
  const synchronous = (tx) => {
    begin(tx)
    for (let i = 0; i < steps; i++) step(witness, random)
    if (throws) throw rolledBack
  }
  const asynchronous = async (tx) => {
    begin(tx)
    const own = witness
    for (let i = 0; i < steps; i++) {
      step(own, random)
      if (random(2) === 0) await turn()
    }
    if (throws) throw rolledBack
  }
  try {
    await db.transaction(random(4) === 0 ? synchronous : asynchronous, {
      isolation,
      retries: 10_000,
    })
    pasts.push(witness.past(true))
  } catch (error) {
    if (error !== rolledBack) throw error
    pasts.push(witness.past(false))
  }
}

// One that ends by its commit() and is not run again.
async function single(random) {
  const tx = db.begin({ isolation })
  const witness = new Witness(tx, next)
  for (let i = 0; i < 3; i++) {
    step(witness, random)
    await turn()
  }
  const isCommitted = await tx.commit().then(
    () => true,
    (error) => {
      if (error.code !== 'CONFLICT') throw error
      return false
    },
  )
  pasts.push(witness.past(isCommitted))
}

async function chain(number) {
  const random = randomFrom(seed * 1000 + number)
  for (let i = 0; i < count; i++) await (random(4) === 0 ? single(random) : transaction(random))
}

Atomics.sub(gate, 0, 1)
while (Atomics.load(gate, 0) > 0); // All begin at once.
await Promise.all(Array.from({ length: chains }, (_, number) => chain(number)))
await db.close()
parentPort.postMessage(pasts)
