// bench/workloads/bitmap.ts — bitmaps over 10 M possible members: one member at a time, many at once, two and four
// sets joined at three densities, and opened from bytes.
import { type Bits, withBits } from '../bitmaps.ts'
import { Random } from '../data.ts'
import type { PlotPlace } from '../plot.ts'
import {
  alone,
  type Context,
  type Outcome,
  type Row,
  type Target,
  type Workload,
} from '../shape.ts'

const UNIVERSE = 10_000_000
const SINGLES = 1_000_000
// Of what takes so little that a million would measure how a loop gets warm: the first lap of has() took three times as
// long as the third.
const TURNS = 10
const OPENINGS = 1000
const DENSITIES = [1000, 10, 2] as const
// More of what takes less: a lap of 10 ms would measure how quickly a loop gets warm.
const JOINS: Readonly<Record<number, number>> = { 1000: 20_000, 10: 4000, 2: 4000 }

type Run = <Set>(bits: Bits<Set>, context: Context) => Promise<Outcome>

function membersOf(seed: number, count: number): Uint32Array {
  const random = new Random(seed)
  return Uint32Array.from({ length: count }, () => random.below(UNIVERSE))
}

// Each possible member with a chance of one in `share`.
function denseMembers(seed: number, share: number): Uint32Array {
  const random = new Random(seed)
  const members: number[] = []
  for (let member = 0; member < UNIVERSE; member += 1)
    if (random.below(share) === 0) members.push(member)
  return Uint32Array.from(members)
}

const setsOf = <Set>(bits: Bits<Set>, seed: number, share: number) =>
  [1, 2, 3, 4].map((turn) => bits.of(denseMembers(seed * 10 + turn, share))) as [Set, Set, Set, Set]

function expectSame(what: string, found: number, wanted: number): void {
  if (found !== wanted) throw new Error(`${what}: ${found}, not ${wanted}`)
}

function bitmapRow(
  name: string,
  title: string,
  targets: readonly Target[],
  run: Run,
  plot?: PlotPlace,
): Workload {
  const row: Row = { name: `bitmap-${name}`, title: `bitmap: ${title}`, per: 'cpu', targets }
  return alone(plot === undefined ? row : { ...row, plot }, {
    contest: 'kernels',
    begins: 'none',
    rivals: ['roaring'],
    run: (context) => withBits(context.contestant, (bits) => run(bits, context)),
  })
}

// ---- members

const add: Run = async (bits, context) => {
  const members = membersOf(context.round, context.count(SINGLES))
  const set = bits.of(new Uint32Array(0))
  const lap = await context.time(async () => {
    for (const member of members) bits.add(set, member)
    bits.size(set)
  })
  expectSame('add', bits.size(set), new Set(members).size)
  return { operations: members.length, lap }
}

// Half of what is asked for is there.
const has: Run = async (bits, context) => {
  const members = membersOf(context.round, context.count(SINGLES))
  const set = bits.of(members)
  const asked = members.map((member, index) => (index % 2 === 0 ? member : member ^ 1))
  let found = 0
  const lap = await context.time(async () => {
    for (let turn = 0; turn < TURNS; turn += 1)
      for (const member of asked) if (bits.has(set, member)) found += 1
  })
  const there = new Set(members)
  expectSame('has', found, TURNS * asked.filter((member) => there.has(member)).length)
  return { operations: TURNS * asked.length, lap }
}

function addMany(sorts: boolean): Run {
  return async (bits, context) => {
    const members = membersOf(context.round, context.count(SINGLES))
    if (sorts) members.sort()
    let size = 0
    const lap = await context.time(async () => {
      size = bits.size(bits.of(members))
    })
    expectSame('addMany', size, new Set(members).size)
    return { operations: members.length, lap }
  }
}

