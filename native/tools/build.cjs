// Builds the addon (and, with --tests or --bench, the native tests or benchmarks), reusing what is already built.
//   node native/tools/build.cjs [--tests] [--bench] [--clean]
// Builds by other compilers or flags (compile.cjs) lie in build-<name>/ and spoil nothing here.
'use strict'
const { spawn } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const readline = require('node:readline')
const { Progress } = require('./progress.cjs')
const { parts, root } = require('./sources.cjs')

const COMPILES = /^\s*CXX\(/  // As make says it, a line for each source.

// Ours in the repository; in an installed package the one that npm carries and names.
function nodeGyp() {
  const carried = process.env.npm_config_node_gyp
  try {
    return [process.execPath, require.resolve('node-gyp/bin/node-gyp.js', { paths: [root] })]
  } catch {
    return carried ? [process.execPath, carried] : ['node-gyp']
  }
}

// The folder that holds include/node: the one asked for, or the one beside the running node when it brought its
// headers. Without either, node-gyp fetches them.
function nodePrefix() {
  if (process.env.npm_config_nodedir) return process.env.npm_config_nodedir
  const prefix = path.dirname(path.dirname(process.execPath))
  return fs.existsSync(path.join(prefix, 'include', 'node', 'node_api.h')) ? prefix : undefined
}

function environment() {
  const prefix = nodePrefix()
  return { ...process.env, ...(prefix === undefined ? {} : { npm_config_nodedir: prefix }) }
}

// Runs node-gyp to its end; a failure ends this process. On a terminal the sources are counted as they are compiled.
function gyp(verb, args = [], sources = 0) {
  const [command, ...head] = nodeGyp()
  const all = [...head, verb, `--jobs=${os.availableParallelism()}`, ...args]
  const isCounted = sources > 0 && process.stderr.isTTY
  const stdio = ['inherit', isCounted ? 'pipe' : 'inherit', 'inherit']
  const progress = new Progress('compiling', sources)
  return new Promise((resolve, reject) => {
    const child = spawn(command, all, { cwd: root, env: environment(), stdio })
    child.on('error', reject)
    child.on('close', (code) => {
      progress.end()
      if (code === 0) resolve()
      else process.exit(code ?? 1)
    })
    if (!isCounted) return
    readline.createInterface({ input: child.stdout }).on('line', (line) => {
      if (COMPILES.test(line)) progress.step()
      else progress.print(line)
    })
  })
}

async function build(flags) {
  const also = ['tests', 'bench'].filter((part) => flags.includes(`--${part}`))
  if (flags.includes('--clean')) await gyp('clean')
  await gyp('configure', also.length > 0 ? ['--', ...also.map((part) => `-Dcore_${part}=1`)] : [])
  const wanted = ['core', 'fillingSources', 'binding', ...also]
  await gyp('build', [], wanted.flatMap((part) => parts[part]()).length)
}

module.exports = { build, environment, gyp, nodePrefix }
if (require.main === module) build(process.argv.slice(2))
