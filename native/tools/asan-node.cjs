// Runs the whole vitest suite with the addon built under AddressSanitizer, inside an ordinary node: the
// sanitizer's runtime is preloaded, and leaks are left to the native tests because node itself leaks at exit.
//   node native/tools/asan-node.cjs [arguments of vitest]
// The plain build is put back afterwards by the next `npm run build:native`.
'use strict'
const { execFileSync, spawnSync } = require('node:child_process')
const path = require('node:path')
const { gyp } = require('./build.cjs')
const { root } = require('./sources.cjs')

gyp('rebuild', ['--', '-Dcore_tests=0', '-Dsan=address,undefined'])
const compiler = process.env.CXX ?? 'g++'
const runtime = execFileSync(compiler, ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim()
const vitest = path.join(path.dirname(require.resolve('vitest/package.json')), 'vitest.mjs')
const env = {
  ...process.env,
  LD_PRELOAD: runtime,
  ASAN_OPTIONS: 'detect_leaks=0',
  UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
  VARVE_SANITIZED: 'address',
}
const run = spawnSync(process.execPath, [vitest, 'run', '--pool=forks', ...process.argv.slice(2)],
  { cwd: root, env, stdio: 'inherit' })
process.exitCode = run.status ?? 1
