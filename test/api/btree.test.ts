// Stores of pages: which engine a store has, page sizes, when pages are written, and pages that are damaged.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { destroy, exists, open, salvage, type Store, verify } from '../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-btree-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let count = 0
const fresh = () => join(root, String(++count))

const small = { engine: 'btree', memory: '8MB' } as const
const PAGE = 4096
const COUNT = 2000
const keyOf = (n: number) => `key${String(n).padStart(5, '0')}`
const valueOf = (n: number) => `value ${n} ${'x'.repeat(n % 50)}`

type Numbers = Readonly<Record<string, number>>
const engineOf = (db: Store) => (db.stats() as unknown as { engine: Numbers }).engine

async function fill(db: Store, from = 0, to = COUNT): Promise<void> {
  await db.batch(
    Array.from({ length: to - from }, (_, i) => ({
      type: 'put',
      key: keyOf(from + i),
      value: valueOf(from + i),
    })),
  )
}

async function filled(): Promise<string> {
  const path = fresh()
  const db = await open(path, small)
  await fill(db)
  await db.compact()
  await db.put('in the log', 1)
  await db.close()
  return path
}

// While no file comes or goes: what was absorbed leaves the log in the background.
async function copyAtRest(from: string, to: string): Promise<void> {
  await expect
    .poll(() => {
      rmSync(to, { recursive: true, force: true })
      const before = readdirSync(from)
      try {
        cpSync(from, to, { recursive: true })
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
        return false
      }
      return readdirSync(from).join() === before.join()
    })
    .toBe(true)
}

describe("a store of engine 'btree'", () => {
  it('is the one it was made with when none is named, and names it to who names another', async () => {
    const path = await filled()
    const db = await open(path, { memory: '8MB' })
    expect(db.get(keyOf(7))).toBe(valueOf(7))
    expect(engineOf(db)).toMatchObject({ pageBytes: PAGE, treeHeight: 2 })
    await db.close()
    for (const engine of ['lsm', 'memory'] as const) {
      await expect(open(path, { engine })).rejects.toMatchObject({
        code: 'INVALID',
        message: expect.stringMatching(/the store has 'btree'/) as unknown,
      })
    }
  })

  it('keeps the page size that it was made with', async () => {
    const path = fresh()
    const db = await open(path, { ...small, pageSize: 16_384 })
    await fill(db)
    await db.flush()
    expect(engineOf(db)['pageBytes']).toBe(16_384)
    await db.close()
    await expect(open(path, { ...small, pageSize: 4096 })).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringMatching(/`pageSize` is 4096.*made with 16384/) as unknown,
    })
    const again = await open(path, small)
    expect(again.count()).toBe(COUNT)
    await again.close()
  })

  it.each(['through', 'back', 'behind'] as const)(
    'holds what was written with write %s, closed or not',
    async (write) => {
      const path = fresh()
      const db = await open(path, { ...small, write, eviction: 'lru' })
      for (let round = 0; round < 5; round++) {
        await fill(db)
        await db.flush()
      }
      expect(engineOf(db)['dirtyBytes']).toBe(0)
      await db.put('last', 1)
      const crashed = fresh()
      await copyAtRest(path, crashed)
      await db.close()
      for (const one of [path, crashed]) {
        const found = await open(one, small)
        expect(found.count()).toBe(COUNT + 1)
        expect(found.get('last')).toBe(1)
        await found.close()
        expect((await verify(one)).problems).toEqual([])
      }
    },
  )

  it('shows the past that it keeps', async () => {
    const db = await open(fresh(), { ...small, history: { keep: 'forever' } })
    await db.put('a', 1)
    const then = db.commit
    await db.put('a', 2)
    await db.delete('a')
    await db.compact()
    expect(db.get('a')).toBeUndefined()
    expect(db.at(then).get('a')).toBe(1)
    expect(db.history('a')).toMatchObject([{ deleted: true }, { value: 2 }, { value: 1 }])
    await db.close()
  })

  it('goes as a whole when it is destroyed', async () => {
    const path = await filled()
    expect(await exists(path)).toBe(true)
    await destroy(path)
    expect(await exists(path)).toBe(false)
  })
})

function flip(path: string, name: string, offset: number): void {
  const bytes = readFileSync(join(path, name))
  bytes[offset] = (bytes[offset] ?? 0) ^ 0x10
  writeFileSync(join(path, name), bytes)
}

/** The pages of the only extent that begin with a leaf of current. */
function leavesOf(path: string): { readonly name: string; readonly places: readonly number[] } {
  const name = readdirSync(path).find((one) => one.endsWith('.extent')) ?? ''
  const bytes = readFileSync(join(path, name))
  const pages = Array.from({ length: bytes.length / PAGE - 1 }, (_, i) => (i + 1) * PAGE)
  return { name, places: pages.filter((at) => bytes[at + 4] === 1 && bytes[at + 5] === 0) }
}

describe('a page that is damaged', () => {
  it('is CORRUPT to who reads it, told by verify, and alone lost in a salvage', async () => {
    const path = await filled()
    const { name, places } = leavesOf(path)
    const place = places[Math.floor(places.length / 2)] ?? 0
    flip(path, name, place + 500)

    const report = await verify(path)
    expect(report.problems).toHaveLength(1)
    expect(report.problems[0]).toMatchObject({ offset: place })

    const db = await open(path, small)
    const lost: string[] = []
    for (let n = 0; n < COUNT; n++) {
      try {
        expect(db.get(keyOf(n))).toBe(valueOf(n))
      } catch (error) {
        expect(error).toMatchObject({ code: 'CORRUPT' })
        lost.push(keyOf(n))
      }
    }
    await db.close()
    expect(lost.length).toBeGreaterThan(10)
    expect(lost.length).toBeLessThan(100)

    const saved = fresh()
    const salvaged = await salvage(path, saved)
    expect(salvaged.lost).toHaveLength(1)
    const again = await open(saved, { memory: '8MB' })
    expect(again.count()).toBe(COUNT + 1 - lost.length)
    expect(lost.some((key) => again.has(key))).toBe(false)
    expect(again.get('in the log')).toBe(1)
    expect(engineOf(again)['pageBytes']).toBe(PAGE)
    await again.close()
  })

  it('is whole in a salvage but for what was deleted when roots and manifest are lost', async () => {
    const path = await filled()
    for (const name of readdirSync(path)) {
      if (name.startsWith('MANIFEST')) rmSync(join(path, name))
    }
    flip(path, 'ROOTS', 100)
    flip(path, 'ROOTS', PAGE + 100)
    const saved = fresh()
    const report = await salvage(path, saved)
    expect(report.lost.length).toBeGreaterThan(0)
    const again = await open(saved, { memory: '8MB' })
    for (let n = 0; n < COUNT; n++) expect(again.get(keyOf(n))).toBe(valueOf(n))
    await again.close()
  })
})
