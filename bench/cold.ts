// bench/cold.ts — files out of the system's page cache, and what was read from the disk since: Linux alone.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { filesUnder, syncFiles } from './files.ts'

const RESIDENT_MAX = 0.02

export function whyNotCold(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux'
  const missing = ['dd', 'fincore'].filter((name) => spawnSync(name, ['--version']).status !== 0)
  return missing.length === 0 ? undefined : `needs ${missing.join(' and ')}`
}

/** Drops what the system's cache has of these files, which nobody may have open, and makes sure that it did. */
export function evict(folder: string): void {
  syncFiles(folder)
  let resident = 0
  let all = 0
  for (const path of filesUnder(folder)) {
    spawnSync('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none'])
    const { stdout } = spawnSync('fincore', ['-b', '-n', '-o', 'RES,SIZE', path], {
      encoding: 'utf8',
    })
    const [inCache = 0, size = 0] = stdout.trim().split(/\s+/).map(Number)
    resident += inCache
    all += size
  }
  if (resident > RESIDENT_MAX * all)
    throw new Error(`cold: ${resident} of ${all} bytes stay in the cache of the system`)
}

/** Bytes that this process had brought from the disk, be it by reading or by touching a mapping. */
export function diskReadBytes(): number {
  const found = /^read_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))
  if (found === null) throw new Error('cold: /proc/self/io says nothing of read_bytes')
  return Number(found[1])
}
