// Stores from outside, whole and damaged: exists, destroy, verify, salvage, and opening what is damaged.
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import { destroy, exists, open, salvage, verify } from '../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-repair-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let count = 0
const fresh = () => join(root, String(++count))
const code = (name: string) => expect.objectContaining({ code: name }) as unknown

const COUNT = 2000
const keyOf = (n: number) => `key${String(n).padStart(5, '0')}`
const valueOf = (n: number) => `value ${n} ${'x'.repeat(n % 50)}`

/** A store with half of its entries at rest in tables, a quarter in the log alone, a quarter deleted. */
async function filled(): Promise<string> {
  const path = fresh()
  const db = await open(path, { memory: '8MB' })
  const put = (from: number, to: number) =>
    db.batch(
      Array.from({ length: to - from }, (_, i) => ({
        type: 'put',
        key: keyOf(from + i),
        value: valueOf(from + i),
      })),
    )
  await put(0, COUNT)
  await db.deleteRange({ gte: keyOf(COUNT / 2), lt: keyOf((COUNT * 3) / 4) })
  await db.flush()
  for (let from = COUNT; from < COUNT + 100; from++) await put(from, from + 1)
  await db.close()
  return path
}

async function contents(path: string, options = {}): Promise<Map<unknown, unknown>> {
  const db = await open(path, options)
  const all = new Map(db.range())
  await db.close()
  return all
}

function filesOf(path: string, ending: string): string[] {
  return readdirSync(path).filter((name) => name.endsWith(ending) || name.startsWith(ending))
}

function flip(path: string, name: string, offset: number): void {
  const bytes = readFileSync(join(path, name))
  const at = offset < 0 ? bytes.length + offset : offset
  bytes[at] = (bytes[at] ?? 0) ^ 0x10
  writeFileSync(join(path, name), bytes)
}

const table = (path: string) => filesOf(path, '.table')[0] ?? ''

describe('exists', () => {
  it('tells a store from an empty, a missing and a foreign directory', async () => {
    const path = await filled()
    const foreign = fresh()
    mkdirSync(foreign)
    writeFileSync(join(foreign, 'notes.txt'), 'mine')
    expect(await exists(path)).toBe(true)
    expect(await exists(fresh())).toBe(false)
    expect(await exists(foreign)).toBe(false)
    await expect(exists('')).rejects.toEqual(code('INVALID'))
    await expect(exists(':memory:')).rejects.toEqual(code('INVALID'))
  })
})

describe('destroy', () => {
  it('removes a store and its directory', async () => {
    const path = await filled()
    await destroy(path)
    expect(existsSync(path)).toBe(false)
  })

  it('leaves what is not ours, and then the directory', async () => {
    const path = await filled()
    writeFileSync(join(path, 'notes.txt'), 'mine')
    await destroy(path)
    expect(readdirSync(path)).toEqual(['notes.txt'])
    expect(await exists(path)).toBe(false)
  })

  it('refuses a store that is open, a foreign directory and a missing one', async () => {
    const path = await filled()
    const db = await open(path)
    await expect(destroy(path)).rejects.toEqual(code('LOCKED'))
    await db.close()
    expect((await contents(path)).size).toBeGreaterThan(0)
    const foreign = fresh()
    mkdirSync(foreign)
    writeFileSync(join(foreign, 'notes.txt'), 'mine')
    await expect(destroy(foreign)).rejects.toEqual(code('FOREIGN'))
    await expect(destroy(fresh())).rejects.toEqual(code('NOT_FOUND'))
  })
})

describe('verify', () => {
  it('finds nothing wrong with a whole store, and says what it looked at', async () => {
    const report = await verify(await filled())
    expect(report).toMatchObject({ ok: true, problems: [] })
    expect(report.checked.tables).toBeGreaterThan(0)
    expect(report.checked.entries).toBe((COUNT * 3) / 4)
    expect(report.checked.commits).toBe(100)
  })

  it('refuses a store that is open', async () => {
    const path = await filled()
    const db = await open(path)
    await expect(verify(path)).rejects.toEqual(code('LOCKED'))
    await db.close()
  })

  it('finds a flip of any byte of a table, and names the file', async () => {
    const path = await filled()
    const name = table(path)
    const { length } = readFileSync(join(path, name))
    for (let at = 0; at < length; at += 997) {
      flip(path, name, at)
      const report = await verify(path)
      expect(report.ok, `byte ${at} of ${length}`).toBe(false)
      expect(report.problems[0]?.file).toContain(name)
      flip(path, name, at)
    }
    expect((await verify(path)).ok).toBe(true)
  })

  it('finds a missing table, a damaged manifest and a damaged log', async () => {
    const source = await filled()
    const damaged = async (damage: (path: string) => void) => {
      const path = fresh()
      cpSync(source, path, { recursive: true })
      damage(path)
      return (await verify(path)).ok
    }
    expect(await damaged((path) => rmSync(join(path, table(path))))).toBe(false)
    expect(await damaged((path) => flip(path, filesOf(path, 'MANIFEST')[0] ?? '', 70))).toBe(false)
    const logs = (path: string) => filesOf(path, '.log')
    expect(await damaged((path) => logs(path).forEach((log) => rmSync(join(path, log))))).toBe(
      false,
    )
  })
})

