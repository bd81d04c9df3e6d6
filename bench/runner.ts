// bench/runner.ts — the rounds of one workload. Round by round every contestant runs once, in an order that turns, so
// that a slow minute of the machine falls on all of them; each time in a new process (session.ts).
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { absence, OURS, RIVALS } from './drivers.ts'
import { makeGroup, type Group } from './limit.ts'
import { bundleOf } from './place.ts'
import type { Order, Reply, Report, Task } from './session.ts'
import { beginsFilled } from './session.ts'
import type { Row, Workload } from './shape.ts'

const KEYS = 1_000_000
const QUICK_KEYS = 50_000
const QUICK_SCALE = 0.1
const ROUND_MS_MAX = 90 * 60 * 1000

export interface Plan {
  readonly rounds: number
  readonly keys: number | undefined
  readonly isQuick: boolean
  // Only these; all that a row names, if undefined.
  readonly stores: readonly string[] | undefined
  // The folder of cgroups in which memory can be limited.
  readonly cgroup: string | undefined
}

export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly cpuSeconds: number
  readonly wallSeconds: number
}
export type Cell = Summary | { readonly error: string } | { readonly absent: string }

export interface RowResult {
  readonly row: Row
  readonly workload: string
  readonly keyCount: number
  readonly rounds: number
  readonly cells: Readonly<Record<string, Cell>>
  readonly floor?: Cell
  // Why it was not run.
  readonly skipped?: string
}

export const isSummary = (cell: Cell | undefined): cell is Summary =>
  cell !== undefined && 'median' in cell

export interface Launch {
  readonly nodeFlags?: readonly string[]
  readonly onSpawn?: (pid: number) => void
}

function start(order: Order, { nodeFlags = [] }: Launch): ChildProcess {
  const flags = ['--enable-source-maps', '--expose-gc', ...nodeFlags]
  const args = [...flags, bundleOf('run'), '--order', JSON.stringify(order)]
  const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const
  if (order.cgroup === undefined) return spawn(process.execPath, args, { stdio: [...stdio] })
  // In the group before it is node, so that no memory is counted elsewhere.
  const enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
  const young = '--max-semi-space-size=1'
  const all = ['-c', enter, order.cgroup, process.execPath, young, ...args]
  return spawn('sh', all, { stdio: [...stdio] })
}

/** Has a process of its own carry out the order. */
export async function send(order: Order, launch: Launch = {}): Promise<Report> {
  const child = start(order, launch)
  if (child.pid !== undefined) launch.onSpawn?.(child.pid)
  const late = setTimeout(() => child.kill('SIGKILL'), ROUND_MS_MAX)
  const exited = once(child, 'exit')
  const ended = exited.then(([code, signal]): [Reply] => [
    { error: `the process ended (${String(signal ?? code)})` },
  ])
  try {
    const [reply] = (await Promise.race([once(child, 'message'), ended])) as [Reply]
    await exited
    if ('error' in reply) throw new Error(reply.error)
    return reply.report
  } finally {
    clearTimeout(late)
  }
}

const middle = (sorted: readonly number[]) => {
  const half = sorted.length / 2
  return ((sorted[Math.ceil(half) - 1] ?? 0) + (sorted[Math.floor(half)] ?? 0)) / 2
}
const sortedBy = (values: readonly number[]) => [...values].sort((a, b) => a - b)

function summarize(name: string, reports: readonly Report[]): Cell {
  const values = sortedBy(reports.map(({ figures }) => figures[name] ?? NaN))
  if (values.length === 0 || values.some(Number.isNaN)) return { error: `no figure of ${name}` }
  return {
    median: middle(values),
    min: values[0] ?? 0,
    max: values.at(-1) ?? 0,
    cpuSeconds: middle(sortedBy(reports.map(({ lap }) => lap.cpuSeconds))),
    wallSeconds: middle(sortedBy(reports.map(({ lap }) => lap.wallSeconds))),
  }
}

export function keyCountOf(workload: Workload, plan: Plan): number {
  const whole = workload.keyCount ?? KEYS
  if (plan.keys !== undefined) return plan.keys
  return plan.isQuick ? (workload.quickKeyCount ?? Math.min(whole, QUICK_KEYS)) : whole
}

