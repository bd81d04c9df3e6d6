// What the machine does to a store, by code and message: what may not be written, is full, or is newer.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, describe, expect, it } from 'vitest'

import { open, type VarveError, verify } from '../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-faults-'))
chmodSync(root, 0o755)
let made = 0
const fresh = () => join(root, `${++made}`)
afterAll(() => rmSync(root, { recursive: true, force: true }))

const script = fileURLToPath(new URL('../addon/faulty.mjs', import.meta.url))
interface Outcome {
  readonly code: string
  readonly message: string
  readonly [more: string]: unknown
}
const run = (...args: string[]): Outcome =>
  JSON.parse(execFileSync(process.execPath, [script, ...args], { encoding: 'utf8' })) as Outcome

async function filled(entries = 100): Promise<string> {
  const path = fresh()
  const db = await open(path)
  for (let n = 0; n < entries; n++) await db.put(`key${n}`, n, { durability: 'memory' })
  await db.flush()
  await db.close()
  return path
}

// A process that may do everything gives that up first.
describe.skipIf(process.platform === 'win32')('a directory that may not be written', () => {
  it('refuses a new store with PERMISSION and its path', () => {
    const above = fresh()
    mkdirSync(above)
    chmodSync(above, 0o555)
    const path = join(above, 'store')
    const refused = run('open', path, '{}')
    expect(refused.code).toBe('PERMISSION')
    expect(refused.message).toContain(path)
  })

  it('refuses to open a store for writing, and opens it for reading', async () => {
    const path = await filled()
    chmodSync(path, 0o555)
    for (const name of readdirSync(path)) chmodSync(join(path, name), 0o444)
    const refused = run('open', path, '{}')
    expect(refused.code).toBe('PERMISSION')
    expect(refused.message).toContain(path)
    expect(run('open', path, '{"readOnly":true}')).toMatchObject({ code: 'none', count: 100 })
  })
})

describe.skipIf(process.platform === 'win32')('a disk that is full', () => {
  it('is NO_SPACE to writes that need room, keeps what was acknowledged, and goes on with room', async () => {
    const path = fresh()
    const limited = `trap '' XFSZ; ulimit -f 512; exec "$0" "$@"`
    const output = execFileSync('bash', ['-c', limited, process.execPath, script, 'fill', path], {
      encoding: 'utf8',
    })
    const { code, message, kept } = JSON.parse(output) as Outcome
    expect(code).toBe('NO_SPACE')
    expect(message).toContain(path)
    expect(kept).toBeGreaterThan(2)
    await using db = await open(path, { memory: '8MB' })
    expect(db.count()).toBe(kept)
    await db.put('more', 'x'.repeat(100_000))
  })
})

// CRC-32C, by bits.
function sumOf(bytes: Uint8Array): number {
  let sum = 0xffffffff
  for (const byte of bytes) {
    sum ^= byte
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0x82f63b78 : 0)
  }
  return (sum ^ 0xffffffff) >>> 0
}

describe('files of a newer version', () => {
  // Where the version lies, and the checksum over it, counted from the start or the end.
  const heads = [
    { name: 'the manifest', pattern: /^MANIFEST/, begin: 0, version: 8, summed: 60 },
    { name: 'a table', pattern: /\.table$/, begin: -192, version: 8, summed: 188 },
    { name: 'the log', pattern: /\.log$/, begin: 0, version: 8, summed: 124 },
  ]
  for (const { name, pattern, begin, version, summed } of heads) {
    it(`are NEWER_FORMAT by name: ${name}`, async () => {
      const path = await filled()
      const db = await open(path)
      await db.put('logged', 1)
      await db.close()
      const file = join(path, readdirSync(path).find((one) => pattern.test(one)) ?? 'none')
      const bytes = readFileSync(file)
      const head = bytes.subarray(begin < 0 ? bytes.length + begin : begin)
      head.writeUInt16LE(9, version)
      head.writeUInt32LE(sumOf(head.subarray(0, summed)), summed)
      writeFileSync(file, bytes)
      const refused = await open(path).catch((error: unknown) => error as VarveError)
      expect(refused).toMatchObject({ name: 'VarveError', code: 'NEWER_FORMAT' })
      expect((refused as VarveError).message).toContain(file)
      await expect(verify(path)).rejects.toMatchObject({ code: 'NEWER_FORMAT' })
    })
  }
})
