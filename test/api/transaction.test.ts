// Transactions as their callers see them: own writes, conflicts, retries, savepoints, ends, and the traps of a callback.
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { describe, expect, it } from 'vitest'

import { type Isolation, open, type Store, type Transaction } from '../../lib/index.ts'

type Numbers = Store<{ key: string; value: number }>

const memory = (): Promise<Numbers> => open(':memory:')
setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

interface Stats {
  readonly openCount: number
  readonly recentBytes: number
}
const stats = (db: Numbers) => db.stats()['transactions'] as Stats
const code = (name: string) => expect.objectContaining({ code: name })

describe('a transaction', () => {
  it('answers what its callback answers, when its writes are visible all at once', async () => {
    await using db = await memory()
    const answer = await db.transaction((tx) => {
      tx.put('a', 1)
      tx.put('b', 2)
      expect([db.has('a'), db.has('b')]).toEqual([false, false])
      return 'done'
    })
    expect(answer).toBe('done')
    expect([db.get('a'), db.get('b'), db.commit]).toEqual([1, 2, 1])
  })

  it('reads its own writes: gets, many, ranges both ways, counts and versions', async () => {
    await using db = await memory()
    await db.batch(['a', 'b', 'c', 'd'].map((key, value) => ({ type: 'put', key, value })))
    await db.transaction((tx) => {
      tx.put('b', 20)
      tx.delete('c')
      tx.put('bb', 21)
      expect([tx.get('a'), tx.get('b'), tx.get('c')]).toEqual([0, 20, undefined])
      expect(tx.getMany(['a', 'b', 'bb', 'c', 'x'])).toEqual([0, 20, 21, undefined, undefined])
      const all = [
        ['a', 0],
        ['b', 20],
        ['bb', 21],
        ['d', 3],
      ]
      expect(tx.range().toArray()).toEqual(all)
      expect(tx.range({ reverse: true }).toArray()).toEqual([...all].reverse())
      expect(tx.keys({ gt: 'a', lte: 'bb', limit: 2 }).toArray()).toEqual(['b', 'bb'])
      expect([tx.count(), tx.count({ gte: 'c' }), tx.count({ limit: 2 })]).toEqual([4, 1, 2])
      expect([tx.version('a'), tx.version('b'), tx.version('c')]).toEqual([1, 0, undefined])
      tx.deleteRange({ gte: 'b', lt: 'd' })
      expect(tx.values().toArray()).toEqual([0, 3])
      expect(tx.update('d', (value) => (value ?? 0) + 1)).toBe(4)
      expect(tx.update('a', () => undefined)).toBeUndefined()
    })
    expect(db.range().toArray()).toEqual([['d', 4]])
  })

  it('reads as of its begin, in batches of a long range, too, while it writes into it', async () => {
    await using db = await memory()
    const keys = Array.from({ length: 2000 }, (_, i) => `k${String(i).padStart(4, '0')}`)
    await db.batch(keys.map((key, value) => ({ type: 'put', key, value })))
    const tx = db.begin()
    await db.deleteRange({ gte: 'k1' })
    expect(tx.get('k1500')).toBe(1500)
    let seen = 0
    for (const [key, value] of tx.range()) {
      expect(value).toBe(seen++)
      tx.delete(key)
      tx.put(`${key}~`, -1)
    }
    expect([seen, tx.count()]).toEqual([2000, 2000])
    tx.rollback()
  })

  it('is getAsync() and has(), too', async () => {
    await using db = await memory()
    await db.transaction(async (tx) => {
      tx.put('a', 1)
      expect(await tx.getAsync('a')).toBe(1)
      expect([tx.has('a'), tx.has('b')]).toEqual([true, false])
    })
  })

  it('spans sublevels and shows them in a snapshot by in()', async () => {
    await using db = await memory()
    const names = db.sublevel<{ key: number; value: string }>('names')
    await db.transaction((tx) => {
      tx.put('count', 1)
      names.in(tx).put(1, 'ada')
      expect(names.in(tx).get(1)).toBe('ada')
      expect(names.has(1)).toBe(false)
    })
    using before = db.snapshot()
    await names.put(1, 'bob')
    expect([names.get(1), names.in(before).get(1), db.get('count')]).toEqual(['bob', 'ada', 1])
    await using other = await memory()
    expect(() => other.in(before)).toThrow(code('INVALID'))
    expect(() => other.in({} as never)).toThrow(code('INVALID'))
  })

  it('changes nothing when its callback throws or rejects', async () => {
    await using db = await memory()
    const mine = new RangeError('mine')
    const throws = db.transaction((tx) => {
      tx.put('a', 1)
      throw mine
    })
    await expect(throws).rejects.toBe(mine)
    const rejects = db.transaction(async (tx) => {
      tx.put('a', 1)
      await turn()
      throw mine
    })
    await expect(rejects).rejects.toBe(mine)
    expect([db.count(), db.commit]).toEqual([0, 0])
  })

  it('runs an asynchronous callback again when another wrote what it read', async () => {
    await using db = await memory()
    await db.put('n', 0)
    const attempts: number[] = []
    const raise = () =>
      db.transaction(async (tx) => {
        attempts.push(tx.attempt)
        const n = tx.get('n') ?? 0
        await turn()
        tx.put('n', n + 1)
      })
    await Promise.all(Array.from({ length: 12 }, raise))
    expect(db.get('n')).toBe(12)
    expect(Math.max(...attempts)).toBeGreaterThan(1)
  })

  it('gives up with CONFLICT that names key and reason', async () => {
    await using db = await memory()
    await db.put('n', 0)
    let calls = 0
    const always = db.transaction(
      async (tx) => {
        calls++
        tx.put('m', tx.get('n') ?? 0)
        await turn()
        await db.put('n', calls)
      },
      { retries: 4 },
    )
    await expect(always).rejects.toMatchObject({ code: 'CONFLICT', key: 'n', reason: 'written' })
    await expect(always).rejects.toThrow('"n"')
    expect([calls, db.has('m')]).toEqual([5, false])
  })

  it('names keys of sublevels and keys that are no text', async () => {
    await using db = await open(':memory:')
    const level = db.sublevel<{ key: [string, number]; value: number }>('pairs')
    const tx = db.begin()
    level.in(tx).get(['a', 1])
    tx.put('x', 1)
    await level.put(['a', 1], 1)
    await expect(tx.commit()).rejects.toMatchObject({ code: 'CONFLICT', key: ['a', 1] })
  })

  it('is too old when more was written than is remembered', async () => {
    await using db: Numbers = await open(':memory:', { memory: '8MB' })
    const tx = db.begin()
    tx.count({ gte: 'x' })
    tx.put('b', 1)
    for (let i = 0; i < 10_000; i++) void db.put(`k${i % 100}`, i)
    const refused = { code: 'CONFLICT', reason: 'too old' }
    await expect(tx.commit()).rejects.toMatchObject(refused)
  })

  it.each<[Isolation, boolean, boolean]>([
    ['serializable', true, false],
    ['snapshot', false, true],
    ['read-committed', false, false],
  ])(
    '%s: write skew conflicts %s, two writes of a key conflict %s',
    async (isolation, skew, both) => {
      await using db = await memory()
      const conflicts = async (read: string, written: string) => {
        const tx = db.begin({ isolation })
        tx.get(read)
        tx.put(written, 1)
        await db.put(read === 'x' ? 'x' : written, 2)
        return tx.commit().then(
          () => false,
          (error: { code: string }) => error.code === 'CONFLICT',
        )
      }
      expect(await conflicts('x', 'y')).toBe(skew)
      expect(await conflicts('w', 'z')).toBe(both)
    },
  )

  it('guards a range as far as it was read, and no further', async () => {
    await using db = await memory()
    await db.batch(['a', 'c', 'e', 'g'].map((key, value) => ({ type: 'put', key, value })))
    const meets = async (
      read: (tx: Transaction<{ key: string; value: number }>) => unknown,
      key: string,
    ) => {
      const tx = db.begin()
      read(tx)
      tx.put('z', 1)
      await db.put(key, 1)
      await db.delete(key)
      const refused = await tx.commit().then(
        () => false,
        () => true,
      )
      await db.delete('z')
      return refused
    }
    expect(await meets((tx) => tx.range({ limit: 2 }).toArray(), 'b')).toBe(true)
    expect(await meets((tx) => tx.range({ limit: 2 }).toArray(), 'd')).toBe(false)
    expect(await meets((tx) => tx.range({ reverse: true, limit: 2 }).toArray(), 'd')).toBe(false)
    expect(await meets((tx) => tx.range({ reverse: true, limit: 2 }).toArray(), 'f')).toBe(true)
    expect(await meets((tx) => tx.keys({ gte: 'c' }).first(), 'd')).toBe(false)
    expect(await meets((tx) => tx.keys({ gte: 'b' }).first(), 'bb')).toBe(true)
    expect(await meets((tx) => tx.count({ gte: 'c', lt: 'f' }), 'd')).toBe(true)
    expect(await meets((tx) => tx.count({ gte: 'c', lt: 'f' }), 'f')).toBe(false)
    expect(await meets((tx) => tx.count({ limit: 1 }), 'b')).toBe(false)
    expect(await meets((tx) => tx.getMany(['q', 'r']), 'r')).toBe(true)
  })
})

