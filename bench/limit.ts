// bench/limit.ts — a real limit of memory for one child: a cgroup, which counts the pages of files that the child
// brought into the system's cache as well as its own memory, whether it reads or maps them. README.md says why
// nothing else will do.
//
// The child is put into the group before it becomes node (runner.ts); there it loads what it needs, and then sets the limit
// itself: what it has by then (plain Node and the driver) and the budget of the data.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = '/sys/fs/cgroup'
// The files of the two versions of cgroups.
const VERSIONS = [
  { limit: 'memory.max', used: 'memory.current' },
  { limit: 'memory.limit_in_bytes', used: 'memory.usage_in_bytes' },
] as const

function filesIn(folder: string): (typeof VERSIONS)[number] | undefined {
  return VERSIONS.find(({ used }) => existsSync(join(folder, used)))
}

export interface Group {
  readonly folder: string
  remove(): void
}

/** A new group below `parent`, which is a cgroup's folder that we may write in; or why there is none. */
export function makeGroup(parent: string | undefined): Group | string {
  const home = parent ?? ROOT
  if (parent === undefined && !existsSync(join(home, 'cgroup.controllers')))
    return 'no cgroup v2 here; name a folder by --cgroup'
  const folder = join(home, `varve-bench-${process.pid}`)
  try {
    mkdirSync(folder)
  } catch (error) {
    return `no cgroup can be made in ${home}: ${String(error)}`
  }
  const remove = () => {
    try {
      rmdirSync(folder)
    } catch (error) {
      console.error(`bench: ${folder} stays behind: ${String(error)}`)
    }
  }
  if (filesIn(folder) !== undefined) return { folder, remove }
  remove()
  return `${home} does not count the memory of its children`
}

/** Sets the limit of this process and makes sure that it holds. */
export function limitSelf(folder: string | undefined, budgetBytes: number): void {
  if (folder === undefined) throw new Error('limit: there is no cgroup')
  const files = filesIn(folder)
  if (files === undefined) throw new Error(`limit: ${folder} counts no memory`)
  const members = readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n')
  if (!members.includes(String(process.pid))) throw new Error(`limit: not a member of ${folder}`)
  globalThis.gc?.()
  const used = Number(readFileSync(join(folder, files.used), 'utf8'))
  const wanted = Math.ceil((used + budgetBytes) / 4096) * 4096
  writeFileSync(join(folder, files.limit), String(wanted))
  const set = Number(readFileSync(join(folder, files.limit), 'utf8'))
  if (set !== wanted) throw new Error(`limit: ${set} bytes were set instead of ${wanted}`)
}
