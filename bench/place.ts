// bench/place.ts — where the repository is, seen from the bundles in bench/.data/bundle.
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const benchRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
export const repositoryRoot = dirname(benchRoot)
export const dataRoot = join(benchRoot, '.data', 'stores')
export const resultRoot = join(benchRoot, 'results')
export const bundleOf = (name: string) => join(benchRoot, '.data', 'bundle', `${name}.mjs`)
