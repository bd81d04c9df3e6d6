// Builds the native tests under a sanitizer with a plain compiler driver, without gyp: one object per
// source file, rebuilt when the file or any header it read is newer, so that a second run is quick.
//   node native/tools/sanitize.cjs address|thread [--jobs=2] [--run] [arguments of core_tests...]
// Objects and the executable lie in build-<name>/. CXX names another compiler.
'use strict'
const { spawn, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { root, parts, walk } = require('./sources.cjs')

const SANITIZERS = { address: 'address,undefined', thread: 'thread' }
const FLAGS = ['-std=c++20', '-g', '-fno-omit-frame-pointer', '-fno-exceptions', '-fno-rtti',
  '-pthread', '-Wall', '-Wextra', '-Wno-unused-parameter', '-Wno-missing-field-initializers',
  '-Inative', '-Itest/native', '-MMD']
const BITS = ['-mbmi', '-mbmi2', '-mpopcnt', '-mlzcnt', '-msse4.2']
const FILLING_FLAGS = {
  x64: {
    sse42: ['-msse4.2', '-mpopcnt', '-mpclmul'],
    avx2: ['-mavx2', ...BITS],
    avx512: ['-mavx512f', '-mavx512bw', '-mavx512vl', '-mavx512dq', '-mavx512vpopcntdq', ...BITS],
  },
  arm64: { neon: ['-march=armv8-a+crc'] },
}

function fillingFlags(source) {
  const name = /\/kernels_(\w+)\.cc$/.exec(source)?.[1]
  return FILLING_FLAGS[process.arch]?.[name] ?? []
}

// The headers g++ wrote down with -MMD: one make rule, whose words are file names.
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

// What tells a sanitizer's build from any other (windows.cjs has its own).
const sanitizerBuild = (name) => ({
  compiler: process.env.CXX ?? 'g++',
  flags: ['-O1', `-fsanitize=${SANITIZERS[name]}`, '-fno-sanitize-recover=all'],
  link: [],
  suffix: '',
})

async function build(name, jobs, { compiler, flags, link, suffix } = sanitizerBuild(name)) {
  const folder = path.join(root, `build-${name}`)
  fs.mkdirSync(folder, { recursive: true })
  const stamp = stampFlags(folder, [compiler, ...FLAGS, ...flags])
  const fillings = walk('native').filter((f) => /\/kernels_(sse42|avx2|avx512|neon)\.cc$/.test(f))
  const sources = [...parts.core(), ...fillings, ...parts.tests()]
  const object = (source) => path.join(folder, source.replaceAll('/', '.').replace(/\.cc$/, '.o'))
  const stale = sources.filter((source) => !isFresh(object(source), stamp))
  await inParallel(jobs, stale.map((source) => () => run(compiler,
    [...FLAGS, ...flags, ...fillingFlags(source), '-c', source, '-o', object(source)])))
  const executable = path.join(folder, `core_tests${suffix}`)
  await run(compiler, [...flags, '-pthread', ...sources.map(object), ...link, '-o', executable])
  return executable
}

module.exports = { build }
if (require.main === module) {
  const [name, ...rest] = process.argv.slice(2)
  if (!(name in SANITIZERS)) throw new Error('sanitize.cjs: say address or thread')
  const jobs = Number(rest.find((flag) => flag.startsWith('--jobs='))?.slice(7) ?? 2)
  build(name, jobs).then((executable) => {
    if (!rest.includes('--run')) return
    const args = rest.filter((flag) => flag !== '--run' && !flag.startsWith('--jobs='))
    const done = spawnSync(executable, args, { cwd: root, stdio: 'inherit' })
    process.exitCode = done.status ?? 1
  }).catch((error) => {
    console.error(String(error))
    process.exitCode = 1
  })
}
