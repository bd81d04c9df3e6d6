// Builds the addon (and, with --tests, the native tests and benchmarks), reusing what is already built.
//   node native/tools/build.cjs [--tests] [--clean]
// Builds by other compilers or flags (compile.cjs) lie in build-<name>/ and spoil nothing here.
'use strict'
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { root } = require('./sources.cjs')

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

function gyp(verb, args = []) {
  const [command, ...head] = nodeGyp()
  const all = [...head, verb, '--jobs=2', ...args]
  const run = spawnSync(command, all, { cwd: root, env: environment(), stdio: 'inherit' })
  if (run.error) throw run.error
  if (run.status !== 0) process.exit(run.status ?? 1)
}

module.exports = { environment, gyp, nodePrefix }
if (require.main === module) {
  const flags = process.argv.slice(2)
  const variables = ['--']
  if (flags.includes('--tests')) variables.push('-Dcore_tests=1')
  if (flags.includes('--clean')) gyp('clean')
  gyp('configure', variables.length > 1 ? variables : [])
  gyp('build')
}
