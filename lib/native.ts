// lib/native.ts — the only importer of the addon: its functions as types, and the scratch that both sides share.
//
// The scratch is one ArrayBuffer a thread. Its first bytes are registers; then comes an area for an encoded key; then
// the area for heads of values and entries of ranges. Offsets are those of native/binding/environment.h.
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { ERROR_CODES, VarveError } from './errors.ts'

export const KEY_AT = 256
/** The longest key, as encoded. */
export const KEY_BYTES_MAX = 65_536
export const DATA_AT = 66_048
const SCRATCH_BYTES = 512 * 1024
const ASIDE_BYTES = KEY_AT + 32 // A number as a key, behind a prefix.
// It doubles while it is small, and grows by so much when it is large.
const GROWTH_BYTES_MAX = 16 * 1024 * 1024

/** Answers below zero. */
export const OK = 0
export const ABSENT = -1
export const FAILED = -2
export const GROW = -3
export const WOULD_BLOCK = -4
export const CONFLICT = -5

/** In PLACE: the value lies in the slab, not in the scratch; and the largest that does. */
export const IN_SLAB = 0x80000000
export const SLAB_VALUE_BYTES_MAX = 4096

/** Registers: indexes into `u32` and `f64`. */
export const KIND = 8
export const HEAD_BYTES = 9
export const NEEDED_BYTES = 10
export const COUNT = 11
export const MORE = 12
export const CURSOR = 13
export const PLACE = 14
export const CROWDING = 15
export const COMMIT = 0
export const WRITTEN = 1
export const DURABLE = 2
export const VIEW = 3
export const HELD_MS = 8
export const LONGEST_MS = 9
export const WAIT_COUNT = 10
export const SEEN = 11
export const BITMAP = 24
export const ANSWER = 25
/** Members of bitmaps take two cells of `u32` each. */
export const FIRST = 26
export const LAST = 28
/** Of `f64` again. */
export const FOUND = 15
/** Milliseconds since 1970. */
export const TIME = 28
export const VIEW_TIME = 29
export const EXPIRES = 30

export interface NativeLevel {
  /** `asOf`: 0 the newest commit, 1 the one in VIEW, else a transaction. By default the newest, and from the disk if it has to be. */
  get(key: string | number, asOf?: number, mayBlock?: number): string | number
  has(key: string | number, asOf: number): number
  /** A promise of a number for coldValue(), which says what was found or went wrong; or FAILED. */
  getCold(key: string | number, asOf: number): Promise<number> | number
  coldValue(number: number): string | number
  /**
   * The newest version below a commit, as get() answers it; its commit and time are left in COMMIT and TIME. ABSENT for a
   * deletion, and with commit 0 when nothing older is kept.
   */
  version(key: string | number, below: number): string | number
  /** `expires`: above 0 at that time, below 0 so many milliseconds from now. */
  put(
    key: string | number,
    value: string | Uint8Array | undefined,
    headBytes: number,
    expires?: number,
  ): number
  delete(key: string | number): number
  /** CONFLICT if the key was written after the commit `since`, which get() leaves in SEEN. */
  putIf(
    key: string | number,
    value: string | Uint8Array | undefined,
    headBytes: number,
    since: number,
    expires?: number,
  ): number
  deleteIf(key: string | number, since: number): number
  /** Adds a number, whose head lies in the scratch; answers the sum as get() does. */
  increment(key: string | number, headBytes: number): string | number
  deleteRange(beginBytes: number, endBytes: number): number
  batchPut(
    key: string | number,
    value: string | Uint8Array | undefined,
    headBytes: number,
    expires?: number,
  ): number
  /** 1 when the key had an expiry. */
  persist(key: string | number): number
  batchDelete(key: string | number): number
  batchDeleteRange(beginBytes: number, endBytes: number): number
  batchCommit(): number
  batchClear(): number
  /** As put() and delete(), in the transaction of that number. */
  transactionPut(
    key: string | number,
    value: string | Uint8Array | undefined,
    headBytes: number,
    transaction: number,
    expires?: number,
  ): number
  transactionDelete(key: string | number, transaction: number): number
  transactionIncrement(key: string | number, headBytes: number, transaction: number): number
  transactionDeleteRange(beginBytes: number, endBytes: number, transaction: number): number
  /** The commit is refused if the key is written after the commit in SEEN. */
  transactionGuard(key: string | number, transaction: number): number
  /** WOULD_BLOCK when it waits for the lock from now on. */
  transactionLock(key: string | number, exclusive: number, transaction: number): number
  transactionLockRange(
    beginBytes: number,
    endBytes: number,
    exclusive: number,
    transaction: number,
  ): number
  rangeOpen(
    beginBytes: number,
    endBytes: number,
    reverse: number,
    values: number,
    asOf: number,
    countMax: number,
    isAll: number,
  ): string | number
  rangeNext(id: number, countMax: number): string | number
  rangeClose(id: number): number
  count(beginBytes: number, endBytes: number, asOf: number, countMax: number): number
  getMany(keys: string, count: number, asOf: number): string | number
  /** Feeds by number: native/binding/feed.cc. */
  feedOpen(beginBytes: number, endBytes: number, from: number, durable: number): number
  feedPoll(number: number): Promise<number>
  feedTake(number: number, cells: Float64Array): string | number
  feedIsBehind(number: number): number
  feedClose(number: number): number
}

