// lib/index.ts — the embedded entry: named re-exports, no logic.
export { type EncodingOption, type UserEncoding } from './encoding.ts'
export { type ErrorCode, isVarveError, VarveError } from './errors.ts'
export { type Key, type Prefix } from './key.ts'
export {
  type Compression,
  type Durability,
  type Logger,
  type OpenOptions,
  type OpenSettings,
  type RangeOptions,
  type SublevelOptions,
  type WriteOptions,
} from './options.ts'
export { Range } from './range.ts'
export { type Receipt } from './settling.ts'
export {
  type Damage,
  destroy,
  exists,
  salvage,
  type SalvageReport,
  verify,
  type VerifyReport,
} from './repair.ts'
export {
  Batch,
  type BatchOperation,
  type Entry,
  Level,
  open,
  openSync,
  type RecoveryReport,
  Snapshot,
  Store,
  type Types,
} from './store.ts'
