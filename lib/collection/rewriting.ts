// lib/collection/rewriting.ts — documents of older versions written in the newest form, beside those who write.
//
//   the next of them ──decode, convert──▶ encode ──put──▶ one commit, which says how far it got
//
// A step holds up this thread for a few milliseconds, and then others have it. It relies on nobody having written its documents since it has read them,
// and is made again where somebody has.
import { isVarveError, VarveError } from '../errors.ts'
import { MORE, scratch } from '../native.ts'
import { growFor } from '../range.ts'
import { run } from '../transaction/run.ts'
import type { Pending } from '../transaction/pending.ts'
import { readDocuments } from './batch.ts'
import type { Opened } from './catalog.ts'
import { documentEncoding } from './document-encoding.ts'
import type { Document } from './record.ts'
import { UPDATE, writeDocument } from './writing.ts'

const COUNT_FIRST = 32
const COUNT_MAX = 256
const STEP_MS = 4
const CONFLICTS_MAX = 100 // In a row, each of which was tried again before.

export const isRewriting = ({ newest }: Opened): boolean =>
  newest.definition.rewriting !== undefined

/** Writes all of them anew; `tell` hears of each step how many they were. */
export async function rewriteAll(opened: Opened, tell: (documents: number) => void): Promise<void> {
  let count = COUNT_FIRST
  for (let conflicts = 0; isRewriting(opened);) {
    opened.opening.check()
    const begun = performance.now()
    try {
      tell(await rewriteSome(opened, count))
      conflicts = 0
      const ms = performance.now() - begun
      count = ms < STEP_MS ? Math.min(count * 2, COUNT_MAX) : Math.max(1, count >> 1)
    } catch (error) {
      const isLarge = isVarveError(error) && error.code === 'TOO_LARGE' && count > 1
      const isConflict = isVarveError(error) && error.code === 'CONFLICT'
      if (!isLarge && !(isConflict && ++conflicts < CONFLICTS_MAX)) throw error
      count = Math.max(1, count >> 1)
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function rewriteSome(opened: Opened, countMax: number): Promise<number> {
  const { opening } = opened
  const settings = { ...opening.plainTransaction, isolation: 'snapshot' } as const
  let rewritten = 0
  let isOver = false
  const step = (pending: Pending): void => {
    const { documents, more } = documentsBehind(opened, pending.asOf(), countMax)
    isOver = !more
    for (const document of documents) rewrite(opened, document, pending.asOf())
    rewritten = documents.length
  }
  await opening.work(() => run(opening, step, settings))
  if (isOver) opened.refresh()
  return rewritten
}

interface Behind {
  readonly documents: readonly Document[]
  /** There are others. */
  readonly more: boolean
}

function documentsBehind(opened: Opened, asOf: number, countMax: number): Behind {
  const encoding = documentEncoding(() => opened.records)
  while (true) {
    const answer = opened.level.documentsBehind(asOf, countMax)
    if (typeof answer !== 'string') {
      growFor(answer)
      continue
    }
    const more = scratch.u32[MORE] === 1
    const read = () => readDocuments<Document>(encoding, answer, undefined)
    return { documents: explained(opened, undefined, read), more }
  }
}

function rewrite(opened: Opened, document: Document, asOf: number): void {
  explained(opened, document, () => {
    writeDocument(opened, document, UPDATE, asOf)
  })
}

// What a user's function throws, or makes of a document, stands in the way of all that come behind.
function explained<R>(opened: Opened, document: Document | undefined, make: () => R): R {
  try {
    return make()
  } catch (error) {
    const ours = isVarveError(error) ? error : undefined
    if (ours !== undefined && ours.code !== 'INVALID' && ours.code !== 'EXISTS') throw error
    const key = document === undefined ? '' : ` ${String(opened.codec.keyOf(document))}`
    const what = error instanceof Error ? error.message : String(error)
    const { index, fields, path, rule } = ours ?? {}
    throw new VarveError(
      ours?.code ?? 'SCHEMA',
      `${opened.declared.name}${key}: it cannot be rewritten: ${what}`,
      { cause: error, index, fields, path, rule },
    )
  }
}
