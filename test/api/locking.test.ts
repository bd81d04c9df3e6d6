// Transactions that lock: who waits for whom, deadlocks, timeouts, ends, and what is left of those that nobody ended.
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { describe, expect, it } from 'vitest'

import { type LockingTransaction, open, type Pessimistic, type Store } from '../../lib/index.ts'

type Numbers = Store<{ key: string; value: number }>
type Locking = LockingTransaction<{ key: string; value: number }>

const memory = (): Promise<Numbers> => open(':memory:')
setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

interface Stats {
  readonly openCount: number
  readonly lockCount: number
  readonly waitingCount: number
  readonly deadlockCount: number
}
const stats = (db: Numbers) => db.stats()['transactions'] as Stats
const code = (name: string) => expect.objectContaining({ code: name })
const mode: Pessimistic = { mode: 'pessimistic' }

describe('a transaction that locks', () => {
  it('puts what expires, tells when, and lets it stay', async () => {
    await using db = await memory()
    await db.transaction(async (tx) => {
      await tx.put('short', 1, { ttl: 60_000 })
      await tx.put('kept', 2, { ttl: 60_000 })
      await tx.put('long', 3)
      expect(await tx.persist('kept')).toBe(true)
      expect(await tx.ttl('short')).toBeGreaterThan(50_000)
      expect([await tx.ttl('long'), await tx.ttl('absent')]).toEqual([Infinity, undefined])
      await expect(tx.put('k', 1, { ttl: -1 })).rejects.toEqual(code('INVALID'))
    }, mode)
    expect(db.ttl('short')).toBeLessThanOrEqual(60_000)
    expect(db.ttl('kept')).toBe(Infinity)
  })

  it('counts up among many without a single retry', async () => {
    await using db = await memory()
    let tries = 0
    const countUp = async (tx: Locking): Promise<void> => {
      tries++
      const n = (await tx.getForUpdate('n')) ?? 0
      await turn()
      await tx.put('n', n + 1)
    }
    await Promise.all(Array.from({ length: 200 }, () => db.transaction(countUp, mode)))
    expect([db.get('n'), tries]).toEqual([200, 200])
    expect(stats(db)).toMatchObject({ openCount: 0, lockCount: 0, waitingCount: 0 })
  })

  it('reads its own writes, and shows nobody before its commit', async () => {
    await using db = await memory()
    await db.put('a', 1)
    const answer = await db.transaction(async (tx) => {
      await tx.put('b', 2)
      await tx.increment('a', 10)
      expect(await tx.update('c', (value) => (value ?? 0) + 3)).toBe(3)
      expect([await tx.putIfAbsent('c', 0), await tx.putIfAbsent('d', 4)]).toEqual([false, true])
      await tx.delete('d')
      expect([await tx.get('b'), await tx.has('d'), await tx.count()]).toEqual([2, false, 3])
      expect(db.has('b')).toBe(false)
      return tx.entries({ gte: 'b' })
    }, mode)
    expect(answer).toEqual([
      ['b', 2],
      ['c', 3],
    ])
    expect(db.get('a')).toBe(11)
  })

  it('waits for one that holds a range, and then sees what that has put into it', async () => {
    await using db = await memory()
    await using first = db.begin(mode)
    expect(await first.entries({ gte: 'a', lt: 'm' })).toEqual([])
    const second = db.transaction(async (tx) => {
      await tx.put('c', 30)
      return tx.count({ lt: 'm' })
    }, mode)
    await turn()
    expect(stats(db)).toMatchObject({ waitingCount: 1 })
    await first.put('b', 2)
    await first.commit()
    expect(await second).toBe(2)
  })

  it('reads beside others that read, and writes when they have ended', async () => {
    await using db = await memory()
    await using a = db.begin(mode)
    await using b = db.begin(mode)
    expect([await a.get('k'), await b.get('k')]).toEqual([undefined, undefined])
    await using c = db.begin(mode)
    const written = c.put('k', 1)
    a.rollback()
    await turn()
    expect(stats(db).waitingCount).toBe(1)
    await b.commit()
    await written
    await c.commit()
    expect(db.get('k')).toBe(1)
  })

  it('runs the younger of two again that wait for each other, and both come through', async () => {
    await using db = await memory()
    let tries = 0
    const both = (first: string, second: string) =>
      db.transaction(async (tx) => {
        tries++
        await tx.update(first, (n) => (n ?? 0) + 1)
        await turn()
        await tx.update(second, (n) => (n ?? 0) + 1)
        return tx.attempt
      }, mode)
    expect(await Promise.all([both('a', 'b'), both('b', 'a')])).toEqual([1, 2])
    expect([db.get('a'), db.get('b'), tries]).toEqual([2, 2, 3])
    expect(stats(db).deadlockCount).toBe(1)
  })

  it('of three in a circle the youngest is DEADLOCK, and has ended', async () => {
    await using db = await memory()
    await using a = db.begin(mode)
    await using b = db.begin(mode)
    await using c = db.begin(mode)
    await Promise.all([a.put('a', 1), b.put('b', 1), c.put('c', 1)])
    const waiting = [c.put('a', 2), b.put('c', 2)]
    const lost = expect(waiting[0]).rejects.toEqual(code('DEADLOCK'))
    await a.put('d', 2)
    const last = a.put('b', 2)
    await lost
    await expect(c.put('x', 1)).rejects.toEqual(code('CLOSED'))
    await waiting[1]
    await b.commit()
    await last
    await a.commit()
    expect([...db.range()]).toEqual([
      ['a', 1],
      ['b', 2],
      ['c', 2],
      ['d', 2],
    ])
  })

  it('is DEADLOCK after as many retries as it has, and has changed nothing', async () => {
    await using db = await memory()
    await using old = db.begin(mode)
    await old.put('a', 1)
    const options = { ...mode, retries: 0 }
    const young = db.transaction(async (tx) => {
      await tx.put('b', 1)
      await tx.put('a', 2)
    }, options)
    const lost = expect(young).rejects.toEqual(code('DEADLOCK'))
    await turn()
    await old.put('b', 2)
    await lost
    await old.commit()
    expect([db.get('a'), db.get('b')]).toEqual([1, 2])
  })

  it('is TIMEOUT when a lock is not free in time, and may go on', async () => {
    await using db = await memory()
    await using a = db.begin(mode)
    await a.lock('k')
    for (const lockTimeout of [0, 5]) {
      await using b = db.begin({ ...mode, lockTimeout })
      await expect(b.get('k')).rejects.toEqual(code('TIMEOUT'))
      await b.put('other', lockTimeout)
      await b.commit()
    }
    expect(db.get('other')).toBe(5)
    const given = db.transaction((tx) => tx.get('k'), { ...mode, lockTimeout: 1 })
    await expect(given).rejects.toEqual(code('TIMEOUT'))
    expect(stats(db)).toMatchObject({ openCount: 1, lockCount: 1, waitingCount: 0 })
  })

  it('runs again when a write that takes no lock has changed what it read', async () => {
    await using db = await memory()
    const seen = await db.transaction(async (tx) => {
      const n = (await tx.get('n')) ?? 0
      if (tx.attempt === 1) await db.put('n', 7)
      await tx.put('m', n)
      return tx.attempt
    }, mode)
    expect([seen, db.get('m')]).toEqual([2, 7])
    await using one = db.begin(mode)
    await one.get('n')
    await db.put('n', 8)
    await expect(one.commit()).rejects.toMatchObject({ code: 'CONFLICT', key: 'n' })
  })

  it('spans sublevels, and shared locks go together there', async () => {
    await using db = await memory()
    const orders = db.sublevel<{ key: number; value: string }>('orders')
    await db.transaction(async (tx) => {
      const within = orders.in(tx)
      await within.put(1, 'one')
      await tx.put('last', 1)
      expect(await within.entries()).toEqual([[1, 'one']])
    }, mode)
    await using a = db.begin(mode)
    await using b = db.begin(mode)
    await orders.in(a).lockRange({ gte: 0 }, { shared: true })
    await orders.in(b).lock(1, { shared: true })
    expect([stats(db).lockCount, orders.get(1)]).toEqual([2, 'one'])
  })

  it('takes back what a savepoint wrote, and keeps its locks', async () => {
    await using db = await memory()
    await db.transaction(async (tx) => {
      await tx.put('a', 1)
      const inner = tx.transaction(async (same) => {
        await same.put('b', 1)
        throw new Error('no')
      })
      await expect(inner).rejects.toThrow('no')
      expect([await tx.has('b'), stats(db).lockCount]).toEqual([false, 2])
    }, mode)
    expect([db.get('a'), db.get('b')]).toEqual([1, undefined])
  })
})

