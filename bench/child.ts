// bench/child.ts — one store in a process of its own, so that CPU time and memory are its own. It is told what to
// do by messages: prepare a workload, run one round, clean up.
import { mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { keyOf, valueOf } from './data.ts'
import { drivers } from './drivers.ts'
import { dataRoot } from './place.ts'
import type { Context, Driver, OpenOptions, Store, Workload } from './shape.ts'
import { longWorkloads, storeWorkloads } from './workloads/store.ts'

export type Request =
  | {
      readonly type: 'prepare'
      readonly workload: string
      readonly keyCount: number
    }
  | { readonly type: 'round'; readonly round: number }
  | { readonly type: 'end' }
export type Reply = { readonly value: number } | { readonly error: string }

const DEFAULTS: OpenOptions = {
  encoding: 'string',
  durability: 'os',
  memoryBytes: 256 << 20,
}

export function findDriver(name: string): Driver {
  const driver = drivers.find((one) => one.name === name)
  if (driver === undefined) throw new Error(`bench: no store named ${name}`)
  return driver
}

async function fillAll(store: Store, keyCount: number, options: OpenOptions): Promise<void> {
  for (let first = 0; first < keyCount; first += 1000) {
    const indexes = Array.from({ length: Math.min(1000, keyCount - first) }, (_, i) => first + i)
    await store.batch(
      indexes.map(keyOf),
      indexes.map((i) => valueOf(i, 0, options.encoding)),
    )
  }
  await store.settle()
}

class Session {
  readonly #driver: Driver
  readonly #workload: Workload
  readonly #keyCount: number
  readonly #path: string
  readonly #options: OpenOptions
  #store: Store | undefined

  constructor(driver: Driver, workload: Workload, keyCount: number) {
    this.#driver = driver
    this.#workload = workload
    this.#keyCount = keyCount
    this.#path = join(dataRoot, `${driver.name}-${workload.name}`)
    this.#options = { ...DEFAULTS, ...workload.options }
  }

  async #openFresh(): Promise<void> {
    await this.#store?.close()
    this.remove()
    mkdirSync(dirname(this.#path), { recursive: true })
    this.#store = await this.#driver.open(this.#path, this.#options)
  }

  remove(): void {
    rmSync(this.#path, { recursive: true, force: true })
  }

  async prepare(): Promise<void> {
    if (this.#workload.begins !== 'filled') return
    await this.#openFresh()
    if (this.#store !== undefined) await fillAll(this.#store, this.#keyCount, this.#options)
  }

  async round(round: number): Promise<number> {
    if (this.#workload.begins === 'empty') await this.#openFresh()
    if (this.#workload.begins === 'none') this.remove()
    let cpu = process.cpuUsage()
    let begun = performance.now()
    const context = {
      driver: this.#driver,
      path: this.#path,
      keyCount: this.#keyCount,
      round,
      store: this.#store,
      begin: () => {
        globalThis.gc?.()
        cpu = process.cpuUsage()
        begun = performance.now()
      },
      open: (path: string, options?: Partial<OpenOptions>) =>
        this.#driver.open(path, { ...this.#options, ...options }),
    } as Context
    context.begin()
    const measured = await this.#workload.run(context)
    const wallSeconds = (performance.now() - begun) / 1000
    const used = process.cpuUsage(cpu)
    if ('figure' in measured) return measured.figure
    const cpuSeconds = (used.user + used.system) / 1e6
    return measured.operations / (this.#workload.per === 'cpu' ? cpuSeconds : wallSeconds)
  }

  async end(): Promise<void> {
    await this.#store?.close()
    this.remove()
  }
}

export function serve(driverName: string): void {
  let session: Session | undefined
  const handle = async (request: Request): Promise<number> => {
    if (request.type === 'prepare') {
      const workload = [...storeWorkloads, ...longWorkloads].find(
        (one) => one.name === request.workload,
      )
      if (workload === undefined) throw new Error(`bench: no workload named ${request.workload}`)
      session = new Session(findDriver(driverName), workload, request.keyCount)
      await session.prepare()
      return 0
    }
    if (request.type === 'round') return (await session?.round(request.round)) ?? 0
    await session?.end()
    return 0
  }
  process.on('message', (request: Request) => {
    handle(request).then(
      (value) => process.send?.({ value } satisfies Reply),
      (error: unknown) => process.send?.({ error: String(error) } satisfies Reply),
    )
  })
}

// The victim of the crash workload: fills about 64 MB, says so, and waits to be killed.
export async function fillAndWait(driverName: string, path: string): Promise<void> {
  const store = await findDriver(driverName).open(path, DEFAULTS)
  for (let first = 0; first < 400_000; first += 1000) {
    const indexes = Array.from({ length: 1000 }, (_, i) => first + i)
    await store.batch(
      indexes.map(keyOf),
      indexes.map((i) => valueOf(i, 0, 'string')),
    )
  }
  process.send?.({ value: 0 })
  setInterval(() => {}, 1000)
}
