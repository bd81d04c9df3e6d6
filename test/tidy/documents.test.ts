// test/tidy/documents.test.ts — documents and code agree, and the repository holds nothing of one machine.
import { describe, expect, it } from 'vitest'
import { isExcepted } from './exceptions.ts'
import { cppFiles, files, read, tsFiles } from './source.ts'

// kNoSpace ↔ NO_SPACE. Internal codes never reach JavaScript.
const INTERNAL = new Set(['OK', 'WOULD_BLOCK'])
const upperSnake = (name: string) => name.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase()

function nativeCodes(): string[] {
  const body = /enum class Code[^{]*\{([^}]*)\}/.exec(read('native/base/status.h'))?.[1] ?? ''
  return [...body.matchAll(/\bk([A-Z]\w*) = \d+/g)].map((match) => upperSnake(match[1] ?? ''))
    .filter((code) => !INTERNAL.has(code)).sort()
}

function facadeCodes(): string[] {
  const body = /type ErrorCode =([\s\S]*?)\n\n/.exec(read('lib/errors.ts'))?.[1] ?? ''
  return [...body.replace(/\/\/.*$/gm, '').matchAll(/'([A-Z_]+)'/g)].map((match) => match[1] ?? '').sort()
}

function tableCodes(): string[] {
  return [...read('lib/README.md').matchAll(/^\|\s*`([A-Z][A-Z_]+)`\s*\|/gm)]
    .map((match) => match[1] ?? '').sort()
}

describe('errors', () => {
  const hasFacade = files.includes('lib/errors.ts')
  const hasTable = files.includes('lib/README.md')

  it.skipIf(!hasFacade)('every native code has its name in the facade', () => {
    const known = new Set(facadeCodes())
    expect(known.size).toBeGreaterThan(0)
    expect(nativeCodes().filter((code) => !known.has(code))).toEqual([])
  })

  it.skipIf(!hasFacade || !hasTable)('the table of lib/README.md and ErrorCode name the same codes', () => {
    expect(tableCodes()).toEqual(facadeCodes())
  })
})

describe('formats', () => {
  const formats = files.filter((file) => file.endsWith('/FORMAT.md') && !isExcepted('format', file))

  it.each(formats)('%s has a table, a rule for unknown values, a worked example and a history', (file) => {
    const text = read(file)
    expect(text).toMatch(/^\|.*(?:size|bytes)/im)
    expect(text).toMatch(/unknown/i)
    expect(text).toMatch(/^(?:#+ |\*\*).*(?:history|versions)/im)
    expect(text).toMatch(/[0-9a-f]{2}[ ]?[0-9a-f]{2}[ ]?[0-9a-f]{2}[ ]?[0-9a-f]{2}/i)
  })
})

describe('what is tracked', () => {
  const texts = files.filter((file) => !/\.(?:node|png|ico|bin|gz|tgz|varve)$/.test(file) &&
    !file.startsWith('test/format/'))

  it('a TODO carries its issue', () => {
    const marks = [...cppFiles, ...tsFiles].filter((file) => !file.startsWith('test/tidy/'))
      .flatMap((file) => read(file).split('\n').filter((line) => /\bTODO\b(?!\(#\d+\))/.test(line)))
    expect(marks).toEqual([])
  })

  it('no file names a path of one machine or a registry', () => {
    const PLACE = new RegExp(['/ho' + 'me/\\w', '/Us' + 'ers/\\w', '/wo' + 'rk/\\w', 'C:\\\\Us' + 'ers',
      '/ro' + 'ot/'].join('|'))
    const HOST = new RegExp('"resol' + 'ved":|regis' + 'try=')
    const broken = texts.filter((file) => !isExcepted('place', file))
      .filter((file) => PLACE.test(read(file)) || HOST.test(read(file)))
    expect(broken).toEqual([])
  })

  it('names of files say what is in them', () => {
    const NOTHING = /(?:^|\/)(?:utils?|helpers?|common|misc|manager)(?:[._/-]|$)/
    expect(files.filter((file) => NOTHING.test(file))).toEqual([])
  })

  it('the exceptions name files that exist', async () => {
    const { EXCEPTIONS } = await import('./exceptions.ts')
    expect(EXCEPTIONS.filter(({ file }) => !files.includes(file))).toEqual([])
  })
})
