// Bytes that nobody wrote: a value or CORRUPT, at once, whatever they are.
import { describe, expect, it } from 'vitest'

import { randomFrom } from '../contract/model.ts'
import { decode, encode, type Encoded } from './head.ts'
import { randomValue } from './values.ts'

const SAMPLES: readonly unknown[] = [
  null,
  -129,
  70_000,
  1.5,
  -(2n ** 70n),
  new Date(5),
  ['', 'short', 'x'.repeat(200), '\u6c34'],
  { id: 1, name: 'Ada', tags: ['a', 'b'], at: new Date(0), nested: { x: -1, y: undefined } },
  [{ a: 1 }, { a: 2 }, { b: 3 }],
  new Map<unknown, unknown>([
    ['k', { v: 1 }],
    [1, new Set(['m', 2n])],
  ]),
  [Uint8Array.of(1, 2), Float64Array.of(0.5), Uint8Array.of(3).buffer, BigInt64Array.of(-1n)],
  Object.fromEntries(Array.from({ length: 70 }, (_, n) => [`field${n}`, n])),
]

function outcome(encoded: Encoded): string {
  try {
    decode(encoded)
    return 'a value'
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

const ANSWERS = ['a value', 'CORRUPT']

describe('hostile bytes', () => {
  it('cut off at any byte of head or text are CORRUPT', () => {
    for (const value of SAMPLES) {
      const { head, text } = encode(value)
      for (let size = 0; size < head.length; size++) {
        expect(outcome({ head: head.slice(0, size), text })).toBe('CORRUPT')
      }
      for (let size = 0; size < text.length; size++) {
        expect(outcome({ head, text: text.slice(0, size) })).toBe('CORRUPT')
      }
      expect(outcome({ head: Uint8Array.of(...head, 0), text })).toBe('CORRUPT')
      expect(outcome({ head, text: `${text}x` })).toBe('CORRUPT')
    }
  })

  it('with any one bit turned are a value or CORRUPT', () => {
    for (const value of SAMPLES) {
      const { head, text } = encode(value)
      for (let bit = 0; bit < head.length * 8; bit++) {
        const turned = head.slice()
        turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        expect(ANSWERS).toContain(outcome({ head: turned, text }))
      }
    }
  })

  it('mutated in many places are a value or CORRUPT', () => {
    const random = randomFrom(2)
    const seen = new Set<string>()
    for (let index = 0; index < 5000; index++) {
      const { head, text } = encode([randomValue(random)])
      for (let count = random(3); count >= 0; count--) head[random(head.length)] = random(256)
      const cut = head.slice(0, random(4) === 0 ? random(head.length + 1) : head.length)
      const left = text.slice(0, random(4) === 0 ? random(text.length + 1) : text.length)
      seen.add(outcome({ head: cut, text: left }))
    }
    expect([...seen].sort()).toEqual(['CORRUPT', 'a value'])
  })

  it('made of nothing but chance are a value or CORRUPT', () => {
    const random = randomFrom(3)
    const seen = new Set<string>()
    for (let index = 0; index < 20_000; index++) {
      const head = Uint8Array.from({ length: random(40) }, () => random(256))
      seen.add(outcome({ head, text: 'some text of forty units, more or less..' }))
    }
    expect(ANSWERS).toEqual(expect.arrayContaining([...seen]))
  })

  it('that count more than they have are CORRUPT before anything is made of the count', () => {
    for (const tag of [0x88, 0x89, 0x8b, 0x8c, 0x8d, 0x8f, 0x90]) {
      const head = Uint8Array.of(tag, 0xff, 0xff, 0xff, 0xff, 0x7f)
      expect(outcome({ head, text: '' })).toBe('CORRUPT')
    }
    expect(outcome({ head: Uint8Array.of(0x91, 1, 0xff, 0xff, 0xff, 0x7f), text: '' })).toBe(
      'CORRUPT',
    )
    expect(outcome({ head: new Uint8Array(1000).fill(0x8c), text: '' })).toBe('CORRUPT')
    expect(outcome({ head: new Uint8Array(200).fill(0x01, 64).fill(0x8d, 0, 64), text: '' })).toBe(
      'CORRUPT',
    )
  })

  it('take no more room than a little for each of their bytes', () => {
    const ROOM_MAX = 8 << 20
    const used = () => {
      const { heapUsed, external, arrayBuffers } = process.memoryUsage()
      return heapUsed + external + arrayBuffers
    }
    const random = randomFrom(Number(process.env.VARVE_SEED ?? 4))
    for (let index = 0; index < 3000; index++) {
      const { head, text } = encode([randomValue(random)])
      for (let count = random(4); count >= 0; count--) {
        head[random(head.length)] = random(3) === 0 ? 0xff : 0x88 + random(0x12)
      }
      const before = used()
      expect(ANSWERS).toContain(outcome({ head, text }))
      expect(used() - before).toBeLessThan(ROOM_MAX)
    }
  })

  it('leave nothing behind: the next value is read as if they had not been', () => {
    const good = encode(SAMPLES[7])
    for (let size = 0; size < good.head.length; size++) {
      outcome({ head: good.head.slice(0, size), text: good.text })
      expect(decode(good)).toStrictEqual(SAMPLES[7])
    }
  })
})
