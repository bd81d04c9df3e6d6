// Builds the native tests for arm64 on Linux with a cross compiler and runs them under qemu: npm run test:arm64
//   node native/tools/arm64.cjs [arguments of core_tests...]
'use strict'
const { coreTests, firstOnPath, main } = require('./compile.cjs')
const { runShared } = require('./core-tests.cjs')

const QEMUS = ['qemu-aarch64-static', 'qemu-aarch64']
const chain = { name: 'arm64', compiler: 'aarch64-linux-gnu-g++', flags: ['-O2', '-ffp-contract=off'], arch: 'arm64' }

main('arm64', [[chain.compiler], QEMUS], async () => {
  const executable = await coreTests(chain, { args: ['-static'] })
  return runShared([firstOnPath(...QEMUS), executable], process.argv.slice(2))
})