/** Of a keyspace of documents: native/binding/collection.cc and query.cc. */
export interface NativeCollection extends NativeLevel {
  /** `mode`: 0 insert, 1 put, 2 update; `asOf`: 0 as a commit of its own, else a transaction; `since` below 0: whoever wrote it last. */
  documentPut(
    key: string | number,
    text: string | Uint8Array | undefined,
    headBytes: number,
    mode: number,
    asOf: number,
    since: number,
  ): number
  /** 1 when it was there. */
  documentDelete(key: string | number, asOf: number): number
  /** Text of documents that are to be written anew in this transaction; MORE is 1 while there are others. */
  documentsBehind(asOf: number, countMax: number): string | number
  /** Of the last write that was refused: a unique index and its fields, or a field and the rule that it breaks. */
  documentRefusal(): [string, string, string, string]
  queryOpen(bytes: number, asOf: number, countMax: number, looksMax: number): string | number
  queryNext(query: number, countMax: number, looksMax: number): string | number
  queryClose(query: number): number
  /** A promise of 1, or of 0 when what queryTake() then brings is the last. */
  querySlice(query: number): Promise<number> | number
  queryTake(query: number, countMax: number): string | number
  /** A slice on this thread: 1, or 0 when what queryTake() then brings is the last. */
  queryGather(query: number, countMax: number, looksMax: number): number
  queryAggregate(bytes: number, asOf: number, asked: Uint8Array): Uint8Array | number
  /** CURSOR names a query whose slices bring no documents; when there is none left it has rows. */
  queryAggregateOpen(bytes: number, asOf: number, asked: Uint8Array): number
  queryRows(query: number): Uint8Array | number
  queryCount(bytes: number, asOf: number): number
  queryExplain(bytes: number, asOf: number, runs: number): string | number
  /** Of the documents that a slice has brought, as doubles: a score, and of each part what was found and what it is worth. */
  queryScores(query: number): Uint8Array | number
  queryPosition(query: number): Uint8Array | number
}

