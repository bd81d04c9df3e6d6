// Random declarations, one after the other, over the same documents, against a model of what becomes of each field: on every engine, before, while and
// after documents are rewritten, and with the store closed in the middle of it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import {
  collection,
  type Field,
  type Fields,
  open,
  type OpenOptions,
  t,
} from '../../../lib/index.ts'
import { Chance } from './chance.ts'
import { byOrder, type Document, matches } from './naive.ts'

const SEEDS = Number(process.env['SEEDS'] ?? 3)
const SEED = Number(process.env['SEED'] ?? 1)
const DOCUMENTS = 150
const VERSIONS = 10
const NAMES = ['a', 'b', 'c', 'd', 'e']

const root = mkdtempSync(join(tmpdir(), 'varve-migrations-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

type Kind = 'int' | 'text'
interface Declared {
  readonly kind: Kind
  readonly fallback: unknown
}

const valueOf = (kind: Kind, n: number): unknown => (kind === 'int' ? n % 7 : `t${n % 7}`)
const convert = (kind: Kind, old: unknown): unknown =>
  kind === 'text' ? `t${Number(old)}` : Number(String(old).slice(1))

/** What there is: the fields of now, documents, and what is kept of fields that are not declared. */
class Model {
  fields = new Map<string, Declared>()
  kept = new Map<string, Declared>()
  documents = new Map<number, { shown: Document; kept: Document }>()

  shown(): Document[] {
    return [...this.documents.values()].map(({ shown }) => shown)
  }

  put(id: number, n: number): Document {
    const shown: Document = { id }
    for (const [name, { kind }] of this.fields) shown[name] = valueOf(kind, n + name.charCodeAt(0))
    this.documents.set(id, { shown, kept: {} })
    return shown
  }
}

/** One more declaration: the fields of it, and the model changed as it says. */
function migrate(model: Model, chance: Chance): { schema: Fields; drop: string[] } {
  const changes = new Map<string, (field: Field) => Field>()
  const drop: string[] = []
  for (const [name, declared] of [...model.fields]) {
    const dice = chance.below(100)
    if (dice < 15) retype(model, name, declared, changes)
    else if (dice < 25) rename(model, name, declared, changes)
    else if (dice < 35) remove(model, name, declared)
    else if (dice < 42) drop.push(name)
  }
  for (const name of drop) {
    model.fields.delete(name)
    for (const { shown } of model.documents.values()) delete shown[name]
  }
  const lost = [...model.kept.keys()].filter(() => chance.is(20))
  for (const name of lost) forget(model, name)
  if (model.fields.size < NAMES.length) add(model, chance, [...drop, ...lost])
  const schema: Record<string, Field> = { id: t.int32() as never }
  for (const [name, { kind, fallback }] of model.fields) {
    const plain = (kind === 'int' ? t.int32() : t.string()) as Field
    const field = fallback === undefined ? plain : plain.default(fallback as never)
    schema[name] = changes.get(name)?.(field as Field) ?? (field as Field)
  }
  return { schema, drop: [...drop, ...lost] }
}

type Changes = Map<string, (field: Field) => Field>

function retype(model: Model, name: string, { kind }: Declared, changes: Changes): void {
  const other = kind === 'int' ? 'text' : 'int'
  model.fields.set(name, { kind: other, fallback: undefined })
  for (const { shown } of model.documents.values()) shown[name] = convert(other, shown[name])
  changes.set(name, (field) => field.from((old: unknown) => convert(other, old)) as Field)
}

function rename(model: Model, name: string, declared: Declared, changes: Changes): void {
  const free = NAMES.find((one) => !model.fields.has(one) && !model.kept.has(one))
  if (free === undefined) return
  model.fields.delete(name)
  model.fields.set(free, declared)
  for (const { shown } of model.documents.values()) {
    shown[free] = shown[name]
    delete shown[name]
  }
  changes.set(free, (field) => field.was(name) as Field)
}

function remove(model: Model, name: string, declared: Declared): void {
  model.fields.delete(name)
  model.kept.set(name, declared)
  for (const { shown, kept } of model.documents.values()) {
    kept[name] = shown[name]
    delete shown[name]
  }
}

function forget(model: Model, name: string): void {
  model.kept.delete(name)
  for (const { kept } of model.documents.values()) delete kept[name]
}

// One that is kept comes back, with the default that it had: what was never written is no data.
function add(model: Model, chance: Chance, gone: readonly string[]): void {
  const free = NAMES.filter((name) => !model.fields.has(name) && !gone.includes(name))
  if (free.length === 0) return
  const name = chance.one(free)
  const before = model.kept.get(name)
  const kind = before?.kind ?? (chance.is(50) ? 'int' : 'text')
  const fallback = before?.fallback ?? valueOf(kind, chance.below(7))
  model.fields.set(name, { kind, fallback })
  model.kept.delete(name)
  for (const { shown, kept } of model.documents.values()) {
    shown[name] = before === undefined ? fallback : (kept[name] ?? fallback)
    delete kept[name]
  }
}

function indexesOf(model: Model, chance: Chance): object {
  const plain = [...model.fields.keys()].filter(() => chance.is(50))
  const names = plain.map((name) => [name, 'ordered'] as const)
  const [first = 'id', second = 'id'] = model.fields.keys()
  const made = (one: Document) => String(one[first])
  return {
    ...Object.fromEntries(names),
    ...(chance.is(30) ? { both: { on: [first, second] } } : {}),
    ...(chance.is(30) ? { made: { on: made, revision: chance.below(1000) } } : {}),
  }
}

interface Things {
  find(options: object): { all(): Document[]; allAsync(): Promise<Document[]>; explain(): object }
  count(options: object): number
  get(id: number): Document | undefined
  put(document: object): Promise<unknown>
  update(id: number, patch: object): Promise<unknown>
  delete(id: number): Promise<unknown>
  ready(options?: object): Promise<void>
  rewrite(): Promise<void>
}

const byId = (a: Document, b: Document) => Number(a['id']) - Number(b['id'])

async function check(things: Things, model: Model, chance: Chance, said: string): Promise<void> {
  const [first = 'id', second = 'id'] = chance.is(50)
    ? [...model.fields.keys()]
    : [...model.fields.keys()].reverse()
  const kind = model.fields.get(first)?.kind ?? 'int'
  const where = { [first]: { gte: valueOf(kind, chance.below(7)) } }
  const steps = [
    { path: second, descending: chance.is(50) },
    { path: 'id', descending: false },
  ]
  const orderBy = steps.map(({ path, descending }) => (descending ? { [path]: 'desc' } : path))
  const wanted = model
    .shown()
    .filter((one) => matches(one, where))
    .sort(byOrder(steps))
  const query = things.find({ where, orderBy })
  const message = `${said} ${JSON.stringify({ where, orderBy })} ${JSON.stringify(query.explain())}`
  expect(query.all(), message).toEqual(wanted)
  expect(await query.allAsync(), message).toEqual(wanted)
  expect(things.count({ where }), message).toBe(wanted.length)
  expect(things.find({}).all().sort(byId), said).toEqual(model.shown().sort(byId))
}

async function change(things: Things, model: Model, chance: Chance): Promise<void> {
  const id = chance.below(DOCUMENTS)
  const known = model.documents.get(id)
  const [name] = model.fields.keys()
  if (known !== undefined && name !== undefined && chance.is(60)) {
    const value = valueOf(model.fields.get(name)?.kind ?? 'int', chance.below(7))
    known.shown[name] = value
    await things.update(id, { [name]: value })
  } else if (known !== undefined && chance.is(30)) {
    model.documents.delete(id)
    await things.delete(id)
  } else {
    await things.put(model.put(id, chance.below(100)))
  }
}

const ENGINES: readonly OpenOptions['engine'][] = ['lsm', 'btree', 'bitcask', 'memory']

describe.each(ENGINES)('declarations that change with engine %s', (engine) => {
  const seeds = Array.from({ length: SEEDS }, (_, i) => SEED + i)

  it.each(seeds)('leave documents as the model has them (seed %i)', async (seed) => {
    const chance = new Chance(seed)
    const model = new Model()
    const path = join(root, `${engine}-${seed}`)
    for (let version = 0; version < VERSIONS; version++) {
      const { schema, drop } = migrate(model, chance)
      const indexes = indexesOf(model, chance)
      const declared = collection('things', { key: 'id', schema, indexes, drop } as never)
      for (let isWhole = false; !isWhole;) {
        const said = `seed ${seed} version ${version}`
        const db = await open(path, { engine, memory: '8MB', durability: 'memory' })
        const things = db.collection(declared as never) as unknown as Things
        await check(things, model, chance, said)
        for (let i = 0; i < 20; i++) await change(things, model, chance)
        if (version === 0)
          for (let id = 0; id < DOCUMENTS; id++) await things.put(model.put(id, id))
        await check(things, model, chance, said)
        isWhole = chance.is(60)
        if (isWhole) {
          await (chance.is(30) ? things.rewrite() : things.ready())
          await check(things, model, chance, `${said} ready`)
        } else {
          const stopped = things.ready({ onProgress: () => void db.close() })
          await stopped.catch((error: unknown) => {
            expect(error).toMatchObject({ code: 'CLOSED' })
          })
        }
        await db.close()
      }
    }
  })
})
