// Prints the source files of one part of the build, found by folder: gyp, the sanitizer builds and the
// cross builds all read the same list, and adding a file edits none.
//
//   core      every .cc under native/ but the binding and the SIMD fillings with flags of their own
//   fillings  the gyp targets of the SIMD fillings; fillingSources their files (each compiles to nothing on a
//             foreign CPU); sse42, avx2, avx512, neon the files of one
//   binding   native/binding        bench   bench/native
//   tests     test/native and the targets of test/fuzz, whose corpora it replays
//   fuzz      test/fuzz with the driver of clang's libFuzzer
'use strict'
const fs = require('node:fs')
const path = require('node:path')

const root = path.join(__dirname, '..', '..')
const FILLINGS = ['sse42', 'avx2', 'avx512', 'neon']

function walk(folder) {
  if (!fs.existsSync(path.join(root, folder))) return []
  return fs.readdirSync(path.join(root, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const name = `${folder}/${entry.name}`
      if (entry.isDirectory()) return walk(name)
      return entry.name.endsWith('.cc') ? [name] : []
    })
}

// kernels_avx2.cc and kernels_avx2_bitmap.cc belong to avx2.
const fillingOf = (name) => FILLINGS.find((f) =>
  new RegExp(`/kernels_${f}(_\\w+)?\\.cc$`).test(name))
const isFilling = (name) => fillingOf(name) !== undefined
// The tests of indexes that belong to one thread, in memory and in a store: nothing of them is there to be found by
// a sanitizer of threads.
const KERNELS = ['bitmap', 'geo', 'text']
const isKernel = (name) => name.startsWith('test/') && (name.includes('/layer/blocks/') ||
  KERNELS.some((kernel) =>
    name.includes(`/pure/${kernel}/`) || name === `test/fuzz/${kernel}.fuzz.cc`))

const parts = {
  core: () => walk('native').filter((f) => !f.startsWith('native/binding/') && !isFilling(f)),
  fillings: () => FILLINGS.map((f) => `simd_${f}`),
  fillingSources: () => walk('native').filter(isFilling),
  ...Object.fromEntries(FILLINGS.map((f) =>
    [f, () => walk('native').filter((name) => fillingOf(name) === f)])),
  binding: () => walk('native/binding'),
  tests: () => [...walk('test/native'), ...parts.fuzz().filter((f) => !f.endsWith('/driver.cc'))],
  fuzz: () => walk('test/fuzz'),
  bench: () => walk('bench/native'),
}

// The tests of one folder of test/native, what runs them, and the oracle that they may share with those of engines.
const SHARED = ['main', 'engine/oracle', 'engine/compare'].map((name) => `test/native/${name}.cc`)
const testsIn = (folder) => walk('test/native')
  .filter((f) => f.startsWith(`test/native/${folder}/`) || SHARED.includes(f))

module.exports = { root, parts, isKernel, fillingOf, testsIn }
if (require.main === module) process.stdout.write(parts[process.argv[2]]().join('\n') + '\n')
