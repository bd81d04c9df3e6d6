// bench/calls.ts — the price of the smallest calls, by benchmark.js: npm run bench -- calls. For comparing two
// builds of ours; stores are compared by run.ts.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Benchmark from 'benchmark'
import { keyOf, valueOf } from './data.ts'
import { varve } from './drivers/varve.ts'

const folder = mkdtempSync(join(tmpdir(), 'varve-calls-'))
const store = await varve.open(join(folder, 'store'), {
  encoding: 'string',
  durability: 'os',
  memoryBytes: 64 << 20,
  compresses: false,
  keepsLog: false,
  isCold: false,
  engine: 'lsm',
})
const keys = Array.from({ length: 1000 }, (_, i) => keyOf(i))
await store.batch(
  keys,
  keys.map((_, i) => valueOf(i, 0, 'string')),
)

let turn = 0
const next = () => keys[turn++ % keys.length] ?? ''
const suite = new Benchmark.Suite()
suite.add('an empty function', () => next())
suite.add('get, found', () => store.get(next()))
suite.add('get, absent', () => store.get('absent'))
suite.add('getMany of 10', () => store.getMany(keys.slice(0, 10)))
suite.add('range of 10', () => store.range(next(), 10))
suite.on('cycle', (event: Benchmark.Event) => console.log(String(event.target)))
suite.on('complete', () => {
  void Promise.resolve(store.close()).then(() => rmSync(folder, { recursive: true, force: true }))
})
suite.run({ async: true })
