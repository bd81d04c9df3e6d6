// lib/advise.ts — which engine a store's use asks for, and why: `advise(db)` looks at what stats() counted since the
// store was opened. It changes nothing; `db.convert()` does.
//
// The rules are few, the first that holds decides, and each says in words what it saw:
//   too little seen             the engine in use
//   all data is small           'memory'
//   large values, keys fit      'bitcask'
//   mostly reads and ranges     'btree'
//   many writes                 'lsm'
//   anything else               the engine in use
import { VarveError } from './errors.ts'
import type { EngineName } from './options.ts'
import { Store } from './store.ts'

/** What a store was used for since it was opened. Shares are of gets, batches of ranges, and edits together. */
export interface ObservedMix {
  readonly gets: number
  /** Batches of ranges. */
  readonly scans: number
  readonly edits: number
  readonly commits: number
  readonly getShare: number
  readonly scanShare: number
  readonly editShare: number
  /** What an edit took on average, key and value. */
  readonly editBytes: number
  /** At rest. */
  readonly entries: number
  readonly dataBytes: number
  readonly memoryBytes: number
  /** How many of some sampled gets were of a key that was sampled before, from 0 to 1: near 1, few keys are hot. */
  readonly repeatShare: number
}

export interface Advice {
  readonly engine: EngineName
  /** The engine in use. */
  readonly current: EngineName
  readonly reasons: readonly string[]
  readonly observed: ObservedMix
}

interface Stats {
  readonly memoryBytes: number
  readonly memtableBytes: number
  readonly mix: Readonly<
    Record<
      'gets' | 'scans' | 'commits' | 'edits' | 'editBytes' | 'samples' | 'distinctSamples',
      number
    >
  >
  readonly engine: {
    readonly name: EngineName
    readonly entryCount: number
    readonly diskBytes: number
    readonly dataBytes?: number
  }
}

// Guesses, but for what lib/README.md says of a key of 'bitcask'.
const SEEN_MIN = 1000
const SMALL_SHARE = 1 / 4
const LARGE_EDIT_BYTES = 4096
const KEY_BYTES = 64
const KEYS_SHARE = 7 / 16
const FEW_SCANS = 0.1
const MANY_READS = 0.8
const MANY_EDITS = 0.5

function mixOf({ mix, engine, memoryBytes, memtableBytes }: Stats): ObservedMix {
  const { gets, scans, edits, commits, editBytes, samples, distinctSamples } = mix
  const all = Math.max(1, gets + scans + edits)
  return {
    gets,
    scans,
    edits,
    commits,
    getShare: gets / all,
    scanShare: scans / all,
    editShare: edits / all,
    editBytes: edits === 0 ? 0 : Math.round(editBytes / edits),
    entries: engine.entryCount,
    dataBytes: Math.max(engine.diskBytes, engine.dataBytes ?? 0) + memtableBytes,
    memoryBytes,
    repeatShare: samples === 0 ? 0 : 1 - distinctSamples / samples,
  }
}

const percent = (share: number): string => `${Math.round(share * 100)} %`
const megabytes = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(1)} MB`

/** Whether few keys are hot says how much of the data the cache has to hold. */
function hotness({ repeatShare, dataBytes, memoryBytes }: ObservedMix): string {
  const fits = dataBytes <= memoryBytes / 2
  if (fits) return `the data (${megabytes(dataBytes)}) fits the cache`
  const many = `${percent(repeatShare)} of the sampled gets were of keys sampled before`
  return `the data (${megabytes(dataBytes)}) is more than the cache holds, and ${many}`
}

function choose(mix: ObservedMix, current: EngineName): readonly [EngineName, string] {
  const seen = mix.gets + mix.scans + mix.edits
  if (seen < SEEN_MIN) {
    return [current, `only ${seen} reads and edits were seen since the store was opened`]
  }
  if (mix.dataBytes <= mix.memoryBytes * SMALL_SHARE) {
    const sizes = `${megabytes(mix.dataBytes)} of ${megabytes(mix.memoryBytes)}`
    return ['memory', `all data takes ${sizes} of \`memory\`: it can rest there`]
  }
  const areLarge = mix.editBytes >= LARGE_EDIT_BYTES && mix.scanShare <= FEW_SCANS
  if (areLarge && mix.entries * KEY_BYTES <= mix.memoryBytes * KEYS_SHARE) {
    return [
      'bitcask',
      `an edit takes ${mix.editBytes} bytes, ranges are ${percent(mix.scanShare)}, and the keys ` +
        'fit memory: large values are written once, where the log has them',
    ]
  }
  if (mix.getShare + mix.scanShare >= MANY_READS) {
    return [
      'btree',
      `${percent(mix.getShare)} are gets and ${percent(mix.scanShare)} ranges: ` +
        'each key lies in one place',
    ]
  }
  if (mix.editShare >= MANY_EDITS) {
    return [
      'lsm',
      `${percent(mix.editShare)} are edits: they are written in order, and merged later`,
    ]
  }
  return [current, 'reads and edits are balanced: no other engine would clearly be better']
}

/** Which engine the store's use since it was opened asks for, and why. The hot path pays a counter for it, and nothing more. */
export function advise(db: Store): Advice {
  if (!(db instanceof Store)) {
    throw new VarveError('INVALID', 'advise: not an open store')
  }
  const stats = db.stats() as unknown as Stats
  const observed = mixOf(stats)
  const current = stats.engine.name
  const [engine, reason] = choose(observed, current)
  return { engine, current, reasons: [reason, hotness(observed)], observed }
}
