// Bitmaps against sets of JavaScript, by random operations, and every mistake a caller can make.
import { describe, expect, it } from 'vitest'

import { Bitmap, Bitmap64, type BitmapExpression, type BitmapOperation } from '../../lib/index.ts'
import { randomFrom } from '../contract/model.ts'

type Below = (below: number) => number

const OPERATIONS: readonly BitmapOperation[] = ['and', 'or', 'xor', 'andNot']
const UNIVERSE = 300_000
const FAR = 2 ** 40

/** Members in clusters: some dense, some sparse, some beyond 32 bits. */
function randomMembers(random: Below): number[] {
  const members: number[] = []
  for (let cluster = random(4); cluster > 0; --cluster) {
    const base = random(UNIVERSE) + (random(4) === 0 ? FAR : 0)
    const spread = random(2) === 0 ? 70_000 : 900
    for (let count = random(3000); count > 0; --count) members.push(base + random(spread))
  }
  return members
}

const sorted = (set: ReadonlySet<number>) => [...set].sort((a, b) => a - b)

function joinSets(operation: BitmapOperation, a: Set<number>, b: Set<number>): Set<number> {
  const either = [...a, ...b]
  if (operation === 'and') return new Set([...a].filter((member) => b.has(member)))
  if (operation === 'or') return new Set(either)
  if (operation === 'andNot') return new Set([...a].filter((member) => !b.has(member)))
  return new Set(either.filter((member) => a.has(member) !== b.has(member)))
}

function expectSame(bitmap: Bitmap, set: ReadonlySet<number>): void {
  const members = sorted(set)
  expect(bitmap.size).toBe(members.length)
  expect(bitmap.toArray()).toEqual(members)
  expect(bitmap.min).toBe(members[0])
  expect(bitmap.max).toBe(members.at(-1))
}

function changeBoth(random: Below, bitmap: Bitmap, set: Set<number>): void {
  const members = randomMembers(random)
  const first = random(UNIVERSE)
  const last = first + random(4000)
  switch (random(5)) {
    case 0:
      expect(bitmap.removeMany(members)).toBe(members.filter((one) => set.delete(one)).length)
      break
    case 1:
      bitmap.addRange({ gte: first, lte: last })
      for (let member = first; member <= last; ++member) set.add(member)
      break
    case 2:
      bitmap.removeRange({ gt: first, lt: last })
      for (let member = first + 1; member < last; ++member) set.delete(member)
      break
    case 3:
      bitmap.flip({ gte: first, lt: last })
      for (let member = first; member < last; ++member) {
        if (!set.delete(member)) set.add(member)
      }
      break
    default: {
      const before = set.size
      for (const member of members) set.add(member)
      expect(bitmap.addMany(members)).toBe(set.size - before)
    }
  }
}

function askBoth(random: Below, bitmap: Bitmap, set: Set<number>): void {
  const members = sorted(set)
  for (let round = 0; round < 10; ++round) {
    const probe = random(UNIVERSE)
    const index = random(members.length + 2)
    expect(bitmap.has(probe)).toBe(set.has(probe))
    expect(bitmap.rank(probe)).toBe(members.filter((member) => member <= probe).length)
    expect(bitmap.next(probe)).toBe(members.find((member) => member >= probe))
    expect(bitmap.previous(probe)).toBe(members.findLast((member) => member <= probe))
    expect(bitmap.at(index)).toBe(members[index])
    expect(bitmap.at(-index)).toBe(members.at(index === 0 ? 0 : -index))
    const within = members.filter((member) => member >= probe && member < probe + 9000)
    expect(bitmap.count({ gte: probe, lt: probe + 9000 })).toBe(within.length)
    expect(bitmap.slice({ gte: probe, lt: probe + 9000 }).toArray()).toEqual(within)
  }
  const from = random(UNIVERSE)
  expect([...bitmap.values({ from })]).toEqual(members.filter((member) => member >= from))
  const down = members.filter((member) => member <= from).reverse()
  expect([...bitmap.values({ from, reverse: true })]).toEqual(down)
  expect([...bitmap.hasMany(members.slice(0, 500))].every((one) => one === 1)).toBe(true)
}

