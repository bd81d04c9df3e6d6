// test/tidy/source.ts — the repository as the tidy tests see it: its files, and its code without comments.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isExcepted } from './exceptions.ts'

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

// What git tracks and what it would track, so that a law is broken before the commit and not after it.
const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
export const files: readonly string[] = [...new Set(listed.split('\n'))]
  .filter((file) => file !== '' && existsSync(join(root, file))).sort()

const texts = new Map<string, string>()
export function read(file: string): string {
  const known = texts.get(file)
  if (known !== undefined) return known
  const text = readFileSync(join(root, file), 'utf8')
  texts.set(file, text)
  return text
}

export const isCpp = (file: string) => /\.(cc|h)$/.test(file)
export const nativeFiles = files.filter((file) => file.startsWith('native/') && isCpp(file))
export const cppFiles = files.filter((file) => /^(native|test|bench)\//.test(file) && isCpp(file))
export const tsFiles = files.filter((file) => /^(lib|test|bench)\/.*\.ts$/.test(file))

// C++ without comments and without what its strings say, line for line: `"a//b"` becomes `""`.
const TOKEN = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|R"\(([\s\S]*?)\)"|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+'/g
export function bare(text: string): string {
  return text.replace(TOKEN, (token, _raw, offset: number) => {
    const isSeparator = token.startsWith("'") && /[0-9a-fA-F]/.test(text[offset - 1] ?? '')
    if (isSeparator) return token
    const lines = '\n'.repeat(token.split('\n').length - 1)
    return token.startsWith('/') ? lines : `""${lines}`
  })
}

// Every place where `pattern` matches the bare code of these files, as `file:line: text`.
export function offences(rule: string, among: readonly string[], pattern: RegExp): string[] {
  return among.filter((file) => !isExcepted(rule, file)).flatMap((file) =>
    bare(read(file)).split('\n').flatMap((line, index) =>
      pattern.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : []))
}
