// Stores that were written once are read as they are, whatever has changed since.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, describe, expect, it } from 'vitest'

import { open, verify } from '../../lib/index.ts'
import { expected } from './contents.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-format-'))
const stores = fileURLToPath(new URL('stores', import.meta.url))
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** A segment of the log has the size that its header says: the zeros behind its records are not kept here. */
function restore(name: string, to: string): void {
  cpSync(join(stores, name), to, { recursive: true })
  for (const file of readdirSync(to).filter((one) => one.endsWith('.log'))) {
    const path = join(to, file)
    truncateSync(path, Number(readFileSync(path).readBigUInt64LE(72)))
  }
}

it('the store prepared commits what it was prepared for', async () => {
  const copy = join(root, 'to commit')
  restore('prepared', copy)
  const db = await open(copy)
  await expect(db.put('object', 1)).rejects.toMatchObject({ reason: 'prepared' })
  await db.prepared('the id')?.commit()
  expect(db.get('promised')).toEqual({ a: 1 })
  expect(db.get('sum')).toBe(5)
  expect(db.has('latin')).toBe(false)
  expect(db.count({ prefix: ['many'] } as never)).toBe(300)
  await db.close()
})

it.each(['past', 'btree-past'])('the store %s shows what it was at every commit', async (name) => {
  const copy = join(root, `${name}, to look back`)
  restore(name, copy)
  const db = await open(copy)
  const many = (commit: number) => db.at(commit).range({ prefix: ['many'] } as never).toArray()
  expect(many(1)).toHaveLength(500)
  expect(new Set(many(1).map(([, value]) => value))).toEqual(new Set(['an older value']))
  expect(many(2)).toHaveLength(500)
  expect(many(db.commit)).toEqual(many(2).filter(([, value]) => !/ 1\d\d$/.test(String(value))))
  expect(db.history('gone' as never)).toMatchObject([{ deleted: true }, { value: 1 }])
  await db.close()
})

describe.each(readdirSync(stores))('the store %s', (name) => {
  const copy = join(root, name)

  it('is whole', async () => {
    restore(name, copy)
    const report = await verify(copy)
    expect(report.problems).toEqual([])
    const resting = readdirSync(copy).filter((file) =>
      /[.](table|checkpoint|data|extent)$/.test(file),
    )
    expect(resting.length).toBeGreaterThan(0)
    expect(readdirSync(copy).some((file) => file.endsWith('.values'))).toBe(name === 'large')
    expect(report.checked.commits).toBeGreaterThan(0)
  })

  it('holds what was written, and takes more', async () => {
    const db = await open(copy)
    expect([...db.range()]).toEqual(expected())
    expect(db.sublevel('inner').get('k')).toBe('v')
    expect(db.prepared().map(({ id }) => id)).toEqual(name === 'prepared' ? ['the id'] : [])
    await db.put('more', 1)
    await db.compact()
    expect(db.count()).toBe(expected().length + 1)
    await db.close()
  })
})
