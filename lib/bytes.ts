// lib/bytes.ts — values that are bytes, as Buffers of the caller's own.
//
// Small ones lie in memory that several share, like those of Buffer.allocUnsafe(): a get leaves its value in a slab, and
// of a batch of entries all raw bytes are copied at once. A Buffer over such memory costs a quarter of making room for
// one value and copying it. Shared memory cannot be transferred, and goes with the last Buffer over it.
import { addon, IN_SLAB, load, scratch, SLAB_VALUE_BYTES_MAX } from './native.ts'

const SLAB_BYTES = 64 * 1024
const BATCH_BYTES_MAX = 256 * 1024

type Shared = new (memory: ArrayBuffer, at: number, size: number) => Buffer
// What Node makes its own pooled Buffers of.
const Shared = (Buffer as unknown as Record<symbol, Shared>)[Symbol.species] as Shared

type Workers = typeof import('node:worker_threads')
let workers: Workers | undefined

// To load what Node has for workers takes milliseconds: only who reads bytes pays for it.
function keepHere(memory: ArrayBuffer): void {
  workers ??= load('node:worker_threads') as Workers
  workers.markAsUntransferable(memory)
}

let slab = new ArrayBuffer(0)
let batch: ArrayBuffer | undefined
let batchFrom = 0
let batchTo = 0

function renewSlab(): void {
  slab = new ArrayBuffer(SLAB_BYTES)
  keepHere(slab)
  addon.attachSlab(slab)
}

/** From here on ownBytes() reads from a batch of entries, whose raw parts lie there in the scratch. */
export function beginBatch(from: number, to: number): void {
  batch = undefined
  batchFrom = from
  batchTo = to
}

/** The batch has been read. */
export function endBatch(): void {
  batch = undefined
  batchTo = 0
}

function bytesOfBatch(at: number, size: number): Buffer {
  if (batch === undefined) {
    batch = scratch.bytes.slice(batchFrom, batchTo).buffer
    keepHere(batch)
  }
  return new Shared(batch, at - batchFrom, size)
}

/** The bytes that a get has left in the slab, or bytes in the scratch. */
export function ownBytes(at: number, size: number): Buffer {
  if (at >= IN_SLAB) return new Shared(slab, at - IN_SLAB, size)
  const isBatch = batchTo !== 0
  if (isBatch && batchTo - batchFrom <= BATCH_BYTES_MAX) return bytesOfBatch(at, size)
  if (!isBatch && size > 0 && size <= SLAB_VALUE_BYTES_MAX) renewSlab()
  const own = Buffer.allocUnsafe(size)
  own.set(scratch.bytes.subarray(at, at + size))
  return own
}