describe('a savepoint', () => {
  it('takes back what was written above it, and only that', async () => {
    await using db = await memory()
    await db.put('old', 0)
    await db.transaction((tx) => {
      tx.put('a', 1)
      expect(tx.transaction((inner) => inner.update('a', (value) => (value ?? 0) + 1))).toBe(2)
      const fails = () =>
        tx.transaction((inner) => {
          inner.put('a', 3)
          inner.put('b', 3)
          inner.delete('old')
          throw new Error('back')
        })
      expect(fails).toThrow('back')
      expect(tx.range().toArray()).toEqual([
        ['a', 2],
        ['old', 0],
      ])
    })
    expect(db.range().toArray()).toEqual([
      ['a', 2],
      ['old', 0],
    ])
  })

  it('may be asynchronous, one after the other', async () => {
    await using db = await memory()
    await db.transaction(async (tx) => {
      await tx.transaction(async () => {
        tx.put('a', 1)
        await turn()
      })
      const fails = tx.transaction(async () => {
        tx.put('b', 1)
        await turn()
        throw new Error('back')
      })
      await expect(fails).rejects.toThrow('back')
    })
    expect(db.keys().toArray()).toEqual(['a'])
    const open = db.transaction((tx) => void tx.transaction(() => turn()))
    await expect(open).rejects.toThrow(code('INVALID'))
    const crossed = db.transaction((tx) =>
      Promise.all([tx.transaction(() => turn()), tx.transaction(() => turn(1))]),
    )
    await expect(crossed).rejects.toThrow(code('INVALID'))
  })

  it('is what batch() is in a transaction', async () => {
    await using db = await memory()
    await db.transaction((tx) => {
      tx.batch([{ type: 'put', key: 'a', value: 1 }])
      const bad = [{ type: 'put', key: 'b', value: 1 }, { type: 'no' }] as never
      expect(() => tx.batch(bad)).toThrow('batch[1]')
    })
    expect(db.keys().toArray()).toEqual(['a'])
  })
})

