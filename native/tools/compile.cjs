// Compiles and links with a plain compiler driver, without gyp, what is not the plain build: sanitizers,
// fuzzers, other systems and CPUs. One object per source file, made anew when the file, any header it
// read or the flags are newer, so that a second run is quick. Everything lies in build-<name>/.
'use strict'
const { spawn } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { Progress } = require('./progress.cjs')
const { root, parts, fillingOf, testsIn } = require('./sources.cjs')

const FLAGS = ['-std=c++20', '-g1', '-fno-omit-frame-pointer', '-fno-exceptions', '-fno-rtti',
  '-pthread', '-Wall', '-Wextra', '-Wno-unused-parameter', '-Wno-missing-field-initializers',
  '-Inative', '-Itest/native', '-MMD']
const BITS = ['-mbmi', '-mbmi2', '-mpopcnt', '-mlzcnt', '-msse4.2']
// As in binding.gyp, which knows them by target.
const FILLING_FLAGS = {
  x64: {
    sse42: ['-msse4.2', '-mpopcnt', '-mpclmul'],
    avx2: ['-mavx2', ...BITS],
    avx512: ['-mavx512f', '-mavx512bw', '-mavx512vl', '-mavx512dq', ...BITS,
      '-Wno-uninitialized', '-Wno-maybe-uninitialized'],  // GCC 12 warns of its own header.
  },
  arm64: { neon: ['-march=armv8-a+crc'] },
}

function fillingFlags(source, arch) {
  return FILLING_FLAGS[arch]?.[fillingOf(source)] ?? []
}

// The headers the compiler wrote down with -MMD: one make rule, whose words are file names.
function dependencies(file) {
  if (!fs.existsSync(file)) return undefined
  const words = fs.readFileSync(file, 'utf8').replace(/\\\n/g, ' ').split(/\s+/)
  return words.slice(1).filter((word) => word !== '')
}

function isFresh(object, flagsStamp) {
  const needed = dependencies(object.replace(/\.o$/, '.d'))
  if (needed === undefined || !fs.existsSync(object)) return false
  const built = fs.statSync(object).mtimeMs
  return [...needed, flagsStamp].every((name) => {
    const file = path.resolve(root, name)
    return fs.existsSync(file) && fs.statSync(file).mtimeMs <= built
  })
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit' })
    child.on('error', reject)
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${command}: ${code}`))))
  })
}

async function inParallel(jobs, tasks) {
  const rest = [...tasks]
  const lane = async () => {
    for (let task = rest.shift(); task; task = rest.shift()) await task()
  }
  await Promise.all(Array.from({ length: jobs }, lane))
}

// A stamp file that is touched only when the flags change, so that new flags rebuild everything.
function stampFlags(folder, flags) {
  const file = path.join(folder, 'flags.txt')
  const text = flags.join('\n')
  if (!fs.existsSync(file) || fs.readFileSync(file, 'utf8') !== text) fs.writeFileSync(file, text)
  return file
}

// Reading these again for each file was a twelfth of compiling. The plain build does without, so that no source
// comes to lean on what another one includes.
const PRELUDE = ['algorithm', 'atomic', 'functional', 'map', 'memory', 'mutex', 'optional', 'set', 'span', 'string',
  'thread', 'vector'].map((name) => `#include <${name}>\n`).join('')

// Compiles the prelude into the folder and says what to include: a compiler finds what was compiled beside it.
async function compilePrelude({ name, compiler, flags }, stamp) {
  const header = path.join(folderOf(name), 'prelude.h')
  const compiled = `${header}.gch`
  if (!fs.existsSync(header) || fs.readFileSync(header, 'utf8') !== PRELUDE) fs.writeFileSync(header, PRELUDE)
  const isCurrent = fs.existsSync(compiled) &&
    [header, stamp].every((file) => fs.statSync(file).mtimeMs <= fs.statSync(compiled).mtimeMs)
  if (!isCurrent) await run(compiler, [...FLAGS, ...flags, '-x', 'c++-header', header, '-o', compiled])
  return ['-include', header]
}

const folderOf = (name) => path.join(root, `build-${name}`)

// Makes the objects of the sources and says where they lie. A chain is { name, compiler, flags } and, for
// another CPU than this one, its arch.
async function compile({ name, compiler, flags, arch = process.arch }, sources) {
  const folder = folderOf(name)
  fs.mkdirSync(folder, { recursive: true })
  const stamp = stampFlags(folder, [compiler, ...FLAGS, ...flags])
  const object = (source) => path.join(folder, source.replaceAll('/', '.').replace(/\.cc$/, '.o'))
  const stale = sources.filter((source) => !isFresh(object(source), stamp))
  const progress = new Progress(`compiling for ${name}`, stale.length)
  const prelude = stale.length > 0 ? await compilePrelude({ name, compiler, flags }, stamp) : []
  const compileOne = async (source) => {
    // What was compiled for other instructions can't be included.
    const more = fillingFlags(source, arch)
    const extra = more.length > 0 ? more : prelude
    await run(compiler, [...FLAGS, ...flags, ...extra, '-c', source, '-o', object(source)])
    progress.step()
  }
  await inParallel(os.availableParallelism(), stale.map((source) => () => compileOne(source)))
    .finally(() => progress.end())
  return sources.map(object)
}

// Links objects into a file of the chain's folder and says where it lies.
async function link({ name, compiler, flags }, objects, file, args = []) {
  const out = path.join(folderOf(name), file)
  fs.mkdirSync(path.dirname(out), { recursive: true })
  await run(compiler, [...flags, '-pthread', ...objects, ...args, '-o', out])
  return out
}

const core = () => [...parts.core(), ...parts.fillingSources()]

// The native tests by another chain, but for sources that it leaves out; all of them, or those of one folder.
async function coreTests(chain, { suffix = '', args = [], folder } = {}) {
  const leavesOut = chain.leavesOut ?? (() => false)
  const tests = folder === undefined ? parts.tests() : testsIn(folder)
  const sources = [...core(), ...tests].filter((source) => !leavesOut(source))
  const objects = await compile(chain, sources)
  return link(chain, objects, `core_tests${suffix}`, args)
}

const isOnPath = (tool) => (process.env.PATH ?? '').split(path.delimiter)
  .some((folder) => fs.existsSync(path.join(folder, tool)))
const firstOnPath = (...tools) => tools.find(isOnPath)

// Runs a tool's main function, which answers whether all went well. What it needs and does not find, a list of
// alternatives each, is named all at once and is a failure: nothing is skipped unseen.
async function main(title, needs, body) {
  const missing = needs.filter((tools) => firstOnPath(...tools) === undefined)
  if (missing.length > 0) {
    console.error(`${title}: missing ${missing.map((tools) => tools.join(' or ')).join(', ')}`)
    process.exitCode = 1
    return
  }
  try {
    process.exitCode = await body()
  } catch (error) {
    console.error(`${title}: ${error instanceof Error ? error.message : error}`)
    process.exitCode = 1
  }
}

module.exports = { compile, link, core, coreTests, firstOnPath, folderOf, main }
