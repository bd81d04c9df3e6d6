// What a store tells of itself: stalls, what an opening found, a failure.
import {
  closeSync,
  cpSync,
  mkdtempSync,
  openSync as openFile,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import {
  open,
  openSync,
  type RecoveryReport,
  type Stall,
  type VarveError,
  verify,
} from '../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-events-'))
let opened = 0
const fresh = () => join(root, `${++opened}`)
afterAll(() => rmSync(root, { recursive: true, force: true }))

const turn = () => new Promise((resolve) => setImmediate(resolve))

// A directory as a crash leaves it: copied while the store is open.
async function crashed(): Promise<string> {
  const path = fresh()
  const copy = fresh()
  await using db = await open(path)
  for (let n = 0; n < 10; n++) await db.put(`k${n}`, n)
  cpSync(path, copy, { recursive: true })
  rmSync(join(copy, 'LOCK'), { force: true })
  return copy
}

describe("'recovery'", () => {
  it('is told once, a turn after an opening that was not preceded by a clean close', async () => {
    const path = await crashed()
    const lines: string[] = []
    await using db = await open(path, { logger: { info: (line) => lines.push(line) } })
    const told: RecoveryReport[] = []
    db.on('recovery', (report) => told.push(report))
    const off = db.on('recovery', () => expect.fail('was taken away'))
    off()
    expect(told).toEqual([])
    await turn()
    await turn()
    expect(told).toEqual([db.recovery])
    expect(db.recovery).toMatchObject({ clean: false, replayedCommits: 10, lost: [] })
    expect(lines).toEqual([expect.stringMatching(/was not closed: 10 commits read back/)])
  })

  it('is told by openSync(), too', async () => {
    using db = openSync(await crashed())
    const told: RecoveryReport[] = []
    db.on('recovery', (report) => told.push(report))
    await turn()
    expect(told).toEqual([db.recovery])
  })

  it('is told of damage that is served, and warned of', async () => {
    const path = fresh()
    const before = await open(path)
    for (let n = 0; n < 100; n++) await before.put(`k${n}`, n, { durability: 'memory' })
    await before.flush()
    await before.close()
    const name = readdirSync(path).find((one) => one.endsWith('.table')) ?? ''
    const bytes = readFileSync(join(path, name))
    bytes.fill(0xa5, bytes.length - 40)
    writeFileSync(join(path, name), bytes)
    const lines: string[] = []
    await using db = await open(path, {
      readOnly: true,
      damaged: 'serve',
      logger: { warn: (line) => lines.push(line) },
    })
    const told: RecoveryReport[] = []
    db.on('recovery', (report) => told.push(report))
    await turn()
    expect(told).toHaveLength(1)
    expect(told[0]?.lost).toHaveLength(1)
    expect(lines).toEqual([expect.stringMatching(/damaged in 1 places: see recovery\.lost/)])
  })

  it('is not told when all is well, nor by a store that was closed before', async () => {
    const fine = await open(fresh())
    fine.on('recovery', () => expect.fail('all is well'))
    await turn()
    await fine.close()
    const db = openSync(await crashed())
    db.on('recovery', () => expect.fail('it is closed'))
    db.closeSync()
    await turn()
  })
})