describe('the end of a transaction', () => {
  it('is commit() or rollback(), and everything after it is CLOSED', async () => {
    await using db = await memory()
    const tx = db.begin({ durability: 'memory' })
    tx.put('a', 1)
    const run = tx.range()[Symbol.iterator]()
    expect(await tx.commit()).toEqual({ commit: 1, durability: 'memory' })
    const calls = [
      () => tx.get('a'),
      () => tx.put('a', 1),
      () => tx.delete('a'),
      () => tx.count(),
      () => tx.range().toArray(),
      () => tx.transaction(() => 1),
      () => db.in(tx),
    ]
    for (const call of calls) expect(call).toThrow(code('CLOSED'))
    await expect(tx.commit()).rejects.toThrow(code('CLOSED'))
    tx.rollback()
    run.return()
    const next = db.begin()
    next.rollback()
    next.rollback()
    expect(() => next.has('a')).toThrow(code('CLOSED'))
  })

  it('comes with its scope', async () => {
    await using db = await memory()
    {
      await using tx = db.begin()
      tx.put('a', 1)
    }
    {
      using tx = db.begin()
      tx.put('a', 1)
    }
    expect([db.has('a'), db.stats()['transactions']]).toMatchObject([false, { openCount: 0 }])
  })

  it('ends the walks of its ranges', async () => {
    await using db = await memory()
    await db.batch(Array.from({ length: 500 }, (_, i) => ({ type: 'put', key: `${i}`, value: i })))
    const tx = db.begin()
    const runs = [tx.range(), tx.range()].map((range) => range[Symbol.iterator]())
    for (const run of runs) run.next()
    tx.rollback()
    expect(() => [...(runs[0] ?? [])]).toThrow(code('CLOSED'))
    const next = db.begin() // Has the same number in the addon,
    next.put('a', 1)
    expect(() => [...(runs[1] ?? [])]).toThrow(code('CLOSED'))
    await db.put('b', 1)
    await next.commit() // and no condition of the other.
  })

  it('comes with an answer that cannot be looked at', async () => {
    await using db = await memory()
    const answer = {
      get then(): never {
        throw new RangeError('no then')
      },
    }
    await expect(db.transaction(() => answer)).rejects.toThrow('no then')
    expect(() => db.transactionSync(() => answer)).toThrow('no then')
    expect(stats(db).openCount).toBe(0)
    await db.transaction((tx) => {
      expect(() => tx.transaction(() => answer)).toThrow('no then')
      tx.put('a', 1)
    })
    expect(db.get('a')).toBe(1)
  })

  it('comes with the store', async () => {
    const db = await memory()
    const tx = db.begin()
    tx.put('a', 1)
    await db.close()
    expect(() => tx.put('b', 1)).toThrow(code('CLOSED'))
    await expect(tx.commit()).rejects.toThrow(code('CLOSED'))
    tx.rollback()
  })

  it('is found by the collector when nobody else ends it', async () => {
    await using db = await memory()
    await db.put('a', 1)
    for (let round = 0; round < 10; round++) {
      for (let i = 0; i < 1000; i++) db.begin().put(`k${i}`, i)
      await turn()
    }
    await expect.poll(() => (gc(), stats(db).openCount), { timeout: 10_000 }).toBe(0)
    expect(db.stats()['snapshotCount']).toBe(0)
    for (let i = 0; i < 1000; i++) await db.put('a', i)
    expect(stats(db).recentBytes).toBeLessThan(1e6)
  }, 30_000)

  it('gives back what 10,000 of them held, each of 20 KB, when they are collected', async () => {
    await using db = await open(':memory:')
    const value = 'x'.repeat(20_000)
    const rss = () => process.memoryUsage().rss
    const before = rss()
    for (let round = 0; round < 10; round++) {
      for (let i = 0; i < 1000; i++) db.begin().put(`k${i}`, value)
    }
    const held = rss()
    expect(held - before).toBeGreaterThan(150e6)
    const openCount = () => (db.stats()['transactions'] as Stats).openCount
    await expect.poll(() => (gc(), openCount()), { timeout: 10_000 }).toBe(0)
    const others = Array.from({ length: 7500 }, () => Buffer.alloc(20_000, 1))
    expect(rss() - held).toBeLessThan(75e6)
    expect(others).toHaveLength(7500)
  }, 30_000)

  it('by a signal is ABORTED, and nothing has changed', async () => {
    await using db = await memory()
    const aborting = new AbortController()
    const slow = db.transaction(
      async (tx) => {
        tx.put('a', 1)
        await turn()
        aborting.abort(new Error('enough'))
        await turn()
        tx.put('b', 1)
      },
      { signal: aborting.signal },
    )
    await expect(slow).rejects.toMatchObject({
      code: 'ABORTED',
      message: expect.stringContaining('nothing'),
    })
    const never = db.transaction(() => expect.unreachable(), { signal: aborting.signal })
    await expect(never).rejects.toThrow(code('ABORTED'))
    expect([db.count(), db.stats()['transactions']]).toMatchObject([0, { openCount: 0 }])
  })
})

