// lib/showing.ts — what console.log and assertions show of our objects: what a user knows them by, and none of their insides.
import type { InspectOptions } from 'node:util'

const INSPECTED = Symbol.for('nodejs.util.inspect.custom')

type Facts = Readonly<Record<string, unknown>>
type Inspect = (value: unknown, options: InspectOptions) => string

/** Shows the objects of a class, and of those that extend it and say no other, as a name and these facts; undefined ones are left out. */
export function showAs<T>(
  type: { readonly prototype: T },
  name: string,
  factsOf: (object: T) => Facts,
): void {
  const shown = function (this: T, depth: number, options: InspectOptions, inspect: Inspect) {
    if (depth < 0) return `[${name}]`
    const facts = Object.entries(factsOf(this)).filter(([, value]) => value !== undefined)
    if (facts.length === 0) return `${name} {}`
    const { depth: allowed } = options
    const inner = { ...options, depth: allowed == null ? allowed : allowed - 1 }
    return `${name} ${inspect(Object.fromEntries(facts), inner)}`
  }
  Object.defineProperty(type.prototype, INSPECTED, { value: shown, configurable: true })
}
