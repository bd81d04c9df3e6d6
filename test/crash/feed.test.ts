// A consumer of a feed that is killed in the middle, again and again, and goes on behind the last commit that it has noted: none is
// skipped, and none comes twice.
import { fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, describe, expect, it } from 'vitest'

import { open } from '../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-feed-'))
const watcher = fileURLToPath(new URL('watcher.mjs', import.meta.url))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const ROUNDS = 4

/** Lets a watcher run until it has told of so many tens of commits, and kills it. */
function watchAndKill(directory: string, file: string, tens: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(watcher, [directory, file])
    let told = 0
    child.on('message', () => {
      if (++told === tens) child.kill('SIGKILL')
    })
    child.on('exit', (_code, signal) => {
      if (signal === 'SIGKILL') resolve()
      else reject(new Error('the watcher ended by itself'))
    })
  })
}

describe('a feed whose consumer is killed', () => {
  it('goes on behind the last commit noted, and neither skips nor repeats', async () => {
    const directory = join(root, 'store')
    const file = join(root, 'seen')
    for (let round = 1; round <= ROUNDS; round++) await watchAndKill(directory, file, 7 * round)
    const seen = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.endsWith('.'))
      .map((line) => JSON.parse(line.slice(0, -1)) as { commit: number; last: number })
    expect(seen.length).toBeGreaterThan(100)
    expect(seen.map(({ last }) => last)).toEqual(seen.map((_, i) => i + 1))
    for (const [i, { commit }] of seen.entries()) {
      if (i > 0) expect(commit).toBeGreaterThan(seen[i - 1]?.commit ?? 0)
    }
    await using db = await open(directory, { memory: '8MB', feed: { keep: 'all' } })
    const state = new Map<unknown, unknown>()
    const { commit: newest } = db
    for await (const { commit, edits } of db.watch({ from: 0 })) {
      for (const edit of edits) {
        if (edit.type === 'put') state.set(JSON.stringify(edit.key), edit.value)
      }
      if (commit === newest) break
    }
    const rows = db.range().toArray()
    expect(state.size).toBe(rows.length)
    for (const [key, value] of rows) expect(state.get(JSON.stringify(key))).toEqual(value)
  }, 120_000)
})