export interface NativeStore {
  /** Collections by their encoded names, and by their ids: native/binding/collection.cc. */
  collectionId(nameBytes: number, asOf: number): number
  collectionDefinition(id: number, asOf: number): Uint8Array | number
  /** CONFLICT also where there are documents though there must be none. */
  collectionDefine(nameBytes: number, draft: Uint8Array, since: number, onlyIfEmpty: number): number
  collectionDrop(nameBytes: number): number
  /** How many documents a slice of building has met; below 0 when nothing is left to be built. */
  collectionBuild(id: number): Promise<number>
  collectionSequence(id: number): number
  level(prefixBytes: number): NativeLevel | number
  /** A transaction's number, for the functions that take one, and plus 2 for those that take `asOf`. */
  begin(isolation: number, age: number): number
  commitTransaction(transaction: number): number
  /** As commitTransaction(): what is committed is that it is prepared. */
  prepareTransaction(transaction: number, id: string): number
  /** Commits what is prepared under an id, or rolls it back. */
  endPrepared(id: string, commits: number): number
  /** Of each its id, and when it was prepared. */
  prepared(): (string | number)[] | number
  rollback(transaction: number): number
  savepoint(transaction: number): number
  rewind(transaction: number, savepoint: number, keeps: number): number
  /** A transaction that may wait for its lock no more, or ABSENT. */
  nextLock(): number
  /** WOULD_BLOCK while it waits. */
  lockState(transaction: number): number
  /** 1 when it waited, and waits no more. */
  cancelLock(transaction: number): number
  /** Of one that locks: what it reads and writes from here on is held apart. */
  beginTrial(transaction: number): number
  /** WOULD_BLOCK when it waits for a lock of what was tried: to be asked again when it has that. */
  lockTrial(transaction: number): number
  /** 1 when what was tried stays; 0 when it was taken back, by the wish of `keeps` or since others have written meanwhile. */
  endTrial(transaction: number, keeps: number): number
  request(durability: number, maySyncHere: number): number
  progress(): number
  /** 0, or one more than the reason of a stall that is not number `last`. */
  stall(last: number): number
  /** Fails with the first trouble after number `last`; 1 when there is none. */
  trouble(last: number): number
  waitFor(durability: number): number
  keepAlive(on: number): number
  /** The newest commit, left in COMMIT, and the time now in TIME. */
  hold(): number
  /** An older one, or the last of the second of a time; and its time. */
  holdAt(commit: number): number
  holdAtTime(time: number): number
  release(commit: number): number
  visible(): number
  horizon(): number
  /** Left in TIME: never before a commit. */
  now(): number
  stats(): string | number
  flush(): Promise<number>
  sync(): Promise<number>
  compact(): Promise<number>
  /** Conversions by number: native/binding/care.cc. 0 when the store has that engine. */
  convertBegin(engine: number): number
  convertState(number: number): string | number
  convertFailure(number: number): number
  convertAbort(number: number): number
  /** Until that one is over, or a while. */
  convertWait(number: number): Promise<number>
  close(): Promise<number>
  closeSync(): number
  flushSync(): number
  sublevelId(pathBytes: number): number
  readonly created: number
  readonly clean: number
  readonly replayedCommits: number
  readonly cutRecords: number
  readonly lastCommit: number
  /** JSON: what a store opened with damage can't serve. */
  readonly lost: string
}

export interface NativeOptions {
  readonly directory: string
  readonly holder: string
  readonly engine: number
  readonly log: number
  readonly create: number
  readonly compaction: number
  readonly readOnly: number
  readonly serveDamaged: number
  readonly compressedLevels: number
  readonly memory: number
  readonly threads: number
  readonly blockBytes: number
  readonly largeValueBytes: number
  /** What of the past is kept, in the numbers of the manifest; below 0 what the store has. */
  readonly historyKeep: number
  readonly historyAmount: number
  readonly feedBytes: number
  readonly feedAgeMs: number
}

type Members = Uint32Array | BigUint64Array

/** Bitmaps by number: what keeps one alive is the External that it came with. native/binding/bitmap.cc tells each. */
interface NativeBitmaps {
  /** An External; the number is left in BITMAP. Or FAILED. */
  bitmapCreate(): object
  bitmapCopy(id: number): object
  bitmapEvaluate(program: Int32Array, stepCount: number): object | number
  bitmapRead(bytes: Uint8Array, form: number): object | number
  /** The member in FIRST, the bitmap in BITMAP; the answer is left in ANSWER. */
  bitmapHas(): void
  bitmapAdd(): void
  bitmapRemove(): void
  bitmapMany(id: number, members: Members, adds: number): number
  bitmapHasMany(id: number, members: Members, answers: Uint8Array): number
  bitmapRange(id: number, action: number): number
  bitmapCount(id: number): number
  bitmapSize(id: number): number
  bitmapFind(id: number, what: number): number
  bitmapList(id: number, to: Members | Float64Array, down: number): number
  bitmapFlatten(id: number, to: Uint32Array): number
  bitmapEvaluateCount(program: Int32Array, stepCount: number): number
  bitmapJoin(id: number, operation: number, other: number): number
  bitmapCompare(id: number, other: number, what: number): number
  bitmapWrite(id: number, form: number): number
  bitmapTake(to: Uint8Array): number
  bitmapVerify(id: number): number
  bitmapOptimise(id: number): number
  bitmapClear(id: number): number
  bitmapStatistics(id: number, to: Float64Array): number
}

