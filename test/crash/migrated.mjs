// test/crash/migrated.mjs — a collection before and after a change that converts every document.
import { collection, t } from '../../dist/index.js'

export const COUNT = 4000

const id = t.int32()
const beats = t.int32().default(0)

export const before = collection('things', {
  key: 'id',
  schema: { id, n: t.string(), beats },
  indexes: { n: 'ordered' },
})

export const after = collection('things', {
  key: 'id',
  schema: { id, n: t.int32().from((old) => Number(old)), beats },
  indexes: {
    n: 'ordered',
    last: { on: (thing) => thing.n % 10 },
    same: { on: ['n', 'id'], unique: true },
  },
})
