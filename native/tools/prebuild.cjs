// Makes the prebuilt addon of this platform: prebuilds/<platform>-<arch>/varve.<libc>.node.
//   node native/tools/prebuild.cjs [arguments of prebuildify, such as --arch arm64]
// The target is the running Node; the Node-API level (9) makes the file fit every later one.
'use strict'
const { spawnSync } = require('node:child_process')
const { environment, gyp } = require('./build.cjs')
const { root } = require('./sources.cjs')

const prebuildify = require.resolve('prebuildify/bin.js', { paths: [root] })
const args = [prebuildify, '-t', process.versions.node, '--napi', '--strip', '--tag-libc']
const run = spawnSync(process.execPath, [...args, ...process.argv.slice(2)],
  { cwd: root, env: environment(), stdio: 'inherit' })
if (run.error) throw run.error
process.exitCode = run.status ?? 1
if (run.status === 0) void gyp('build')  // prebuildify moves the addon out of build/: put another there.
