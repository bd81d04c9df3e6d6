// lib/collection/rules.ts — the rules of fields: checked where they are declared.
import { invalid, VarveError } from '../errors.ts'
import { checkNames } from '../options.ts'
import type { Rules } from './description.ts'

const COUNT_MAX = 2 ** 31 - 1

/** `min` and `max` of numbers. */
export function checkRange<V extends number | bigint>(
  where: string,
  options: { readonly min?: V | undefined; readonly max?: V | undefined },
  isOne: (value: V) => boolean,
  expected: string,
): Rules {
  checkNames(options, ['min', 'max'], where)
  const { min, max } = options
  if (min !== undefined && !isOne(min)) throw invalid(`${where}: min`, expected, min)
  if (max !== undefined && !isOne(max)) throw invalid(`${where}: max`, expected, max)
  if (min !== undefined && max !== undefined && min > max)
    throw invalid(`${where}: max`, `at least min, ${min}`, max)
  return { least: min, greatest: max }
}

export function checkDateRange(
  where: string,
  options: { readonly min?: Date | undefined; readonly max?: Date | undefined },
): Rules {
  checkNames(options, ['min', 'max'], where)
  const [min, max] = [options.min, options.max].map((date) => {
    if (date === undefined) return undefined
    const ms = date instanceof Date ? date.getTime() : NaN
    if (ms !== ms) throw invalid(where, 'valid dates as min and max', date)
    return ms
  })
  return checkRange(where, { min, max }, () => true, 'dates')
}

/** `min` and `max` of sizes; other options are its caller's. */
export function checkCount(
  where: string,
  { min, max }: { readonly min?: number | undefined; readonly max?: number | undefined },
): Rules {
  for (const [name, count] of Object.entries({ min, max })) {
    if (count === undefined) continue
    if (!Number.isInteger(count) || count < 0 || count > COUNT_MAX)
      throw invalid(`${where}: ${name}`, `an integer from 0 to ${COUNT_MAX}`, count)
  }
  if (min !== undefined && max !== undefined && min > max)
    throw invalid(`${where}: max`, `at least min, ${min}`, max)
  return { shortest: min, longest: max }
}

export function patternOf(pattern: RegExp | undefined): Rules['pattern'] {
  if (pattern === undefined) return undefined
  if (!(pattern instanceof RegExp)) throw invalid('t.string(): pattern', 'a RegExp', pattern)
  const { source, flags } = pattern
  if (/[gy]/.test(flags))
    throw new VarveError('INVALID', "t.string(): pattern must not have the flags 'g' or 'y'")
  return { source, flags }
}
