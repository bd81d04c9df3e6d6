// lib/collection/building.ts — what is made of documents that are there, beside those who write: newer forms of them, and their indexes.
//
// Indexes are built in slices on another thread; what needs the functions of the declaration, on this one (rewriting.ts).
import { lastError } from '../native.ts'
import type { Opened } from './catalog.ts'
import { isRewriting, rewriteAll } from './rewriting.ts'

/** What is being done for `ready()`, and how far it is. */
export interface BuildProgress {
  /** Documents are written in a newer form, or an index is built. */
  readonly phase: 'documents' | 'index'
  /** Its name. */
  readonly index?: string
  /** So many documents were met since this opening began with it. */
  readonly documents: number
}

export type Listener = (progress: BuildProgress) => void

interface Build {
  readonly promise: Promise<void>
  readonly listeners: Set<Listener>
}

const builds = new WeakMap<Opened, Build>()

/** Makes what is to be made; one at a time of each collection. */
export async function build(opened: Opened, listener?: Listener): Promise<void> {
  const under = builds.get(opened) ?? begin(opened)
  if (listener !== undefined) under.listeners.add(listener)
  try {
    await under.promise
  } finally {
    if (listener !== undefined) under.listeners.delete(listener)
  }
}

function begin(opened: Opened): Build {
  const listeners = new Set<Listener>()
  const tell: Listener = (progress) => {
    for (const listener of listeners) listener(progress)
  }
  const promise = buildAll(opened, tell).finally(() => builds.delete(opened))
  const under = { promise, listeners }
  builds.set(opened, under)
  return under
}

const unbuilt = ({ newest }: Opened): string | undefined =>
  newest.definition.indexes.find(({ isReady }) => !isReady)?.name

export const isBuilt = (opened: Opened): boolean =>
  unbuilt(opened) === undefined && !isRewriting(opened)

async function buildAll(opened: Opened, tell: Listener): Promise<void> {
  await Promise.resolve() // Whoever listens has said so.
  let documents = 0
  await rewriteAll(opened, (count) => {
    documents += count
    tell({ phase: 'documents', documents })
  })
  await buildIndexes(opened, tell)
}

async function buildIndexes(opened: Opened, tell: Listener): Promise<void> {
  const { opening, id } = opened
  let last: string | undefined
  let documents = 0
  for (let index; (index = unbuilt(opened)) !== undefined;) {
    opening.check()
    const slice = opening.native.collectionBuild(id)
    if (typeof slice === 'number') throw lastError()
    let met = 0
    await opening.work(async () => {
      met = await slice
    })
    opened.refresh()
    documents = (index === last ? documents : 0) + Math.max(met, 0)
    last = index
    tell({ phase: 'index', index, documents })
  }
}
