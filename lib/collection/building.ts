// lib/collection/building.ts — indexes of documents that are there: built in slices on another thread, beside those who write.
import { lastError } from '../native.ts'
import type { Opened } from './catalog.ts'

const builds = new WeakMap<Opened, Promise<void>>()

/** Builds what is to be built, in slices on another thread; one at a time of each collection. */
export function build(opened: Opened): Promise<void> {
  let building = builds.get(opened)
  if (building === undefined) {
    building = buildAll(opened).finally(() => builds.delete(opened))
    builds.set(opened, building)
  }
  return building
}

export const isBuilt = ({ newest }: Opened): boolean =>
  newest.definition.indexes.every(({ isReady }) => isReady)

async function buildAll(opened: Opened): Promise<void> {
  const { opening, id } = opened
  while (!isBuilt(opened)) {
    opening.check()
    const slice = opening.native.collectionBuild(id)
    if (typeof slice === 'number') throw lastError()
    await opening.work(() => slice)
    opened.refresh()
  }
}
