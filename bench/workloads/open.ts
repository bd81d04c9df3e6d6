// bench/workloads/open.ts — how long it takes to import and open a store beyond what starting Node takes: after a clean
// close, and after a crash that left 64 MB of log. The crash is real: a child fills a store and is killed.
import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { freshKeys, valueOf } from '../data.ts'
import { loadDriver, RIVALS } from '../drivers.ts'
import { syncFiles } from '../files.ts'
import type { Opened } from '../opener.ts'
import { bundleOf } from '../place.ts'
import { alone, type Context, type Driver, type OpenOptions, type Outcome } from '../shape.ts'

const LOG_BYTES = 64 << 20
const BATCH = 1000

// Milliseconds from before the process exists until it has said that it is there.
function startAndOpen(name: string, context: Context, keyCount: number): number {
  const args = [
    bundleOf('opener'),
    name,
    context.path,
    JSON.stringify(context.options),
    `${keyCount}`,
  ]
  const begun = process.hrtime.bigint()
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (!stdout.startsWith('{')) throw new Error(`open: ${stderr.slice(-500)}`)
  const { atNs, error } = JSON.parse(stdout) as Opened
  if (error !== undefined) throw new Error(error)
  return Number(BigInt(atNs) - begun) / 1e6
}

export function openOverPlainNode(context: Context, keyCount: number): number {
  const plain = startAndOpen('node', context, keyCount)
  return startAndOpen(context.contestant, context, keyCount) - plain
}

const middleOf = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

async function openClean(context: Context): Promise<Outcome> {
  const times: number[] = []
  for (let i = 0; i < context.count(5); i += 1)
    times.push(openOverPlainNode(context, context.keyCount))
  return Promise.resolve({ figures: { 'open-clean': middleOf(times) } })
}

export const openCleanly = alone(
  {
    name: 'open-clean',
    title: 'import and open a clean 1 M-key store',
    per: 'figure',
    unit: 'ms over plain Node',
    targets: [{ atMost: 10 }],
  },
  { begins: 'closed', warmUps: 0, rivals: [...RIVALS, 'node-sqlite'], run: openClean },
)

// Bytes of log that were written: a file may have been made longer ahead of them, with zeros.
function logBytes(folder: string, { logFiles }: Driver): number {
  const files = readdirSync(folder).filter((name) => logFiles?.test(name) === true)
  return files.reduce((sum, name) => {
    const bytes = readFileSync(join(folder, name))
    let end = bytes.length
    while (end > 0 && bytes[end - 1] === 0) end -= 1
    return sum + end
  }, 0)
}

/** The victim: fills until its log has its 64 MB, says how many keys that took, and waits to be killed. */
export async function fillAndWait(name: string, path: string, json: string): Promise<void> {
  const driver = await loadDriver(name)
  const store = await driver.open(path, JSON.parse(json) as OpenOptions)
  let count = 0
  while (count < LOG_BYTES / 200 || logBytes(path, driver) < LOG_BYTES) {
    if (count > LOG_BYTES / 50) throw new Error(`crash: the log stays below ${LOG_BYTES} bytes`)
    for (let i = 0; i < 10; i += 1, count += BATCH) {
      const indexes = Array.from({ length: BATCH }, (_, j) => count + j)
      await store.batch(
        freshKeys(indexes),
        indexes.map((index) => valueOf(index, 0, 'string')),
      )
    }
  }
  process.send?.(count)
  setInterval(() => {}, 1000)
}

async function crash(context: Context): Promise<number> {
  const { contestant, path, options } = context
  const args = ['--crash-after-filling', contestant, path, JSON.stringify(options)]
  const child = fork(bundleOf('run'), args, { execArgv: [] })
  const exited = once(child, 'exit')
  const failed = exited.then(() => [new Error('crash: the victim ended before it was killed')])
  const [count] = (await Promise.race([once(child, 'message'), failed])) as [number | Error]
  if (count instanceof Error) throw count
  child.kill('SIGKILL')
  await exited
  // What the system has of the files is brought to the disk now, not by the first fsync of the opening.
  syncFiles(path)
  return count
}

async function openCrashed(context: Context): Promise<Outcome> {
  const keyCount = await crash(context)
  const left = logBytes(context.path, context.driver)
  if (left < LOG_BYTES) throw new Error(`crash: ${left} bytes of log are left, not ${LOG_BYTES}`)
  return { figures: { 'open-crashed': openOverPlainNode(context, keyCount) } }
}

export const openAfterCrash = alone(
  {
    name: 'open-crashed',
    title: 'import and open after a crash with 64 MB of log',
    per: 'figure',
    unit: 'ms over plain Node',
    targets: [{ atMost: 250 }],
  },
  {
    begins: 'none',
    warmUps: 0,
    quickRoundsMax: 1,
    // lmdb has no log.
    rivals: RIVALS.filter((name) => name !== 'lmdb'),
    // The log of every store is that of a memtable or a write buffer, which must not fill up before.
    options: { memoryBytes: 2 ** 31, keepsLog: true },
    run: openCrashed,
  },
)