const iterate: Run = async (bits, context) => {
  const members = membersOf(context.round, context.count(SINGLES))
  const set = bits.of(members)
  let sum = 0
  const lap = await context.time(async () => {
    for (let turn = 0; turn < TURNS; turn += 1) sum += bits.sum(set)
  })
  expectSame(
    'iterate',
    sum,
    [...new Set(members)].reduce((total, member) => total + TURNS * member, 0),
  )
  return { operations: TURNS * bits.size(set), lap }
}

// ---- sets

function join(share: number, count: <Set>(bits: Bits<Set>, a: Set, b: Set) => number): Run {
  return async (bits, context) => {
    const [a, b] = setsOf(bits, context.round, share)
    const operations = context.count(JOINS[share] ?? 1)
    let sum = 0
    const lap = await context.time(async () => {
      for (let turn = 0; turn < operations; turn += 1) sum += count(bits, a, b)
    })
    const common = bits.andCount(a, b)
    const wanted = [common, bits.size(a) + bits.size(b) - common]
    if (!wanted.includes(sum / operations)) throw new Error(`join: ${sum / operations} members`)
    return { operations, lap }
  }
}

function expression(share: number): Run {
  return async (bits, context) => {
    const [a, b, c, d] = setsOf(bits, context.round, share)
    const operations = context.count(JOINS[share] ?? 1)
    let sum = 0
    const lap = await context.time(async () => {
      for (let turn = 0; turn < operations; turn += 1) sum += bits.expressionCount(a, b, c, d)
    })
    const kept = bits.andNot(bits.and(bits.or(a, b), c), d)
    expectSame('expression', sum / operations, bits.size(kept))
    return { operations, lap }
  }
}

const open: Run = async (bits, context) => {
  const [set] = setsOf(bits, context.round, 2)
  const bytes = bits.bytes(set)
  const operations = context.count(OPENINGS)
  let size = 0
  const lap = await context.time(async () => {
    for (let turn = 0; turn < operations; turn += 1) size += bits.size(bits.open(bytes))
  })
  expectSame('open', size / operations, bits.size(set))
  return { operations, lap }
}

function densityRow(
  name: string,
  title: string,
  share: number,
  targets: readonly Target[],
  run: Run,
): Workload {
  const at = `1 in ${share}`
  const drawn = { title: `bitmap: ${title}`, axis: 'density of the sets' }
  const plot = { family: `bitmap-${name}`, ...drawn, at }
  return bitmapRow(`${name}-${share}`, `${title}, ${at}`, targets, run, plot)
}

function densityRows(share: number): readonly Workload[] {
  const once = [{ times: 1 }]
  const thrice = [{ times: 3 }]
  const joins = [
    densityRow(
      'and-count',
      'how many in both',
      share,
      once,
      join(share, (bits, a, b) => bits.andCount(a, b)),
    ),
    densityRow(
      'or-count',
      'how many in either',
      share,
      once,
      join(share, (bits, a, b) => bits.orCount(a, b)),
    ),
    densityRow(
      'and',
      'a set of both',
      share,
      thrice,
      join(share, (bits, a, b) => bits.size(bits.and(a, b))),
    ),
    densityRow(
      'or',
      'a set of either',
      share,
      thrice,
      join(share, (bits, a, b) => bits.size(bits.or(a, b))),
    ),
  ]
  const title = 'how many in (a or b) and c, not d'
  return [...joins, densityRow('expression', title, share, [{ times: 5 }], expression(share))]
}

export const bitmapWorkloads: readonly Workload[] = [
  bitmapRow('add', 'add, one at a time', [{ times: 3 }], add),
  bitmapRow('has', 'has, one at a time', [{ times: 3 }], has),
  bitmapRow('add-many', 'a million at once, unsorted', [{ times: 3 }], addMany(false)),
  bitmapRow('add-many-sorted', 'a million at once, sorted', [{ times: 1 }], addMany(true)),
  bitmapRow('iterate', 'a loop over all members', [{ times: 1 }], iterate),
  ...DENSITIES.flatMap(densityRows),
  bitmapRow('open', 'a set of bytes, 1 in 2, and its size', [{ times: 20 }], open),
]
