// bench/results.ts — the result file: written when every row ran with everyone in it, or when asked for; then it says
// what is missing.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeMachine, revision, rivalVersions } from './machine.ts'
import { resultRoot } from './place.ts'
import { plotsOf } from './plot.ts'
import type { Plan, RowResult } from './runner.ts'
import { sets } from './workloads/sets.ts'
import { judge } from './verdict.ts'

/** What a whole set would have beyond these results. */
export function missingFrom(
  set: string,
  results: readonly RowResult[],
  plan: Plan,
): readonly string[] {
  const missing: string[] = []
  if (plan.isQuick) missing.push('whole counts: it was --quick')
  if (plan.keys !== undefined) missing.push(`whole counts: there were --keys=${plan.keys}`)
  if (plan.stores !== undefined) missing.push('stores: there were --stores')
  const absent: string[] = []
  for (const { name } of (sets[set] ?? []).flatMap(({ rows }) => rows)) {
    const result = results.find(({ row }) => row.name === name)
    if (result === undefined) absent.push(name)
    else if (result.skipped !== undefined) missing.push(`${name}: ${result.skipped}`)
    else if (Object.values(result.cells).some((cell) => 'error' in cell))
      missing.push(`${name}: failed`)
  }
  if (absent.length > 0) missing.push(`rows not asked for: ${absent.join(', ')}`)
  return missing
}

/** Writes a file for each plot there is to draw, and answers their names. */
export function writePlots(set: string, results: readonly RowResult[]): readonly string[] {
  mkdirSync(resultRoot, { recursive: true })
  return plotsOf(results).map(({ family, svg }) => {
    const file = join(resultRoot, `${set}-${family}.svg`)
    writeFileSync(file, svg)
    return file
  })
}

export function writeResults(set: string, results: readonly RowResult[], plan: Plan): string {
  const missing = missingFrom(set, results, plan)
  const file = join(resultRoot, `${set}.json`)
  const rows = results.map(({ row, ...rest }) => ({
    row: row.name,
    title: row.title,
    per: row.per,
    unit: row.unit,
    ...rest,
    verdict: judge({ row, ...rest }),
  }))
  const all = { machine: describeMachine(), revision: revision(), rivals: rivalVersions() }
  mkdirSync(resultRoot, { recursive: true })
  writeFileSync(file, `${JSON.stringify({ ...all, missing, rows }, null, 2)}\n`)
  return file
}
