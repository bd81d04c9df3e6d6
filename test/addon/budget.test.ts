// `memory` is one budget, held against what the system counts for the process: a child fills a store with far more than
// that, gets a fifth of it at random and ranges over all of it.
import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, describe, expect, it } from 'vitest'

const root = mkdtempSync(join(tmpdir(), 'varve-budget-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const MEGABYTE = 1_000_000
const FILLED_MB = process.env.VARVE_SLOW === '1' ? 1000 : 250
const BUDGET_MB = 64
// Beside the budget: the young objects of JavaScript, the scratch, the windows of merges and what the allocator keeps.
const ALLOWANCE_MB = 64

interface Filled {
  readonly before: number
  readonly most: number
  readonly found: number
  readonly ranged: number
  readonly count: number
}

function fill(options: object): Promise<Filled> {
  return new Promise((resolve, reject) => {
    const given = [join(root, 'store'), JSON.stringify(options), String(FILLED_MB)]
    const child = fork(fileURLToPath(new URL('filler.mjs', import.meta.url)), given)
    child.once('message', (filled) => resolve(filled as Filled))
    child.once('exit', (code) => reject(new Error(`the filler ended with ${code}`)))
  })
}

describe(`a store of ${FILLED_MB} MB with a budget of ${BUDGET_MB} MB`, () => {
  it('keeps the process within the budget and a stated allowance', async () => {
    const filled = await fill({ memory: `${BUDGET_MB}MB`, durability: 'memory' })
    expect(filled.ranged).toBe(filled.count)
    expect(filled.found).toBe(filled.count / 5)
    const grown = (filled.most - filled.before) / MEGABYTE
    expect(grown).toBeLessThan(BUDGET_MB + ALLOWANCE_MB)
    expect(grown).toBeGreaterThan(BUDGET_MB / 4) // Or nothing was measured.
  }, 300_000)
})
