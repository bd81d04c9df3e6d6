// The names of objects that a store keeps by number: who reads them, and that they survive.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it, vi } from 'vitest'

import { open, salvage, type Store } from '../../lib/index.ts'
import { addon, KEY_AT, type NativeLevel, type NativeStore, scratch } from '../../lib/native.ts'
import { StoredShapes } from '../../lib/shapes.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-shapes-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const user = (id: number) => ({ id, name: `user ${id}`, score: id / 8 })
const COUNT = 100

async function fill(db: Store): Promise<void> {
  for (let id = 0; id < COUNT; id++) await db.put(id, user(id))
}

const expected = Array.from({ length: COUNT }, (_, id) => user(id))

describe('objects of one shape', () => {
  it('come back after closing, by whatever is read first', async () => {
    const path = join(root, 'again')
    await fill(await openOnce(path))
    const firsts: ((db: Store) => unknown)[] = [
      (db) => db.get(COUNT - 1),
      (db) => db.getMany([COUNT - 1]),
      (db) => db.get(COUNT - 1, { fields: ['id', 'name', 'score'] }),
      (db) => db.values({ reverse: true }).toArray()[0],
      (db) => db.getAsync(COUNT - 1),
    ]
    await closeAll()
    for (const readOnly of [false, true]) {
      for (const first of firsts) {
        await using db = await open(path, { readOnly })
        expect([await first(db)].flat()).toStrictEqual([user(COUNT - 1)])
        expect(db.values().toArray()).toStrictEqual(expected)
      }
    }
  })

  it('are entries like others: their names are in no range, and no count', async () => {
    await using db = await open(':memory:')
    await fill(db)
    expect(db.keys().toArray()).toEqual(expected.map(({ id }) => id))
    expect(db.count()).toBe(COUNT)
    await db.deleteRange({})
    expect(db.count()).toBe(0)
    await db.put('again', user(1))
    expect(db.get('again')).toStrictEqual(user(1))
  })

  it('share their names between sublevels, and are as small as they would be without any', async () => {
    await using db = await open(':memory:')
    const inner = db.sublevel('inner')
    await fill(db)
    for (let id = 0; id < COUNT; id++) await inner.put(id, user(id))
    expect(inner.values().toArray()).toStrictEqual(expected)
    expect(signaturesOf(db)).toBe(1)
  })

  it('get their number within a batch, too, and a batch that is refused leaves no harm', async () => {
    await using db = await open(':memory:')
    const puts = expected.map((value) => ({ type: 'put', key: value.id, value }) as const)
    const bad = { type: 'put', key: 'bad', value: () => 0 } as const
    await expect(db.batch([...puts, bad])).rejects.toThrow('batch[100]')
    expect(db.count()).toBe(0)
    await db.batch(puts)
    expect(db.values().toArray()).toStrictEqual(expected)
    using snapshot = db.snapshot()
    await db.deleteRange({})
    expect(snapshot.values().toArray()).toStrictEqual(expected)
  })

  it('come back in the middle of update()', async () => {
    await using db = await open(':memory:')
    for (let id = 0; id < COUNT; id++) {
      await db.update('k', () => user(id))
      expect(db.get('k')).toStrictEqual(user(id))
    }
  })
})

describe('the names are kept twice', () => {
  it('and are asked for without moving what lies in the scratch, however large that is', async () => {
    const path = join(root, 'aside')
    await fill(await openOnce(path))
    await closeAll()
    await using db = await open(path)
    scratch.grow(4 * 1024 * 1024)
    const shapes = new StoredShapes(nativeOf(db))
    scratch.bytes.fill(0xa5)
    const before = Buffer.from(scratch.bytes)
    const slice = vi.spyOn(Uint8Array.prototype, 'slice')
    const found = [...Array(8192).keys()].filter((number) => shapes.read(number) !== undefined)
    const copied = slice.mock.results.map(({ value }) => (value as Uint8Array).length)
    slice.mockRestore()
    expect(found).toHaveLength(1)
    expect(copied.length).toBeGreaterThanOrEqual(8192)
    expect(Math.max(...copied)).toBeLessThan(1024)
    expect(before.equals(scratch.bytes)).toBe(true)
  })

  it('and saved with the rest when a damaged store is salvaged', async () => {
    const path = join(root, 'damaged')
    const target = join(root, 'saved')
    await using before = await open(path)
    await fill(before)
    await before.flush()
    await before.put('logged', user(7))
    await before.close()
    for (const name of readdirSync(path)) {
      if (name.startsWith('MANIFEST')) writeFileSync(join(path, name), 'no manifest')
    }
    const report = await salvage(path, target)
    expect(report.manifestLost).toBe(true)
    await using db = await open(target)
    expect(db.values({ lt: COUNT }).toArray()).toStrictEqual(expected)
    expect(db.get('logged')).toStrictEqual(user(7))
    expect(signaturesOf(db)).toBe(1)
  })

  it('and are read from the second place when the first has lost them', async () => {
    const path = join(root, 'twice')
    await fill(await openOnce(path))
    const first = levelOf(nativeOf(opened.at(-1) as Store), 0x12)
    expect(first.deleteRange(0, 0)).toBe(0)
    await closeAll()
    await using db = await open(path)
    expect(db.values().toArray()).toStrictEqual(expected)
    expect(new StoredShapes(nativeOf(db)).read(8191)).toBeUndefined()
  })

  it('and nobody is given a number that has names', async () => {
    await using db = await open(':memory:')
    const shapes = new StoredShapes(nativeOf(db))
    expect(shapes.write(7, Uint8Array.of(0x8d, 0))).toBe(true)
    expect(shapes.write(7, Uint8Array.of(0x8d, 1, 1, 97))).toBe(false)
    expect([...(shapes.read(7) ?? [])]).toEqual([0x8d, 0])
  })
})

describe('where code from strings is forbidden', () => {
  it('objects are written and read all the same', () => {
    const script = new URL('../addon/sealed.mjs', import.meta.url).pathname
    const run = (name: string, ...flags: string[]) =>
      JSON.parse(
        execFileSync(process.execPath, [...flags, script, join(root, name)], { encoding: 'utf8' }),
      ) as { canMakeCode: boolean }
    const free = run('free')
    const sealed = run('sealed', '--disallow-code-generation-from-strings')
    expect([free.canMakeCode, sealed.canMakeCode]).toEqual([true, false])
    expect({ ...sealed, canMakeCode: true }).toEqual(free)
  })
})

// ---- what lies beneath

const opened: Store[] = []

async function openOnce(path: string): Promise<Store> {
  const db = await open(path)
  opened.push(db)
  return db
}

async function closeAll(): Promise<void> {
  await Promise.all(opened.splice(0).map((db) => db.close()))
}

function nativeOf(db: Store): NativeStore {
  return (db as unknown as { opening: { native: NativeStore } }).opening.native
}

function levelOf(native: NativeStore, prefix: number): NativeLevel {
  scratch.bytes[KEY_AT] = prefix
  const level = native.level(1)
  if (typeof level === 'number') throw new Error(String(addon.lastError()))
  return level
}

const signaturesOf = (db: Store): number => levelOf(nativeOf(db), 0x12).count(0, 0, 0, 9999)
