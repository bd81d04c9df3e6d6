// Large values: they lie apart, and nothing about them is different but where.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { destroy, open, salvage, type Store, verify } from '../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-large-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let count = 0
const fresh = () => join(root, String(++count))
const code = (name: string) => expect.objectContaining({ code: name }) as unknown

const SMALL = { memory: '8MB', largeValue: '1KB' } as const
const valueFiles = (path: string) => readdirSync(path).filter((name) => name.endsWith('.values'))
const valuesOf = (db: Store) =>
  db.stats()['values'] as { files: number; bytes: number; dead: number }

/** Every way in which a value goes over. */
const VALUES: readonly (readonly [string, unknown])[] = [
  ['bytes', Buffer.alloc(200_000, 'bytes')],
  ['latin', 'déjà vu '.repeat(20_000)],
  ['object', { text: 'x'.repeat(50_000), list: Array.from({ length: 5000 }, (_, i) => i) }],
  ['small', 'small'],
  ['split', [{ a: 'é'.repeat(3000), b: new Uint8Array(5000).fill(7) }, 'tail']],
  ['wide', '漢字 '.repeat(20_000)],
]

async function filled(path: string): Promise<void> {
  const db = await open(path, SMALL)
  for (const [key, value] of VALUES) await db.put(key, value)
  await db.flush()
  await db.close()
}

/** Changes one byte in the middle of the only value file. */
function damage(path: string, find: string): string {
  const name = join(path, valueFiles(path)[0] ?? '')
  const bytes = readFileSync(name)
  const at = bytes.indexOf(find)
  expect(at).toBeGreaterThan(0)
  bytes[at + 100] = (bytes[at + 100] ?? 0) ^ 1
  writeFileSync(name, bytes)
  return name
}

describe('large values', () => {
  it('come back as they were, by get, many at once, ranges both ways, and after reopening', async () => {
    const path = fresh()
    await filled(path)
    expect(valueFiles(path).length).toBe(1)
    const db = await open(path, SMALL)
    for (const [key, value] of VALUES) {
      expect(db.get(key)).toEqual(value)
      expect(await db.getAsync(key)).toEqual(value)
      expect(db.has(key)).toBe(true)
    }
    expect(db.getMany(VALUES.map(([key]) => key))).toEqual(VALUES.map(([, value]) => value))
    expect([...db.range()]).toEqual(VALUES)
    expect([...db.range({ reverse: true })]).toEqual([...VALUES].reverse())
    expect([...db.keys()]).toEqual(VALUES.map(([key]) => key))
    expect(db.count()).toBe(VALUES.length)
    await db.compact()
    expect([...db.range()]).toEqual(VALUES)
    await db.close()
  })

  it('are as a snapshot saw them, and what nobody sees any more gives its space back', async () => {
    await using db = await open(fresh(), SMALL)
    await db.put('key', 'old'.repeat(10_000))
    await db.flush()
    const before = valuesOf(db)
    expect(before).toMatchObject({ files: 1, dead: 0 })
    expect(before.bytes).toBeGreaterThan(30_000)
    const snapshot = db.snapshot()
    await db.put('key', 'new'.repeat(1000))
    await db.compact()
    expect(snapshot.get('key')).toBe('old'.repeat(10_000))
    expect(db.get('key')).toBe('new'.repeat(1000))
    snapshot.close()
    await db.compact()
    expect(valuesOf(db)).toMatchObject({ files: 1, dead: 0 })
    expect(valuesOf(db).bytes).toBeLessThan(4000)
    await db.deleteRange({ gte: 'a' })
    await db.compact()
    expect(valuesOf(db)).toEqual({ files: 0, bytes: 0, dead: 0 })
  })

  it('lie apart from 64 KB on by default', async () => {
    const path = fresh()
    await using db = await open(path, { encoding: 'bytes' })
    await db.put('below', new Uint8Array(65_000))
    await db.flush()
    expect(valueFiles(path)).toEqual([])
    await db.put('above', new Uint8Array(65_536))
    await db.flush()
    expect(valueFiles(path).length).toBe(1)
  })

  it('are compressed where tables are', async () => {
    const text = 'the same words again and again '.repeat(10_000)
    const sizes: number[] = []
    for (const compression of ['none', 'fast'] as const) {
      await using db = await open(fresh(), { ...SMALL, compression })
      await db.put('key', text)
      await db.flush()
      expect(db.get('key')).toBe(text)
      sizes.push(valuesOf(db).bytes)
    }
    expect(sizes[0]).toBeGreaterThan(300_000)
    expect(sizes[1]).toBeLessThan(30_000)
  })
})

describe('a damaged large value', () => {
  it('is CORRUPT with file and place, is found by verify(), and leaves other keys alone', async () => {
    const path = fresh()
    await filled(path)
    const name = damage(path, 'bytesbytes')
    const report = await verify(path)
    expect(report.ok).toBe(false)
    expect(report.problems.map(({ file }) => file)).toEqual([name])
    const db = await open(path, SMALL)
    expect(() => db.get('bytes')).toThrow(code('CORRUPT'))
    expect(() => db.get('bytes')).toThrow(/[.]values at byte \d+ is damaged/)
    await expect(db.getAsync('bytes')).rejects.toEqual(code('CORRUPT'))
    expect(() => [...db.range()]).toThrow(code('CORRUPT'))
    expect([...db.range({ gt: 'bytes' })]).toEqual(VALUES.slice(1))
    expect(db.has('bytes')).toBe(true)
    await db.put('bytes', 'mended')
    expect(db.get('bytes')).toBe('mended')
    await db.close()
  })

  it('is all that salvage() loses, with a manifest and without', async () => {
    const path = fresh()
    await filled(path)
    damage(path, 'bytesbytes')
    for (const without of [false, true]) {
      for (const name of without ? readdirSync(path) : []) {
        if (name.startsWith('MANIFEST')) rmSync(join(path, name))
      }
      const target = fresh()
      const report = await salvage(path, target)
      expect(report.manifestLost).toBe(without)
      expect(report.lost.some(({ message }) => message.includes('.values at byte'))).toBe(true)
      const db = await open(target)
      expect([...db.range()]).toEqual(VALUES.slice(1))
      await db.close()
    }
  })

  it('goes with all others by destroy()', async () => {
    const path = fresh()
    await filled(path)
    await destroy(path)
    expect(existsSync(path)).toBe(false)
  })
})
