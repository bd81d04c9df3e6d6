// Every option: what it takes, and what is said of anything else. The message names the option, what was
// expected and what was given.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, it } from 'vitest'

import {
  destroy,
  exists,
  open,
  openSync,
  type RangeOptions,
  salvage,
  verify,
  type WaitOptions,
  type WriteOptions,
} from '../../lib/index.ts'
import { parseSize } from '../../lib/options.ts'

const root = mkdtempSync(join(tmpdir(), 'varve-options-'))
let count = 0
const fresh = () => join(root, `${++count}`)
afterAll(() => rmSync(root, { recursive: true, force: true }))

const SIZE = "bytes, or text such as '256MB'"
const SMALLEST = "at least '8MB'"
const ENGINE = "'lsm', 'memory', 'bitcask' or 'btree'"
const EVICTION = "'lru', 'clock' or 'random'"
const PAGE = '4096, 8192, 16384, 32768 or 65536'
const PAGE_WRITE = "'through', 'back' or 'behind'"
const DURABILITY = "'memory', 'os' or 'disk'"
const CREATE = "'if-missing', 'never' or 'always-new'"
const FLAG = 'true or false'
const THREADS = 'an integer from 1 to 64'
const BLOCK = 'an integer from 1024 to 65536'
const LARGE_VALUE = "from '1KB' to '4GB'"
const ENCODING = "'value', 'bytes', 'string', 'json' or { encode, decode }"
const LOGGER = 'an object with functions info, warn or error'

type Wrong = readonly [name: string, given: unknown, expected: string, shown: string]

const invalid = (message: string) => expect.objectContaining({ code: 'INVALID', message })

