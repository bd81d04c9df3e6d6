// test/format/regenerate.mjs — writes every fixture of test/format anew: npm run fixtures. Each write-*.ts beside it is bundled and run.
import { readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { build } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))
for (const name of readdirSync(here).filter((one) => /^write-.*\.ts$/.test(one))) {
  const outfile = join(here, name.replace(/\.ts$/, '.bundle.mjs'))
  await build({
    entryPoints: [join(here, name)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'error',
  })
  try {
    await import(pathToFileURL(outfile).href)
    console.log(name)
  } finally {
    rmSync(outfile)
  }
}