/** Bits of bytes: native/binding/bit_string.cc. */
interface NativeBits {
  bitCount(bytes: Uint8Array, flags: number): number
  bitPosition(bytes: Uint8Array, flags: number): number
  bitJoin(operation: number, to: Uint8Array, sources: readonly Uint8Array[]): number
  bitField(bytes: Uint8Array, offset: number, code: number): number
}

/** What tells of an index of places: the External that keeps it alive. native/binding/geo.cc says what lies where. */
export type NativeGeoIndex = object

interface NativeGeo {
  geoCreate(holds: number): NativeGeoIndex
  geoOpen(bytes: Uint8Array): NativeGeoIndex | number
  geoInsert(index: NativeGeoIndex): number
  geoRemove(index: NativeGeoIndex): number
  geoHas(index: NativeGeoIndex): number
  geoInsertMany(index: NativeGeoIndex, ids: Ids, ...columns: readonly Float64Array[]): number
  geoRemoveMany(index: NativeGeoIndex, ids: Ids, ...columns: readonly Float64Array[]): number
  geoClear(index: NativeGeoIndex): number
  geoNear(index: NativeGeoIndex, to: Float64Array, offset: number): number
  geoWithinBox(index: NativeGeoIndex, to: Float64Array, offset: number): number
  geoWithinPolygon(
    index: NativeGeoIndex,
    to: Float64Array,
    offset: number,
    corners: Float64Array,
    ends: Uint32Array,
  ): number
  geoContains(corners?: Float64Array, ends?: Uint32Array): number
  geoTake(index: NativeGeoIndex, to: Float64Array): number
  geoStats(index: NativeGeoIndex): number
  geoWrite(index: NativeGeoIndex): number
  geoTakeBytes(index: NativeGeoIndex, to: Uint8Array): number
  geoDistance(isOnEllipsoid: number): number
  geohashEncode(length: number): string
  geohashDecode(text: string): number
  geohashNeighbour(text: string): string | number
  geohashNumber(): number
  geohashCell(): number
  geohashCover(ranges: Float64Array, kind: number, corners: Float64Array, ends: Uint32Array): number
}

type Ids = Float64Array | Uint32Array

/** A full-text index: the External that keeps it alive. native/binding/text.cc says what its answers are. */
export type NativeTextIndex = object

interface NativeText {
  textCreate(languages: number, stopWords: string, k1: number, b: number): NativeTextIndex
  textOpen(bytes: Uint8Array): NativeTextIndex | number
  textAdd(index: NativeTextIndex, id: number, text: string): number
  textAddMany(index: NativeTextIndex, ids: Uint32Array, texts: readonly string[]): number
  textRemove(index: NativeTextIndex, id: number): number
  textHas(index: NativeTextIndex, id: number): number
  textSearch(
    index: NativeTextIndex,
    query: string,
    flags: number,
    limit: number,
    allowed?: Uint32Array,
  ): number
  textHighlight(index: NativeTextIndex, query: string, flags: number, text: string): number
  textTake(index: NativeTextIndex): number
  textCompact(index: NativeTextIndex): number
  textClear(index: NativeTextIndex): number
  textSerialise(index: NativeTextIndex): number
  textTakeBytes(index: NativeTextIndex, to: Uint8Array): number
  textStats(index: NativeTextIndex): number
  textStopWords(language: number): string
}

