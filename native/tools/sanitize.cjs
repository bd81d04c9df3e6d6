// Builds the native tests under a sanitizer, into build-<name>/.
//   node native/tools/sanitize.cjs address|thread [--jobs=N] [--run] [arguments of core_tests...]
// CXX names another compiler than g++.
'use strict'
const os = require('node:os')
const { coreTests, main } = require('./compile.cjs')
const { runShared } = require('./core-tests.cjs')
const { isKernel } = require('./sources.cjs')

const SANITIZERS = { address: 'address,undefined', thread: 'thread' }

// Position-independent, so that asan-node.cjs links the same objects into an addon.
const chain = (name) => ({
  name,
  compiler: process.env.CXX ?? 'g++',
  flags: ['-O1', '-fPIC', `-fsanitize=${SANITIZERS[name]}`, '-fno-sanitize-recover=all'],
  leavesOut: name === 'thread' ? isKernel : undefined,
})

module.exports = { chain }
if (require.main === module) {
  const [name, ...rest] = process.argv.slice(2)
  if (!(name in SANITIZERS)) throw new Error('sanitize.cjs: say address or thread')
  const jobs = Number(rest.find((flag) => flag.startsWith('--jobs='))?.slice(7) ??
      os.availableParallelism())
  main(name, [[chain(name).compiler]], async () => {
    const executable = await coreTests(chain(name), { jobs })
    if (!rest.includes('--run')) return 0
    const args = rest.filter((flag) => flag !== '--run' && !flag.startsWith('--jobs='))
    return runShared(executable, args)
  })
}