describe("'stall'", () => {
  it('says how long writers were held, and what for', async () => {
    const lines: string[] = []
    const warn = (line: string) => lines.push(line)
    const db = await open(fresh(), { memory: '8MB', durability: 'memory', logger: { warn } })
    const stalls: Stall[] = []
    db.on('stall', (stall) => stalls.push(stall))
    // Memory fills by memcpy, and is emptied to a disk that has to sync.
    const value = new Uint8Array(300_000)
    for (let round = 0; round < 60 && stalls.length === 0; round++) {
      const writes: Promise<unknown>[] = []
      for (let n = 0; n < 64; n++) writes.push(db.put(n, value))
      await Promise.allSettled(writes)
      await turn()
    }
    expect(stalls).toHaveLength(1)
    const [stall] = stalls
    expect(stall?.reason).toMatch(/^(flush|compaction)$/)
    expect(stall?.heldMs).toBeGreaterThanOrEqual(50)
    expect(stall?.longestMs).toBeGreaterThan(0)
    expect(stall?.longestMs).toBeLessThanOrEqual(stall?.heldMs ?? 0)
    expect(stall?.waits).toBeGreaterThanOrEqual(1)
    expect(lines[0]).toMatch(
      /writers were held for \d+ ms of a second: (flush|compaction) is behind/,
    )
    await db.close()
  }, 60_000)

  it('is not told of writes that nothing held', async () => {
    await using db = await open(fresh())
    db.on('stall', () => expect.fail('nothing was held'))
    for (let n = 0; n < 50; n++) await db.put(n, n)
  })
})

// Windows does not let a directory go that has open files.
describe.skipIf(process.platform === 'win32')("'error'", () => {
  const failing = async () => {
    const path = fresh()
    const db = await open(path, { durability: 'os' })
    await db.put('k', 'v')
    const code = new Promise<VarveError>((resolve) => db.on('error', resolve))
    renameSync(path, fresh())
    await expect(db.flush()).rejects.toMatchObject({ name: 'VarveError' })
    return { db, error: await code }
  }

  it('is told once, when writing has stopped, and later to who listens later', async () => {
    const { db, error } = await failing()
    expect(error.message).toMatch(/writing stopped after a failure/)
    let count = 0
    db.on('error', () => count++)
    const off = db.on('error', () => expect.fail('was taken away'))
    off()
    await turn()
    expect(count).toBe(1)
    expect(db.get('k')).toBe('v')
    await expect(db.put('l', 1)).rejects.toMatchObject({ code: error.code })
    await db.close().catch(() => undefined)
  })

  it('is told of a damaged file that a merge meets, and writing goes on', async () => {
    const path = fresh()
    const lines: string[] = []
    const warn = (line: string) => lines.push(line)
    const db = await open(path, { durability: 'memory', logger: { warn } })
    const told = new Promise<VarveError>((resolve) => db.on('error', resolve))
    for (let round = 0; round < 6; round++) {
      for (let n = 0; n < 200; n++) await db.put(n, `value ${round}`)
      await db.flush()
      if (round > 0) continue
      const name = readdirSync(path).find((one) => one.endsWith('.table')) ?? ''
      const file = openFile(join(path, name), 'r+')
      writeSync(file, 'damage', 50)
      closeSync(file)
    }
    const error = await told
    expect(error).toMatchObject({ code: 'CORRUPT' })
    expect(error.message).toMatch(/left out of merges.*\.table/)
    expect(lines).toContain(error.message)
    const { damaged } = db.stats().engine as { damaged: { file: string; what: string }[] }
    expect(damaged).toHaveLength(1)
    const late: VarveError[] = []
    db.on('error', (one) => late.push(one))
    await db.put('more', 1)
    await db.flush()
    expect(late).toEqual([error])
    expect(db.getMany([0, 199, 'more'])).toEqual(['value 5', 'value 5', 1])
    await expect(db.compact()).rejects.toMatchObject({ code: 'CORRUPT' })
    await db.close()
    const { problems } = await verify(path)
    expect(problems.map(({ file }) => file)).toEqual([damaged[0]?.file])
  })

  it('reaches the others when one listener throws, and what it threw comes up by itself', async () => {
    const path = await crashed()
    const uncaught: unknown[] = []
    const before = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => uncaught.push(error))
    try {
      await using db = await open(path)
      const told: unknown[] = []
      db.on('recovery', () => {
        throw new Error('mine')
      })
      db.on('recovery', (report) => told.push(report))
      await turn()
      await turn()
      expect(told).toHaveLength(1)
      expect(uncaught).toEqual([new Error('mine')])
    } finally {
      process.removeAllListeners('uncaughtException')
      for (const listener of before) process.on('uncaughtException', listener)
    }
  })
})
