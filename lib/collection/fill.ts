// lib/collection/fill.ts — a document as it will be stored: the validator's answer, defaults, generated keys and computed fields put in.
//
// What comes out is a new object, without what is undefined; where something was put in, its fields are in the order in which they will be read
// back. What is in them is the caller's own. Nothing is checked here but that it is an object: the writer looks at every field once.
import { invalid } from '../errors.ts'
import type { Live } from './declaration.ts'
import type { Description, FieldDescription } from './description.ts'
import type { Document } from './interpret.ts'
import * as scalars from './scalar.ts'
import { validated } from './standard.ts'
import { newUuid } from './uuid.ts'

type Next = (() => number | bigint) | undefined

interface Step {
  readonly name: string
  readonly fill: ((next: Next) => unknown) | undefined
  readonly steps: readonly Step[]
}

export function fillerOf(
  { fields, key }: Description,
  { fills, computed, validator }: Pick<Live, 'fills' | 'computed' | 'validator'>,
): (document: unknown, next?: () => number | bigint) => Document {
  const stepOf = (field: FieldDescription, at: string): Step => {
    const { name, type } = field
    const path = at + name
    const fill = fills.get(path)
    const isKey = key.generated !== undefined && key.on === path
    const inner = (type.fields ?? []).map((one) => stepOf(one, `${path}.`))
    return {
      name,
      fill: isKey ? generatorOf(key.generated, type.kind) : fill && makerOf(fill),
      steps: inner.some(isBusy) ? inner : [],
    }
  }
  const steps = fields
    .filter(({ hidden, computed: isComputed }) => !hidden && !isComputed)
    .map((field) => stepOf(field, ''))
  const order = fields.filter(({ hidden }) => !hidden).map(({ name }) => name)
  const made = new Set(computed.keys())
  const isBusyAtAll = steps.some(isBusy) || made.size > 0
  return (document, next) => {
    const given = validator === undefined ? document : validated(validator, document)
    scalars.beginDocument()
    if (!isBusyAtAll) return copyOf(given)
    const filled = filledOf(given, 'document', steps, made, next)
    if (made.size === 0) return filled
    for (const [name, compute] of computed) filled[name] = compute(filled as never)
    return inOrder(filled, order)
  }
}

// Nothing is put in: the order is the caller's.
function copyOf(given: unknown): Document {
  const fields = scalars.fieldsOf(given)
  if (fields === undefined) throw invalid('document', 'an object', given)
  const copy = { ...fields }
  for (const name in copy) if (copy[name] === undefined) delete copy[name]
  return copy
}

const isBusy = ({ fill, steps }: Step): boolean => fill !== undefined || steps.length > 0

function generatorOf(
  generated: 'uuid' | 'sequence' | undefined,
  kind: string,
): (next: Next) => unknown {
  if (generated === 'uuid') return () => newUuid()
  return (next) => {
    const number = next?.()
    if (number === undefined) return undefined
    return kind === 'int64' ? BigInt(number) : Number(number)
  }
}

function makerOf(
  fill: { readonly value: unknown } | { readonly make: () => unknown },
): () => unknown {
  if ('make' in fill) return fill.make
  // A default that is an object must not be shared by documents.
  const { value } = fill
  return typeof value === 'object' && value !== null ? () => structuredClone(value) : () => value
}

function filledOf(
  given: unknown,
  path: string,
  steps: readonly Step[],
  made: ReadonlySet<string>,
  next: Next,
): Document {
  const fields = scalars.fieldsOf(given)
  if (fields === undefined) throw invalid(path, 'an object', given)
  const filled: Document = {}
  for (const { name, fill, steps: inner } of steps) {
    let value = fields[name]
    if (value === undefined && fill !== undefined) value = fill(next)
    if (value === undefined) continue
    const isObject = inner.length > 0 && scalars.fieldsOf(value) !== undefined
    filled[name] = isObject ? filledOf(value, `${path}.${name}`, inner, NOTHING, next) : value
  }
  for (const name of Object.keys(fields))
    if (!Object.hasOwn(filled, name) && fields[name] !== undefined && !made.has(name))
      scalars.setField(filled, name, fields[name])
  return filled
}

const NOTHING: ReadonlySet<string> = new Set()

// Computed fields stand where they are declared.
function inOrder(document: Document, order: readonly string[]): Document {
  const sorted: Document = {}
  for (const name of order) if (document[name] !== undefined) sorted[name] = document[name]
  for (const name of Object.keys(document))
    if (!Object.hasOwn(sorted, name)) scalars.setField(sorted, name, document[name])
  return sorted
}
