// What the compiler says of misusing a collection has to help: each snippet has one error, and it names the thing.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const config = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config as object
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)

const HEAD = `
import { collection, type Query, t, type FindOptions, type Found, type Infer, type InferInsert, type InferKey } from '../../lib/index.ts'
const Users = collection('users', { key: 'id', schema: { id: t.uuid().generated(), name: t.string(), age: t.int32(),
  role: t.enum(['admin', 'guest']), at: t.point(), tags: t.array(t.string()), born: t.date(), data: t.json<object>(),
  address: t.object({ city: t.string() }), nick: t.string().optional(), lower: t.string().computed((u: { name: string }) => u.name) } })
const Posts = collection('posts', { key: 'id', schema: { id: t.int32(), author: t.uuid().references(Users), text: t.string() } })
const Authors = Users.relate({ posts: { from: Posts, by: 'author' } })
declare function find<C extends { readonly '~schema': unknown; readonly '~relations': unknown }, const O extends FindOptions<C>>(from: C, options: O): Found<C, O>
declare function insert<C extends { readonly '~schema': unknown }>(into: C, document: InferInsert<C>): Infer<C>
declare function get<C extends { readonly '~schema': unknown; readonly '~key': unknown }>(from: C, key: InferKey<C>): Infer<C>
const full = { name: 'a', age: 1, role: 'admin' as const, at: { lat: 0, lng: 0 }, tags: [], born: new Date(), data: {}, address: { city: '' } }
declare const query: Query<object>
const small = { id: t.int32(), name: t.string(), at: t.point() }
`

