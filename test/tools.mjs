// test/tools.mjs — the proofs that need tools beyond g++ and Node: fuzzers (clang), Windows (mingw and wine), arm64
// (a cross compiler and qemu), rivals (packages that npm run bench:setup installs). Each names what it misses and fails
// then, so that nothing is skipped unseen.
//   node test/tools.mjs [--only=fuzz,windows,arm64,rivals] [--seconds=20] [--seeds=5]
import { spawnSync } from 'node:child_process'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const flags = process.argv.slice(2)
const option = (name) => flags.find((flag) => flag.startsWith(`--${name}=`))?.slice(name.length + 3)
const seeds = `--seeds=${option('seeds') ?? '5'}`  // An emulated step costs ten times a plain one.

const jobs = {
  fuzz: ['native/tools/fuzz.cjs', `--seconds=${option('seconds') ?? '20'}`],
  windows: ['native/tools/windows.cjs', seeds],
  arm64: ['native/tools/arm64.cjs', seeds],
  rivals: ['test/rivals.mjs'],
}
const chosen = option('only')?.split(',') ?? Object.keys(jobs)
const unknown = chosen.filter((name) => !(name in jobs))
if (unknown.length > 0) throw new Error(`test/tools.mjs: no job named ${unknown.join(', ')}`)

const results = chosen.map((name) => {
  console.log(`\n${name}`)
  const run = spawnSync(process.execPath, jobs[name], { cwd: root, stdio: 'inherit' })
  return { name, isFine: run.status === 0 }
})

console.log('')
for (const { name, isFine } of results) console.log(`${name}: ${isFine ? 'passed' : 'failed'}`)
const passed = results.filter(({ isFine }) => isFine).length
console.log(`${passed} passed, ${results.length - passed} failed`)
process.exitCode = passed === results.length ? 0 : 1
