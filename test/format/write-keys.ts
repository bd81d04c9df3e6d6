// test/format/write-keys.ts — writes keys.txt from lib/key.ts: npm run fixtures, after a format change.
import { writeFileSync } from 'node:fs'
import { compareKeys, encodeKey, type Key } from '../../lib/key.ts'

const MAX = BigInt(Number.MAX_VALUE)

const keys: readonly (readonly [string, Key])[] = [
  ['null', null],
  ['false', false],
  ['true', true],
  ['-Infinity', -Infinity],
  ['-(MAX << 2000)', -(MAX << 2000n)],
  ['-MAX - 1', -MAX - 1n],
  ['-MAX', -Number.MAX_VALUE],
  ['-MAX bigint', -MAX],
  ['-(2^53) - 1', -(2n ** 53n) - 1n],
  ['-(2^54) + 1', -(2n ** 54n) + 1n],
  ['-(2^54) + 2', -(2n ** 54n) + 2n],
  ['-(2^53)', -(2n ** 53n)],
  ['-1.5', -1.5],
  ['-1', -1],
  ['-1n', -1n],
  ['0', 0],
  ['0n', 0n],
  ['5e-324', 5e-324],
  ['1', 1],
  ['1n', 1n],
  ['2', 2],
  ['2^53 + 1', 2n ** 53n + 1n],
  ['2^54 + 3', 2n ** 54n + 3n],
  ['2^54 + 4', 2n ** 54n + 4n],
  ['10^30 + 7', 10n ** 30n + 7n],
  ['MAX', Number.MAX_VALUE],
  ['MAX + 1', MAX + 1n],
  ['MAX << 2000', MAX << 2000n],
  ['Infinity', Infinity],
  ['1969', new Date(-1000)],
  ['1970', new Date(0)],
  ['2026', new Date(Date.UTC(2026, 0, 1))],
  ['empty', ''],
  ['NUL', '\0'],
  ['a', 'a'],
  ['a NUL', 'a\0'],
  ['ab', 'ab'],
  ['e acute', '\u00e9'],
  ['water', '\u6c34'],
  ['lone high', '\ud83d'],
  ['lone low', '\ude00'],
  ['U+FFFF', '\uffff'],
  ['astral', '\u{1f600}'],
  ['no bytes', new Uint8Array()],
  ['00', new Uint8Array([0])],
  ['00 ff', new Uint8Array([0, 255])],
  ['ff', new Uint8Array([255])],
  ['[]', []],
  ['[null]', [null]],
  ["[1, 'a']", [1, 'a']],
  ['[1n]', [1n]],
  ["['']", ['']],
  ["['', 1]", ['', 1]],
  ["['a']", ['a']],
  ["['a', null]", ['a', null]],
  ["['a NUL']", ['a\0']],
  ["['ab']", ['ab']],
  ['[bytes 00 ff]', [new Uint8Array([0, 255])]],
  ['[[]]', [[]]],
  ['[[], 1]', [[], 1]],
]

const target = new Uint8Array(4096)
const rows = keys.map(([name, key]) => {
  const bytes = target.slice(0, encodeKey(key, name, target, 0))
  return { bytes, line: `${Buffer.from(bytes).toString('hex')}\t${name}\n` }
})
rows.sort((a, b) => compareKeys(a.bytes, b.bytes))
writeFileSync(new URL('keys.txt', import.meta.url), rows.map((row) => row.line).join(''))
