import { execFileSync, fork } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, describe, expect, it } from 'vitest'

import { open, type OpenOptions, openSync } from '../../lib/index.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-store-'))
let count = 0
const fresh = () => join(root, `${++count}`)
const writer = fileURLToPath(new URL('../crash/writer.mjs', import.meta.url))
const dist = new URL('../../dist/index.js', import.meta.url).href

afterAll(() => rmSync(root, { recursive: true, force: true }))

const code = (name: string) => expect.objectContaining({ code: name })

describe('a wrong call', () => {
  it('is INVALID with the argument, what was expected and what was given', async () => {
    await using db = await open(':memory:')
    await expect(db.put(NaN, 1)).rejects.toEqual(code('INVALID'))
    await expect(db.put('k', undefined)).rejects.toThrow(/value.*undefined/)
    await expect(db.put('k', () => 1)).rejects.toEqual(code('INVALID'))
    await expect(
      db.batch([
        { type: 'put', key: 'a', value: 1 },
        { type: 'put', key: NaN, value: 1 },
      ]),
    ).rejects.toEqual(code('INVALID'))
    expect(() => db.range({ limit: -1 })).toThrow(/limit/)
    expect(() => db.get(Symbol('x') as unknown as string)).toThrow(/key/)
    expect(db.count()).toBe(0)
  })

  it('names an unknown option, and the one that was meant', async () => {
    await expect(open(':memory:', { durabilty: 'os' } as object)).rejects.toThrow(
      /'durabilty'.*'durability'/,
    )
    await expect(open(':memory:', { memory: '1MB' })).rejects.toThrow(/at least '8MB'/)
    await expect(open('')).rejects.toEqual(code('INVALID'))
    await using db = await open(':memory:')
    await expect(db.put('k', 1, { durability: 'disc' } as object)).rejects.toThrow(/durability/)
    expect(db.has('k')).toBe(false)
  })

  it('from a getter of the value that is written is INVALID, and nothing is written', async () => {
    await using db = await open(':memory:')
    await db.put('other', { long: 'x'.repeat(1000) })
    const value = {
      get trap() {
        return db.get('other')
      },
    }
    await expect(db.put('k', value)).rejects.toEqual(code('INVALID'))
    expect(db.has('k')).toBe(false)
  })

  it('is TOO_LARGE above the limits, and leaves the store as it was', async () => {
    await using db = await open(':memory:', { memory: '8MB' })
    await expect(db.put('k'.repeat(70_000), 1)).rejects.toEqual(code('TOO_LARGE'))
    await expect(db.put('k', 'v'.repeat(4 << 20))).rejects.toEqual(code('TOO_LARGE'))
    await db.put('k', 'v')
    expect(db.count()).toBe(1)
  })
})

describe('opening', () => {
  it('refuses by code what is no store, is missing, or is there already', async () => {
    const foreign = fresh()
    mkdirSync(foreign)
    writeFileSync(join(foreign, 'letter.txt'), 'dear')
    await expect(open(foreign)).rejects.toMatchObject({
      code: 'FOREIGN',
      message: expect.stringMatching(/letter\.txt/),
    })
    await expect(open(join(foreign, 'letter.txt'))).rejects.toMatchObject({
      code: 'FOREIGN',
      message: expect.stringMatching(/it is no directory/),
    })
    for (const options of [{ create: 'never' }, { readOnly: true }] as const)
      await expect(open(fresh(), options)).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: expect.stringMatching(/no store is there/),
      })
    const there = fresh()
    await (await open(there)).close()
    await expect(open(there, { create: 'always-new' })).rejects.toEqual(code('EXISTS'))
    expect(() => openSync(there, { create: 'always-new' })).toThrow(code('EXISTS'))
  })

  it('the same directory twice in a process is one store, and other options are INVALID', async () => {
    const directory = fresh()
    const first = await open(directory)
    const second = await open(directory)
    await first.put('k', 1)
    expect(second.get('k')).toBe(1)
    await expect(open(directory, { memory: '64MB' })).rejects.toThrow(/`memory`/)
    await first.close()
    expect(second.get('k')).toBe(1)
    await second.close()
  })

  it('from a second process is LOCKED and names the holder', async () => {
    const directory = fresh()
    const child = fork(writer, [directory, '{}', '1'])
    await new Promise((resolve) => child.once('message', resolve))
    await expect(open(directory)).rejects.toMatchObject({
      code: 'LOCKED',
      message: expect.stringMatching(RegExp(`process ${child.pid}`)),
    })
    await new Promise((resolve) => child.once('exit', resolve).kill('SIGKILL'))
    await (await open(directory)).close()
  })

  it('for reading only shows everything and refuses writes', async () => {
    const directory = fresh()
    const before = await open(directory)
    await before.put('k', 'v')
    await before.close()
    await using db = await open(directory, { readOnly: true })
    expect(db.get('k')).toBe('v')
    await expect(db.put('k', 'w')).rejects.toEqual(code('READ_ONLY'))
  })
})