/** Numbers as bytes: native/binding/varint.cc. Streams and blocks of numbers that rise have a base. */
interface NativeVarint {
  varintSize(numbers: Members): number
  varintEncode(numbers: Members, to: Uint8Array): number
  varintCount(bytes: Uint8Array): number
  varintDecode(bytes: Uint8Array, to: Members): number
  varintZigzag(
    from: Int32Array | BigInt64Array | Members,
    to: Int32Array | BigInt64Array | Members,
    back: number,
    wide: number,
  ): number
  streamSize(numbers: Uint32Array, rising: number, base: number): number
  streamEncode(numbers: Uint32Array, to: Uint8Array, rising: number, base: number): number
  streamDecode(bytes: Uint8Array, to: Uint32Array, rising: number, base: number): number
  packedForm(numbers: Uint32Array, form: Uint32Array, rising: number): number
  packedEncode(numbers: Uint32Array, to: Uint8Array, form: Uint32Array, rising: number): number
  packedDecode(bytes: Uint8Array, to: Uint32Array, form: Uint32Array, rising: number): number
}

interface Addon extends NativeBitmaps, NativeBits, NativeVarint, NativeGeo, NativeText {
  attach(scratch: ArrayBuffer): number
  /** Memory of which small values that are bytes get a part each, from its beginning on. */
  attachSlab(slab: ArrayBuffer): number
  open(options: NativeOptions, onProgress: () => void): Promise<NativeStore>
  openSync(options: NativeOptions, onProgress: () => void): NativeStore | number
  exists(path: string, holder: string): Promise<number>
  destroy(path: string, holder: string): Promise<number>
  verify(path: string, holder: string): Promise<string>
  salvage(path: string, target: string, holder: string): Promise<string>
  /** Code, message, and of a conflict its reason and the stored key: lib/conflict.ts. */
  lastError(): [number, string, number, Uint8Array]
}

/** For what of Node is not to be loaded with the package, or not whole. */
export const load = createRequire(import.meta.url)
// Importing it would load its streams, too.
const { existsSync } = load('node:fs') as typeof import('node:fs')

function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
}

export const addon: Addon = (load('node-gyp-build') as (root: string) => Addon)(packageRoot())

/** The memory that this thread shares with the addon. It grows when something larger has to pass. */
export class Scratch {
  readonly dataAt = DATA_AT
  bytes: Uint8Array = new Uint8Array(0)
  view: DataView = new DataView(new ArrayBuffer(0))
  u32: Uint32Array = new Uint32Array(0)
  f64: Float64Array = new Float64Array(0)
  /** Where a key is encoded: no longer than a key may be. */
  key: Uint8Array = new Uint8Array(0)

  constructor() {
    this.#attach(SCRATCH_BYTES)
  }

  /** Makes room for `size` bytes of data; what was there is kept. */
  grow(size: number): void {
    const needed = DATA_AT + size
    if (needed <= this.bytes.length) return
    const old = this.bytes
    this.#attach(Math.max(needed, old.length + Math.min(old.length, GROWTH_BYTES_MAX)))
    this.bytes.set(old)
  }

  /**
   * Runs what uses registers and a short key while somebody's data lies in the scratch, and puts those back. What is asked for there is
   * texts, which leave the data alone.
   */
  aside<T>(run: () => T): T {
    const kept = this.bytes.slice(0, ASIDE_BYTES)
    try {
      return run()
    } finally {
      this.bytes.set(kept)
    }
  }

  #attach(size: number): void {
    const buffer = new ArrayBuffer(Math.ceil(size / 4096) * 4096)
    this.bytes = new Uint8Array(buffer)
    this.view = new DataView(buffer)
    this.u32 = new Uint32Array(buffer)
    this.f64 = new Float64Array(buffer)
    this.key = new Uint8Array(buffer, KEY_AT, KEY_BYTES_MAX)
    addon.attach(buffer)
  }
}

export const scratch = new Scratch()

/** The error of the last call that answered FAILED. */
export function lastError(): VarveError {
  const [code, message] = addon.lastError()
  return new VarveError(ERROR_CODES[code] ?? 'IO', message)
}

/** What a rejected promise of the addon says, as an error of ours. */
export function errorOf(cause: unknown): unknown {
  if (!(cause instanceof Error)) return cause
  const code = (cause as { varveCode?: unknown }).varveCode
  return typeof code === 'number' ? new VarveError(ERROR_CODES[code] ?? 'IO', cause.message) : cause
}