describe('a bitmap', () => {
  it.each([1, 2, 3, 4, 5, 6])('does what a set does (seed %i)', (seed) => {
    const random = randomFrom(seed)
    const bitmap = new Bitmap()
    const set = new Set<number>()
    for (let step = 0; step < 12; ++step) {
      changeBoth(random, bitmap, set)
      const one = random(UNIVERSE)
      expect(bitmap.add(one)).toBe(bitmap)
      set.add(one)
      const other = random(2) === 0 ? one : random(UNIVERSE)
      expect(bitmap.remove(other)).toBe(set.delete(other))
      if (random(4) === 0) bitmap.optimise()
    }
    expectSame(bitmap, set)
    askBoth(random, bitmap, set)
    expectSame(bitmap.clone(), set)
    expectSame(Bitmap.deserialise(bitmap.serialise()), set)
    expectSame(Bitmap.view(bitmap.serialise()), set)
    expectSame(Bitmap.fromRoaring(bitmap.toRoaring({ bits: 64 }), { bits: 64 }), set)
    bitmap.clear()
    expectSame(bitmap, new Set())
  })

  it.each([1, 2, 3])('joins as two sets do, in every way (seed %i)', (seed) => {
    const random = randomFrom(seed + 100)
    const sets = [1, 2, 3].map(() => new Set(randomMembers(random)))
    const [a, b, c] = sets as [Set<number>, Set<number>, Set<number>]
    const [x, y, z] = sets.map((set) => new Bitmap(set)) as [Bitmap, Bitmap, Bitmap]
    for (const operation of OPERATIONS) {
      const two = joinSets(operation, a, b)
      expectSame(Bitmap[operation](x, y), two)
      expectSame(x.clone()[operation](y), two)
      expect(Bitmap.count([operation, x, y])).toBe(two.size)
      for (const outer of OPERATIONS) {
        const expression: BitmapExpression = [outer, [operation, x, y], z]
        expectSame(Bitmap.evaluate(expression), joinSets(outer, two, c))
        expect(Bitmap.count(expression)).toBe(joinSets(outer, two, c).size)
      }
    }
    const common = joinSets('and', a, b).size
    expect(x.intersects(y)).toBe(common > 0)
    expect(Bitmap.and(x, y).isSubset(x)).toBe(true)
    expect(x.isSubset(Bitmap.or(y, z))).toBe(joinSets('andNot', a, joinSets('or', b, c)).size === 0)
    expect(x.equals(x.clone().optimise())).toBe(true)
    expect(x.jaccard(y)).toBe(
      common / (a.size + b.size - common || 1) || Number(a.size + b.size === 0),
    )
  })

  it('holds numbers up to 2^53 - 1, one by one and many at once', () => {
    const members = [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 48, Number.MAX_SAFE_INTEGER]
    const bitmap = new Bitmap(members)
    for (const member of members) expect(bitmap.has(member)).toBe(true)
    expect(bitmap.has(2 ** 33)).toBe(false)
    expect([...bitmap]).toEqual(members)
    expect(bitmap.toTypedArray()).toEqual(Float64Array.from(members))
    expect([...bitmap.values({ reverse: true })]).toEqual(members.toReversed())
    bitmap.add(2 ** 52 + 1)
    expect(bitmap.previous(2 ** 53 - 2)).toBe(2 ** 52 + 1)
    expect(bitmap.remove(Number.MAX_SAFE_INTEGER)).toBe(true)
  })

  it.each([3, 9, 100, 70_000])('hands over what add() gathered, %i members of it', (count) => {
    const wanted = Array.from({ length: count }, (_, index) => (index * 7919) % 1_000_003)
    const filled = () => wanted.reduce((bitmap, member) => bitmap.add(member), new Bitmap())
    expect(filled().size).toBe(count)
    expect(filled().has(wanted.at(-1) ?? 0)).toBe(true)
    expect(filled().remove(wanted.at(-1) ?? 0)).toBe(true)
    expect(Bitmap.count(['and', filled(), filled()])).toBe(count)
    expect(new Bitmap().or(filled()).toArray()).toEqual(wanted.toSorted((a, b) => a - b))
    const cleared = filled()
    cleared.clear()
    expect(cleared.size).toBe(0)
  })

  it('answers the same from its flat copy, whatever changes between', () => {
    const bitmap = new Bitmap([5, 64, 10_000])
    const set = new Set(bitmap)
    const ask = () => {
      for (let member = 0; member < 12_000; ++member) {
        expect(bitmap.has(member)).toBe(set.has(member))
      }
    }
    ask()
    for (const member of [6, 9_999, 11_999, 70_000]) {
      bitmap.add(member)
      set.add(member)
    }
    ask()
    expect(bitmap.size).toBe(7)
    expect(bitmap.has(70_000)).toBe(true)
    expect(bitmap.remove(64)).toBe(set.delete(64))
    ask()
    bitmap.xor(new Bitmap([1, 5]))
    set.delete(5)
    set.add(1)
    ask()
    expect(() => bitmap.has('5' as never)).toThrow(/member must be/)
    expect(bitmap.has(-0)).toBe(false)
  })

  it('takes and gives typed arrays', () => {
    const bitmap = new Bitmap(Uint32Array.of(9, 3, 3, 7))
    expect(bitmap.toTypedArray()).toEqual(Uint32Array.of(3, 7, 9))
    expect(bitmap.hasMany(Uint32Array.of(1, 3, 9))).toEqual(Uint8Array.of(0, 1, 1))
    expect(bitmap.removeMany(Uint32Array.of(7, 8))).toBe(1)
    expect(bitmap.addMany(new Set([1, 2]))).toBe(2)
  })

  it('holds all of 2^32 members in little memory', () => {
    const bitmap = new Bitmap()
    bitmap.addRange({ lt: 2 ** 32 })
    expect(bitmap.size).toBe(2 ** 32)
    expect(bitmap.at(-1)).toBe(2 ** 32 - 1)
    bitmap.flip({ gte: 1, lt: 2 ** 32 })
    expect(bitmap.toArray()).toEqual([0])
  })

  it('is walked on where a break left it, and sees what comes in front of it', () => {
    const bitmap = new Bitmap(Array.from({ length: 1000 }, (_, index) => index * 2))
    const walk = bitmap.values()
    expect(walk.next()).toEqual({ value: 0, done: false })
    bitmap.add(1999)
    expect([...walk].at(-1)).toBe(1999)
    const stopped = bitmap.values()
    stopped.return()
    expect(stopped.next().done).toBe(true)
  })

  it('tells its memory, which optimise() lessens', () => {
    const bitmap = new Bitmap(Array.from({ length: 50_000 }, (_, index) => index))
    expect(bitmap.statistics().containers).toEqual({ array: 0, bits: 1, runs: 0 })
    expect(bitmap.statistics().memberBytes).toBe(8192)
    bitmap.optimise()
    expect(bitmap.statistics().containers).toEqual({ array: 0, bits: 0, runs: 1 })
    expect(bitmap.statistics()).toMatchObject({ memberBytes: 4, directoryBytes: 16 })
  })

  it.each([[1000, 2.3], [100, 2.11], [10, 1.33], [2, 0.26]])('takes for a member of 1 in %i at most %f bytes', (share, most) => {
    let state = 1
    const members: number[] = []
    for (let member = 0; member < 2_000_000; member += 1) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      if (state < 2 ** 32 / share) members.push(member)
    }
    const bitmap = new Bitmap(members).optimise()
    const { memberBytes, directoryBytes } = bitmap.statistics()
    expect((memberBytes + directoryBytes) / bitmap.size).toBeLessThan(most)
    expect(bitmap.serialise().length / bitmap.size).toBeLessThan(most + 0.1)
  })
})

