// test/slow.mjs — the long proofs: many seeds of every simulation, the sanitizer builds with those seeds, the
// package compiled from its tarball, and vitest with everything that npm test leaves out: the seconds of types, and closures alone.
//   node test/slow.mjs --seed=N [--seeds=10000]
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const flags = process.argv.slice(2)
const seed = flags.find((flag) => flag.startsWith('--seed='))?.slice(7) ?? '1'
const seeds = flags.find((flag) => flag.startsWith('--seeds='))?.slice(8) ?? '10000'
const env = { ...process.env, VARVE_SLOW: '1', VARVE_SEED: seed, VARVE_SEEDS: seeds }

console.log(`seed ${seed}, ${seeds} seeds`)
const run = (stages, count) => spawnSync(process.execPath,
  [join(here, 'run.mjs'), `--only=${stages}`, `--seed=${seed}`, `--seeds=${count}`],
  { stdio: 'inherit', env }).status === 0

// A sanitized step costs ten times a plain one, so those builds try a tenth of the seeds.
const plain = run('build,bundle,native,vitest,sealed', seeds)
const sanitized = run('address,thread,alignment', String(Math.max(1, Math.ceil(Number(seeds) / 10))))
process.exitCode = plain && sanitized ? 0 : 1
