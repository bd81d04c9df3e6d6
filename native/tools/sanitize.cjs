// Builds the native tests under a sanitizer, into build-<name>/.
//   node native/tools/sanitize.cjs address|thread|alignment [--tests=FOLDER] [--run] [arguments of core_tests...]
// CXX names another compiler than g++.
'use strict'
const { coreTests, main } = require('./compile.cjs')
const { runShared } = require('./core-tests.cjs')
const { isKernel } = require('./sources.cjs')

// Two checks of `undefined` are a third of what compiling costs, and see nothing that `address` does not: a null
// pointer that is used ends the process all the same, and so does a step out of an object. A third one is a quarter of
// the rest, and about what no machine of ours minds: it has a build of its own, which only the slow tests make.
const SANITIZERS = {
  address: ['-fsanitize=address,undefined', '-fno-sanitize=null,object-size,alignment'],
  thread: ['-fsanitize=thread'],
  alignment: ['-fsanitize=alignment'],
}

// Position-independent, so that asan-node.cjs links the same objects into an addon.
const chain = (name) => ({
  name,
  compiler: process.env.CXX ?? 'g++',
  flags: ['-O1', '-fPIC', ...SANITIZERS[name], '-fno-sanitize-recover=all'],
  leavesOut: name === 'thread' ? isKernel : undefined,
})

module.exports = { chain }
if (require.main === module) {
  const [name, ...rest] = process.argv.slice(2)
  if (!(name in SANITIZERS)) throw new Error('sanitize.cjs: say address, thread or alignment')
  main(name, [[chain(name).compiler]], async () => {
    const folder = rest.find((flag) => flag.startsWith('--tests='))?.slice(8)
    const executable = await coreTests(chain(name), { folder })
    if (!rest.includes('--run')) return 0
    return runShared([executable], rest.filter((flag) => !/^--(run|tests=.*)$/.test(flag)))
  })
}
