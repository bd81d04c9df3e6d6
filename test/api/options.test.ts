import { expect, test } from 'vitest'
import { checkOptions, openSettings, parseSize, type OpenOptions } from '../../lib/options.ts'

test('open() without options has the documented defaults', () => {
  expect(openSettings()).toEqual({
    engine: 'lsm',
    durability: 'disk',
    memory: 256 * 1024 ** 2,
    threads: 2,
    compaction: 'leveled',
    compression: 'lz',
    blockSize: 4096,
    create: 'if-missing',
    readOnly: false,
    encoding: 'value',
    logger: undefined,
  })
})

test('options that are given win, and undefined is as good as absent', () => {
  const codec = { encode: () => new Uint8Array(), decode: () => 1 }
  const given: OpenOptions = { engine: 'memory', memory: '1GB', encoding: codec, threads: undefined, logger: console }
  expect(openSettings(given)).toMatchObject({ engine: 'memory', memory: 1024 ** 3, encoding: codec, threads: 2 })
})

test('an unknown option is INVALID, with the nearest known name', () => {
  expect(() => checkOptions('open', { durabilty: 'disk' })).toThrow('unknown option "durabilty"; did you mean durability?')
  expect(() => checkOptions('open', { readonly: true })).toThrow('did you mean readOnly?')
  expect(() => checkOptions('range', { get: 1 })).toThrow('did you mean gt?')
  expect(() => checkOptions('write', { sync: true })).toThrow('known are durability, signal')
  expect(() => checkOptions('write', { toString: 1 })).toThrow('unknown option "toString"')
  expect(() => checkOptions('write', { ['x'.repeat(1e6)]: 1 })).toThrow(expect.objectContaining({ code: 'INVALID' }))
})

test('a wrong option is INVALID and named', () => {
  const wrong = [
    { engine: 'lms' }, { durability: 'ram' }, { memory: '1 potato' }, { memory: 5 }, { threads: 0 }, { threads: 1.5 },
    { compaction: 'no' }, { compression: true }, { blockSize: 1 }, { create: true }, { readOnly: 1 },
    { encoding: { encode: () => 0 } }, { logger: { warn: 1 } },
  ]
  for (const options of wrong) {
    const name = Object.keys(options)[0] as string
    expect(() => checkOptions('open', options)).toThrow(
      expect.objectContaining({ code: 'INVALID', message: expect.stringContaining(`${name} must be`) }),
    )
  }
  for (const options of [null, 5, 'x', []]) expect(() => checkOptions('open', options)).toThrow('options must be an object')
})

test('ranges and writes take what they say', () => {
  const { signal } = new AbortController()
  checkOptions('range', { gt: 1, lte: 'x', prefix: ['a'], reverse: true, limit: Infinity, signal })
  checkOptions('write', { durability: 'os', signal })
  checkOptions('write', undefined)
  expect(() => checkOptions('range', { limit: -1 })).toThrow('limit must be')
  expect(() => checkOptions('range', { signal: {} })).toThrow('signal must be an AbortSignal')
})

test('sizes are bytes or words for them', () => {
  const sizes = ['256MB', '64kb', '1.5 GB', '7B', 12].map((size) => parseSize(size, 'memory'))
  expect(sizes).toEqual([256 * 1024 ** 2, 65536, 1.5 * 1024 ** 3, 7, 12])
  for (const wrong of ['', 'MB', '-1MB', '1TB', '1e3MB', NaN, -1, 1.5, null, '9'.repeat(400) + 'GB']) {
    expect(() => parseSize(wrong, 'memory')).toThrow('memory must be a size')
  }
})
