// What the compiler says of a misuse has to help: each snippet has one error, and it names the thing.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const config = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config as object
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)

const HEAD = `
import { open, type Store } from '../../lib/index.ts'
interface User { name: string; age: number }
declare const users: Store<{ key: string; value: User }>
`

const SNIPPETS: readonly (readonly [misuse: string, code: string, message: RegExp])[] = [
  ['a missing field', `users.put('k', { name: 'x' })`, /Property 'age' is missing/],
  ['a key of another type', `users.get(1)`, /'number' is not assignable .*'string'/],
  [
    'an option misspelt',
    `open('x', { durabilty: 'os' })`,
    /'durabilty' does not exist .* mean to write 'durability'/s,
  ],
  ['a word misspelt', `open('x', { durability: 'disc' })`, /'"disc"' is not .*'Durability/s],
  ['a key that is none', `open<{ key: symbol; value: 1 }>('x')`, /'symbol' is not .*'Key'/s],
  [
    'an encoding that cannot hold the values',
    `open<{ key: string; value: User }>('x', { encoding: 'string' })`,
    /'"string"' is not assignable to type .*EncodingOption<User>/s,
  ],
  [
    'an encoding that is none',
    `open('x', { encoding: 'utf8' })`,
    /"utf8".*"json"|"utf8".*Encoding/s,
  ],
  ['a bound of another type', `users.range({ gte: 1 })`, /'number' is not assignable .*'string'/],
  ['an option ranges lack', `users.range({ start: 'a' })`, /'start' does not exist .*RangeOptions/],
  ['a value used unseen', `users.get('k').name`, /possibly 'undefined'/],
]

function messagesOf(): Map<number, string[]> {
  const name = join(root, 'test/types/snippet.ts')
  const text = HEAD + SNIPPETS.map(([, code]) => `void (() => ${code})`).join('\n')
  const host = ts.createCompilerHost(options)
  const read = host.getSourceFile.bind(host)
  host.getSourceFile = (file, ...rest) =>
    file === name ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2022) : read(file, ...rest)
  const program = ts.createProgram([name], options, host)
  const messages = new Map<number, string[]>()
  const first = HEAD.split('\n').length - 1
  for (const found of ts.getPreEmitDiagnostics(program, program.getSourceFile(name))) {
    const { line = 0 } = found.file?.getLineAndCharacterOfPosition(found.start ?? 0) ?? {}
    const message = ts.flattenDiagnosticMessageText(found.messageText, '\n')
    messages.set(line - first, [...(messages.get(line - first) ?? []), message])
  }
  return messages
}

describe('the compiler says what is wrong with', () => {
  const messages = messagesOf()

  it.each(SNIPPETS.map(([misuse, , message], index) => [misuse, message, index] as const))(
    '%s',
    (_, message, index) => {
      expect(messages.get(index)).toHaveLength(1)
      expect(messages.get(index)?.[0]).toMatch(message)
    },
  )
})
