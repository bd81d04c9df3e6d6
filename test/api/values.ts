// test/api/values.ts — values of every kind, by seed.
type Below = (below: number) => number

export const PLAIN: readonly unknown[] = [
  ...[null, true, false, undefined, 0, -0, 1, -16, -17, 111, 112, -128, 127, -129, 32_767, 32_768],
  ...[-32_769, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 2 ** 53, 1.5, 5e-324, NaN, Infinity, -Infinity],
  ...[0n, 1n, -1n, 255n, 256n, -(2n ** 64n), 10n ** 400n],
  ...[
    '',
    'x',
    'x'.repeat(63),
    'x'.repeat(64),
    'x'.repeat(1000),
    'é',
    '\u6c34\ud83d',
    '\0',
    '\udfff',
  ],
]

const FIELDS = [
  'a',
  'bc',
  'id',
  'name',
  '',
  '0',
  '12',
  'with space',
  '__proto__',
  'constructor',
  '水',
]

const VIEWS = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
] as const

function randomText(random: Below): string {
  const units = Array.from({ length: random(random(10) === 0 ? 300 : 20) }, () =>
    random(8) === 0 ? random(0x10000) : 32 + random(95),
  )
  return String.fromCharCode(...units)
}

function randomLeaf(random: Below): unknown {
  switch (random(8)) {
    case 0:
      return randomText(random)
    case 1:
      return random(2 ** 30) - 2 ** 29
    case 2:
      return (random(2 ** 30) - 2 ** 29) / 7
    case 3:
      return BigInt.asIntN(64 * random(4), (1n << BigInt(random(260))) - BigInt(random(1000)))
    case 4:
      return new Date(random(2 ** 30) * 1000)
    case 5: {
      const View = VIEWS[random(VIEWS.length)] ?? Uint8Array
      return View.from(Array.from({ length: random(9) }, () => random(256)))
    }
    default:
      return PLAIN[random(PLAIN.length)]
  }
}

class Instance {
  constructor(fields: object) {
    Object.assign(this, fields)
  }
}

/** A value of any kind but an invalid date (which Node 20 holds to be unequal to itself), at most four deep; an instance of a class now and then. */
export function randomValue(random: Below, depth = 0): unknown {
  const many = <T>(make: () => T): T[] => Array.from({ length: random(6) }, make)
  const inner = (): unknown => randomValue(random, depth + 1)
  const field = (): readonly [string, unknown] => [FIELDS[random(FIELDS.length)] ?? '', inner()]
  switch (random(depth < 4 ? 7 : 2)) {
    case 2:
      return many(inner)
    case 3:
      return new Map(many(() => [inner(), inner()]))
    case 4:
      return new Set(many(inner))
    case 5:
      return Object.fromEntries(many(field))
    case 6:
      return random(4) === 0
        ? new Instance(Object.fromEntries(many(() => [`own${random(9)}`, inner()])))
        : { id: random(100), name: randomText(random), nested: inner() }
    default:
      return randomLeaf(random)
  }
}
