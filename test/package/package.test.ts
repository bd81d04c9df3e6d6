// test/package/package.test.ts — the tarball as a user meets it: packed, installed into an empty folder, and used from
// an ES module (the quickstart itself), a CommonJS module and TypeScript.
//
// The prebuild is the addon that `npm test` built, put where a release puts it. npm ci filled npm's cache with the two
// dependencies, so nothing is fetched. Compiling from the tarball takes minutes and is left to the slow run.
import { execFileSync, type ExecFileSyncOptions } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync,
  writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const addon = join(root, 'build', 'Release', 'varve.node')
const temporary = mkdtempSync(join(realpathSync(tmpdir()), 'varve-package-'))
const isReady = existsSync(addon) && existsSync(join(root, 'dist', 'index.d.cts')) &&
  existsSync(join(root, 'lib', 'store.ts')) && process.platform !== 'win32'
const isSlow = process.env.VARVE_SLOW === '1'
const MINUTES = 60_000

afterAll(() => rmSync(temporary, { recursive: true, force: true }))

// The quickstart's main lines, for a module that cannot await at its top.
const USE_FROM_COMMON_JS = `
const { open } = require('varve')
const { deepStrictEqual } = require('node:assert')

async function use() {
  const db = await open('./data')
  await db.put('ada', { age: 36, born: new Date(0) })
  const batch = db.batch()
  for (let i = 0; i < 100; i++) batch.put(['item', i], i)
  await batch.write()
  const snapshot = db.snapshot()
  await db.update('counter', (n) => (n ?? 0) + 1)
  await db.deleteRange({ prefix: ['item'] })
  deepStrictEqual([snapshot.count({ prefix: ['item'] }), db.count({ prefix: ['item'] })], [100, 0])
  snapshot.close()
  await db.close()

  const again = await open('./data')
  deepStrictEqual(again.get('ada'), { age: 36, born: new Date(0) })
  deepStrictEqual(again.range().toArray().map(([key]) => key), ['ada', 'counter'])
  await again.close()
  console.log('fine')
}
use()
`
// AbortSignal is known to TypeScript from the types of Node or of the browser; these consumers have the latter.
const CONSUMERS = {
  'use.mjs': readFileSync(join(root, 'docs', 'quickstart.mjs'), 'utf8'),
  'use.cjs': USE_FROM_COMMON_JS,
  'use.ts': `import { open } from 'varve'
const db = await open<{ key: string; value: { age: number } }>('./data')
const found: { age: number } | undefined = db.get('ada')
await db.close()
export { found }
`,
  'package.json': '{ "name": "consumer", "private": true, "type": "module" }',
  'tsconfig.json': JSON.stringify({ compilerOptions: { module: 'nodenext', target: 'es2022', strict: true,
    noEmit: true, lib: ['es2023', 'esnext.disposable', 'dom'], types: [] }, include: ['use.ts'] }),
}

// npm, found beside the running node and not through PATH, which the tests take away.
function npmCommand(): string {
  const prefix = dirname(dirname(process.execPath))
  return [process.env.npm_execpath ?? '', join(prefix, 'lib/node_modules/npm/bin/npm-cli.js')]
    .find((path) => /npm-cli\.js$/.test(path) && existsSync(path)) ?? ''
}

function npm(args: readonly string[], options: ExecFileSyncOptions) {
  return execFileSync(process.execPath, [npmCommand(), ...args, '--prefer-offline', '--no-audit', '--no-fund'],
    { ...options, encoding: 'utf8', stdio: 'pipe' }).toString()
}

// A copy of what `files` names, so that nothing is written into the working tree.
function pack(withPrebuild: boolean): string {
  const staged = mkdtempSync(join(temporary, 'staged-'))
  const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { files: string[] }
  for (const name of ['package.json', ...files.filter((one) => one !== 'prebuilds')]) {
    if (existsSync(join(root, name))) cpSync(join(root, name), join(staged, name), { recursive: true })
  }
  if (withPrebuild) {
    const target = join(staged, 'prebuilds', `${process.platform}-${process.arch}`)
    mkdirSync(target, { recursive: true })
    cpSync(addon, join(target, 'varve.node'))
  }
  npm(['pack', '--ignore-scripts'], { cwd: staged })
  return join(staged, readdirSync(staged).find((name) => name.endsWith('.tgz')) ?? '')
}

// A PATH that holds node and a shell and nothing else: no compiler, no make, no python.
function bareEnvironment(): NodeJS.ProcessEnv {
  const folder = join(temporary, 'bin')
  mkdirSync(folder, { recursive: true })
  for (const [name, target] of [['node', process.execPath], ['sh', '/bin/sh']] as const) {
    if (!existsSync(join(folder, name))) symlinkSync(target, join(folder, name))
  }
  const kept = Object.entries(process.env).filter(([name]) => !/^npm_(?!config_(?:cache|registry|userconfig))/.test(name))
  return { ...Object.fromEntries(kept), PATH: folder }
}

function install(name: string, tarball: string, env: NodeJS.ProcessEnv): string {
  const folder = join(temporary, name)
  mkdirSync(folder)
  for (const [file, text] of Object.entries(CONSUMERS)) writeFileSync(join(folder, file), text)
  npm(['install', tarball], { cwd: folder, env })
  return folder
}

const run = (folder: string, file: string, env: NodeJS.ProcessEnv) =>
  execFileSync(process.execPath, [file], { cwd: folder, env, encoding: 'utf8' }).trim().split('\n').at(-1)

function expectUsable(folder: string, env: NodeJS.ProcessEnv): void {
  expect(run(folder, 'use.mjs', env)).toBe('Everything that was acknowledged survived.')
  expect(run(folder, 'use.cjs', env)).toBe('fine')
}

const builtIn = (folder: string) => existsSync(join(folder, 'node_modules/varve/build/Release/varve.node'))

describe.skipIf(!isReady || npmCommand() === '')('the packed tarball', () => {
  it('with a prebuild installs without a compiler, and serves ESM, CommonJS and TypeScript', () => {
    const env = bareEnvironment()
    const folder = install('consumer', pack(true), env)
    expectUsable(folder, env)
    const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
    execFileSync(process.execPath, [tsc, '-p', '.'], { cwd: folder, stdio: 'pipe' })
    expect(builtIn(folder)).toBe(false)
  }, 2 * MINUTES)

  it('without a prebuild and without a compiler does not install, and says what it needs', () => {
    expect(() => install('refused', pack(false), bareEnvironment()))
      .toThrow(/No native build was found[\s\S]*a C\+\+20 compiler, make and Python 3 are needed/)
  }, 2 * MINUTES)

  it.skipIf(!isSlow)('without a prebuild compiles, and works the same', () => {
    const folder = install('compiled', pack(false), process.env)
    expect(builtIn(folder)).toBe(true)
    expectUsable(folder, process.env)
  }, 15 * MINUTES)
})
