// Builds the native tests for arm64 on Linux with a cross compiler and runs them under qemu: npm run test:arm64
//   node native/tools/arm64.cjs [arguments of core_tests...]
'use strict'
const { spawnSync } = require('node:child_process')
const { coreTests, firstOnPath, main } = require('./compile.cjs')
const { root } = require('./sources.cjs')

const QEMUS = ['qemu-aarch64-static', 'qemu-aarch64']
const chain = { name: 'arm64', compiler: 'aarch64-linux-gnu-g++', flags: ['-O2'], arch: 'arm64' }

main('arm64', [[chain.compiler], QEMUS], async () => {
  const executable = await coreTests(chain, { args: ['-static'] })
  return spawnSync(firstOnPath(...QEMUS), [executable, ...process.argv.slice(2)],
    { cwd: root, stdio: 'inherit' }).status ?? 1
})
