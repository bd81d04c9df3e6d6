// lib/collection/renames.ts — which field of the version before a declared field was.
//
//   before   a  b        declared   b.was('a')  a        →   b was a, a is new: who was renamed comes first, whatever the order
//
// was() stays in a declaration after it was done, and its old name may be another field's by then. An id is for life: a field whose id had that name in
// an older version has been renamed already.
import type { Live } from './declaration.ts'
import type { Description, FieldDescription, TypeDescription } from './description.ts'
import { keptName } from './kept.ts'

type Was = Live['was']

/** Of each field the one that it was: under its old name, its own, or kept since it was not declared. New ones are not there. */
export function olderFields(
  before: readonly FieldDescription[],
  after: readonly FieldDescription[],
  at: string,
  was: Was,
): ReadonlyMap<FieldDescription, FieldDescription> {
  const found = new Map<FieldDescription, FieldDescription>()
  const taken = new Set<FieldDescription>()
  const take = (field: FieldDescription, name: string | undefined): void => {
    if (name === undefined || found.has(field)) return
    const named = (one: string) => before.find((field) => field.name === one && !taken.has(field))
    const old = named(name) ?? named(keptName(name))
    if (old === undefined) return
    found.set(field, old)
    taken.add(old)
  }
  for (const field of after) take(field, was.get(at + field.name))
  for (const field of after) take(field, field.name)
  return found
}

/** Those names that are still to be changed, of a collection that had these versions, the newest last. */
export function renamesLeft(was: Was, versions: readonly Description[]): Was {
  const newest = versions.at(-1)
  if (newest === undefined) return was
  const ids = new Map(eachField(newest.fields, ''))
  const names = new Set(
    versions.flatMap(({ fields }) => eachField(fields, '').map(([path, id]) => `${id} ${path}`)),
  )
  const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('.') + 1)
  const isDone = ([path, old]: readonly [string, string]): boolean => {
    const id = ids.get(path)
    return id !== undefined && names.has(`${id} ${parentOf(path)}${old}`)
  }
  return new Map([...was].filter((one) => !isDone(one)))
}

// By path, those in objects, too.
function eachField(fields: readonly FieldDescription[], at: string): [path: string, id: number][] {
  return fields.flatMap(({ name, id, type }) => [[at + name, id], ...eachInner(type, at + name)])
}

function eachInner(type: TypeDescription, path: string): [path: string, id: number][] {
  const members = type.members ?? []
  return [
    ...eachField(type.fields ?? [], `${path}.`),
    ...members.flatMap((member) => eachInner(member, `${path}[]`)),
  ]
}
