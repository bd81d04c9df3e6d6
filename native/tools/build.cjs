// Builds the addon (and, with --tests, the native tests and benchmarks), reusing what is already built.
//   node native/tools/build.cjs [--tests] [--clean] [--san=address,undefined] [--debug]
// A sanitizer build lies in build-<name>/ beside the plain one, so that neither spoils the other.
'use strict'
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { root } = require('./sources.cjs')

function nodeGyp() {
  try {
    return [process.execPath, require.resolve('node-gyp/bin/node-gyp.js', { paths: [root] })]
  } catch {
    return ['node-gyp']
  }
}

function environment() {
  const env = { ...process.env }
  const prefix = path.dirname(path.dirname(process.execPath))
  const hasHeaders = fs.existsSync(path.join(prefix, 'include', 'node', 'node_api.h'))
  if (!env.npm_config_nodedir && hasHeaders) env.npm_config_nodedir = prefix
  return env
}

function gyp(verb, args = []) {
  const [command, ...head] = nodeGyp()
  const all = [...head, verb, '--jobs=2', ...args]
  const run = spawnSync(command, all, { cwd: root, env: environment(), stdio: 'inherit' })
  if (run.error) throw run.error
  if (run.status !== 0) process.exit(run.status ?? 1)
}

module.exports = { gyp }
if (require.main === module) {
  const flags = process.argv.slice(2)
  const variables = ['--']
  if (flags.includes('--tests')) variables.push('-Dcore_tests=1')
  if (flags.includes('--clean')) gyp('clean')
  gyp('configure', variables.length > 1 ? variables : [])
  gyp('build')
}
