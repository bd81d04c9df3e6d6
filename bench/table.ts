// bench/table.ts — results as Markdown: the rates and figures with their targets, then what each round took.
import { OURS, RIVALS } from './drivers.ts'
import { isSummary, type Cell, type RowResult, type Summary } from './runner.ts'
import type { Row } from './shape.ts'
import { judge } from './verdict.ts'

function figureOf(value: number): string {
  const size = Math.abs(value)
  if (size >= 1e6) return `${(value / 1e6).toFixed(2)} M`
  if (size >= 1e4) return `${(value / 1e3).toFixed(0)} k`
  return size >= 100 ? value.toFixed(0) : value.toFixed(2)
}

function cellText(cell: Cell | undefined, show: (summary: Summary) => string): string {
  if (cell === undefined) return ''
  if (isSummary(cell)) return show(cell)
  return 'error' in cell ? 'failed' : `(${cell.absent})`
}

const spreadOf = ({ median, min, max }: Summary) =>
  `${figureOf(median)} (${figureOf(min)}–${figureOf(max)})`
const spentOf = ({ cpuSeconds, wallSeconds }: Summary) =>
  wallSeconds === 0 ? '' : `${cpuSeconds.toFixed(2)} / ${wallSeconds.toFixed(2)}`

function unitOf({ per, unit }: Row): string {
  if (per === 'figure') return unit ?? ''
  return per === 'cpu' ? '/CPU s' : '/s'
}

const COLUMNS = [OURS, ...RIVALS]

function cellsOf({ cells, floor }: RowResult, show: (summary: Summary) => string): string[] {
  const others = Object.entries(cells).filter(([name]) => !COLUMNS.includes(name))
  if (floor !== undefined) others.push(['the system', floor])
  const rest = others.map(([name, cell]) => `${name} ${cellText(cell, show)}`).join(', ')
  return [...COLUMNS.map((name) => cellText(cells[name], show)), rest]
}

function metOf(result: RowResult, isMet: boolean | undefined): string {
  if (result.row.targets.length === 0) return ''
  if (isMet === undefined) return '?'
  return isMet ? 'yes' : 'no'
}

function rowOf(result: RowResult): string[] {
  const { row, skipped } = result
  const { best, targets, isMet } = judge(result)
  const blank = COLUMNS.map(() => '')
  const cells =
    skipped === undefined ? cellsOf(result, spreadOf) : [...blank, `not run: ${skipped}`]
  const ratio = best === undefined ? ['', ''] : [best.name, `${best.ratio.toFixed(2)}×`]
  return [row.title, unitOf(row), ...cells, ...ratio, targets, metOf(result, isMet)]
}

function printRows(heads: readonly string[], rows: readonly (readonly string[])[]): void {
  console.log(`| ${heads.join(' | ')} |`)
  console.log(`|${heads.map(() => '---').join('|')}|`)
  for (const row of rows) console.log(`| ${row.join(' | ')} |`)
}

export function printResults(results: readonly RowResult[]): void {
  const names = [...COLUMNS, 'others']
  printRows(['row', 'unit', ...names, 'best rival', 'ratio', 'target', 'met'], results.map(rowOf))
  console.log('\nCPU seconds / seconds of the timed part of a round:\n')
  const ran = results.filter(({ skipped, row }, i) => {
    const isFirst = results.findIndex(({ workload }) => workload === results[i]?.workload) === i
    return skipped === undefined && isFirst && row !== undefined
  })
  const spent = ran.map((result) => [result.workload, ...cellsOf(result, spentOf)])
  printRows(['workload', ...names], spent)
  for (const { row, cells, floor } of results) {
    for (const [name, cell] of Object.entries({ ...cells, ...(floor && { floor }) }))
      if ('error' in cell) console.log(`\nfailed: ${row.name}, ${name}: ${cell.error}`)
  }
}

export function printSum(results: readonly RowResult[]): void {
  const judged = results.filter(({ row }) => row.targets.length > 0).map(judge)
  const count = (isMet: boolean | undefined) => judged.filter((one) => one.isMet === isMet).length
  console.log(
    `\ntargets: ${count(true)} met, ${count(false)} missed, ${count(undefined)} not known`,
  )
}
