// The checker itself, by histories made by hand: each phenomenon is found where it is, and no other.
import { describe, expect, it } from 'vitest'

import { type List, type Phenomenon, phenomenaOf } from './phenomena.ts'
import type { Past } from './witness.mjs'

type Steps = Partial<Pick<Past, 'reads' | 'appends'>>

const committed = ({ reads = [], appends = [] }: Steps): Past => ({
  isCommitted: true,
  reads,
  appends,
})
const refused = (steps: Steps): Past => ({ ...committed(steps), isCommitted: false })

const cases: readonly (readonly [
  sentence: string,
  pasts: readonly Past[],
  versions: Readonly<Record<string, readonly List[]>>,
  found: readonly Phenomenon[],
])[] = [
  ['nothing in no history', [], {}, []],
  [
    'nothing where one ran after the other',
    [
      committed({ reads: [['x', []]], appends: [['x', 1]] }),
      committed({
        reads: [
          ['x', [1]],
          ['y', []],
        ],
        appends: [
          ['x', 2],
          ['y', 3],
        ],
      }),
      committed({
        reads: [
          ['x', [1, 2]],
          ['y', [3]],
        ],
      }),
    ],
    { x: [[1], [1, 2]], y: [[3]] },
    [],
  ],
  [
    'nothing where a reader was before a writer, whenever it ended',
    [
      committed({
        reads: [
          ['x', []],
          ['y', []],
        ],
      }),
      committed({
        appends: [
          ['x', 1],
          ['y', 2],
        ],
      }),
    ],
    { x: [[1]], y: [[2]] },
    [],
  ],
  [
    'nothing in what a refused one has read',
    [
      refused({
        reads: [
          ['x', []],
          ['y', [2]],
        ],
        appends: [['z', 3]],
      }),
      committed({
        appends: [
          ['x', 1],
          ['y', 2],
        ],
      }),
    ],
    { x: [[1]], y: [[2]] },
    [],
  ],
  [
    'G0 where two wrote two keys in two orders',
    [
      committed({
        appends: [
          ['x', 1],
          ['y', 2],
        ],
      }),
      committed({
        appends: [
          ['x', 3],
          ['y', 4],
        ],
      }),
    ],
    { x: [[1], [3]], y: [[4], [2]] },
    ['G0'],
  ],
  [
    'G0 in a circle of three',
    [
      committed({
        appends: [
          ['x', 1],
          ['y', 2],
        ],
      }),
      committed({
        appends: [
          ['y', 3],
          ['z', 4],
        ],
      }),
      committed({
        appends: [
          ['z', 5],
          ['x', 6],
        ],
      }),
    ],
    { x: [[6], [1]], y: [[2], [3]], z: [[4], [5]] },
    ['G0'],
  ],
  [
    'G1a in what reads what was rolled back',
    [refused({ appends: [['x', 1]] }), committed({ reads: [['x', [1]]] })],
    {},
    ['G1a'],
  ],
  [
    'G1a in what reads it below what is committed',
    [
      refused({ appends: [['x', 1]] }),
      committed({ reads: [['x', [1]]], appends: [['x', 2]] }),
      committed({ reads: [['x', [1, 2]]] }),
    ],
    { x: [[1, 2]] },
    ['G1a'],
  ],
  [
    'G1a in a version that nobody has read',
    [refused({ appends: [['x', 1]] })],
    { x: [[1]] },
    ['G1a'],
  ],
  [
    'G1a in an element that nobody wrote',
    [committed({ reads: [['x', [7]]] })],
    { x: [[7]] },
    ['G1a'],
  ],
  [
    'G1b in what reads half of another',
    [
      committed({
        appends: [
          ['x', 1],
          ['x', 2],
        ],
      }),
      committed({ reads: [['x', [1]]] }),
    ],
    { x: [[1, 2]] },
    ['G1b'],
  ],
  [
    'G1c where two read what the other wrote',
    [
      committed({ reads: [['y', [2]]], appends: [['x', 1]] }),
      committed({ reads: [['x', [1]]], appends: [['y', 2]] }),
    ],
    { x: [[1]], y: [[2]] },
    ['G1c'],
  ],
  [
    'G1c where one wrote before the other, and had read from it',
    [
      committed({
        appends: [
          ['x', 1],
          ['y', 2],
        ],
      }),
      committed({ reads: [['y', [2]]], appends: [['x', 3]] }),
    ],
    { x: [[3], [1]], y: [[2]] },
    ['G1c'],
  ],
  [
    'G-single in a lost update',
    [
      committed({ reads: [['x', []]], appends: [['x', 1]] }),
      committed({ reads: [['x', []]], appends: [['x', 2]] }),
    ],
    { x: [[1], [2]] },
    ['G-single', 'G2'],
  ],
  [
    'G-single in what read one key before another transaction, and one after it',
    [
      committed({
        reads: [
          ['x', []],
          ['y', [2]],
        ],
      }),
      committed({
        appends: [
          ['x', 1],
          ['y', 2],
        ],
      }),
    ],
    { x: [[1]], y: [[2]] },
    ['G-single', 'G2'],
  ],
  [
    'G-single in what read a key twice',
    [
      committed({
        reads: [
          ['x', []],
          ['x', [1]],
        ],
      }),
      committed({ appends: [['x', 1]] }),
    ],
    { x: [[1]] },
    ['G-single', 'G2'],
  ],
  [
    'G2 alone in write skew',
    [
      committed({
        reads: [
          ['x', []],
          ['y', []],
        ],
        appends: [['x', 1]],
      }),
      committed({
        reads: [
          ['x', []],
          ['y', []],
        ],
        appends: [['y', 2]],
      }),
    ],
    { x: [[1]], y: [[2]] },
    ['G2'],
  ],
  [
    'G2 alone where a reader saw the second of two, but not the first, and that had not seen the second',
    [
      committed({
        reads: [
          ['x', []],
          ['y', []],
        ],
        appends: [['x', 1]],
      }),
      committed({ reads: [['y', []]], appends: [['y', 2]] }),
      committed({
        reads: [
          ['x', []],
          ['y', [2]],
        ],
      }),
    ],
    { x: [[1]], y: [[2]] },
    ['G2'],
  ],
  [
    'what is lost in a commit without a version',
    [committed({ appends: [['x', 1]] })],
    {},
    ['lost'],
  ],
  [
    'what is lost in a version that has half of its commit',
    [
      committed({
        appends: [
          ['x', 1],
          ['x', 2],
        ],
      }),
    ],
    { x: [[2]] },
    ['lost'],
  ],
]

describe('the checker finds', () => {
  it.each(cases)('%s', (_, pasts, versions, found) => {
    expect([...phenomenaOf(pasts, new Map(Object.entries(versions)))].sort()).toEqual(
      [...found].sort(),
    )
  })
})
