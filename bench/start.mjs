// bench/start.mjs — bundles the harness (Node 20 runs no TypeScript) and starts it with the same arguments; `native`
// builds and runs the native measurements instead.
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))
const root = dirname(here)
// The parts of lib/ that are measured by themselves are bundled, and the nearest package is then this folder: its
// name, in capitals, names the variable by which node-gyp-build is told where the addon is.
const env = { ...process.env, VARVE_BENCH_PREBUILD: root }
const run = (command, args) => {
  const { status } = spawnSync(command, args, { stdio: 'inherit', cwd: root, env })
  if (status !== 0) process.exit(status ?? 1)
}

const args = process.argv.slice(2)
if (args[0] === 'native') {
  run(process.execPath, [join(root, 'native', 'tools', 'build.cjs'), '--bench'])
  run(join(root, 'build', 'Release', 'core_bench'), args.slice(1))
  process.exit(0)
}
if (!existsSync(join(here, 'node_modules'))) {
  console.error('bench: the rivals are not installed; run `npm run bench:setup` first')
  process.exit(1)
}

// The bundles lie below bench/, so that they find the rivals in bench/node_modules; each driver is a chunk of its own.
const outdir = join(here, '.data', 'bundle')
const entryPoints = ['run', 'calls', 'opener', 'consumer'].map((name) => join(here, `${name}.ts`))
rmSync(outdir, { recursive: true, force: true })
await build({ entryPoints, outdir, outExtension: { '.js': '.mjs' }, bundle: true, splitting: true, format: 'esm',
  platform: 'node', target: 'node20', packages: 'external', logLevel: 'error', sourcemap: 'inline' })
const entry = args[0] === 'calls' ? 'calls' : 'run'
run(process.execPath, ['--enable-source-maps', '--expose-gc', join(outdir, `${entry}.mjs`), ...args])
