// bench/verdict.ts — what a row's figures say about its targets.
import { OURS } from './drivers.ts'
import { isSummary, type Cell, type RowResult } from './runner.ts'
import type { Row, Target } from './shape.ts'

export interface Verdict {
  // The rival that did best, and how many times as well we do: above 1 is in our favour, whatever the unit.
  readonly best?: { readonly name: string; readonly ratio: number }
  readonly targets: string
  // Undefined: no target, or not enough was measured to tell.
  readonly isMet: boolean | undefined
}

function textOf(target: Target): string {
  if ('times' in target) return `≥ ${target.times}× ${target.of ?? 'the best'}`
  if ('floorShare' in target) return `≥ ${target.floorShare * 100} % of the system's`
  if ('atMost' in target) return `≤ ${target.atMost}`
  return `≥ ${target.atLeast}`
}

function ratioOf(row: Row, ours: Cell | undefined, theirs: Cell | undefined): number | undefined {
  if (!isSummary(ours) || !isSummary(theirs)) return undefined
  if (ours.median <= 0 || theirs.median <= 0) return undefined
  const isMoreBetter = row.isMoreBetter ?? row.per !== 'figure'
  return isMoreBetter ? ours.median / theirs.median : theirs.median / ours.median
}

function bestOf({ row, cells }: RowResult): Verdict['best'] {
  let best: Verdict['best']
  for (const [name, cell] of Object.entries(cells)) {
    const ratio = name === OURS ? undefined : ratioOf(row, cells[OURS], cell)
    if (ratio !== undefined && (best === undefined || ratio < best.ratio)) best = { name, ratio }
  }
  return best
}

// A rival that failed might have been the best one; one that cannot run here is not to be had here.
function isBestKnown({ cells }: RowResult): boolean {
  return Object.values(cells).every((cell) => !('error' in cell))
}

function isMet(result: RowResult, target: Target): boolean | undefined {
  const { row, cells, floor } = result
  const ours = cells[OURS]
  if (!isSummary(ours)) return undefined
  if ('atMost' in target) return ours.median <= target.atMost
  if ('atLeast' in target) return ours.median >= target.atLeast
  if ('floorShare' in target)
    return isSummary(floor) ? ours.median >= target.floorShare * floor.median : undefined
  if (target.of === undefined && !isBestKnown(result)) return undefined
  const ratio =
    target.of === undefined ? bestOf(result)?.ratio : ratioOf(row, ours, cells[target.of])
  return ratio === undefined ? undefined : ratio >= target.times
}

export function judge(result: RowResult): Verdict {
  const { targets } = result.row
  const met = targets.map((target) => isMet(result, target))
  const best = bestOf(result)
  return {
    ...(best === undefined ? {} : { best }),
    targets: targets.map(textOf).join(', '),
    isMet: met.length === 0 || met.includes(undefined) ? undefined : !met.includes(false),
  }
}
