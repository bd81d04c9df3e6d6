// bench/run.ts — measures stores side by side: npm run bench -- store [--only=name,…] [--keys=N] [--rounds=N]
// [--stores=a,b] [--list].
//
// Each store lives in a process of its own for the length of a workload. Round by round every store runs once, in
// an order that turns, after one round of warm-up that is thrown away; so a slow minute of the machine falls on all
// of them. A row is the median with its quartiles, and the ratio of ours to each rival and to the best.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { fillAndWait, serve, type Reply, type Request } from './child.ts'
import { drivers } from './drivers.ts'
import { resultRoot } from './place.ts'
import type { Workload } from './shape.ts'
import { longWorkloads, storeWorkloads } from './workloads/store.ts'

interface Row {
  readonly workload: string
  readonly title: string
  readonly target: string
  readonly per: Workload['per']
  readonly unit: string
  readonly results: Readonly<Record<string, Summary>>
}
interface Summary {
  readonly median: number
  readonly low: number
  readonly high: number
  readonly error?: string
}

const OURS = 'varve'
const flags = process.argv.slice(2)
const option = (name: string) =>
  flags.find((flag) => flag.startsWith(`--${name}=`))?.slice(name.length + 3)

class Runner {
  readonly name: string
  readonly #child: ChildProcess
  constructor(name: string) {
    this.name = name
    this.#child = fork(process.argv[1] ?? '', ['--child', name], {
      execArgv: process.execArgv,
    })
  }
  async ask(request: Request): Promise<number> {
    this.#child.send(request)
    const exited = once(this.#child, 'exit').then(() => [{ error: 'the process ended' }])
    const [reply] = (await Promise.race([once(this.#child, 'message'), exited])) as [Reply]
    if ('error' in reply) throw new Error(reply.error)
    return reply.value
  }
  stop(): void {
    this.#child.kill()
  }
}

function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.round((sorted.length - 1) * share)] ?? 0
  return { median: at(0.5), low: at(0.25), high: at(0.75) }
}

async function measure(workload: Workload, names: readonly string[], rounds: number): Promise<Row> {
  const keyCount = Number(option('keys') ?? workload.keyCount ?? 1_000_000)
  const runners = names.map((name) => new Runner(name))
  const values = new Map<string, number[]>(names.map((name) => [name, []]))
  const errors = new Map<string, string>()
  const attempt = async (runner: Runner, request: Request) => {
    if (errors.has(runner.name)) return
    try {
      const value = await runner.ask(request)
      if (request.type === 'round' && request.round > 0) values.get(runner.name)?.push(value)
    } catch (error) {
      errors.set(runner.name, error instanceof Error ? error.message : String(error))
    }
  }
  for (const runner of runners) {
    await attempt(runner, {
      type: 'prepare',
      workload: workload.name,
      keyCount,
    })
  }
  for (let round = 0; round <= rounds; round += 1) {
    const turned = runners.map((_, i) => runners[(i + round) % runners.length])
    for (const runner of turned)
      if (runner !== undefined) await attempt(runner, { type: 'round', round })
    if (process.stderr.isTTY) process.stderr.write(`\r${workload.name}: round ${round}/${rounds} `)
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  for (const runner of runners) {
    await attempt(runner, { type: 'end' })
    runner.stop()
  }
  const results = Object.fromEntries(
    names.map((name) => {
      const error = errors.get(name)
      return [
        name,
        {
          ...summarize(values.get(name) ?? []),
          ...(error === undefined ? {} : { error }),
        },
      ]
    }),
  )
  const unit = workload.unit ?? (workload.per === 'cpu' ? '/CPU s' : '/s')
  return {
    workload: workload.name,
    title: workload.title,
    target: workload.target,
    per: workload.per,
    unit,
    results,
  }
}

function figureOf(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`
  if (value >= 1e4) return `${(value / 1e3).toFixed(0)} k`
  return value >= 100 ? value.toFixed(0) : value.toFixed(2)
}

function cellOf(summary: Summary | undefined): string {
  if (summary === undefined) return ''
  if (summary.error !== undefined) return 'failed'
  return `${figureOf(summary.median)} (${figureOf(summary.low)}–${figureOf(summary.high)})`
}

// Above 1 is in our favour, whether more or less is better.
function ratioOf(row: Row, rival: string): number | undefined {
  const ours = row.results[OURS]
  const theirs = row.results[rival]
  if (ours === undefined || theirs === undefined) return undefined
  if (ours.error !== undefined || theirs.error !== undefined) return undefined
  return row.per === 'figure' ? theirs.median / ours.median : ours.median / theirs.median
}

function printTable(rows: readonly Row[], names: readonly string[]): void {
  const rivals = names.filter((name) => name !== OURS)
  const heads = [
    'workload',
    'unit',
    ...names,
    ...rivals.map((name) => `÷ ${name}`),
    '÷ best',
    'target',
  ]
  console.log(`| ${heads.join(' | ')} |`)
  console.log(`|${heads.map(() => '---').join('|')}|`)
  for (const row of rows) {
    const ratios = rivals.map((rival) => ratioOf(row, rival))
    const known = ratios.filter((ratio) => ratio !== undefined)
    const best = known.length === 0 ? '' : `${Math.min(...known).toFixed(2)}×`
    const cells = [
      row.title,
      row.unit,
      ...names.map((name) => cellOf(row.results[name])),
      ...ratios.map((ratio) => (ratio === undefined ? '' : `${ratio.toFixed(2)}×`)),
      best,
      row.target,
    ]
    console.log(`| ${cells.join(' | ')} |`)
  }
  for (const row of rows) {
    for (const [name, { error }] of Object.entries(row.results)) {
      if (error !== undefined) console.log(`\n${row.workload}, ${name}: ${error}`)
    }
  }
}

async function main(): Promise<void> {
  const set = flags.find((flag) => !flag.startsWith('--')) ?? 'store'
  if (set !== 'store')
    throw new Error(`bench: no workload set named ${set}; there are: store, calls`)
  const only = option('only')?.split(',')
  const all = [...storeWorkloads, ...longWorkloads]
  const unknown = only?.find((name) => !all.some((one) => one.name === name))
  if (unknown !== undefined) throw new Error(`bench: no workload named ${unknown}; see --list`)
  const workloads =
    only === undefined ? storeWorkloads : all.filter(({ name }) => only.includes(name))
  if (flags.includes('--list')) {
    for (const { name, title } of all) console.log(`${name.padEnd(20)} ${title}`)
    return
  }
  const names = option('stores')?.split(',') ?? drivers.map(({ name }) => name)
  const rounds = Number(option('rounds') ?? 5)
  const rows: Row[] = []
  mkdirSync(resultRoot, { recursive: true })
  for (const workload of workloads) {
    rows.push(await measure(workload, names, rounds))
    // Written after every row, so that a run cut short keeps what it measured.
    const machine = {
      cpu: cpus()[0]?.model,
      cores: cpus().length,
      node: process.version,
    }
    writeFileSync(
      join(resultRoot, `${set}.json`),
      `${JSON.stringify({ machine, rounds, rows }, null, 2)}\n`,
    )
  }
  printTable(rows, names)
}

if (flags[0] === '--child') serve(flags[1] ?? '')
else if (flags[0] === '--crash-after-filling') await fillAndWait(flags[1] ?? '', flags[2] ?? '')
else await main()
