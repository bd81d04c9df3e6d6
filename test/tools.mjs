// test/tools.mjs — the proofs that need tools beyond g++ and Node: fuzzers (clang), Windows (mingw and wine),
// arm64 (a cross compiler and qemu). Names every missing tool at once and fails, so that nothing is skipped unseen.
//   node test/tools.mjs [--only=fuzz,windows,arm64] [--seconds=20]
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { parts, walk } = createRequire(import.meta.url)('../native/tools/sources.cjs')
const flags = process.argv.slice(2)
const option = (name) => flags.find((flag) => flag.startsWith(`--${name}=`))?.slice(name.length + 3)
const seconds = option('seconds') ?? '20'

const isOnPath = (tool) => (process.env.PATH ?? '').split(delimiter)
  .some((folder) => existsSync(join(folder, tool)))
const firstOf = (...tools) => tools.find(isOnPath) ?? tools[0]
const run = (command, ...args) =>
  spawnSync(command, args, { cwd: root, stdio: 'inherit' }).status === 0

const CLANG = firstOf('clang++-19', 'clang++')
const ARM64 = 'aarch64-linux-gnu-g++'
const QEMU = firstOf('qemu-aarch64-static', 'qemu-aarch64')
const COMMON = ['-std=c++20', '-fno-exceptions', '-fno-rtti', '-pthread', '-Inative', '-Itest/native']
const fillings = walk('native').filter((f) => /\/kernels_(sse42|avx2|avx512|neon)\.cc$/.test(f))

// The scalar kernels are the specification, so a fuzzer runs on them alone: no filling gets its flags.
// What a run finds out about its target goes into build-fuzz/; the seeds of test/fuzz/corpus/ stay as they are.
function fuzz() {
  const folder = join(root, 'build-fuzz')
  const out = join(folder, 'fuzz')
  mkdirSync(folder, { recursive: true })
  const isBuilt = run(CLANG, ...COMMON, '-O1', '-g', '-fsanitize=fuzzer,address,undefined',
    '-fno-sanitize-recover=all', ...parts.fuzz(), ...parts.core(), ...fillings, '-o', out)
  const targets = parts.fuzz().filter((file) => file.endsWith('.fuzz.cc'))
    .map((file) => basename(file, '.fuzz.cc'))
  return isBuilt && targets.every((target) => {
    const found = join(folder, target)
    mkdirSync(found, { recursive: true })
    console.log(`fuzz: ${target}`)
    return spawnSync(out, [found, join('test/fuzz/corpus', target), `-max_total_time=${seconds}`,
      '-max_len=4096', `-artifact_prefix=${folder}/${target}-`],
    { cwd: root, stdio: 'inherit', env: { ...process.env, VARVE_FUZZ: target } }).status === 0
  })
}

function arm64() {
  const folder = join(root, 'build-arm64')
  const out = join(folder, 'core_tests')
  mkdirSync(folder, { recursive: true })
  return run(ARM64, ...COMMON, '-O2', '-static', '-march=armv8-a+crc', ...parts.core(), ...fillings,
    ...parts.tests(), '-o', out) && run(QEMU, out)
}

const jobs = [
  { name: 'fuzz', needs: [CLANG], run: fuzz },
  { name: 'windows', needs: ['x86_64-w64-mingw32-g++-posix', firstOf('wine64', 'wine')],
    files: ['native/tools/windows.cjs'],
    run: () => run(process.execPath, 'native/tools/windows.cjs') },
  { name: 'arm64', needs: [ARM64, QEMU], run: arm64 },
]

const only = option('only')?.split(',')
let failed = 0
let passed = 0
for (const job of jobs.filter((one) => only?.includes(one.name) ?? true)) {
  const missing = [...job.needs.filter((tool) => !isOnPath(tool)),
    ...(job.files ?? []).filter((file) => !existsSync(join(root, file)))]
  const isFine = missing.length === 0 && job.run()
  if (missing.length > 0) console.log(`${job.name}: missing ${missing.join(', ')}`)
  console.log(`${job.name}: ${isFine ? 'passed' : 'failed'}`)
  if (isFine) passed += 1
  else failed += 1
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
