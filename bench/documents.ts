// bench/documents.ts — documents for stores that hold bytes: msgpackr with shared structures, as lmdb does it. The
// structures lie in a file beside the store's own, so that another process reads what this one wrote.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Packr } from 'msgpackr'

export function packrOf(folder: string): Packr {
  const file = join(folder, 'structures.json')
  const getStructures = () =>
    existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as string[][]) : []
  const saveStructures = (structures: unknown) => writeFileSync(file, JSON.stringify(structures))
  return new Packr({ getStructures, saveStructures } as object)
}
