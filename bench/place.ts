// bench/place.ts — where the repository is, seen from the bundle in bench/.data/bundle.
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const benchRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
export const repositoryRoot = dirname(benchRoot)
export const dataRoot = join(benchRoot, '.data', 'stores')
export const resultRoot = join(benchRoot, 'results')