describe('a callback', () => {
  it('may not write by the store', async () => {
    await using db = await memory()
    const level = db.sublevel('s')
    await db.transaction(async (tx) => {
      tx.put('a', 1)
      expect(() => db.putSync('b', 1)).toThrow('use tx')
      expect(() => db.transactionSync(() => 1)).toThrow('use tx')
      expect(() => db.begin()).toThrow('use tx')
      const refused = [db.put('b', 1), db.delete('a'), level.put('b', 1), db.transaction(() => 1)]
      for (const one of refused) await expect(one).rejects.toThrow('use tx')
    })
    expect(db.keys().toArray()).toEqual(['a'])
    await db.put('b', 1)
  })

  it('of transactionSync() answers at once', async () => {
    await using db = await memory()
    expect(db.transactionSync((tx) => (tx.put('a', 1), tx.get('a')), { durability: 'os' })).toBe(1)
    expect(() => db.transactionSync(async (tx) => tx.put('a', 2))).toThrow(code('INVALID'))
    expect(() =>
      db.transactionSync(() => {
        throw new Error('mine')
      }),
    ).toThrow('mine')
    expect([db.get('a'), db.stats()['transactions']]).toMatchObject([1, { openCount: 0 }])
  })

  it('of a read-only transaction gets a snapshot', async () => {
    await using db = await memory()
    await db.put('a', 1)
    const read = db.transaction(
      async (tx) => {
        await db.put('a', 2)
        return [tx.get('a'), 'put' in tx]
      },
      { readOnly: true },
    )
    expect(await read).toEqual([1, false])
    expect(db.stats()['snapshotCount']).toBe(0)
  })

  it('and its options are checked', async () => {
    await using db = await memory()
    const wrong: readonly [unknown, string][] = [
      [{ isolation: 'none' }, 'isolation'],
      [{ retries: -1 }, 'retries'],
      [{ readOnly: 1 }, 'readOnly'],
      [{ durability: 'all' }, 'durability'],
      [{ signal: 1 }, 'signal'],
      [{ retrys: 1 }, "did you mean 'retries'?"],
    ]
    for (const [options, words] of wrong)
      await expect(db.transaction(() => 1, options as never)).rejects.toThrow(words)
    await expect(db.transaction(1 as never)).rejects.toThrow(code('INVALID'))
    expect(() => db.begin({ retries: 1 } as never)).toThrow(code('INVALID'))
  })
})

