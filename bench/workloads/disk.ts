// bench/workloads/disk.ts — bytes on disk over bytes of keys and values, settled and right after filling.
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Context, Workload } from '../shape.ts'
import { load } from './large.ts'

const RAW_BYTES_PER_KEY = 116

// Blocks rather than sizes: a store that preallocates or punches holes is charged for what it holds.
function bytesUnder(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return sum + bytesUnder(path)
    return sum + statSync(path).blocks * 512
  }, 0)
}

const overRaw = ({ path, keyCount }: Context) => ({
  figure: bytesUnder(path) / (keyCount * RAW_BYTES_PER_KEY),
})

export const diskSettled: Workload = {
  name: 'disk-settled',
  title: 'disk after compaction, over raw',
  target: '≤ 1.08',
  per: 'figure',
  unit: '× raw',
  begins: 'filled',
  async run(context) {
    await context.store.settle()
    return overRaw(context)
  },
}
export const diskFilled: Workload = {
  name: 'disk-filled',
  title: 'disk right after a fill, over raw',
  target: '≤ 1.3 plus three memtables',
  per: 'figure',
  unit: '× raw',
  begins: 'empty',
  async run(context) {
    await load(context)
    return overRaw(context)
  },
}
