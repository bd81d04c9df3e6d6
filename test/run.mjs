// test/run.mjs — everything a pull request must pass, in stages, cheapest judge first. Each stage prints one
// line when it starts and one when it ends; the last line sums up: `N passed, N failed`.
//   node test/run.mjs [--quick] [--only=stage,stage] [--seed=N] [--seeds=N]
// A stage that runs no counted tests (a build, the typechecker) counts as one test, so that no failure is silent.
import { spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const require = createRequire(import.meta.url)
const flags = process.argv.slice(2)
const option = (name) => flags.find((flag) => flag.startsWith(`--${name}=`))?.slice(name.length + 3)
const report = join(tmpdir(), `varve-vitest-${process.pid}.json`)
const onWindows = process.platform === 'win32'
const nativeFlags = flags.filter((flag) => /^--seeds?=/.test(flag))

// The path of a package's command, whatever its package.json exports.
function bin(name, file) {
  return join(dirname(require.resolve(`${name}/package.json`)), file)
}

// Runs a command, shows what it prints, and keeps the end of it: that is where the counts are. Bars are drawn on stderr.
function run(command, args, env = {}) {
  return new Promise((resolve) => {
    let tail = ''
    const child = spawn(command, args,
      { cwd: root, env: { ...process.env, ...env }, stdio: ['inherit', 'pipe', 'inherit'] })
    child.stdout.on('data', (chunk) => {
      process.stdout.write(chunk)
      tail = (tail + chunk).slice(-4096)
    })
    child.on('error', (error) => resolve({ isFine: false, tail: String(error) }))
    child.on('close', (code) => resolve({ isFine: code === 0, tail }))
  })
}

const node = (...args) => run(process.execPath, args)
const asOne = ({ isFine }) => ({ passed: isFine ? 1 : 0, failed: isFine ? 0 : 1 })

// core_tests ends with its counts; one that died before printing them is one failure.
function nativeCounts({ isFine, tail }) {
  const found = /(\d+) passed, (\d+) failed\s*$/.exec(tail)
  if (found === null) return { passed: 0, failed: 1 }
  const failed = Number(found[2])
  return { passed: Number(found[1]), failed: isFine ? failed : Math.max(failed, 1) }
}

async function vitest(filters = [], env = {}) {
  const { isFine } = await run(process.execPath, [bin('vitest', 'vitest.mjs'), 'run', ...filters,
    '--reporter=default', '--reporter=json', `--outputFile=${report}`], env)
  try {
    const counts = JSON.parse(readFileSync(report, 'utf8'))
    const failed = counts.numFailedTests
    return { passed: counts.numPassedTests, failed: isFine ? failed : Math.max(failed, 1) }
  } catch {
    return { passed: 0, failed: 1 }
  } finally {
    rmSync(report, { force: true })
  }
}

const coreTests = join('build', 'Release', onWindows ? 'core_tests.exe' : 'core_tests')
// A sanitized step costs ten times a plain one.
const fewerSeeds = option('seeds') === undefined ? ['--seeds=3'] : []
// Under threads the short form builds and runs what threads meet in, the store; --seeds asks for all.
const sanitized = (name, ...short) => () =>
  node('native/tools/sanitize.cjs', name, '--run', ...(fewerSeeds.length > 0 ? short : []),
    ...nativeFlags, ...fewerSeeds)
    .then(nativeCounts)

const only = option('only')?.split(',')
// Tests of what is made from strings where that is allowed, and of closures where it is not.
const CODED = ['test/api/collection', 'test/api/value']
// Sanitizers need gcc or clang on a POSIX system; the Windows jobs of CI run the rest. The last two are for the slow tests.
const stages = [
  { name: 'build', run: () => node('native/tools/build.cjs', '--tests').then(asOne) },
  { name: 'typecheck', run: () => node(bin('typescript', 'bin/tsc'), '--noEmit').then(asOne) },
  { name: 'bundle', run: () => node(bin('tsup', 'dist/cli-default.js'), '--silent').then(asOne) },
  { name: 'native', run: () => node('native/tools/core-tests.cjs', coreTests, ...nativeFlags).then(nativeCounts) },
  { name: 'vitest', run: () => vitest() },
  { name: 'address', slow: true, skip: onWindows, run: sanitized('address') },
  { name: 'thread', slow: true, skip: onWindows, run: sanitized('thread', '--tests=store') },
  { name: 'sealed', isLeftOut: only === undefined, run: () => vitest(CODED, { VARVE_SEALED: '1' }) },
  { name: 'alignment', isLeftOut: only === undefined, skip: onWindows, run: sanitized('alignment') },
]

const unknown = only?.filter((name) => !stages.some((stage) => stage.name === name)) ?? []
if (unknown.length > 0) throw new Error(`test/run.mjs: no stage named ${unknown.join(', ')}`)
const chosen = stages.filter((stage) => !stage.skip && !stage.isLeftOut && (only?.includes(stage.name) ?? true) &&
  !(stage.slow && flags.includes('--quick')))

const sum = { passed: 0, failed: 0 }
for (const [index, stage] of chosen.entries()) {
  console.log(`\n[${index + 1}/${chosen.length}] ${stage.name}`)
  const begun = Date.now()
  const counts = await stage.run()
  sum.passed += counts.passed
  sum.failed += counts.failed
  const seconds = ((Date.now() - begun) / 1000).toFixed(1)
  console.log(`[${index + 1}/${chosen.length}] ${stage.name}: ${counts.passed} passed, ` +
    `${counts.failed} failed, ${seconds} s`)
}
console.log(`\n${sum.passed} passed, ${sum.failed} failed`)
process.exitCode = sum.failed === 0 && sum.passed > 0 ? 0 : 1
