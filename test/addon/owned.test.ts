// What nobody keeps goes, also while a turn lasts: Node calls finalisers between turns, and a loop is a single one.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { expect, it } from 'vitest'

const MEGABYTE = 1_000_000
// What lies between two collections: V8 begins one at 64 MB and takes its time, more of it where the machine is busy.
const GROWN_MAX_MB = 450
const MADE_MIN_MB = 900

interface Made {
  readonly grown: number
  readonly made: number
  readonly bytes: number
}

function make(what: string, count: number): Promise<Made> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('maker.mjs', import.meta.url)), [what, String(count)])
    child.once('message', (made) => resolve(made as Made))
    child.once('exit', (code) => reject(new Error(`the maker ended with ${code}`)))
  })
}

it.each([
  ['bitmap', 4000],
  ['geo', 2000],
  ['text', 1500],
])(
  'a loop that makes one %s after the other keeps none of them',
  async (what, count) => {
    const made = await make(what, count)
    expect((made.bytes * count) / MEGABYTE).toBeGreaterThan(MADE_MIN_MB) // Or nothing is shown.
    expect(made.made).toBeGreaterThanOrEqual(count) // Each had something in it.
    expect(made.grown / MEGABYTE).toBeLessThan(GROWN_MAX_MB)
  },
  120_000,
)