describe('a bitmap of bigints', () => {
  const MAX = 2n ** 64n - 1n

  it('holds all of 64 bits', () => {
    const members = [0n, 5n, 2n ** 32n, 2n ** 53n, MAX]
    const bitmap = new Bitmap64(members)
    for (const member of members) expect(bitmap.has(member)).toBe(true)
    expect([...bitmap]).toEqual(members)
    expect([...bitmap.values({ from: MAX - 1n, reverse: true })]).toEqual(
      members.slice(0, 4).reverse(),
    )
    expect(bitmap.max).toBe(MAX)
    expect(bitmap.at(1)).toBe(5n)
    expect(bitmap.rank(2n ** 53n)).toBe(4)
    expect(bitmap.toTypedArray()).toEqual(BigUint64Array.from(members))
    expect(bitmap.count({ gt: MAX })).toBe(0)
    expect(Bitmap64.fromRoaring(bitmap.toRoaring()).equals(bitmap)).toBe(true)
    expect(Bitmap64.and(bitmap, new Bitmap64([5n])).toArray()).toEqual([5n])
    bitmap.removeRange({ gte: 6n })
    expect(bitmap.toArray()).toEqual([0n, 5n])
  })

  it('whose members are no numbers is not read as one of numbers', () => {
    const bytes = new Bitmap64([2n ** 53n]).serialise()
    expect(() => Bitmap.deserialise(bytes)).toThrow(/members to 2\^53 - 1/)
    expect(Bitmap.deserialise(new Bitmap64([2n ** 53n - 1n]).serialise()).max).toBe(2 ** 53 - 1)
  })
})

describe('a view', () => {
  const bytes = new Bitmap(Array.from({ length: 9000 }, (_, index) => index * 3)).serialise()

  it('reads and joins, and cannot change', () => {
    const view = Bitmap.view(bytes)
    expect(view.isView).toBe(true)
    expect(view.has(300)).toBe(true)
    expect(Bitmap.and(view, new Bitmap([3, 4])).toArray()).toEqual([3])
    const changes: (() => unknown)[] = [
      () => view.add(1),
      () => view.remove(3),
      () => view.addMany([1]),
      () => view.addRange({ lt: 5 }),
      () => view.or(new Bitmap()),
      () => view.optimise(),
      () => view.clear(),
    ]
    for (const change of changes) {
      expect(change).toThrow(expect.objectContaining({ code: 'READ_ONLY' }))
    }
    expect(view.clone().add(1).has(1)).toBe(true)
    view.verify()
  })

  it('finds out that its bytes changed, or went away', () => {
    const own = bytes.slice()
    const view = Bitmap.view(own)
    own[own.length - 9] = 0xee
    expect(() => view.verify()).toThrow(expect.objectContaining({ code: 'CORRUPT' }))
    structuredClone(own.buffer, { transfer: [own.buffer] })
    expect(() => view.has(3)).toThrow(expect.objectContaining({ code: 'CLOSED' }))
    expect(() => Bitmap.or(view, new Bitmap())).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  })
})

