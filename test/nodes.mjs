// test/nodes.mjs — one addon for every Node: what this one has built is tested under the others that we promise, which
// npm brings as the packages node-<platform>-<arch>.
//   node test/nodes.mjs [22,24] [arguments of vitest...]
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
const [first = '', ...rest] = process.argv.slice(2)
const isVersions = /^\d/.test(first)
const versions = isVersions ? first.split(',') : ['22', '24']
const passed = isVersions || first === '' ? rest : [first, ...rest]

// npm names itself to the scripts it runs; without it, it lies beside node.
const npm = [process.env.npm_execpath ?? '',
  join(dirname(dirname(process.execPath)), 'lib/node_modules/npm/bin/npm-cli.js'),
  join(dirname(process.execPath), 'node_modules/npm/bin/npm-cli.js')]
  .find((path) => path.endsWith('npm-cli.js') && existsSync(path))
const system = process.platform === 'win32' ? 'win' : process.platform

function isFineUnder(version) {
  console.log(`\nNode ${version}, with the addon that ${process.version} built`)
  const run = spawnSync(process.execPath, [npm, 'exec', '--yes',
    `--package=node-${system}-${process.arch}@${version}`, '--', 'node', vitest, 'run', ...passed],
  { cwd: root, stdio: 'inherit' })
  return run.status === 0
}

if (npm === undefined) throw new Error('test/nodes.mjs: npm is not found; run it by `npm run test:nodes`')
if (!existsSync(join(root, 'build', 'Release', 'varve.node'))) {
  throw new Error('test/nodes.mjs: there is no build/Release/varve.node; run `npm run build` first')
}
const failed = versions.filter((version) => !isFineUnder(version))
console.log(`\n${versions.length - failed.length} passed, ${failed.length} failed`)
process.exitCode = failed.length === 0 ? 0 : 1