describe('the end of a transaction that locks', () => {
  it('by a fired signal lets its locks go and waits for none', async () => {
    await using db = await memory()
    await using a = db.begin(mode)
    await a.put('k', 1)
    const aborting = new AbortController()
    const other = db.transaction(
      async (tx) => {
        await tx.put('j', 1)
        await tx.put('k', 2)
      },
      { ...mode, signal: aborting.signal },
    )
    await turn()
    expect(stats(db)).toMatchObject({ lockCount: 2, waitingCount: 1 })
    aborting.abort()
    await expect(other).rejects.toEqual(code('ABORTED'))
    expect(stats(db)).toMatchObject({ openCount: 1, lockCount: 1, waitingCount: 0 })
  })

  it('by closing the store rejects those that wait with CLOSED', async () => {
    const db = await memory()
    const a = db.begin(mode)
    const b = db.begin(mode)
    await a.put('k', 1)
    const waiting = expect(b.put('k', 2)).rejects.toEqual(code('CLOSED'))
    await db.close()
    await waiting
    await expect(a.commit()).rejects.toEqual(code('CLOSED'))
    a.rollback()
  })

  it('by a commit while a call is under way is INVALID, and has changed nothing', async () => {
    await using db = await memory()
    await using a = db.begin(mode)
    await a.put('k', 1)
    const b = db.begin(mode)
    const forgotten = expect(b.put('k', 2)).rejects.toEqual(code('CLOSED'))
    await expect(b.commit()).rejects.toEqual(code('INVALID'))
    await forgotten
    expect(stats(db)).toMatchObject({ openCount: 1, lockCount: 1, waitingCount: 0 })
  })

  it('answers calls of one transaction in their order, also if nobody awaits between', async () => {
    await using db = await memory()
    await using a = db.begin(mode)
    await a.put('k', 1)
    await using b = db.begin(mode)
    const all = Promise.all([b.update('k', (n) => (n ?? 0) + 1), b.put('l', 5), b.get('k')])
    await turn()
    await a.commit()
    expect(await all).toEqual([2, undefined, 2])
    await b.commit()
  })

  it('comes for 10,000 that nobody ended when they are collected', async () => {
    await using db = await memory()
    for (let n = 0; n < 10_000; n++) await db.begin(mode).put(`k${n}`, n)
    expect(stats(db).lockCount).toBeGreaterThan(0)
    for (let n = 0; n < 100 && stats(db).openCount > 0; n++) {
      gc()
      await turn()
    }
    expect(stats(db)).toMatchObject({ openCount: 0, lockCount: 0 })
  })
})

describe('the options of a transaction that locks', () => {
  it('refuse by name what does not go together', async () => {
    await using db = await memory()
    const refused: [object, string][] = [
      [{ mode: 'eager' }, 'mode'],
      [{ lockTimeout: 5 }, 'lockTimeout'],
      [{ ...mode, lockTimeout: -1 }, 'lockTimeout'],
      [{ ...mode, isolation: 'snapshot' }, 'isolation'],
    ]
    for (const [options, name] of refused) {
      expect(() => db.begin(options)).toThrow(name)
    }
    expect(() => db.transactionSync(() => 1, mode as object)).toThrow('mode')
    const readOnly = db.transaction(() => 1, { ...mode, readOnly: true } as never)
    await expect(readOnly).rejects.toThrow('readOnly')
    await using tx = db.begin(mode)
    await expect(tx.lock('k', { share: true } as object)).rejects.toThrow('share')
    await expect(tx.update('k', 1 as never)).rejects.toEqual(code('INVALID'))
    await expect(tx.deleteRange({ limit: 1 })).rejects.toThrow('limit')
    expect(stats(db).openCount).toBe(1)
  })
})
