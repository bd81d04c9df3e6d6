// Runs core_tests as several processes that share its cases, so that the longest case is all that a run must take: one
// a processor and one more, since some cases wait for a slow disk most of their time. What they print passes through,
// but for their counts: the sum of those is the last line.
//   node native/tools/core-tests.cjs <core_tests> [arguments of core_tests...]
'use strict'
const { spawn, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const readline = require('node:readline')
const { Progress } = require('./progress.cjs')
const { root } = require('./sources.cjs')

const PROCESSES_MAX = 8
const LOOK_MS = 250
const COUNTS = /^(\d+) passed, (\d+) failed$/

// Runs one process to its end. One that dies before it has said its counts is a failure.
function runOne([command, ...args], progress) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let counts = { passed: 0, failed: 1 }
    const died = (how) => {
      progress.print(`core_tests: ${how}`, process.stderr)
      resolve({ passed: counts.passed, failed: Math.max(counts.failed, 1) })
    }
    readline.createInterface({ input: child.stderr })
      .on('line', (line) => progress.print(line, process.stderr))
    readline.createInterface({ input: child.stdout }).on('line', (line) => {
      const [, passed, failed] = COUNTS.exec(line) ?? []
      if (passed === undefined) progress.print(line)
      else counts = { passed: Number(passed), failed: Number(failed) }
    })
    child.on('error', (error) => died(error.message))
    child.on('close', (code, signal) => {
      if (code === 0 || (counts.failed > 0 && code === 1)) resolve(counts)
      else died(`ended by ${signal ?? code}`)
    })
  })
}

function caseCount([command, ...args]) {
  const { stdout } = spawnSync(command, [...args, '--count'], { cwd: root, encoding: 'utf8' })
  return Number(stdout)
}

// `command` is core_tests, behind what runs it if that is another machine's.
async function runShared(command, args) {
  const all = [...command, ...args]
  const claims = fs.mkdtempSync(path.join(os.tmpdir(), 'varve-claims-'))
  const progress = new Progress('cases', caseCount(all))
  const count = Math.min(os.availableParallelism() + 1, PROCESSES_MAX)
  const look = () => progress.to(Math.max(0, fs.readdirSync(claims).length - count))
  const looking = setInterval(look, LOOK_MS)
  try {
    const runs = Array.from({ length: count }, () => runOne([...all, `--claims=${claims}`], progress))
    const ends = await Promise.all(runs)
    progress.end()
    const passed = ends.reduce((sum, one) => sum + one.passed, 0)
    const failed = ends.reduce((sum, one) => sum + one.failed, 0)
    console.log(`${passed} passed, ${failed} failed`)
    return failed === 0 && passed > 0 ? 0 : 1
  } finally {
    clearInterval(looking)
    fs.rmSync(claims, { recursive: true, force: true })
  }
}

module.exports = { runShared }
if (require.main === module) {
  const [executable, ...args] = process.argv.slice(2)
  if (executable === undefined) throw new Error('core-tests.cjs: say which core_tests')
  runShared([path.resolve(root, executable)], args).then((code) => {
    process.exitCode = code
  })
}
