// Builds every target of test/fuzz with clang's libFuzzer, ASan and UBSan, and runs them one after another, to the
// first that finds something: npm run fuzz
//   node native/tools/fuzz.cjs [target...] [--seconds=20]
// What a run learns about its target goes into build-fuzz/<target>/ and serves the next run; the seeds of
// test/fuzz/corpus/ stay as they are. An input that was found lies in build-fuzz/<target>-*, for
// test/fuzz/corpus/<target>/ once its cause is mended.
'use strict'
const { spawn } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { compile, core, firstOnPath, folderOf, link, main } = require('./compile.cjs')
const { Progress } = require('./progress.cjs')
const { root, parts } = require('./sources.cjs')

const CLANGS = ['clang++-19', 'clang++']
const SANITIZERS = 'address,undefined'
const ROOM_MB_MAX = 16  // In one piece: no 4 KiB of hostile bytes may ask for more.
const flags = process.argv.slice(2)
const seconds = Number(flags.find((flag) => flag.startsWith('--seconds='))?.slice(10) ?? 20)
const known = parts.fuzz().filter((file) => file.endsWith('.fuzz.cc'))
  .map((file) => path.basename(file, '.fuzz.cc'))

async function build() {
  const chain = {
    name: 'fuzz',
    compiler: firstOnPath(...CLANGS),
    flags: ['-O1', `-fsanitize=fuzzer-no-link,${SANITIZERS}`, '-fno-sanitize-recover=all'],
  }
  const objects = await compile(chain, [...core(), ...parts.fuzz()])
  return link({ ...chain, flags: [`-fsanitize=fuzzer,${SANITIZERS}`] }, objects, 'fuzz')
}

// Answers whether nothing was found.
function run(executable, target) {
  const learned = path.join(folderOf('fuzz'), target)
  fs.mkdirSync(learned, { recursive: true })
  console.log(`fuzz: ${target}, ${seconds} s`)
  const progress = new Progress(target, seconds)
  const ticking = setInterval(() => progress.step(), 1000)
  return new Promise((resolve, reject) => {
    const child = spawn(executable, [learned, path.join('test', 'fuzz', 'corpus', target),
      `-max_total_time=${seconds}`, '-max_len=4096', '-timeout=10', '-print_final_stats=1',
      `-malloc_limit_mb=${ROOM_MB_MAX}`, '-print_funcs=0', '-verbosity=0',
      `-artifact_prefix=${learned}-`],
    { cwd: root, stdio: 'inherit', env: { ...process.env, VARVE_FUZZ: target } })
    child.on('error', reject)
    child.on('close', (code) => resolve(code === 0))
  }).finally(() => {
    clearInterval(ticking)
    progress.end()
  })
}

main('fuzz', [CLANGS], async () => {
  const asked = flags.filter((flag) => !flag.startsWith('--'))
  const strangers = asked.filter((name) => !known.includes(name))
  if (strangers.length > 0) {
    throw new Error(`no target named ${strangers.join(', ')}; there are ${known.join(', ')}`)
  }
  const executable = await build()
  for (const target of asked.length > 0 ? asked : known) {
    if (!await run(executable, target)) return 1
  }
  return 0
})