export function contestantsOf(workload: Workload, stores: Plan['stores']): readonly string[] {
  const all = [OURS, ...(workload.rivals ?? RIVALS)]
  return stores === undefined ? all : all.filter((name) => stores.includes(name))
}

// One runner of a workload: a contestant with the store it carries, or the bare system.
class Runner {
  readonly name: string
  readonly reports: Report[] = []
  readonly #task: Task
  readonly #order: Omit<Order, 'task' | 'round'>
  #error: string | undefined

  constructor(name: string, task: Task, order: Omit<Order, 'task' | 'round'>) {
    this.name = name
    this.#task = task
    this.#order = order
  }
  async #attempt(task: Task, round: number): Promise<Report | undefined> {
    if (this.#error !== undefined) return undefined
    try {
      return await send({ ...this.#order, task, round })
    } catch (error) {
      this.#error = error instanceof Error ? error.message : String(error)
      return undefined
    }
  }
  async fill(): Promise<void> {
    if (this.#task === 'run') await this.#attempt('fill', 0)
  }
  async round(round: number): Promise<void> {
    const report = await this.#attempt(this.#task, round)
    if (report !== undefined) this.reports.push(report)
  }
  cellOf(row: Row): Cell {
    if (this.#error !== undefined) return { error: this.#error }
    return summarize(row.name, this.reports)
  }
}

function runnersOf(workload: Workload, plan: Plan, group: Group | undefined): readonly Runner[] {
  const base = {
    workload: workload.name,
    keyCount: keyCountOf(workload, plan),
    scale: plan.isQuick ? QUICK_SCALE : 1,
    ...(group === undefined ? {} : { cgroup: group.folder }),
  }
  const names = contestantsOf(workload, plan.stores).filter((name) => absence(name) === undefined)
  const runners = names.map((name) => new Runner(name, 'run', { ...base, contestant: name }))
  if (workload.floor !== undefined)
    runners.push(new Runner('floor', 'floor', { ...base, contestant: 'floor' }))
  return runners
}

function groupFor(workload: Workload, plan: Plan): Group | string | undefined {
  const reason = workload.unable?.(keyCountOf(workload, plan))
  if (reason !== undefined) return reason
  return workload.needsLimit === true ? makeGroup(plan.cgroup) : undefined
}

async function runRounds(
  workload: Workload,
  runners: readonly Runner[],
  rounds: number,
): Promise<void> {
  if (beginsFilled(workload)) for (const runner of runners) await runner.fill()
  for (let round = 0; round < rounds; round += 1) {
    for (let i = 0; i < runners.length; i += 1) {
      const runner = runners[(i + round) % runners.length]
      if (process.stderr.isTTY)
        process.stderr.write(
          `\r\x1b[K${workload.name}: ${round + 1}/${rounds} ${runner?.name ?? ''}`,
        )
      await runner?.round(round)
    }
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
}

export async function measure(workload: Workload, plan: Plan): Promise<readonly RowResult[]> {
  const begun = performance.now()
  const max = plan.isQuick ? (workload.quickRoundsMax ?? workload.roundsMax) : workload.roundsMax
  const rounds = Math.min(plan.rounds, max ?? plan.rounds)
  const about = { workload: workload.name, keyCount: keyCountOf(workload, plan), rounds }
  const group = groupFor(workload, plan)
  if (typeof group === 'string')
    return workload.rows.map((row) => ({ row, ...about, cells: {}, skipped: group }))
  const runners = runnersOf(workload, plan, group)
  try {
    await runRounds(workload, runners, rounds)
  } finally {
    group?.remove()
    const seconds = (performance.now() - begun) / 1000
    if (process.stderr.isTTY) console.error(`${workload.name}: ${seconds.toFixed(0)} s`)
  }
  return workload.rows.map((row) => {
    const cells: Record<string, Cell> = {}
    for (const name of contestantsOf(workload, plan.stores)) {
      const runner = runners.find((one) => one.name === name)
      cells[name] = runner?.cellOf(row) ?? { absent: absence(name) ?? 'left out' }
    }
    const floor = runners.find(({ name }) => name === 'floor')?.cellOf(row)
    return { row, ...about, cells, ...(floor === undefined ? {} : { floor }) }
  })
}
