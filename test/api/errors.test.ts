import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ERROR_CODES, VarveError, invalid, isVarveError } from '../../lib/errors.ts'

test('the codes are those of native/base/status.h, by number', () => {
  const header = readFileSync(new URL('../../native/base/status.h', import.meta.url), 'utf8')
  const native = [...header.matchAll(/^ {2}k(\w+) = (\d+),/gm)].map(([, name = '', number]) => [
    Number(number),
    name.replace(/(?<=.)([A-Z])/g, '_$1').toUpperCase(),
  ])
  const internal = ['OK', 'WOULD_BLOCK']
  const shared = native.filter(([, name]) => !internal.includes(String(name)))
  expect(shared).toEqual([...ERROR_CODES.entries()].filter(([, code]) => code !== undefined))
})

test('an error keeps its code, message and cause', () => {
  const cause = new Error('disk')
  const error = new VarveError('IO', 'log: write failed', { cause })
  expect([error.name, error.code, error.message, error.cause]).toEqual([
    'VarveError',
    'IO',
    'log: write failed',
    cause,
  ])
  expect(error).toBeInstanceOf(Error)
})

test('isVarveError() knows errors of other copies by name and code', () => {
  expect(isVarveError(new VarveError('BUSY', ''))).toBe(true)
  expect(isVarveError(Object.assign(new Error(), { name: 'VarveError', code: 'BUSY' }))).toBe(true)
  expect(isVarveError(Object.assign(new Error(), { name: 'VarveError' }))).toBe(false)
  expect(isVarveError(Object.assign(new Error(), { code: 'BUSY' }))).toBe(false)
  expect(isVarveError(null)).toBe(false)
})

test('invalid() renders what was given short and safely', () => {
  const hostile = new Proxy(
    {},
    {
      get: () => {
        throw new Error('no')
      },
    },
  )
  expect(invalid('key', 'a string', 5).message).toBe('key must be a string, not 5')
  expect(invalid('key', 'a key', hostile).message).toBe('key must be a key, not an object')
  expect(invalid('key', 'a key', 'x'.repeat(1e6)).message.length).toBeLessThan(100)
  expect(invalid('key', 'a key', Symbol('s')).code).toBe('INVALID')
})