describe('damage', () => {
  const damaged = async (pattern: RegExp, change: (bytes: Buffer) => void) => {
    const directory = fresh()
    const db = await open(directory)
    for (let n = 0; n < 100; n++) await db.put(`key${n}`, `value${n}`, { durability: 'memory' })
    await db.flush()
    await db.close()
    const name = readdirSync(directory).find((one) => pattern.test(one)) ?? ''
    const bytes = readFileSync(join(directory, name))
    change(bytes)
    writeFileSync(join(directory, name), bytes)
    return directory
  }
  const flip = (at: number) => (bytes: Buffer) => bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)

  it('of a table is CORRUPT with its name, where a read meets it', async () => {
    const directory = await damaged(/\.table$/, flip(200))
    await using db = await open(directory)
    expect(() => db.get('key5')).toThrow(
      expect.objectContaining({ code: 'CORRUPT', message: expect.stringContaining('.table') }),
    )
    expect(() => db.range().toArray()).toThrow(code('CORRUPT'))
  })

  it('of the manifest is CORRUPT', async () => {
    await expect(open(await damaged(/^MANIFEST/, flip(20)))).rejects.toEqual(code('CORRUPT'))
    await expect(open(await damaged(/^MANIFEST/, flip(100)))).rejects.toEqual(code('CORRUPT'))
  })
})

describe('settling and closing', () => {
  it('writes of one tick share a promise, and each class says what was reached', async () => {
    await using db = await open(fresh())
    const first = db.put('a', 1)
    expect(db.put('b', 2)).toBe(first)
    expect(await first).toEqual({ commit: 2, durability: 'disk' })
    expect(await db.put('c', 3, { durability: 'os' })).toEqual({ commit: 3, durability: 'os' })
    expect(await db.put('d', 4, { durability: 'memory' })).toEqual({
      commit: 4,
      durability: 'memory',
    })
    expect(db.putSync('e', 5)).toEqual({ commit: 5, durability: 'disk' })
  })

  it('a closed store rejects writes and throws on reads with CLOSED; closing twice is harmless', async () => {
    const db = await open(fresh())
    const snapshot = db.snapshot()
    const numbers = Array.from({ length: 1000 }, (_, i) => i)
    void db.batch(numbers.map((n) => ({ type: 'put', key: n, value: n })))
    const running = db.range()[Symbol.iterator]()
    await db.close()
    await db.close()
    await expect(db.put('k', 1)).rejects.toEqual(code('CLOSED'))
    for (const read of [
      () => db.get('k'),
      () => db.count(),
      () => db.range().toArray(),
      () => db.stats(),
      () => snapshot.get('k'),
      () => db.snapshot(),
      () => db.commit,
      () => numbers.map(() => running.next()),
    ]) {
      expect(read).toThrow(code('CLOSED'))
    }
    await expect(db.flush()).rejects.toEqual(code('CLOSED'))
  })

  it('an idle store does not keep the process alive, a pending write does', () => {
    const script = `import { open } from '${dist}'
      const db = await open(process.argv[1])
      db.put('k', 1).then(() => console.log('settled'))`
    const out = execFileSync(process.execPath, ['--input-type=module', '-e', script, fresh()], {
      timeout: 20_000,
    })
    expect(out.toString().trim()).toBe('settled')
  })
})

describe('compression', () => {
  const words = Array.from({ length: 3000 }, (_, n) => ({
    n,
    text: `the same words again ${n % 7} `.repeat(4),
  }))
  const sizeWith = async (options: OpenOptions) => {
    const path = fresh()
    const db = await open(path, options)
    await db.batch(words.map((value) => ({ type: 'put', key: value.n, value })))
    await db.compact()
    const { engine } = db.stats() as { engine: { diskBytes: number } }
    await db.close()
    const again = await open(path, { compression: 'none' })
    expect([...again.values()]).toEqual(words)
    await again.close()
    return engine.diskBytes
  }

  it('makes tables smaller, on the levels asked for, and any store can be read with any setting', async () => {
    const plain = await sizeWith({})
    expect(await sizeWith({ compression: 'fast' })).toBeLessThan(plain / 3)
    expect(await sizeWith({ compression: ['none', 'fast'] })).toBeLessThan(plain / 3)
    expect(await sizeWith({ compression: ['fast', 'none'] })).toBe(plain)
  })

  it('takes nothing else', async () => {
    for (const compression of ['zip', [], ['fast', 1], true]) {
      await expect(open(fresh(), { compression } as object)).rejects.toEqual(code('INVALID'))
    }
    await expect(open(fresh(), { compaction: 'none' } as object)).rejects.toEqual(code('INVALID'))
  })
})
