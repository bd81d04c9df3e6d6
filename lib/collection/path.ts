// lib/collection/path.ts — where in a document something is, in words: document.tags[3], document["odd name"].

export function pathOf(root: string, steps: readonly PropertyKey[]): string {
  return steps.reduce<string>((path, step) => path + stepOf(step), root)
}

export function stepOf(step: PropertyKey): string {
  if (typeof step === 'number') return `[${step}]`
  if (typeof step === 'symbol') return `[${String(step)}]`
  return /^[A-Za-z_$][\w$]*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`
}

/** Without half a surrogate pair: names are stored as UTF-8. */
export const isWellFormed = (text: string): boolean => !/\p{Surrogate}/u.test(text)