const SNIPPETS: readonly (readonly [misuse: string, code: string, message: RegExp])[] = [
  // declaring
  [
    'a key that is no field',
    `collection('c', { key: 'idd', schema: small })`,
    /"idd"' is not assignable to type 'KeyPath<\{ id: number; .*\}>'/s,
  ],
  [
    'a key of a tuple that is no field',
    `collection('c', { key: ['id', 'nam'], schema: small })`,
    /"nam"' is not assignable to type .*"name"/s,
  ],
  ['no key', `collection('c', { schema: small })`, /Property 'key' is missing/],
  [
    'an index word misspelt',
    `collection('c', { key: 'id', schema: small, indexes: { name: 'orderd' } })`,
    /"orderd"' is not assignable/,
  ],
  [
    'a word index on no field',
    `collection('c', { key: 'id', schema: small, indexes: { nam: 'ordered' } })`,
    /no field is called 'nam': an index of another name has \{ on \}/,
  ],
  [
    'a text index on a number',
    `collection('c', { key: 'id', schema: small, indexes: { id: 'text' } })`,
    /a text index is on strings/,
  ],
  [
    'a geo index on a string',
    `collection('c', { key: 'id', schema: small, indexes: { name: 'geo' } })`,
    /a geo index is on points or boxes/,
  ],
  [
    'an ordered index on a point',
    `collection('c', { key: 'id', schema: small, indexes: { at: 'ordered' } })`,
    /this index is on fields whose values have an order/,
  ],
  [
    'an index on a path that is none',
    `collection('c', { key: 'id', schema: small, indexes: { x: { on: 'nam' } } })`,
    /"nam"' is not assignable/,
  ],
  [
    'an index without fields',
    `collection('c', { key: 'id', schema: small, indexes: { x: { unique: true } } })`,
    /'on' is missing/,
  ],
  [
    'an index option misspelt',
    `collection('c', { key: 'id', schema: small, indexes: { x: { on: 'name', uniqe: true } } })`,
    /'uniqe'/,
  ],
  [
    'a partial index on no field',
    `collection('c', { key: 'id', schema: small, indexes: { x: { on: 'name', where: { nam: 'a' } } } })`,
    /'nam'/,
  ],
  [
    'a function of an index that reads no field',
    `collection('c', { key: 'id', schema: small, indexes: { x: { on: (d) => d.nam } } })`,
    /Property 'nam' does not exist/,
  ],
  [
    'a field that is a plain word',
    `collection('c', { key: 'id', schema: { id: 'string' } })`,
    /'string' is not assignable|"string"' is not assignable/,
  ],
  [
    'extra as a boolean',
    `collection('c', { key: 'id', schema: small, extra: true })`,
    /'boolean' is not assignable|'true' is not assignable/,
  ],
  [
    'an option of a declaration misspelt',
    `collection('c', { key: 'id', schema: small, index: {} })`,
    /'index' does not exist/,
  ],
  [
    'a string with a number for its pattern',
    `t.string({ pattern: 'x' })`,
    /'string' is not assignable to type 'RegExp/,
  ],
  ['an option of a string on a number', `t.int32({ pattern: /x/ })`, /'pattern' does not exist/],
  [
    'numbers for the range of an int64',
    `t.int64({ min: 0 })`,
    /'number' is not assignable to type 'bigint/,
  ],
  ['an enum of numbers', `t.enum([1])`, /'number' is not assignable to type 'string'/],
  ['an array without its type', `t.array()`, /Expected 1-2 arguments/],
  ['an array of a plain word', `t.array('string')`, /'string' is not assignable/],
  [
    'an array of optional elements',
    `t.array(t.string().optional())`,
    /"optional"' is not assignable/,
  ],
  [
    'a union of one',
    `t.union([t.string()])`,
    /Source has 1 element\(s\) but target requires 2|'\[.*\]' is not assignable/,
  ],
  [
    'a default of another type',
    `t.int32().default('5')`,
    /'string' is not assignable to parameter of type 'number/,
  ],
  ['a generated string', `t.string().generated()`, /Property 'generated' does not exist/],
  [
    'a conversion to another type',
    `t.int32().from((old: string) => old)`,
    /'string' is not assignable to type 'number'/,
  ],
  [
    'a reference without a collection',
    `t.uuid().references(5)`,
    /'number' is not assignable to parameter of type .*Referable/,
  ],
  [
    'a rule of deletion misspelt',
    `t.uuid().references(Users, { onDelete: 'cascad' })`,
    /"cascad"' is not assignable/,
  ],
  [
    'a relation by a field that is no reference',
    `Users.relate({ posts: { from: Posts, by: 'text' } })`,
    /'text' is no reference: there are 'author'/,
  ],
  // documents
  [
    'a document without a field',
    `insert(Posts, { id: 1, text: '' })`,
    /Property 'author' is missing/,
  ],
  [
    'a field of another type',
    `insert(Posts, { id: '1', author: '', text: '' })`,
    /'string' is not assignable to type 'number'/,
  ],
  [
    'an unknown field',
    `insert(Posts, { id: 1, author: '', text: '', txet: '' })`,
    /'txet' does not exist/,
  ],
  [
    'a value that an enum lacks',
    `insert(Users, { ...full, role: 'root' })`,
    /"root"' is not assignable to type '"admin" \| "guest"'/,
  ],
  [
    'a computed field that is given',
    `insert(Users, { ...full, lower: 'x' })`,
    /'lower' does not exist/,
  ],
  [
    'a key of another type',
    `get(Posts, 'a')`,
    /'string' is not assignable to parameter of type 'number'/,
  ],
  ['an optional field used unseen', `get(Users, 'a').nick.length`, /possibly 'undefined'/],
  // asking
  [
    'awaiting a query',
    `query.then(() => 1)`,
    /'a Query is no promise': "await query\.allAsync\(\), or call query\.all\(\)"/,
  ],
  ['a condition on no field', `find(Users, { where: { agee: 5 } })`, /'agee' does not exist/],
  ['an operator misspelt', `find(Users, { where: { age: { gtee: 5 } } })`, /'gtee' does not exist/],
  [
    'an operand of another type',
    `find(Users, { where: { age: { gt: '5' } } })`,
    /'string' is not assignable to type 'number'/,
  ],
  [
    'words on a number',
    `find(Users, { where: { age: { match: 'x' } } })`,
    /'match' does not exist/,
  ],
  [
    'nearness to no point',
    `find(Users, { where: { at: { near: [1, 2] } } })`,
    /'number\[\]' is missing the following properties from type 'Point': lat, lng/,
  ],
  ['an order on no field', `find(Users, { orderBy: 'agee' })`, /"agee"' is not assignable/],
  [
    'a direction misspelt',
    `find(Users, { orderBy: { age: 'down' } })`,
    /"down"' is not assignable/,
  ],
  ['a selection of no field', `find(Users, { select: ['agee'] })`, /"agee"' is not assignable/],
  [
    'a field that was not selected',
    `find(Users, { select: ['name'] }).age`,
    /Property 'age' does not exist/,
  ],
  [
    'an inclusion of what is no relation',
    `find(Users, { include: { posts: true } })`,
    /'posts' does not exist|'true' is not assignable/,
  ],
  [
    'a condition of an inclusion on no field',
    `find(Authors, { include: { posts: { where: { txt: 'a' } } } })`,
    /'txt' does not exist/,
  ],
]

const SHOWN = `
const user = get(Users, 'a')
const some = find(Users, { select: ['name', 'nick'] })
`

/** What an editor shows of a variable. */
function shown(program: ts.Program, source: ts.SourceFile, variable: string): string {
  const checker = program.getTypeChecker()
  const statement = source.statements
    .filter(ts.isVariableStatement)
    .find((one) =>
      one.declarationList.declarations.some(({ name }) => name.getText(source) === variable),
    )
  const declaration = statement?.declarationList.declarations[0]
  if (declaration === undefined) throw new Error(`no ${variable}`)
  const flags =
    ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope
  return checker.typeToString(checker.getTypeAtLocation(declaration), declaration, flags)
}

let shownUser = ''
let shownSome = ''

function messagesOf(): Map<number, string[]> {
  const name = join(root, 'test/types/collection-snippet.ts')
  const text = HEAD + SNIPPETS.map(([, code]) => `void (() => ${code})`).join('\n') + SHOWN
  const host = ts.createCompilerHost(options)
  const read = host.getSourceFile.bind(host)
  host.getSourceFile = (file, ...rest) =>
    file === name
      ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true)
      : read(file, ...rest)
  const program = ts.createProgram([name], options, host)
  const messages = new Map<number, string[]>()
  const first = HEAD.split('\n').length - 1
  for (const found of ts.getPreEmitDiagnostics(program, program.getSourceFile(name))) {
    const { line = 0 } = found.file?.getLineAndCharacterOfPosition(found.start ?? 0) ?? {}
    const message = ts.flattenDiagnosticMessageText(found.messageText, '\n')
    messages.set(line - first, [...(messages.get(line - first) ?? []), message])
  }
  const source = program.getSourceFile(name)
  if (source === undefined) throw new Error('no source')
  shownUser = shown(program, source, 'user')
  shownSome = shown(program, source, 'some')
  return messages
}

describe('the compiler says what is wrong with', () => {
  const messages = messagesOf()

  it('nothing but the snippets', () => {
    expect([...messages].filter(([line]) => line < 0)).toEqual([])
  })

  it('a document shows its fields, and nothing of how they were made', () => {
    // In which order is the compiler's affair.
    const fields = shownUser.slice(2, -2).split('; ').sort()
    expect(fields).toEqual([
      'address: { city: string',
      'age: number',
      'at: Point',
      'born: Date',
      'data: object',
      'id: string',
      'lower: string',
      'name: string',
      'nick?: string | undefined;',
      'role: "admin" | "guest"',
      'tags: string[]',
      '}',
    ])
    expect(shownSome).toBe('{ name: string; nick?: string | undefined; }')
  })

  it.each(SNIPPETS.map(([misuse, , message], index) => [misuse, message, index] as const))(
    '%s',
    (_, message, index) => {
      expect(messages.get(index)).toHaveLength(1)
      expect(messages.get(index)?.[0]).toMatch(message)
    },
  )
})