describe('open() takes', () => {
  it.each<Wrong>([
    ['engine', 'b-tree', ENGINE, '"b-tree"'],
    ['engine', '', ENGINE, '""'],
    ['engine', 1, ENGINE, '1'],
    ['engine', null, ENGINE, 'null'],
    ['log', 1, FLAG, '1'],
    ['durability', 'disc', DURABILITY, '"disc"'],
    ['durability', true, DURABILITY, 'true'],
    ['durability', null, DURABILITY, 'null'],
    ['durability', ['disk'], DURABILITY, 'an array'],
    ['memory', '1MB', SMALLEST, '"1MB"'],
    ['memory', 0, SMALLEST, '0'],
    ['memory', 8 * 1024 * 1024 - 1, SMALLEST, '8388607'],
    ['memory', -1, SIZE, '-1'],
    ['memory', 1e7 + 0.5, SIZE, '10000000.5'],
    ['memory', NaN, SIZE, 'NaN'],
    ['memory', Infinity, SIZE, 'Infinity'],
    ['memory', '256', SIZE, '"256"'],
    ['memory', 'lots', SIZE, '"lots"'],
    ['memory', '-8MB', SIZE, '"-8MB"'],
    ['memory', null, SIZE, 'null'],
    ['memory', 256n, SIZE, '256n'],
    ['memory', '9000TB', 'at most 8192TB', '"9000TB"'],
    ['compaction', 'none', "'leveled', 'tiered' or 'universal'", '"none"'],
    ['damaged', true, "'refuse' or 'serve'", 'true'],
    ['threads', 0, THREADS, '0'],
    ['threads', 65, THREADS, '65'],
    ['threads', 1.5, THREADS, '1.5'],
    ['threads', '2', THREADS, '"2"'],
    ['threads', null, THREADS, 'null'],
    ['create', 'always', CREATE, '"always"'],
    ['create', true, CREATE, 'true'],
    ['readOnly', 1, FLAG, '1'],
    ['readOnly', 'yes', FLAG, '"yes"'],
    ['readOnly', null, FLAG, 'null'],
    ['blockSize', 512, BLOCK, '512'],
    ['blockSize', 65_537, BLOCK, '65537'],
    ['blockSize', '4KB', BLOCK, '"4KB"'],
    ['pageSize', 2048, PAGE, '2048'],
    ['pageSize', 5000, PAGE, '5000'],
    ['pageSize', '4KB', PAGE, '"4KB"'],
    ['eviction', 'fifo', EVICTION, '"fifo"'],
    ['eviction', 1, EVICTION, '1'],
    ['write', 'around', PAGE_WRITE, '"around"'],
    ['write', true, PAGE_WRITE, 'true'],
    ['largeValue', 1023, LARGE_VALUE, '1023'],
    ['largeValue', '5GB', LARGE_VALUE, '"5GB"'],
    ['largeValue', 'much', SIZE, '"much"'],
    ['encoding', 'utf8', ENCODING, '"utf8"'],
    ['encoding', null, ENCODING, 'null'],
    ['encoding', { encode: () => new Uint8Array() }, ENCODING, 'an object'],
    ['logger', console.log, LOGGER, 'a function'],
    ['logger', null, LOGGER, 'null'],
    ['logger.warn', 'loud', 'a function', '"loud"'],
  ])('no %s: %o', async (name, given, expected, shown) => {
    const message = `${name} must be ${expected}, not ${shown}`
    const options: object = name === 'logger.warn' ? { logger: { warn: given } } : { [name]: given }
    const directory = fresh()
    await expect(open(directory, options)).rejects.toEqual(invalid(message))
    expect(() => openSync(directory, options)).toThrow(invalid(message))
    await expect(open(directory, { create: 'never' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it.each<readonly [unknown, string]>([
    [5, '5'],
    ['', '""'],
    ['a\0b', '"a\\u0000b"'],
    [undefined, 'undefined'],
    [new URL('file:///tmp'), 'an object'],
  ])('no path: %o', async (path, shown) => {
    const message = `path must be a directory's path, or ':memory:', not ${shown}`
    await expect(open(path as string)).rejects.toEqual(invalid(message))
  })

  it.each<readonly [unknown, string]>([
    [null, 'open: options must be an object, not null'],
    ['disk', 'open: options must be an object, not "disk"'],
    [['disk'], 'open: options must be an object, not an array'],
    [{ durabilty: 'os' }, "open: unknown option 'durabilty'; did you mean 'durability'?"],
    [{ READONLY: true }, "open: unknown option 'READONLY'; did you mean 'readOnly'?"],
    [
      { path: 'x' },
      "open: unknown option 'path'; known are engine, log, durability, memory, threads, compaction, " +
        'compression, create, readOnly, damaged, blockSize, pageSize, eviction, write, largeValue, history, feed, encoding, logger, signal',
    ],
  ])('no options: %o', async (options, message) => {
    await expect(open(':memory:', options as object)).rejects.toEqual(invalid(message))
    expect(() => openSync(':memory:', options as object)).toThrow(invalid(message))
  })

  it('every option at either end, and undefined as if it were not there', async () => {
    for (const options of [
      { engine: 'lsm', durability: 'os', memory: '8MB', threads: 1, blockSize: 1024 },
      { largeValue: '1KB' },
      { largeValue: 4 * 1024 ** 3 },
      { create: 'always-new', memory: 8 << 20, threads: 64, blockSize: 65_536, logger: {} },
      { create: undefined, memory: undefined, threads: undefined, encoding: undefined },
    ] as const) {
      await using db = await open(fresh(), options)
      expect(db.count()).toBe(0)
    }
    await using db = await open(':memory:', { engine: 'memory', logger: undefined })
    expect(db.count()).toBe(0)
    await expect(open(':memory:', { engine: 'lsm' })).rejects.toEqual(
      invalid(`engine must be 'memory' for ':memory:', not "lsm"`),
    )
  })
})

describe('a size', () => {
  it('is a number of bytes, or text with a unit', () => {
    const sizes = ['0B', '1KB', '1.5 MB', '256MB', ' 2gb ', '1TB'].map((size) =>
      parseSize(size, 'x'),
    )
    expect(sizes).toEqual([0, 1024, 1572864, 2 ** 28, 2 ** 31, 2 ** 40])
    expect(parseSize(12345, 'x')).toBe(12345)
  })
})

describe('a write takes', () => {
  const fired = AbortSignal.abort()

  it.each<readonly [unknown, string]>([
    [null, 'write: options must be an object, not null'],
    ['disk', 'write: options must be an object, not "disk"'],
    [{ durability: 'fsync' }, `durability must be ${DURABILITY}, not "fsync"`],
    [{ durability: 2 }, `durability must be ${DURABILITY}, not 2`],
    [{ signal: true }, 'signal must be an AbortSignal, not true'],
    [{ signal: null }, 'signal must be an AbortSignal, not null'],
    [{ signal: {} }, 'signal must be an AbortSignal, not an object'],
  ])('no %o', async (given, message) => {
    await using db = await open(':memory:')
    const options = given as WriteOptions
    const all = [
      db.put('k', 1, options),
      db.delete('k', options),
      db.deleteRange({}, options),
      db.batch([], options),
      db.batch().put('k', 1).write(options),
      db.update('k', () => 1, options),
    ]
    for (const one of all) await expect(one).rejects.toEqual(invalid(message))
    expect(() => db.putSync('k', 1, options)).toThrow(invalid(message))
    expect(() => db.deleteSync('k', options)).toThrow(invalid(message))
    expect(() => db.batchSync([], options)).toThrow(invalid(message))
    expect(db.commit).toBe(0)
  })

  it('no option that it does not know, and names those that it does', async () => {
    await using db = await open(':memory:')
    const options = { sync: true } as WriteOptions
    const known = "write: unknown option 'sync'; known are durability, signal"
    await expect(db.delete('k', options)).rejects.toEqual(invalid(known))
    await expect(db.batch([], options)).rejects.toEqual(invalid(known))
    await expect(db.put('k', 1, options)).rejects.toEqual(invalid(`${known}, ttl, expiresAt`))
    expect(() => db.putSync('k', 1, options)).toThrow(invalid(`${known}, ttl, expiresAt`))
    expect(db.commit).toBe(0)
  })

  it('a signal that has fired is ABORTED, and nothing is written', async () => {
    await using db = await open(':memory:')
    const aborted = expect.objectContaining({ code: 'ABORTED' })
    await expect(db.put('k', 1, { signal: fired })).rejects.toEqual(aborted)
    expect(db.has('k')).toBe(false)
  })

  it('a signal that fires later is ABORTED with its reason, and the write stands', async () => {
    await using db = await open(fresh())
    const controller = new AbortController()
    const write = db.put('k', 1, { signal: controller.signal })
    controller.abort('enough')
    await expect(write).rejects.toMatchObject({ code: 'ABORTED', cause: 'enough' })
    expect(db.get('k')).toBe(1)
  })

  it('a signal that fires ends the wait for a flush or compaction, which goes on', async () => {
    await using db = await open(fresh())
    await db.put('k', 1)
    const waits = { flush: db.flush.bind(db), compact: db.compact.bind(db) }
    for (const [name, wait] of Object.entries(waits)) {
      await expect(wait({ signal: fired })).rejects.toThrow(`${name}: aborted before it began`)
      const controller = new AbortController()
      const waiting = wait({ signal: controller.signal })
      controller.abort('enough')
      await expect(waiting).rejects.toMatchObject({ code: 'ABORTED', cause: 'enough' })
      const wrong = { signals: 1 } as WaitOptions
      await expect(wait(wrong)).rejects.toThrow(`${name}: unknown option 'signals'`)
      await wait({ signal: new AbortController().signal })
    }
  })

  it('a signal that fires ends the wait for an opening, and what is opened is closed again', async () => {
    const path = fresh()
    await expect(open(path, { signal: fired })).rejects.toThrow('open: aborted before it began')
    expect(await exists(path)).toBe(false)
    const controller = new AbortController()
    const waiting = open(path, { signal: controller.signal })
    controller.abort('enough')
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED', cause: 'enough' })
    // It is nobody's any more: with other options it could not be opened while it was.
    await using db = await expect
      .poll(() => open(path, { memory: '16MB' }), { timeout: 10_000 })
      .toBeTruthy()
      .then(() => open(path, { memory: '16MB' }))
    expect(db.stats().memoryBytes).toBe(16 << 20)
    expect(() => openSync(fresh(), { signal: fired })).toThrow(
      'signal must be left out of openSync()',
    )
  })

  it('a signal that fires ends the wait for what is done to a store from outside', async () => {
    // What goes on has the lock of its store: each has one of its own.
    const made = async () => {
      const path = fresh()
      await (await open(path)).close()
      return path
    }
    const gone = await made()
    const [seen, checked, saved] = [await made(), await made(), await made()]
    const waits = {
      exists: (options?: WaitOptions) => exists(seen, options),
      verify: (options?: WaitOptions) => verify(checked, options),
      salvage: (options?: WaitOptions) => salvage(saved, fresh(), options),
      destroy: (options?: WaitOptions) => destroy(gone, options),
    }
    for (const [name, wait] of Object.entries(waits)) {
      await expect(wait({ signal: fired })).rejects.toThrow(`${name}: aborted before it began`)
      const controller = new AbortController()
      const waiting = wait({ signal: controller.signal })
      controller.abort('enough')
      await expect(waiting).rejects.toMatchObject({ code: 'ABORTED', cause: 'enough' })
      const wrong = { signals: 1 } as WaitOptions
      await expect(wait(wrong)).rejects.toThrow(`${name}: unknown option 'signals'`)
    }
    await expect.poll(() => exists(gone), { timeout: 10_000 }).toBe(false)
  })

  it('what it cannot write is refused by its place in the batch, and none of it is written', async () => {
    await using db = await open(':memory:')
    const put = { type: 'put', key: 'a', value: 1 }
    const cases: readonly (readonly [unknown, string])[] = [
      [{ type: 'put', key: 'b', value: { f: /x/ } }, 'value.f is a RegExp, which cannot be stored'],
      [{ type: 'put', key: 'b' }, 'value must not be undefined; use delete'],
      [{ type: 'del', key: 'b' }, `type must be 'put' or 'delete', not "del"`],
      [null, `type must be 'put' or 'delete', not undefined`],
    ]
    for (const [wrong, message] of cases) {
      await expect(db.batch([put, wrong] as never)).rejects.toEqual(invalid(`batch[1]: ${message}`))
    }
    await expect(db.batch({} as never)).rejects.toEqual(
      invalid('batch must be an array of operations, not an object'),
    )
    const within = {
      type: 'put',
      value: 1,
      get key() {
        return String(db.batchSync([]))
      },
    } as const
    await expect(db.batch([within])).rejects.toThrow('batch: within a batch')
    expect([db.count(), db.commit]).toEqual([0, 0])
    await db.batch([{ type: 'put', key: 'a', value: 1 }])
    expect(db.count()).toBe(1)
  })
})

describe('a range takes', () => {
  const KEY = 'null, a boolean, number, bigint, Date, string, Uint8Array or an array of these'

  it.each<readonly [unknown, string]>([
    [null, 'range: options must be an object, not null'],
    ['a', 'range: options must be an object, not "a"'],
    [{ limits: 5 }, "range: unknown option 'limits'; did you mean 'limit'?"],
    [{ limit: -1 }, 'limit must be a count, 0 or more, not -1'],
    [{ limit: 1.5 }, 'limit must be a count, 0 or more, not 1.5'],
    [{ limit: NaN }, 'limit must be a count, 0 or more, not NaN'],
    [{ limit: '5' }, 'limit must be a count, 0 or more, not "5"'],
    [{ limit: null }, 'limit must be a count, 0 or more, not null'],
    [{ reverse: 'yes' }, 'reverse must be true or false, not "yes"'],
    [{ reverse: null }, 'reverse must be true or false, not null'],
    [{ signal: 5 }, 'signal must be an AbortSignal, not 5'],
    [{ gt: NaN }, `gt must be ${KEY}, not NaN`],
    [{ gte: {} }, `gte must be ${KEY}, not an object`],
    [{ lt: Symbol('s') }, `lt must be ${KEY}, not a symbol`],
    [{ lte: [[NaN]] }, `lte[0][0] must be ${KEY}, not NaN`],
    [{ gte: new Date(NaN) }, 'gte must be a valid date'],
    [{ prefix: 5 }, 'prefix must be a string, Uint8Array or array, not 5'],
    [{ prefix: null }, 'prefix must be a string, Uint8Array or array, not null'],
  ])('no %o, and says so when it is asked for', (given, message) => {
    using db = openSync(':memory:')
    const options = given as RangeOptions<string>
    for (const ask of ['range', 'keys', 'values', 'count'] as const) {
      expect(() => db[ask](options)).toThrow(invalid(message))
    }
  })

  it('no unknown option, and fields only where values are read', () => {
    using db = openSync(':memory:')
    const options = { start: 'a' } as RangeOptions<string>
    const known = 'gt, gte, lt, lte, prefix, reverse, limit, signal'
    const message = `range: unknown option 'start'; known are ${known}`
    for (const ask of ['keys', 'count'] as const) {
      expect(() => db[ask](options)).toThrow(invalid(message))
      expect(() => db[ask]({ fields: ['a'] } as object)).toThrow("unknown option 'fields'")
    }
    for (const ask of ['range', 'values'] as const) {
      expect(() => db[ask](options)).toThrow(invalid(`${message}, fields`))
    }
  })

  it('bounds alone where it is deleted', async () => {
    await using db = await open(':memory:')
    const signal = new AbortController().signal
    for (const [name, given] of Object.entries({ limit: 1, reverse: true, signal })) {
      await expect(db.deleteRange({ [name]: given })).rejects.toEqual(
        invalid(`deleteRange: takes bounds alone, not '${name}'`),
      )
    }
    await expect(db.deleteRange(undefined as never)).rejects.toEqual(
      invalid('deleteRange: options must be an object, not undefined'),
    )
    await expect(db.deleteRange({ from: 'a' } as never)).rejects.toThrow(/unknown option 'from'/)
  })
})

describe('other calls take', () => {
  it('no sublevel without a name, or with options it does not know', () => {
    using db = openSync(':memory:')
    expect(() => db.sublevel('')).toThrow(invalid('name must be the name of a sublevel, not ""'))
    expect(() => db.sublevel(5 as never)).toThrow(
      invalid('name must be the name of a sublevel, not 5'),
    )
    expect(() => db.sublevel('s', { encodin: 'json' } as never)).toThrow(
      invalid("sublevel: unknown option 'encodin'; did you mean 'encoding'?"),
    )
    expect(() => db.sublevel('s', null as never)).toThrow(
      invalid('sublevel: options must be an object, not null'),
    )
    expect(() => db.sublevel('s', { encoding: 'xml' } as never)).toThrow(
      invalid(`encoding must be ${ENCODING}, not "xml"`),
    )
  })

  it('no listener that is none, no keys that are none, no change that is none', async () => {
    using db = openSync(':memory:')
    expect(() => db.on('stalled' as never, () => 0)).toThrow(
      invalid(`event must be 'stall', 'recovery' or 'error', not "stalled"`),
    )
    expect(() => db.on('error', 5 as never)).toThrow(invalid('listener must be a function, not 5'))
    expect(() => db.getMany('k' as never)).toThrow(
      invalid('keys must be an array of keys, not "k"'),
    )
    expect(() => db.getMany([, 'k'] as never)).toThrow(/^keys\[0\]: key must be .*, not undefined$/)
    await expect(db.update('k', 5 as never)).rejects.toEqual(
      invalid('update must be a function as its second argument, not 5'),
    )
  })
})
