// Builds the native tests for Windows with mingw and runs them under wine: npm run test:windows
//   node native/tools/windows.cjs [arguments of core_tests...]
// A cross build is a check of the port (paths, locks, renames); what is published comes from MSVC.
'use strict'
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { coreTests, firstOnPath, folderOf, main } = require('./compile.cjs')
const { root } = require('./sources.cjs')

const WINES = ['wine64', 'wine']
const chain = {
  name: 'windows',
  compiler: 'x86_64-w64-mingw32-g++-posix',
  flags: ['-O2', '-DNOMINMAX', '-DWIN32_LEAN_AND_MEAN'],
  arch: 'x64',
}

// Wine needs a home of its own; its output goes to a file, for it minds pipes.
function runUnderWine(executable, args) {
  const prefix = path.join(folderOf('windows'), 'wine')
  const log = path.join(folderOf('windows'), 'out.txt')
  const env = { ...process.env, WINEPREFIX: prefix, WINEDEBUG: '-all', WINEARCH: 'win64' }
  const out = fs.openSync(log, 'w')
  const done = spawnSync(firstOnPath(...WINES), [executable, ...args],
    { cwd: root, env, stdio: ['ignore', out, out] })
  fs.closeSync(out)
  process.stdout.write(fs.readFileSync(log, 'utf8'))
  return done.status ?? 1
}

main('windows', [[chain.compiler], WINES], async () => {
  const executable = await coreTests(chain, { suffix: '.exe', args: ['-static', '-lbcrypt'] })
  return runUnderWine(executable, process.argv.slice(2))
})
