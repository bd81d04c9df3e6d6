// Values that are bytes: each a Buffer of its caller's own, whatever else is read, written to or taken away.
import { describe, expect, it } from 'vitest'

import { open } from '../../lib/index.ts'

const sizes = [0, 1, 100, 4095, 4096, 4097, 70_000]
const bytesOf = (n: number) => Buffer.alloc(sizes[n] ?? 0, n + 1)
const all = sizes.map((_, n) => bytesOf(n))
// Element by element is slow where values are large.
const areEqual = (found: readonly (Uint8Array | undefined)[]) =>
  found.length === all.length &&
  all.every((value, n) => found[n] !== undefined && value.equals(found[n]))

async function filled() {
  const db = await open<{ key: number; value: Uint8Array }>(':memory:', { encoding: 'bytes' })
  await db.batch(all.map((value, n) => ({ type: 'put', key: n, value })))
  return db
}

describe('bytes', () => {
  it('are Buffers, by every way of reading', async () => {
    await using db = await filled()
    const ways = [
      sizes.map((_, n) => db.get(n)),
      await Promise.all(sizes.map((_, n) => db.getAsync(n))),
      db.getMany(sizes.map((_, n) => n)),
      db.values().toArray(),
      db
        .range()
        .toArray()
        .map(([, value]) => value),
    ]
    for (const found of ways) {
      expect(areEqual(found)).toBe(true)
      expect(found.every((value) => Buffer.isBuffer(value))).toBe(true)
    }
  })

  it('stay as they are when others are read, and change no other when they are written to', async () => {
    await using db = await filled()
    const kept: Uint8Array[] = []
    for (let round = 0; round < 2000; round++) {
      const n = 1 + (round % 3)
      const value = db.get(n)
      if (value === undefined || !bytesOf(n).equals(value)) throw new Error(`value ${n} is another`)
      kept.push(value)
    }
    for (const value of kept) value.fill(0)
    const range = db.values().toArray()
    expect(areEqual(range)).toBe(true)
    range[2]?.fill(0)
    expect(range[1]).toEqual(bytesOf(1))
    expect(range[3]).toEqual(bytesOf(3))
    expect(db.get(2)).toEqual(bytesOf(2))
  })

  it('share memory that cannot be transferred away from the others', async () => {
    await using db = await filled()
    for (const value of [db.get(2), db.getMany([2])[0]]) {
      const memory = value?.buffer as ArrayBuffer
      // Older Nodes copy what cannot be transferred, newer ones refuse.
      try {
        structuredClone(value, { transfer: [memory] })
      } catch (error) {
        expect(error).toMatchObject({ name: 'DataCloneError' })
      }
      expect(value).toEqual(bytesOf(2))
    }
  })

  it('are found when their memory was taken away all the same', async () => {
    await using db = await filled()
    const memory = db.get(2)?.buffer as ArrayBuffer & { transfer?: () => ArrayBuffer }
    // Nodes from 21 on have it, those from 24 on refuse here, too.
    try {
      memory.transfer?.()
    } catch (error) {
      expect(error).toBeInstanceOf(TypeError)
    }
    for (let round = 0; round < 1000; round++) expect(db.get(2)).toEqual(bytesOf(2))
  })
})
