// Runs core_tests as several processes that share its cases, one a processor, so that the longest case is all that a run
// must take. What they print passes through, but for their counts: the sum of those is the last line.
//   node native/tools/core-tests.cjs <core_tests> [arguments of core_tests...]
'use strict'
const { spawn } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const readline = require('node:readline')
const { root } = require('./sources.cjs')

const PROCESSES_MAX = 8
const COUNTS = /^(\d+) passed, (\d+) failed$/

// Runs one process to its end. One that dies before it has said its counts is a failure.
function runOne(executable, args) {
  return new Promise((resolve) => {
    const child = spawn(executable, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
    let counts = { passed: 0, failed: 1 }
    const died = (how) => {
      console.error(`${path.basename(executable)}: ${how}`)
      resolve({ passed: counts.passed, failed: Math.max(counts.failed, 1) })
    }
    readline.createInterface({ input: child.stdout }).on('line', (line) => {
      const [, passed, failed] = COUNTS.exec(line) ?? []
      if (passed === undefined) console.log(line)
      else counts = { passed: Number(passed), failed: Number(failed) }
    })
    child.on('error', (error) => died(error.message))
    child.on('close', (code, signal) => {
      if (code === 0 || counts.failed > 0 && code === 1) resolve(counts)
      else died(`ended by ${signal ?? code}`)
    })
  })
}

async function runShared(executable, args) {
  const claims = fs.mkdtempSync(path.join(os.tmpdir(), 'varve-claims-'))
  try {
    const count = Math.min(os.availableParallelism(), PROCESSES_MAX)
    const runs = Array.from({ length: count }, () => runOne(executable, [...args, `--claims=${claims}`]))
    const all = await Promise.all(runs)
    const passed = all.reduce((sum, one) => sum + one.passed, 0)
    const failed = all.reduce((sum, one) => sum + one.failed, 0)
    console.log(`${passed} passed, ${failed} failed`)
    return failed === 0 && passed > 0 ? 0 : 1
  } finally {
    fs.rmSync(claims, { recursive: true, force: true })
  }
}

module.exports = { runShared }
if (require.main === module) {
  const [executable, ...args] = process.argv.slice(2)
  if (executable === undefined) throw new Error('core-tests.cjs: say which core_tests')
  runShared(path.resolve(root, executable), args).then((code) => {
    process.exitCode = code
  })
}
