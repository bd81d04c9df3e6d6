// test/tidy/typescript.test.ts — the laws of the TypeScript side, read from the compiler's own tree.
import { dirname, join, posix } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { isExcepted, LONG_TYPESCRIPT_LINES_MAX } from './exceptions.ts'
import { files, read, tsFiles } from './source.ts'

interface Finding { readonly rule: string; readonly where: string }

function isLongFunction(node: ts.Node, source: ts.SourceFile): boolean {
  if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return false
  const line = (position: number) => source.getLineAndCharacterOfPosition(position).line
  return line(node.end) - line(node.getStart(source)) + 1 > 70
}

function ruleBrokenBy(node: ts.Node, source: ts.SourceFile): string | undefined {
  if (node.kind === ts.SyntaxKind.AnyKeyword) return 'any'
  if (ts.isEnumDeclaration(node)) return 'enum'
  if (ts.isModuleDeclaration(node) && !source.isDeclarationFile) return 'namespace'
  if (ts.isNonNullExpression(node)) return 'non-null'
  if (ts.isExportAssignment(node)) return 'default export'
  if (!source.isDeclarationFile && node.kind === ts.SyntaxKind.DefaultKeyword && node.parent.kind !== ts.SyntaxKind.DefaultClause) {
    return 'default export'
  }
  return isLongFunction(node, source) ? 'function' : undefined
}

function findingsOf(file: string): Finding[] {
  const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.ES2022, true)
  const found: Finding[] = []
  const visit = (node: ts.Node): void => {
    const rule = ruleBrokenBy(node, source)
    const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1
    if (rule !== undefined && !isExcepted(rule, file)) found.push({ rule, where: `${file}:${line}` })
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

// describe() of a suite is a long function without being one thing: tests are held to the other laws.
const findings = tsFiles.flatMap(findingsOf)
  .filter(({ rule, where }) => rule !== 'function' || !/\.test\.ts:|^test\/contract\//.test(where))

describe('how TypeScript reads', () => {
  for (const rule of ['any', 'enum', 'namespace', 'default export', 'non-null', 'function']) {
    it(`nothing breaks the law on: ${rule}`, () => {
      expect(findings.filter((finding) => finding.rule === rule).map(({ where }) => where)).toEqual([])
    })
  }

  it('a file has at most 800 lines', () => {
    expect(tsFiles.filter((file) => read(file).split('\n').length > 801)).toEqual([])
  })

  it('a code line of lib/ and bench/ ends at 100', () => {
    const long = tsFiles.filter((file) => !file.startsWith('test/') && !isExcepted('line', file))
      .flatMap((file) => read(file).split('\n').flatMap((line, index) => {
        const code = line.replace(/^\s*(?:\/\/|\*|\/\*).*$/, '').replace(/\s+\/\/ .*$/, '')
        return code.length > 100 ? [`${file}:${index + 1}: ${code.length}`] : []
      }))
    expect(long.length <= LONG_TYPESCRIPT_LINES_MAX ? [] : long).toEqual([])
  })
})

describe('what importing varve loads', () => {
  const allowed = new Set(['node-gyp-build', 'node:assert', 'node:buffer', 'node:events', 'node:fs',
    'node:fs/promises', 'node:module', 'node:os', 'node:path', 'node:timers', 'node:url', 'node:util',
    'node:worker_threads', 'node:crypto', 'node:process', 'node:async_hooks'])

  it('no socket, no server and no optional dependency', () => {
    const seen = new Set<string>()
    const outside = new Set<string>()
    const walk = (file: string): void => {
      if (seen.has(file) || !files.includes(file)) return
      seen.add(file)
      for (const { fileName } of ts.preProcessFile(read(file), true, true).importedFiles) {
        if (fileName.startsWith('.')) walk(posix.join(posix.dirname(file), fileName))
        else outside.add(fileName)
      }
    }
    walk('lib/index.ts')
    expect([...outside].filter((name) => !allowed.has(name))).toEqual([])
  })

  it('one file alone loads the addon', () => {
    const loaders = tsFiles.filter((file) => file.startsWith('lib/') && /node-gyp-build|\.node['"]/.test(
      read(file).replace(/\/\/.*$/gm, '')))
    expect(loaders.filter((file) => join(dirname(file), 'native.ts') !== file)).toEqual([])
  })
})
