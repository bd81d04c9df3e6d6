// test/types/text.test-d.ts — what the compiler says of full-text indexes. Nothing here runs: the file is true when
// it compiles, and each @ts-expect-error is an error that must stay one.
import { expectTypeOf } from 'vitest'

import { TextIndex, type TextHit, type TextRange } from '../../lib/index.ts'

const index = new TextIndex({ language: ['english', 'russian'], stopWords: ['the'] })

expectTypeOf(index.search('a')).toEqualTypeOf<TextHit[]>()
expectTypeOf(index.highlight('a', 'b')).toEqualTypeOf<TextRange[]>()
expectTypeOf(index.search('a', { filter: (id) => id > 3 })[0]).toEqualTypeOf<TextHit | undefined>()
index.addMany([1, 2], ['a', 'b'] as const)
index.addMany(new Uint32Array(2), ['a', 'b'])
index.search('a', { mode: 'all', fuzzy: 2, filter: new Set([1]), limit: 3 })

// @ts-expect-error a language that is not known
new TextIndex({ language: 'german' })
// @ts-expect-error an id that is no number
index.add('1', 'a')
// @ts-expect-error more letters than may be wrong
index.search('a', { fuzzy: 3 })
// @ts-expect-error an option that highlighting has not
index.highlight('a', 'b', { limit: 3 })
// @ts-expect-error what is handed out is not to be changed
index.search('a').map((hit) => (hit.score = 1))
