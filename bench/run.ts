// bench/run.ts — measures stores side by side: npm run bench -- store [--only=name,…] [--quick] …; README.md has all options.
// The same bundle is every process of a run: the first one, those of the rounds, and the victim of the crash.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { OURS } from './drivers.ts'
import { describeMachine } from './machine.ts'
import { dataRoot } from './place.ts'
import { printTop, whyNoPerf } from './profile.ts'
import { missingFrom, writePlots, writeResults } from './results.ts'
import {
  contestantsOf,
  keyCountOf,
  measure,
  send,
  type Plan,
  type RowResult,
} from './runner.ts'
import { beginsFilled, serve, type Order } from './session.ts'
import type { Workload } from './shape.ts'
import { printResults, printSum } from './table.ts'
import { fillAndWait } from './workloads/open.ts'
import { sets } from './workloads/sets.ts'

const OPTIONS = [
  'only',
  'keys',
  'rounds',
  'stores',
  'cgroup',
  'quick',
  'save',
  'profile',
  'list',
  'plot',
]
const ROUNDS = 5
const QUICK_ROUNDS = 2
// More operations than a round has, for more samples.
const PROFILE_SCALE = 10

interface Flags {
  readonly set: string
  text(name: string): string | undefined
  has(name: string): boolean
}

function readFlags(args: readonly string[]): Flags {
  const given = new Map<string, string>()
  let set = 'store'
  for (const arg of args) {
    const [, name = '', value = ''] = /^--([a-z]+)(?:=(.*))?$/.exec(arg) ?? []
    if (name === '') set = arg
    else if (OPTIONS.includes(name)) given.set(name, value)
    else throw new Error(`no option --${name}; there are: --${OPTIONS.join(', --')}`)
  }
  return { set, text: (name) => given.get(name), has: (name) => given.has(name) }
}

function countOf(flags: Flags, name: string): number | undefined {
  const text = flags.text(name)
  if (text === undefined) return undefined
  const count = Number(text)
  if (Number.isInteger(count) && count > 0) return count
  throw new Error(`--${name} must be a count above 0, not '${text}'`)
}

// Stores, or what else is compared in these rows.
function planOf(flags: Flags, workloads: readonly Workload[]): Plan {
  const isQuick = flags.has('quick')
  const stores = flags.text('stores')?.split(',')
  const known = new Set(workloads.flatMap((workload) => contestantsOf(workload, undefined)))
  const unknown = stores?.find((name) => !known.has(name))
  if (unknown !== undefined)
    throw new Error(`nobody named ${unknown} is in these rows; there are: ${[...known].join(', ')}`)
  return {
    rounds: countOf(flags, 'rounds') ?? (isQuick ? QUICK_ROUNDS : ROUNDS),
    keys: countOf(flags, 'keys'),
    isQuick,
    stores,
    cgroup: flags.text('cgroup'),
  }
}

// --only names workloads or rows of theirs.
function chosen(flags: Flags): readonly Workload[] {
  const only = flags.text('only')?.split(',')
  const all = sets[flags.set] ?? []
  if (only === undefined) return all
  const isNamed = ({ name, rows }: Workload, one: string) =>
    name === one || rows.some((row) => row.name === one)
  const unknown = only.find((one) => !all.some((workload) => isNamed(workload, one)))
  if (unknown !== undefined) throw new Error(`no row named ${unknown}; see --list`)
  return all.filter((workload) => only.some((one) => isNamed(workload, one)))
}

function printList(set: string): void {
  for (const { name, rows } of sets[set] ?? [])
    for (const row of rows) console.log(`${name.padEnd(18)} ${row.name.padEnd(20)} ${row.title}`)
}

// One round of ours, watched by perf.
async function profile(workloads: readonly Workload[], plan: Plan): Promise<void> {
  const [workload] = workloads
  if (workload === undefined || workloads.length > 1)
    throw new Error('--profile takes one row: --profile --only=<row>')
  const reason = whyNoPerf()
  if (reason !== undefined) throw new Error(`--profile: ${reason}`)
  const file = join(dataRoot, 'perf.data')
  const order: Order = {
    task: 'run',
    contestant: OURS,
    workload: workload.name,
    keyCount: keyCountOf(workload, plan),
    round: 0,
    scale: PROFILE_SCALE,
    profile: file,
  }
  if (beginsFilled(workload)) await send({ ...order, task: 'fill' })
  let pid = 0
  const onSpawn = (started: number) => {
    pid = started
  }
  await send(order, { nodeFlags: ['--perf-basic-prof'], onSpawn })
  console.log(`${workload.name}: share of samples, where, function`)
  printTop(file, pid)
}

function printPlots(set: string, results: readonly RowResult[]): void {
  const files = writePlots(set, results)
  if (files.length === 0) throw new Error('--plot: no two rows of one family have figures')
  for (const file of files) console.log(`drawn: ${file}`)
}

async function measureAll(flags: Flags, workloads: readonly Workload[], plan: Plan): Promise<void> {
  const { cpu, cores, memoryGb, system, node } = describeMachine()
  console.log(`${cpu}, ${cores} cores, ${memoryGb} GB, ${system}, Node ${node}`)
  console.log(`${plan.rounds} rounds; median (least–most)\n`)
  const results: RowResult[] = []
  for (const workload of workloads) results.push(...(await measure(workload, plan)))
  printResults(results)
  printSum(results)
  const missing = missingFrom(flags.set, results, plan)
  if (missing.length === 0 || flags.has('save'))
    console.log(`written: ${writeResults(flags.set, results, plan)}`)
  else
    console.log(`not written (--save does it all the same), because of\n  ${missing.join('\n  ')}`)
  if (flags.has('plot')) printPlots(flags.set, results)
  const hasFailed = results.some(({ cells, floor }) =>
    [...Object.values(cells), ...(floor === undefined ? [] : [floor])].some(
      (one) => 'error' in one,
    ),
  )
  if (hasFailed) process.exitCode = 1
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

// Removes what another build of ours left behind, which is not what this one writes, but not from under another run.
function takePlace(): void {
  const file = join(dataRoot, 'run')
  const pid = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0
  if (pid > 0 && isAlive(pid)) throw new Error(`process ${pid} is measuring in ${dataRoot}`)
  rmSync(dataRoot, { recursive: true, force: true })
  mkdirSync(dataRoot, { recursive: true })
  writeFileSync(file, String(process.pid))
}

async function main(args: readonly string[]): Promise<void> {
  const flags = readFlags(args)
  if (!Object.hasOwn(sets, flags.set)) {
    const names = [...Object.keys(sets), 'calls', 'native'].join(', ')
    throw new Error(`no set named ${flags.set}; there are: ${names}`)
  }
  if (flags.has('list')) return printList(flags.set)
  const workloads = chosen(flags)
  const plan = planOf(flags, workloads)
  takePlace()
  try {
    await (flags.has('profile') ? profile(workloads, plan) : measureAll(flags, workloads, plan))
  } finally {
    rmSync(dataRoot, { recursive: true, force: true })
  }
}

const [first, ...rest] = process.argv.slice(2)
if (first === '--order') await serve(JSON.parse(rest[0] ?? '{}') as Order)
else if (first === '--crash-after-filling')
  await fillAndWait(rest[0] ?? '', rest[1] ?? '', rest[2] ?? '{}')
else
  await main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(`bench: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
  })
