// What a value may be, and what is said about the rest.
import { runInNewContext } from 'node:vm'
import { MessageChannel } from 'node:worker_threads'

import { describe, expect, it } from 'vitest'

import { decode, encode, roomOf, round } from './head.ts'

const refusal = (value: unknown): string => {
  try {
    encode(value)
  } catch (error) {
    return `${(error as { code?: string }).code}: ${(error as Error).message}`
  }
  return 'stored'
}

const cannot = (what: string) =>
  `INVALID: value.users[3].pattern is ${what}, which cannot be stored`
const inPlace = (value: unknown) => ({ users: [0, 1, 2, { name: 'x', pattern: value }] })

describe('what keeps its content where no field shows it is INVALID by its path and kind', () => {
  function* generated() {
    yield 1
  }
  class Pattern extends RegExp {}
  class Failure extends TypeError {}
  const view = new Uint8Array(8)
  const buffer = new ArrayBuffer(8)
  new MessageChannel().port1.postMessage(0, [view.buffer, buffer])

  it.each<[string, unknown]>([
    ['a function', () => 0],
    ['a function', class {}],
    ['a symbol', Symbol('s')],
    ['a RegExp', /x/],
    ['a RegExp', new Pattern('x')],
    ['a Promise', Promise.resolve(1)],
    ['a WeakMap', new WeakMap()],
    ['a WeakSet', new WeakSet()],
    ['a WeakRef', new WeakRef({})],
    ['a SharedArrayBuffer', new SharedArrayBuffer(8)],
    ['an Error', new Error('x')],
    ['a TypeError', new Failure('x')],
    ['a Number', Object(1)],
    ['a String', Object('x')],
    ['a Boolean', Object(true)],
    ['a Symbol', Object(Symbol('s'))],
    ['a BigInt', Object(1n)],
    ['a URL', new URL('http://localhost')],
    ['a URLSearchParams', new URLSearchParams('a=b')],
    ['a Blob', new Blob(['x'])],
    ['an AbortController', new AbortController()],
    ['an Intl.NumberFormat', new Intl.NumberFormat()],
    ['an Iterator', new Map().keys()],
    ['an Iterator', [1].values()],
    ['an Iterator', generated()],
    ['a detached view', view],
    ['a detached ArrayBuffer', buffer],
    ['a Proxy of a Map', new Proxy(new Map(), {})],
    ['an imitation of a Date', Object.create(Date.prototype)],
    ['a RegExp', runInNewContext('/x/')],
    ['an Error', runInNewContext('new Error("x")')],
    ['a Promise', runInNewContext('(async () => 1)()')],
  ])('%s', (what, value) => {
    expect(refusal(inPlace(value))).toBe(cannot(what))
    expect(refusal(value)).toBe(`INVALID: value is ${what}, which cannot be stored`)
  })

  it('and so are cycles and what is nested too deep', () => {
    const loop: { a: unknown[] } = { a: [] }
    loop.a.push(loop)
    expect(refusal(loop)).toBe('INVALID: value.a[0] is a cycle, which cannot be stored')
    const nested = (depth: number) =>
      Array.from({ length: depth }).reduce<unknown>((inner) => [inner], 1)
    expect(decode(encode(nested(64)))).toEqual(nested(64))
    expect(refusal(nested(65))).toMatch(/^INVALID: value(\[0\]){64} is nested more than 64 deep$/)
    expect(refusal(nested(100_000))).toMatch(/nested more than 64 deep$/)
  })

  it('in maps, sets and under names that are no words', () => {
    const wrong = () => 0
    expect(refusal(new Map([[1, wrong]]))).toContain('value.entry(0) is a function')
    expect(refusal(new Map([[wrong, 1]]))).toContain('value.key(0) is a function')
    expect(refusal(new Set([1, wrong]))).toContain('value.member(1) is a function')
    expect(refusal({ 'a b': [wrong] })).toContain('value["a b"][0] is a function')
    expect(refusal(undefined)).toBe('INVALID: value must not be undefined; use delete')
  })
})

