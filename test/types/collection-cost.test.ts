// What types of collections cost the compiler, counted in instantiations: 100 collections of 30 fields with 5 indexes, and 200 queries. The seconds
// are for the slow tests, which have the machine for themselves.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import ts from 'typescript'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const config = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config as object
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
const INSTANTIATIONS_MAX = 500_000
const SECONDS_MAX = 3
const COLLECTIONS = 100
const QUERIES = 200

const HEAD = `
import { collection, t, type FindOptions, type Found } from '../../lib/index.ts'
declare function find<C extends { readonly '~schema': unknown; readonly '~relations': unknown }, const O extends FindOptions<C>>(from: C, options: O): Found<C, O>
`
const TYPES = [
  't.string()',
  't.int32({ min: 0 })',
  't.boolean()',
  't.date()',
  't.float64().optional()',
  "t.enum(['a', 'b', 'c'])",
  't.array(t.string())',
  't.uuid().nullable()',
  't.object({ street: t.string(), zip: t.string().optional() })',
  "t.string().default('x')",
]

function collectionText(number: number): string {
  const fields = Array.from(
    { length: 27 },
    (_, i) => `f${i}: ${TYPES[(i + number) % TYPES.length]}`,
  )
  const parent = number === 0 ? '' : `.references(C${number - 1})`
  return `const C${number} = collection('c${number}', { key: 'id', schema: {
    id: t.uuid().generated(), name${number}: t.string(), parent: t.uuid()${parent}, ${fields.join(', ')} },
    indexes: { name${number}: 'text', parent: 'ordered', byBoth: { on: ['parent', 'name${number}'], unique: true },
      some: { on: 'id', where: { name${number}: { gte: 'a' } } }, made: { on: (d) => d.name${number}.length } } })`
}

function queryText(number: number): string {
  const of = number % COLLECTIONS
  const asked =
    number % 2 === 0
      ? `where: { name${of}: { startsWith: 'a' }, id: { in: ['x'] }, or: [{ parent: 'y' }] }, orderBy: 'name${of}', limit: 10`
      : `where: { parent: { gt: 'a' } }, select: ['id', 'name${of}'], orderBy: { id: 'desc' }`
  return `export const q${number} = find(C${of}, { ${asked} })\nq${number}.id.length + q${number}.name${of}.length`
}

interface Cost {
  readonly instantiations: number
  readonly seconds: number
  readonly errors: readonly string[]
}

function costOf(text: string): Cost {
  const begun = performance.now()
  const name = join(root, 'test/types/collection-cost-source.ts')
  const host = ts.createCompilerHost(options)
  const read = host.getSourceFile.bind(host)
  host.getSourceFile = (file, ...rest) =>
    file === name ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2022) : read(file, ...rest)
  const program = ts.createProgram([name], options, host)
  const found = ts.getPreEmitDiagnostics(program, program.getSourceFile(name))
  const errors = found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
  const seconds = (performance.now() - begun) / 1000
  return { instantiations: program.getInstantiationCount(), seconds, errors }
}

const collections = Array.from({ length: COLLECTIONS }, (_, number) => collectionText(number))
const queries = Array.from({ length: QUERIES }, (_, number) => queryText(number))
const WHOLE = [HEAD, ...collections, ...queries].join('\n')

it(`${COLLECTIONS} collections and ${QUERIES} queries take at most ${INSTANTIATIONS_MAX} instantiations`, () => {
  const base = costOf(HEAD)
  const all = costOf(WHOLE)
  expect(all.errors).toEqual([])
  const added = all.instantiations - base.instantiations
  expect(added).toBeGreaterThan(COLLECTIONS * 30) // Else nothing was counted.
  expect(added).toBeLessThan(INSTANTIATIONS_MAX)
})

it.runIf(process.env['VARVE_SLOW'])(`and at most ${SECONDS_MAX} s`, () => {
  costOf(HEAD) // For the compiler to become warm.
  const base = costOf(HEAD)
  expect(costOf(WHOLE).seconds - base.seconds).toBeLessThan(SECONDS_MAX)
})
