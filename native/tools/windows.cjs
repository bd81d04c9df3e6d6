// Builds the native tests for Windows with mingw and runs them under wine: npm run test:windows
//   node native/tools/windows.cjs [arguments of core_tests...]
// A cross build is a check of the port (paths, locks, renames); what is published comes from MSVC.
'use strict'
const { spawn } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { coreTests, firstOnPath, folderOf, main } = require('./compile.cjs')
const { Progress } = require('./progress.cjs')
const { root } = require('./sources.cjs')

const WINES = ['wine64', 'wine']
const chain = {
  name: 'windows',
  compiler: 'x86_64-w64-mingw32-g++-posix',
  flags: ['-O2', '-DNOMINMAX', '-DWIN32_LEAN_AND_MEAN'],
  arch: 'x64',
}

// Wine needs a home of its own; its output goes to a file, for it minds pipes. Answers what was printed.
function runUnderWine(executable, args) {
  const prefix = path.join(folderOf('windows'), 'wine')
  const log = path.join(folderOf('windows'), 'out.txt')
  const env = { ...process.env, WINEPREFIX: prefix, WINEDEBUG: '-all', WINEARCH: 'win64' }
  const out = fs.openSync(log, 'w')
  return new Promise((resolve, reject) => {
    const child = spawn(firstOnPath(...WINES), [executable, ...args],
      { cwd: root, env, stdio: ['ignore', out, out] })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, text: fs.readFileSync(log, 'utf8') }))
  }).finally(() => fs.closeSync(out))
}

// A folder in which the process claims its cases tells how far it is.
async function runTests(executable, args) {
  const claims = path.join('build-windows', 'claims')
  fs.rmSync(path.join(root, claims), { recursive: true, force: true })
  fs.mkdirSync(path.join(root, claims), { recursive: true })
  const { text: count } = await runUnderWine(executable, [...args, '--count'])
  const progress = new Progress('cases', Number(count))
  const looking = setInterval(() => progress.to(fs.readdirSync(path.join(root, claims)).length), 500)
  const { code, text } = await runUnderWine(executable, [...args, `--claims=${claims}`])
    .finally(() => clearInterval(looking))
  progress.end()
  process.stdout.write(text)
  return code === 0 && Number(count) > 0 ? 0 : 1
}

main('windows', [[chain.compiler], WINES], async () => {
  const executable = await coreTests(chain, { suffix: '.exe', args: ['-static', '-lbcrypt'] })
  return runTests(executable, process.argv.slice(2))
})
