// Builds the native tests for Windows with mingw and runs them under wine: npm run test:windows
//   node native/tools/windows.cjs [arguments of core_tests...]
// A cross build is a check of the port (paths, locks, renames); what is published comes from MSVC.
'use strict'
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { root } = require('./sources.cjs')
const { build } = require('./sanitize.cjs')

const COMPILER = 'x86_64-w64-mingw32-g++-posix'
const LINK = ['-static', '-lbcrypt']

const isThere = (tool) => (process.env.PATH ?? '').split(path.delimiter)
  .some((folder) => fs.existsSync(path.join(folder, tool)))
const wine = ['wine64', 'wine'].find(isThere)
const missing = [...(isThere(COMPILER) ? [] : [COMPILER]), ...(wine === undefined ? ['wine'] : [])]

// Wine needs a home of its own; its output goes to a file, for it minds pipes.
function runUnderWine(executable, args) {
  const prefix = path.join(root, 'build-windows', 'wine')
  const log = path.join(root, 'build-windows', 'out.txt')
  const env = { ...process.env, WINEPREFIX: prefix, WINEDEBUG: '-all', WINEARCH: 'win64' }
  const out = fs.openSync(log, 'w')
  const done = spawnSync(wine, [executable, ...args], { env, stdio: ['ignore', out, out] })
  fs.closeSync(out)
  process.stdout.write(fs.readFileSync(log, 'utf8'))
  return done.status ?? 1
}

if (missing.length > 0) {
  console.error(`windows: missing ${missing.join(', ')}`)
  process.exitCode = 1
} else {
  build('windows', 2, { compiler: COMPILER, flags: ['-O2', '-DNOMINMAX', '-DWIN32_LEAN_AND_MEAN'],
    link: LINK, suffix: '.exe' })
    .then((executable) => { process.exitCode = runUnderWine(executable, process.argv.slice(2)) })
    .catch((error) => {
      console.error(String(error))
      process.exitCode = 1
    })
}