describe('salvage', () => {
  it('copies a whole store as it is', async () => {
    const path = await filled()
    const target = fresh()
    const report = await salvage(path, target)
    expect(report).toMatchObject({ manifestLost: false, lost: [], commits: 100 })
    expect(await contents(target)).toEqual(await contents(path))
  })

  it('loses one block for a damaged block, and says which', async () => {
    const path = await filled()
    const before = await contents(path)
    flip(path, table(path), 5000)
    const target = fresh()
    const report = await salvage(path, target)
    expect(report.lost).toHaveLength(1)
    expect(report.lost[0]?.file).toContain(table(path))
    const after = await contents(target)
    expect(after.size).toBeLessThan(before.size)
    expect(after.size).toBeGreaterThan(before.size - 200)
    for (const [key, value] of after) expect(before.get(key)).toBe(value)
    const db = await open(path)
    expect(() => db.range().toArray()).toThrow(code('CORRUPT'))
    await db.close()
  })

  it('saves everything without a manifest', async () => {
    const path = await filled()
    const before = await contents(path)
    for (const name of filesOf(path, 'MANIFEST')) rmSync(join(path, name))
    const target = fresh()
    const report = await salvage(path, target)
    expect(report.manifestLost).toBe(true)
    expect(await contents(target)).toEqual(before)
    expect((await verify(target)).ok).toBe(true)
  })

  it('refuses a target that holds a store, is not empty, or is the source', async () => {
    const path = await filled()
    await expect(salvage(path, await filled())).rejects.toEqual(code('EXISTS'))
    await expect(salvage(path, path)).rejects.toEqual(code('INVALID'))
    await expect(salvage(fresh(), fresh())).rejects.toEqual(code('NOT_FOUND'))
  })
})

describe('a damaged store', () => {
  it("is refused with CORRUPT, and with damaged: 'serve' read where it is whole", async () => {
    const path = await filled()
    flip(path, table(path), -100)
    await expect(open(path)).rejects.toEqual(code('CORRUPT'))
    await expect(open(path, { damaged: 'serve' })).rejects.toEqual(code('INVALID'))
    const db = await open(path, { damaged: 'serve', readOnly: true })
    expect(db.recovery.lost).toHaveLength(1)
    expect(db.recovery.lost[0]?.file).toContain(table(path))
    expect(db.get(keyOf(COUNT + 5))).toBe(valueOf(COUNT + 5))
    await expect(db.put('k', 1)).rejects.toEqual(code('READ_ONLY'))
    await db.close()
  })
})

describe('a store in memory', () => {
  const COUNT_RESTING = 4000

  /** Most entries rest in a checkpoint of several blocks, a few in the log alone. */
  async function resting(): Promise<{ path: string; checkpoint: string }> {
    const path = fresh()
    const db = await open(path, { engine: 'memory' })
    const padding = 'x'.repeat(200)
    await db.batch(
      Array.from({ length: COUNT_RESTING }, (_, n) => ({
        type: 'put',
        key: keyOf(n),
        value: valueOf(n) + padding,
      })),
    )
    await db.compact()
    for (let n = 0; n < 10; n++) await db.put(keyOf(COUNT_RESTING + n), 'late')
    await db.close()
    return { path, checkpoint: filesOf(path, '.checkpoint')[0] ?? '' }
  }

  it('is verified, and a flip in its checkpoint is found', async () => {
    const { path, checkpoint } = await resting()
    expect(await verify(path)).toMatchObject({ ok: true, checked: { commits: 10 } })
    flip(path, checkpoint, 300_000)
    const report = await verify(path)
    expect(report.problems).toHaveLength(1)
    expect(report.problems[0]?.file).toContain(checkpoint)
    await expect(open(path)).rejects.toEqual(code('CORRUPT'))
  })

  it('loses the damaged block alone, served or salvaged', async () => {
    const { path, checkpoint } = await resting()
    flip(path, checkpoint, 300_000)
    const db = await open(path, { readOnly: true, damaged: 'serve' })
    expect(db.recovery.lost).toHaveLength(1)
    const served = new Map(db.range())
    await db.close()
    expect(served.size).toBeLessThan(COUNT_RESTING)
    expect(served.size).toBeGreaterThan(COUNT_RESTING / 2)
    expect(served.get(keyOf(COUNT_RESTING + 9))).toBe('late')

    const target = fresh()
    const report = await salvage(path, target)
    expect(report.lost).toHaveLength(1)
    expect(report.lost[0]?.file).toContain(checkpoint)
    expect(await contents(target, { engine: 'memory' })).toEqual(served)
  })

  it('is salvaged without its manifest', async () => {
    const { path } = await resting()
    const before = await contents(path)
    for (const name of filesOf(path, 'MANIFEST')) rmSync(join(path, name))
    const target = fresh()
    expect(await salvage(path, target)).toMatchObject({ manifestLost: true, commits: 10 })
    expect(await contents(target)).toEqual(before)
  })

  it('is destroyed with its checkpoint', async () => {
    const { path } = await resting()
    await destroy(path)
    expect(existsSync(path)).toBe(false)
  })
})
