// Numbers as bytes: known forms, there and back by chance, hostile bytes, and every mistake a caller can make.
import { describe, expect, it } from 'vitest'

import { varint } from '../../lib/index.ts'
import { randomFrom } from '../contract/model.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const unhex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))

function randomNumbers(seed: number, count: number): Uint32Array {
  const random = randomFrom(seed)
  return Uint32Array.from({ length: count }, () =>
    random(2 ** ([1, 7, 14, 20, 32][random(5)] ?? 1)),
  )
}

describe('varint', () => {
  it('writes the known forms', () => {
    expect(hex(varint.encode(Uint32Array.of(0, 1, 127, 128, 300, 2 ** 32 - 1)))).toBe(
      '00017f8001ac02ffffffff0f',
    )
    expect(hex(varint.encode(BigUint64Array.of(2n ** 64n - 1n)))).toBe('ffffffffffffffffff01')
    const numbers = Uint32Array.of(1, 300, 70_000)
    expect(hex(varint.encodeStream(numbers))).toBe('24012c01701101')
    expect(hex(varint.encodeStream(numbers, { rising: true }))).toBe('24012b01441001')
    expect(varint.zigzag(Int32Array.of(0, -1, 1, -2, 2 ** 31 - 1, -(2 ** 31)))).toEqual(
      Uint32Array.of(0, 1, 2, 3, 2 ** 32 - 2, 2 ** 32 - 1),
    )
    expect(varint.zigzag(BigInt64Array.of(-(2n ** 63n)))).toEqual(BigUint64Array.of(2n ** 64n - 1n))
  })

  it.each([0, 1, 5, 127, 1000, 40_000])('brings %i numbers back from every form', (count) => {
    const numbers = randomNumbers(count + 1, count)
    const rising = numbers.toSorted()
    const wide = BigUint64Array.from(numbers, (number) => BigInt(number) ** 2n)
    expect(varint.decode(varint.encode(numbers))).toEqual(numbers)
    expect(varint.decode64(varint.encode(wide))).toEqual(wide)
    expect(varint.zigzag(varint.unzigzag(numbers))).toEqual(numbers)
    expect(varint.zigzag(varint.unzigzag(wide))).toEqual(wide)
    expect(varint.decodeStream(varint.encodeStream(numbers), count)).toEqual(numbers)
    const into = new Uint32Array(count)
    const options = { rising: true, base: rising[0] ?? 0 }
    const bytes = varint.encodeStream(rising, options)
    expect(varint.decodeStream(bytes, into, options)).toBe(into)
    expect(into).toEqual(rising)
  })

  it('packs 128 numbers into as many bits as they need', () => {
    const numbers = randomNumbers(7, 128).map((number) => 5000 + (number % 1024))
    const block = varint.pack(numbers)
    expect(block).toMatchObject({ rising: false })
    expect(block.bytes.length).toBe(16 * block.width)
    expect(block.width).toBeLessThanOrEqual(10)
    expect(varint.unpack(block)).toEqual(numbers)
    const rising = numbers.toSorted()
    const steps = varint.pack(rising, { rising: true, base: 5000 })
    expect(varint.unpack(steps, new Uint32Array(128))).toEqual(rising)
    expect(varint.pack(new Uint32Array(128).fill(9))).toMatchObject({ width: 0, base: 9 })
  })

  it('reads what another thread may change from a copy', () => {
    const shared = new Uint32Array(new SharedArrayBuffer(12))
    shared.set([3, 2, 1])
    expect(varint.decode(varint.encode(shared))).toEqual(Uint32Array.of(3, 2, 1))
  })

  it('refuses bytes that no encoder writes, with the place', () => {
    const corrupt: readonly (readonly [() => unknown, RegExp])[] = [
      [() => varint.decode(unhex('0180')), /no number of 32 bits at byte 1/],
      [() => varint.decode(unhex('018000')), /at byte 1/],
      [() => varint.decode(unhex('ffffffff1f')), /at byte 0/],
      [() => varint.decode64(unhex('ffffffffffffffffff02')), /no number of 64 bits at byte 0/],
      [() => varint.decodeStream(unhex('24012c01'), 3), /no stream of 3 numbers/],
      [() => varint.decodeStream(unhex('00'), 2 ** 29), /no stream of 536870912 numbers/],
      [() => varint.decodeStream(unhex('0fffffffff01'), 2, { rising: true }), /no stream/],
      [() => varint.unpack({ bytes: unhex('00'), width: 1, base: 0, rising: false }), /1 bits/],
      [
        () => varint.unpack({ bytes: new Uint8Array(528), width: 33, base: 0, rising: false }),
        /no packed block of 33 bits/,
      ],
    ]
    for (const [call, message] of corrupt) {
      expect(call).toThrow(message)
      expect(call).toThrow(expect.objectContaining({ code: 'CORRUPT' }))
    }
  })
})

const some = Uint32Array.of(3, 2, 1)
const block = varint.pack(new Uint32Array(128))
const MISTAKES: readonly (readonly [what: string, call: () => unknown, message: RegExp])[] = [
  ['numbers in an array', () => varint.encode([1] as never), /a Uint32Array or BigUint64Array/],
  ['bytes that are none', () => varint.decode('x' as never), /bytes must be a Uint8Array/],
  ['no bytes', () => varint.decode64(undefined as never), /bytes must be a Uint8Array/],
  ['no sign', () => varint.zigzag(some as never), /an Int32Array or BigInt64Array/],
  ['a sign', () => varint.unzigzag(new Int32Array(1) as never), /Uint32Array or BigUint64Array/],
  ['wide numbers', () => varint.encodeStream(new BigUint64Array(1) as never), /a Uint32Array/],
  ['numbers that fall', () => varint.encodeStream(some, { rising: true }), /numbers must rise/],
  [
    'a base above',
    () => varint.encodeStream(Uint32Array.of(4), { rising: true, base: 5 }),
    /at or above the base, 5/,
  ],
  ['a base without need', () => varint.encodeStream(some, { base: 1 }), /base is for numbers/],
  ['a base that is none', () => varint.encodeStream(some, { rising: true, base: -1 }), /base must/],
  ['an option', () => varint.encodeStream(some, { raising: true } as never), /mean 'rising'/],
  ['a word', () => varint.encodeStream(some, { rising: 'yes' as never }), /rising must be a bool/],
  ['a count', () => varint.decodeStream(new Uint8Array(9), -1), /count must be .* not -1/],
  ['no room', () => varint.decodeStream(new Uint8Array(9), [] as never), /to must be a count or/],
  ['too few numbers', () => varint.pack(some), /numbers must be 128, not 3/],
  ['numbers that fall in a block', () => fallingBlock(), /numbers must rise/],
  ['a width', () => varint.unpack({ ...block, width: -1 }), /width must be .* not -1/],
  [
    'little room',
    () => varint.unpack(block, new Uint32Array(3)),
    /to must be a Uint32Array of 128/,
  ],
]

function fallingBlock(): unknown {
  return varint.pack(new Uint32Array(128).fill(1, 0, 5), { rising: true })
}

it.each(MISTAKES)('%s is an error that says so', (_, call, message) => {
  expect(call).toThrow(message)
  expect(call).toThrow(expect.objectContaining({ code: 'INVALID' }))
})