describe('what is an object inside is stored as one', () => {
  it('instances of anybody’s class are their own enumerable fields', () => {
    class Point {
      #secret = 1
      x = this.#secret
      get y(): number {
        return 2
      }
    }
    class Named extends Point {
      readonly name = 'n'
    }
    const all = [new Point(), new Named(), Object.create({ inherited: 1 }), Object.create(null)]
    expect(round(all)).toStrictEqual([{ x: 1 }, { x: 1, name: 'n' }, {}, {}])
    expect(round(Object.assign(Object.create(null) as object, { a: 1 }))).toStrictEqual({ a: 1 })
  })

  it('symbols and fields that are not enumerable are not stored, getters by what they answer', () => {
    const value = Object.defineProperty(
      {
        [Symbol('s')]: 1,
        get a() {
          return 2
        },
      },
      'hidden',
      {
        value: 3,
      },
    )
    expect(round(value)).toStrictEqual({ a: 2 })
  })

  it('a proxy of an object is what it shows', () => {
    expect(round(new Proxy({ a: 1 }, { get: () => 2 }))).toStrictEqual({ a: 2 })
    expect(round(new Proxy([1, 2], {}))).toStrictEqual([1, 2])
  })

  it('what another realm made is what it is there', () => {
    const value: unknown = runInNewContext(
      '({ at: new Date(5), map: new Map([[1, { x: 1 }]]), list: [1], view: new Int16Array([7]) })',
    )
    expect(round(value)).toStrictEqual({
      at: new Date(5),
      map: new Map([[1, { x: 1 }]]),
      list: [1],
      view: Int16Array.of(7),
    })
  })

  it('subclasses of what can be stored are stored as that, whatever they override', () => {
    class Day extends Date {
      override getTime(): number {
        return -1
      }
    }
    class Bag extends Map<string, number> {
      override get size(): number {
        return 99
      }
    }
    class List extends Array<number> {}
    expect(round([new Day(7), new Bag([['a', 1]]), List.of(1, 2)])).toStrictEqual([
      new Date(7),
      new Map([['a', 1]]),
      [1, 2],
    ])
  })
})

describe('how much a value may have', () => {
  it('a hole is undefined, and fields beside the elements are not stored', () => {
    const list: unknown[] = [1]
    list[3] = 4
    expect(round(Object.assign(list, { extra: 5 }))).toStrictEqual([1, undefined, undefined, 4])
  })

  it('an array longer than a value may be is TOO_LARGE before room is made for it', () => {
    const sparse: unknown[] = []
    sparse[2 ** 32 - 2] = 1
    for (const value of [new Array(1e9), sparse, { a: [new Array(2 ** 31)] }]) {
      expect(() => encode(value)).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }))
      expect(roomOf(value)).toBeLessThan(1024)
    }
  })

  it('a value that holds itself many times over is TOO_LARGE, and room stays bounded', () => {
    let value: unknown = ['x']
    for (let level = 0; level < 40; level++) value = [value, value]
    expect(() => encode(value, 2 ** 20)).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }))
    expect(roomOf(value, 2 ** 20)).toBeLessThanOrEqual(2 ** 22)
  })

  it('text counts too, and no length makes an error of another kind', () => {
    const long = 'x'.repeat(2 ** 28)
    const tooLarge = expect.objectContaining({ code: 'TOO_LARGE' })
    expect(() => encode([long])).toThrow(tooLarge)
    expect(() => encode([long, long, long, long], Infinity)).toThrow(tooLarge)
    expect(() => encode(['x'.repeat(1000)], 1000)).toThrow(tooLarge)
    expect(() => encode([1n << (2n ** 28n)])).toThrow(tooLarge)
    expect(round([new Uint8Array(1000)])).toStrictEqual([new Uint8Array(1000)])
  })
})
