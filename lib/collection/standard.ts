// lib/collection/standard.ts — validators of other libraries, by the interface they share (standardschema.dev): zod, valibot, arktype and
// whoever else has a `~standard`. Its shape alone is taken from there; nothing is loaded.
//
// A validator says what a document must be, and may change it (trim, convert, fill in); what it answers is stored. It must answer at once: a write is
// checked when it is called.
import { invalid, VarveError } from '../errors.ts'
import { pathOf } from './path.ts'

export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] }

export interface StandardIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

export type StandardInput<S> = S extends {
  readonly '~standard': { readonly types?: { readonly input: infer I } | undefined }
}
  ? I
  : never
export type StandardOutput<S> = S extends {
  readonly '~standard': { readonly types?: { readonly output: infer O } | undefined }
}
  ? O
  : never

export function isStandardSchema(schema: unknown): schema is StandardSchema {
  if ((typeof schema !== 'object' && typeof schema !== 'function') || schema === null) return false
  const inside: unknown = (schema as Partial<StandardSchema>)['~standard']
  if (typeof inside !== 'object' || inside === null) return false
  return typeof (inside as { validate?: unknown }).validate === 'function'
}

/** What the validator makes of a document; INVALID with the path of its first issue. */
export function validated(schema: StandardSchema, document: unknown): unknown {
  const { vendor, validate } = schema['~standard']
  const result = validate(document)
  if (typeof result !== 'object' || result === null)
    throw invalid(`${vendor}: validate()`, 'a function that answers a result', result)
  if (result instanceof Promise) {
    result.catch(() => undefined)
    throw new VarveError(
      'INVALID',
      `${vendor}: the schema validates asynchronously, and a write is checked when it is called`,
    )
  }
  if (result.issues === undefined) return result.value
  const [issue] = result.issues
  const path = (issue?.path ?? []).map((step) => (typeof step === 'object' ? step.key : step))
  throw new VarveError('INVALID', `${pathOf('document', path)}: ${issue?.message ?? 'refused'}`)
}
