// bench/session.ts — one round of one workload by one contestant, in a process of its own: open, warm up, run the
// timed part, check, close. CPU time and memory are thus the contestant's, and no round inherits from another.
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { loadDriver } from './drivers.ts'
import { freshKeys, valueOf } from './data.ts'
import { syncFiles } from './files.ts'
import { limitSelf } from './limit.ts'
import { dataRoot } from './place.ts'
import { recordSelf } from './profile.ts'
import type { Context, Driver, Lap, OpenOptions, Outcome, Store, Workload } from './shape.ts'
import { findWorkload } from './workloads/sets.ts'

export type Task = 'run' | 'floor' | 'fill'

export interface Order {
  readonly task: Task
  readonly contestant: string
  readonly workload: string
  readonly keyCount: number
  readonly round: number
  // Of the operations that a round has.
  readonly scale: number
  // The cgroup that this process is in, if the workload needs one.
  readonly cgroup?: string
  // Where to leave what `perf` sees of the timed part.
  readonly profile?: string
}
export interface Report {
  readonly figures: Readonly<Record<string, number>>
  readonly lap: Lap
}
export type Reply = { readonly report: Report } | { readonly error: string }

const DEFAULTS: OpenOptions = {
  encoding: 'string',
  durability: 'os',
  memoryBytes: 256 << 20,
  compresses: false,
  keepsLog: false,
  isCold: false,
  engine: 'lsm',
}
const WARM_SHARE = 0.1
const NO_LAP: Lap = { cpuSeconds: 0, wallSeconds: 0 }

export const beginsFilled = ({ begins }: Workload) => begins === 'filled' || begins === 'closed'

export function filledPath(contestant: string, workload: Workload, keyCount: number): string {
  const { encoding } = { ...DEFAULTS, ...workload.options }
  const shared = contestant === 'lmdb-cached' ? 'lmdb' : contestant
  return join(dataRoot, 'filled', `${shared}-${encoding}-${keyCount}`)
}

// What rows that begin 'filled' find: every key once, with version 0 of its value, settled and cleanly closed.
async function fill(driver: Driver, path: string, order: Order, workload: Workload): Promise<void> {
  const { encoding } = { ...DEFAULTS, ...workload.options }
  // No dot: lmdb takes a path with an extension for a file.
  const unfinished = `${path}-unfinished`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(dirname(path), { recursive: true })
  const store = await driver.open(unfinished, { ...DEFAULTS, encoding })
  for (let first = 0; first < order.keyCount; first += 1000) {
    const size = Math.min(1000, order.keyCount - first)
    const indexes = Array.from({ length: size }, (_, i) => first + i)
    await store.batch(
      freshKeys(indexes),
      indexes.map((i) => valueOf(i, 0, encoding)),
    )
  }
  await store.settle()
  await store.close()
  syncFiles(unfinished)
  renameSync(unfinished, path)
}

class Session {
  readonly #order: Order
  readonly #workload: Workload
  readonly #driver: Driver | undefined
  readonly #options: OpenOptions
  readonly #path: string
  #store: Store | undefined
  #spent: Lap = NO_LAP
  #isWarm = false

  constructor(order: Order, workload: Workload, driver: Driver | undefined) {
    this.#order = order
    this.#workload = workload
    this.#driver = driver
    this.#options = { ...DEFAULTS, ...workload.options }
    const { contestant, keyCount } = order
    const own = join(dataRoot, 'own', `${contestant}-${workload.name}`)
    const isFilled = beginsFilled(workload)
    const inPlace = workload.begins === 'filled' && workload.writes !== true
    this.#path = inPlace ? filledPath(contestant, workload, keyCount) : own
    if (!inPlace) rmSync(own, { recursive: true, force: true })
    mkdirSync(dirname(this.#path), { recursive: true })
    if (!isFilled || inPlace || driver === undefined) return
    cpSync(filledPath(contestant, workload, keyCount), own, { recursive: true })
    // Else the first fsync of the store would have to write the copy, too.
    syncFiles(own)
  }

  #open = (path: string, options?: Partial<OpenOptions>): Promise<Store> => {
    if (this.#driver === undefined) throw new Error('there is no store')
    return this.#driver.open(path, { ...this.#options, ...options })
  }

  #time = async (body: () => Promise<void>): Promise<Lap> => {
    globalThis.gc?.()
    const { profile } = this.#order
    const recording = this.#isWarm && profile !== undefined ? recordSelf(profile) : undefined
    const cpu = process.cpuUsage()
    const begun = performance.now()
    await body()
    const wallSeconds = (performance.now() - begun) / 1000
    const { user, system } = process.cpuUsage(cpu)
    const lap = { cpuSeconds: (user + system) / 1e6, wallSeconds }
    await recording?.stop()
    this.#spent = {
      cpuSeconds: this.#spent.cpuSeconds + lap.cpuSeconds,
      wallSeconds: this.#spent.wallSeconds + lap.wallSeconds,
    }
    return lap
  }

