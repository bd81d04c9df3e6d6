// bench/files.ts — the files of a store, seen from outside.
import { closeSync, fsyncSync, openSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

export function filesUnder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    return entry.isDirectory() ? filesUnder(path) : [path]
  })
}

/** Brings what was written so far to the disk. */
export function syncFiles(folder: string): void {
  for (const path of filesUnder(folder)) {
    const file = openSync(path, 'r+')
    fsyncSync(file)
    closeSync(file)
  }
}

/** Blocks rather than sizes: a store that preallocates or punches holes is charged for what it holds. */
export function bytesUnder(folder: string): number {
  // A file may go while others are counted.
  const blocksOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.blocks ?? 0
  return filesUnder(folder).reduce((sum, path) => sum + blocksOf(path) * 512, 0)
}
