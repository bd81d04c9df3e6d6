// Runs vitest with the addon built under AddressSanitizer and UBSan, inside an ordinary node, into which the
// sanitizer's runtime is preloaded. Leaks are left to the native tests: node itself leaks at its exit.
//   node native/tools/asan-node.cjs [arguments of vitest, such as the files to run]
// The core's objects are those of `sanitize.cjs address`; the plain build stays as it is.
'use strict'
const { execFileSync, spawnSync } = require('node:child_process')
const path = require('node:path')
const { nodePrefix } = require('./build.cjs')
const { compile, core, folderOf, link, main } = require('./compile.cjs')
const { chain } = require('./sanitize.cjs')
const { root, parts } = require('./sources.cjs')

// What loads the addon. The laws of the house and the package need no sanitizer.
const SUITES = ['test/api', 'test/contract', 'test/addon', 'test/format', 'test/crash']
// As in binding.gyp.
const DEFINES = ['NAPI_VERSION=9', 'NAPI_DISABLE_CPP_EXCEPTIONS', 'NODE_ADDON_API_DISABLE_DEPRECATED',
  'NODE_API_NO_EXTERNAL_BUFFERS_ALLOWED', 'NODE_GYP_MODULE_NAME=varve', 'BUILDING_NODE_EXTENSION']

const address = chain('address')

async function addon() {
  const prefix = nodePrefix()
  if (prefix === undefined) throw new Error('no include/node beside this node: name its folder in npm_config_nodedir')
  const objects = await compile(address, core())
  const headers = [path.join(prefix, 'include', 'node'), path.dirname(require.resolve('node-addon-api'))]
  const flags = [...address.flags, ...DEFINES.map((one) => `-D${one}`),
    ...headers.flatMap((folder) => ['-isystem', folder])]
  const binding = await compile({ ...address, name: 'address/node', flags }, parts.binding())
  return link(address, [...objects, ...binding], 'node/build/Release/varve.node', ['-shared'])
}

main('asan-node', [[address.compiler]], async () => {
  await addon()
  const runtime = execFileSync(address.compiler, ['-print-file-name=libasan.so'], { encoding: 'utf8' })
  const vitest = path.join(path.dirname(require.resolve('vitest/package.json')), 'vitest.mjs')
  const env = {
    ...process.env,
    LD_PRELOAD: runtime.trim(),
    // What is freed is kept back for a while, but not so much that tests of memory see it.
    ASAN_OPTIONS: 'detect_leaks=0:quarantine_size_mb=16',
    UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
    VARVE_PREBUILD: path.join(folderOf('address'), 'node'),  // Where node-gyp-build looks first.
  }
  const asked = process.argv.slice(2)
  // The sanitizer keeps what is freed for a while, and so has no budget.
  const run = spawnSync(process.execPath, [vitest, 'run', '--pool=forks', '--testTimeout=300000',
    '--exclude=test/addon/budget.test.ts',
    ...(asked.some((one) => !one.startsWith('-')) ? [] : SUITES), ...asked],
  { cwd: root, env, stdio: 'inherit' })
  return run.status ?? 1
})