  #context(round: number, share: number): Context {
    const scale = this.#order.scale * share
    const isFilled = beginsFilled(this.#workload)
    const { keyCount, contestant } = this.#order
    return {
      contestant,
      path: this.#path,
      keyCount: isFilled ? keyCount : Math.max(1000, Math.round(keyCount * share)),
      round,
      store: this.#store as Store,
      driver: this.#driver as Driver,
      options: this.#options,
      count: (whole, unit = 1) => Math.max(1, Math.round((whole * scale) / unit)) * unit,
      time: this.#time,
      limit: (bytes) => limitSelf(this.#order.cgroup, bytes),
      open: this.#open,
    }
  }

  async #run(round: number, share: number): Promise<Outcome> {
    const context = this.#context(round, share)
    if (this.#order.task !== 'floor') return this.#workload.run(context)
    if (this.#workload.floor === undefined) throw new Error('there is no floor')
    return this.#workload.floor(context)
  }

  async #reopenEmpty(): Promise<void> {
    await this.#store?.close()
    rmSync(this.#path, { recursive: true, force: true })
    mkdirSync(dirname(this.#path), { recursive: true })
    if (this.#driver !== undefined) this.#store = await this.#open(this.#path)
  }

  async round(): Promise<Report> {
    const { begins, warmUps = 1, rows } = this.#workload
    const { round } = this.#order
    if (begins === 'filled' && this.#driver !== undefined)
      this.#store = await this.#open(this.#path)
    for (let i = 0; i < warmUps; i += 1) {
      if (begins === 'empty') await this.#reopenEmpty()
      await this.#run(1000 * (round + 1) + i, beginsFilled(this.#workload) ? 1 : WARM_SHARE)
    }
    if (begins === 'empty') await this.#reopenEmpty()
    this.#spent = NO_LAP
    this.#isWarm = true
    const outcome = await this.#run(round, 1)
    await this.#store?.close()
    if ('figures' in outcome) return { figures: outcome.figures, lap: this.#spent }
    const [row] = rows
    if (row === undefined) throw new Error('a workload has a row')
    const { cpuSeconds, wallSeconds } = outcome.lap
    const rate = outcome.operations / (row.per === 'cpu' ? cpuSeconds : wallSeconds)
    return { figures: { [row.name]: rate }, lap: this.#spent }
  }

  remove(): void {
    if (this.#path.startsWith(join(dataRoot, 'own')))
      rmSync(this.#path, { recursive: true, force: true })
  }
}

async function obey(order: Order): Promise<Report> {
  const workload = findWorkload(order.workload)
  const hasStore = order.task !== 'floor' && (workload.contest ?? 'stores') === 'stores'
  const driver = hasStore ? await loadDriver(order.contestant) : undefined
  if (order.task === 'fill') {
    const path = filledPath(order.contestant, workload, order.keyCount)
    if (driver !== undefined && !existsSync(path)) await fill(driver, path, order, workload)
    return { figures: {}, lap: NO_LAP }
  }
  const session = new Session(order, workload, driver)
  try {
    return await session.round()
  } finally {
    session.remove()
  }
}

export async function serve(order: Order): Promise<void> {
  const reply = await obey(order).then(
    (report): Reply => ({ report }),
    (error: unknown): Reply => ({ error: error instanceof Error ? error.message : String(error) }),
  )
  // What the parent asked for is done when the message has left; a store left open by an error does not hold it up.
  process.send?.(reply, () => process.exit(0))
}
