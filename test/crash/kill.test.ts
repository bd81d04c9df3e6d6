// Real processes, really killed, on a real directory. What was acknowledged with 'disk' is there; batches are whole; any
// class leaves a prefix of the commits.
import { fork } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { open, type OpenOptions } from '../../lib/index.ts'
import { randomFrom } from '../contract/model.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-kill-'))
const writer = fileURLToPath(new URL('writer.mjs', import.meta.url))
const dist = fileURLToPath(new URL('../../dist/index.js', import.meta.url))

beforeAll(() => {
  if (!existsSync(dist)) throw new Error('build the package first: npx tsup')
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** Lets a writer run, kills it, and answers the last number that it said was acknowledged. */
function writeAndKill(
  directory: string,
  options: OpenOptions,
  from: number,
  milliseconds: number,
  converts = false,
): Promise<number> {
  return new Promise((resolve, reject) => {
    let last = 0
    const child = fork(writer, [directory, JSON.stringify(options), String(from), converts ? 'converts' : ''])
    child.on('message', (n) => {
      if (last === 0) setTimeout(() => child.kill('SIGKILL'), milliseconds)
      last = Number(n)
    })
    child.on('exit', (_code, signal) => {
      if (signal === 'SIGKILL') resolve(last)
      else reject(new Error('the writer ended by itself'))
    })
  })
}

/** The store holds the numbers 1 to `last` in both halves, and nothing else; answers `last`. */
async function checkPrefix(directory: string, options: OpenOptions = {}): Promise<number> {
  const db = await open(directory, { memory: '8MB', ...options })
  try {
    const last = (db.get('last') ?? 0) as number
    const left = db
      .keys({ prefix: ['left'] })
      .toArray()
      .map((key) => (key as [string, number])[1])
    const right = db
      .keys({ prefix: ['right'] })
      .toArray()
      .map((key) => (key as [string, number])[1])
    const expected = Array.from({ length: last }, (_, i) => i + 1)
    expect(left).toEqual(expected)
    expect(right).toEqual(expected)
    return last
  } finally {
    await db.close()
  }
}

const DURABILITIES = ['disk', 'os', 'memory'] as const

describe('a process that is killed while it writes', () => {
  const resting = { engine: 'memory', memory: '256MB' } as const
  const ways: readonly OpenOptions[] = [
    ...DURABILITIES.map((durability) => ({ durability })),
    ...DURABILITIES.map((durability) => ({ ...resting, durability })),
    ...DURABILITIES.map((durability) => ({ engine: 'bitcask' as const, durability })),
    { ...resting, log: false },
    ...DURABILITIES.map((durability) => ({ engine: 'btree' as const, durability })),
    ...(['back', 'behind'] as const).map((write) => ({ engine: 'btree' as const, write })),
  ]
  it.each(ways)('leaves whole commits without a hole with %j', async (options) => {
    const directory = mkdtempSync(join(root, 'killed-'))
    const random = randomFrom(JSON.stringify(options).length)
    let last = 0
    for (let round = 0; round < 6; round++) {
      const acknowledged = await writeAndKill(directory, options, last + 1, 20 + random(250))
      last = await checkPrefix(directory, options)
      if (options.durability !== 'memory') expect(last).toBeGreaterThanOrEqual(acknowledged)
    }
    expect(last).toBeGreaterThan(0)
  }, 120_000)
})

describe('a process that is killed while it converts', () => {
  const ENGINES = ['lsm', 'memory', 'bitcask', 'btree'] as const
  it.each(ENGINES)('leaves one engine or the other, begun with %s', async (engine) => {
    const directory = mkdtempSync(join(root, 'converted-'))
    const random = randomFrom(engine.length)
    const options = { memory: '128MB' }
    let last = 0
    for (let round = 0; round < 8; round++) {
      const first = round === 0 ? { ...options, engine } : options
      const milliseconds = 20 + random(400)
      const acknowledged = await writeAndKill(directory, first, last + 1, milliseconds, true)
      last = await checkPrefix(directory, options)
      expect(last).toBeGreaterThanOrEqual(acknowledged)
    }
    expect(last).toBeGreaterThan(0)
  }, 120_000)
})

/** The newest segment that holds records. */
function newestSegment(directory: string): string {
  const name = readdirSync(directory)
    .filter((one) => one.endsWith('.log'))
    .sort()
    .findLast((one) =>
      readFileSync(join(directory, one))
        .subarray(128, 136)
        .some((byte) => byte !== 0),
    )
  return join(directory, name ?? '')
}

describe('a log that was damaged', () => {
  it('is cut where its unsynced tail is torn, and says so', async () => {
    const directory = join(root, 'torn')
    await writeAndKill(directory, { durability: 'os' }, 1, 100)
    const path = newestSegment(directory)
    const bytes = readFileSync(path)
    const end = bytes.findLastIndex((byte) => byte !== 0)
    bytes.fill(0, end - 40)
    writeFileSync(path, bytes)
    expect(await checkPrefix(directory)).toBeGreaterThan(0)
  })

  it('is CORRUPT where something synced is missing, with file and offset', async () => {
    const source = join(root, 'synced')
    const directory = join(root, 'flipped')
    const db = await open(source)
    for (let n = 0; n < 20; n++) await db.put(n, 'value')
    cpSync(source, directory, { recursive: true }) // As a crash would leave it.
    await db.close()
    const path = newestSegment(directory)
    const bytes = readFileSync(path)
    bytes[300] = (bytes[300] ?? 0) ^ 1
    writeFileSync(path, bytes)
    await expect(open(directory)).rejects.toMatchObject({
      code: 'CORRUPT',
      message: expect.stringMatching(
        /were durable, but the log is good only through \d+; it breaks in .* at byte \d+/,
      ),
    })
  })
})
