// lib/collection/words.ts — the languages of a text index.
import { invalid } from '../errors.ts'
import { isLanguage, LANGUAGES } from '../languages.ts'

/** A bit for each; INVALID for what has no stems here. */
export function languagesOf(names: readonly string[], where: string): number {
  let bits = 0
  for (const name of names) {
    if (!isLanguage(name)) throw invalid(where, "'english' or 'russian'", name)
    bits |= LANGUAGES[name]
  }
  return bits
}
