// bench/start.mjs — bundles bench/run.ts (Node 20 runs no TypeScript) and starts it with the same arguments.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))
if (!existsSync(join(here, 'node_modules'))) {
  console.error('bench: the rivals are not installed; run `npm run bench:setup` first')
  process.exit(1)
}

// The bundle lies below bench/, so that it finds the rivals in bench/node_modules.
const [name, ...rest] = process.argv.slice(2)
const entry = name === 'calls' ? 'calls' : 'run'
const outfile = join(here, '.data', 'bundle', `${entry}.mjs`)
await build({ entryPoints: [join(here, `${entry}.ts`)], outfile, bundle: true, format: 'esm',
  platform: 'node', target: 'node20', packages: 'external', logLevel: 'error', sourcemap: 'inline' })
const args = ['--enable-source-maps', '--expose-gc', outfile, ...(name === undefined ? [] : [name]), ...rest]
process.exitCode = spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1
