// test/api/collection/record-random.test.ts — random declarations and documents: they come back, both ways write the same bytes, what is refused is
// refused by all three (generated code, closures, words), and what is damaged is CORRUPT or a document.
import { describe, expect, it } from 'vitest'

import { readDescription, writeDescription } from '../../../lib/collection/description-bytes.ts'
import { isVarveError } from '../../../lib/index.ts'
import { Random, randomCollection, randomDocument, spoiled } from './random.ts'
import { Harness } from './records.ts'

const SEED = Number(process.env['VARVE_SEED'] ?? 1)
const DECLARATIONS = 60
const seeds = Array.from({ length: DECLARATIONS }, (_, index) => SEED * 1000 + index)

function refusalOf(run: () => unknown): string | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    if (!isVarveError(error)) throw error
    expect(['INVALID', 'TOO_LARGE']).toContain(error.code)
    return error.message
  }
}

describe('random documents', () => {
  it('come back, whole and field by field, and are the same bytes by both ways', () => {
    for (const seed of seeds) {
      const random = new Random(seed)
      const declared = randomCollection(random)
      const [fast, slow] = [new Harness(declared, 'auto'), new Harness(declared, 'never')] as const
      for (let count = 0; count < 8; count++) {
        const document = randomDocument(declared.description.fields, random)
        if (declared.description.extra === 'keep' && random.chance(2))
          document['more'] = { a: ['b'] }
        const encoded = fast.encode(document)
        expect(slow.encode(document), `seed ${seed}`).toStrictEqual(encoded)
        expect(fast.decode(encoded), `seed ${seed}`).toStrictEqual(document)
        expect(slow.decode(encoded), `seed ${seed}`).toStrictEqual(document)
        const names = Object.keys(document).filter(() => random.chance(3))
        const some = Object.fromEntries(names.map((name) => [name, document[name]]))
        expect(fast.decodeFields(encoded, names), `seed ${seed}`).toStrictEqual(some)
        expect(slow.decodeFields(encoded, names), `seed ${seed}`).toStrictEqual(some)
      }
    }
  })

  it('that do not fit are refused by both ways with the same words', () => {
    let refused = 0
    for (const seed of seeds) {
      const random = new Random(seed)
      const declared = randomCollection(random)
      const [fast, slow] = [new Harness(declared, 'auto'), new Harness(declared, 'never')] as const
      for (let count = 0; count < 30; count++) {
        const document = spoiled(randomDocument(declared.description.fields, random), random)
        const message = refusalOf(() => fast.encode(document))
        expect(
          refusalOf(() => slow.encode(document)),
          `seed ${seed}`,
        ).toBe(message)
        if (message === undefined) continue
        refused++
        expect(message, `seed ${seed}`).toMatch(/^document[.[]/)
      }
    }
    expect(refused).toBeGreaterThan(DECLARATIONS * 10)
  })

  it('that are damaged are CORRUPT, or a document', () => {
    let corrupt = 0
    for (const seed of seeds) {
      const random = new Random(seed)
      const declared = randomCollection(random)
      const both = [new Harness(declared, 'auto'), new Harness(declared, 'never')]
      const encoded = both[0]?.encode(randomDocument(declared.description.fields, random))
      if (encoded === undefined) continue
      for (let count = 0; count < 30; count++) {
        const head = encoded.head.slice(
          0,
          random.chance(4) ? random.below(encoded.head.length) : undefined,
        )
        for (let left = random.below(4); left > 0 && head.length > 0; left--)
          head[random.below(head.length)] = random.next()
        const text = random.chance(4) ? encoded.text.slice(1) : encoded.text
        for (const harness of both) {
          try {
            harness.decode({ head, text })
            harness.decodeFields({ head, text }, ['id', 'f1', 'f3'])
          } catch (error) {
            if (!isVarveError(error) || error.code !== 'CORRUPT') throw error
            corrupt++
          }
        }
      }
    }
    expect(corrupt).toBeGreaterThan(DECLARATIONS)
  })

  it('have descriptions that come back from bytes', () => {
    for (const seed of seeds) {
      const { description } = new Harness(randomCollection(new Random(seed))).codec
      expect(readDescription(writeDescription(description)), `seed ${seed}`).toEqual(description)
    }
  })
})