// What is wrong, and the words that say so.
const none = undefined as never
const MISTAKES: readonly (readonly [what: string, call: () => unknown, message: RegExp])[] = [
  ['a negative member', () => new Bitmap().add(-1), /member must be a whole number .* not -1/],
  ['a fraction', () => new Bitmap().has(1.5), /member must be .* not 1.5/],
  ['a number beyond', () => new Bitmap().remove(2 ** 53), /member must be .* to 2\^53 - 1/],
  ['NaN', () => new Bitmap().add(NaN), /not NaN/],
  ['a bigint', () => new Bitmap().add(1n as never), /not 1n/],
  [
    'a number for a bigint',
    () => new Bitmap64().add(1 as never),
    /member must be a bigint .* not 1/,
  ],
  ['a bigint beyond', () => new Bitmap64().add(2n ** 64n), /from 0n to 2n \*\* 64n - 1n/],
  ['no member', () => new Bitmap().rank(none), /member must be .* not undefined/],
  ['members that are none', () => new Bitmap().addMany(5 as never), /members must be an iterable/],
  ['a string of members', () => new Bitmap('12' as never), /members must be an iterable/],
  ['one wrong among many', () => new Bitmap([1, 2, -3]), /member 2 must be .* not -3/],
  ['one wrong bigint', () => new Bitmap64([1n, -1n]), /member 1 must be .* not -1n/],
  ['a bound misspelt', () => new Bitmap().addRange({ from: 1 } as never), /unknown option 'from'/],
  ['a bound that is none', () => new Bitmap().flip({ lt: -1 }), /range.lt must be .* not -1/],
  ['no range', () => new Bitmap().removeRange(none), /range/],
  ['a range too long', () => new Bitmap().addRange({ gte: 1 }), /at most 2\^36 members/],
  ['an index that is none', () => new Bitmap().at(0.5), /index must be a whole number, not 0.5/],
  ['a place that is none', () => new Bitmap().next(-1), /from must be .* not -1/],
  ['a walk misspelt', () => new Bitmap().values({ form: 1 } as never), /did you mean 'from'/],
  ['a walk from nowhere', () => new Bitmap().values({ from: -2 }), /from must be .* not -2/],
  ['a direction', () => new Bitmap().values({ reverse: 1 as never }), /reverse must be a boolean/],
  ['no other', () => new Bitmap().and({} as never), /other must be a Bitmap, not an object/],
  ['another class', () => new Bitmap().or(new Bitmap64() as never), /other must be a Bitmap/],
  ['no expression', () => Bitmap.evaluate(5 as never), /expression must be a bitmap or/],
  ['an operation', () => Bitmap.count(['nand', new Bitmap()] as never), /operation must be 'and'/],
  ['no operand', () => Bitmap.evaluate(['or'] as never), /\['or'\] must have an operand/],
  ['no bytes', () => Bitmap.deserialise('x' as never), /bytes must be a Uint8Array, not "x"/],
  ['short bytes', () => Bitmap.deserialise(new Uint8Array(9)), /bitmap: cut short at byte 9/],
  ['foreign bytes', () => Bitmap.view(new Uint8Array(64)), /bitmap: no bitmap at byte 0/],
  ['bytes askew', () => Bitmap.view(new Uint8Array(64).subarray(1)), /multiple of 8 .* not at 1/],
  ['bits', () => new Bitmap().toRoaring({ bits: 16 as never }), /bits must be 32 or 64, not 16/],
  ['too few bits', () => new Bitmap([2 ** 32]).toRoaring(), /bits must be 64 .* 4294967296/],
  ['Roaring bytes', () => Bitmap.fromRoaring(new Uint8Array(8)), /no portable bitmap at byte 4/],
]

it.each(MISTAKES)('%s is an error that says so', (_, call, message) => {
  expect(call).toThrow(message)
})

it('an expression too deep is refused', () => {
  let expression: BitmapExpression = new Bitmap()
  for (let depth = 0; depth < 65; ++depth) expression = ['or', expression]
  expect(() => Bitmap.evaluate(expression)).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }))
})
