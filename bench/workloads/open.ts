// bench/workloads/open.ts — how long a store takes to open: after a clean close, and after a crash that left its
// log behind. The crash is real: a child fills the store and is killed.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, rmSync } from 'node:fs'
import type { Context, Workload } from '../shape.ts'

async function openOnce({ open, path }: Context) {
  const begun = performance.now()
  const store = await open(path)
  const figure = performance.now() - begun
  await store.close()
  return { figure }
}

export const openClean: Workload = {
  name: 'open-clean',
  title: 'open a clean 1 M-key store',
  target: '≤ 10 ms over plain Node',
  per: 'figure',
  unit: 'ms',
  begins: 'filled',
  async run(context) {
    const copy = `${context.path}-clean`
    rmSync(copy, { recursive: true, force: true })
    await context.store.settle()
    const own = await context.open(copy)
    await own.batch(['a'], ['b'])
    await own.close()
    return openOnce({ ...context, path: copy })
  },
}

export const openCrashed: Workload = {
  name: 'open-crashed',
  per: 'figure',
  unit: 'ms',
  begins: 'none',
  title: 'open after a crash with a 64 MB log',
  target: '≤ 250 ms',
  async run(context) {
    const crashed = `${context.path}-crashed`
    rmSync(crashed, { recursive: true, force: true })
    const child = fork(process.argv[1] ?? '', [
      '--crash-after-filling',
      context.driver.name,
      crashed,
    ])
    await once(child, 'message')
    child.kill('SIGKILL')
    await once(child, 'exit')
    cpSync(crashed, context.path, { recursive: true })
    rmSync(crashed, { recursive: true, force: true })
    return openOnce(context)
  },
}
