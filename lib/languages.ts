// lib/languages.ts — languages whose stems are known, as the bits of native/pure/text/language.h.

export type TextLanguage = 'english' | 'russian'
export const LANGUAGES: Readonly<Record<TextLanguage, number>> = { english: 1, russian: 2 }

export const isLanguage = (name: unknown): name is TextLanguage =>
  typeof name === 'string' && Object.hasOwn(LANGUAGES, name)