describe('conditional writes', () => {
  it('happen when their condition holds, and say so', async () => {
    await using db = await memory()
    expect(await db.putIfAbsent('a', 1)).toBe(true)
    expect(await db.putIfAbsent('a', 2)).toBe(false)
    const version = db.version('a') ?? 0
    expect(await db.putIfVersion('a', 3, version)).toBe(true)
    expect(await db.putIfVersion('a', 4, version)).toBe(false)
    expect(await db.compareAndSwap('a', 3, 5)).toBe(true)
    expect(await db.compareAndSwap('a', 3, 6)).toBe(false)
    expect(db.get('a')).toBe(5)
    expect(await db.compareAndSwap('a', 5, undefined)).toBe(true)
    expect(await db.compareAndSwap('a', undefined, 7)).toBe(true)
    expect(db.get('a')).toBe(7)
    await expect(db.putIfVersion('a', 1, 0)).rejects.toThrow(code('INVALID'))
  })

  it('put values: undefined is none, and deletes nothing', async () => {
    await using db = await open(':memory:')
    await db.put('a', 1)
    await expect(db.putIfAbsent('b', undefined)).rejects.toThrow(code('INVALID'))
    const version = db.version('a') ?? 0
    await expect(db.putIfVersion('a', undefined, version)).rejects.toThrow(code('INVALID'))
    expect(db.get('a')).toBe(1)
  })

  it('compare values by what is in them', async () => {
    await using db = await open(':memory:')
    await db.put('o', { list: [1, { x: new Date(5) }] })
    expect(await db.compareAndSwap('o', { list: [1, { x: new Date(6) }] }, 1)).toBe(false)
    expect(await db.compareAndSwap('o', { list: [1, { x: new Date(5) }] }, 1)).toBe(true)
  })

  it('are guarded at every isolation within a transaction', async () => {
    await using db = await memory()
    const tx = db.begin({ isolation: 'read-committed' })
    expect([tx.putIfAbsent('a', 1), tx.putIfAbsent('a', 2), tx.get('a')]).toEqual([true, false, 1])
    await db.put('a', 3)
    await expect(tx.commit()).rejects.toMatchObject({ code: 'CONFLICT', key: 'a' })
    const one = db.begin({ isolation: 'read-committed' })
    expect(one.putIfVersion('a', 4, db.version('a') ?? 0)).toBe(true)
    await one.commit()
    expect(db.get('a')).toBe(4)
  })
})
