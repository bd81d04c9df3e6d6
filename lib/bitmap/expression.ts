// lib/bitmap/expression.ts — expressions of bitmaps, as users write them and as the addon reads them: operands first,
// a bitmap as its number, an operation as -1 - (operation + 4 * operands).
import { invalid, VarveError } from '../errors.ts'

export type BitmapOperation = 'and' | 'or' | 'xor' | 'andNot'

export const OPERATIONS: readonly string[] = ['and', 'or', 'xor', 'andNot']
const DEPTH_MAX = 64

let program = new Int32Array(64)

/** The steps as the addon reads them, until the next call: in one array for all, since a new one each time costs more. */
export function programOf(steps: readonly number[]): Int32Array {
  if (steps.length > program.length) program = new Int32Array(steps.length * 2)
  for (let index = 0; index < steps.length; index += 1) program[index] = steps[index] ?? 0
  return program
}

/** Pushes the steps of an expression; `numberOf` answers undefined for what is no bitmap of the kind. */
export function pushSteps<K>(
  expression: unknown,
  kind: K,
  numberOf: (part: unknown, kind: K) => number | undefined,
  steps: number[],
  depth = 0,
): void {
  const number = numberOf(expression, kind)
  if (number !== undefined) {
    steps.push(number)
    return
  }
  if (!Array.isArray(expression)) {
    throw invalid('expression', 'a bitmap or [operation, ...expressions]', expression)
  }
  if (depth === DEPTH_MAX) {
    throw new VarveError('TOO_LARGE', `expression is more than ${DEPTH_MAX} deep`)
  }
  const parts = expression as readonly unknown[]
  const name = parts[0]
  const operation = typeof name === 'string' ? OPERATIONS.indexOf(name) : -1
  if (operation === -1) throw invalid('operation', "'and', 'or', 'xor' or 'andNot'", name)
  const count = parts.length - 1
  if (count === 0) {
    throw new VarveError('INVALID', `expression ['${String(name)}'] must have an operand`)
  }
  for (let index = 1; index <= count; index += 1) {
    pushSteps(parts[index], kind, numberOf, steps, depth + 1)
  }
  steps.push(-1 - (operation + 4 * count))
}
