// lib/index.ts — the embedded entry: named re-exports, no logic.
export { advise, type Advice, type ObservedMix } from './advise.ts'
export {
  type BitFieldOptions,
  type BitOperation,
  type BitRange,
  BitString,
  type FieldType,
  type FieldValue,
} from './bit-string.ts'
export {
  Bitmap,
  Bitmap64,
  type BitmapExpression,
  type BitmapOperation,
  type BitmapStatistics,
  type BitmapWalk,
  type MemberRange,
  type RoaringOptions,
} from './bitmap.ts'
export {
  type Aggregated,
  type AggregateOptions,
  type AggregateRow,
  type Along,
  type BuildProgress,
  Collection,
  collection,
  type Condition,
  type Declaration,
  Documents,
  DocumentsLocking,
  DocumentsSnapshot,
  DocumentsTransaction,
  type Explanation,
  type ExplainOptions,
  type ReadFigures,
  Field,
  type Fields,
  type FindOptions,
  type Found,
  type Hit,
  type IndexName,
  type IndexObject,
  type IndexWord,
  type Infer,
  type InferInsert,
  type InferKey,
  type JoinExplanation,
  type JoinOptions,
  JoinQuery,
  type JoinRow,
  type JoinSide,
  KeyField,
  type Lazy,
  LockingJoin,
  LockingQuery,
  LockingSearch,
  type OnDelete,
  type OrderBy,
  type Page,
  type PageOptions,
  type Patch,
  type Path,
  Query,
  type ReadyOptions,
  type Relation,
  type ScoreOptions,
  type ScorePart,
  type SearchOptions,
  SearchQuery,
  type SelectOptions,
  type StandardSchema,
  t,
  type Update,
  type Where,
  type VersionedWriteOptions,
  type WhereOptions,
} from './collection.ts'
export { type EncodingOption, type UserEncoding } from './encoding.ts'
export { type ConflictReason, type ErrorCode, isVarveError, VarveError } from './errors.ts'
export { type Events, type RecoveryReport, type Stall } from './events.ts'
export {
  type Area,
  type Box,
  type CellOptions,
  type Circle,
  type CoverOptions,
  type DistanceOptions,
  geohash,
  type GeoEntries,
  type GeoFilter,
  GeoIndex,
  type GeoIndexOptions,
  type GeoStats,
  type Near,
  type NearOptions,
  type Neighbours,
  type Point,
  type Polygon,
  type WithinOptions,
} from './geo.ts'
export { type FieldOf, type FieldsOf, type FieldsOptions } from './fields.ts'
export { type ExpiryOptions } from './expiry.ts'
export { type HistoryReadOptions, type KeyVersion } from './history.ts'
export { type Key, type Prefix } from './key.ts'
export {
  type BeginOptions,
  type Compression,
  type ConvertOptions,
  type ConvertProgress,
  type Durability,
  type EngineName,
  type FeedOptions,
  type HistoryOptions,
  type Isolation,
  type LockOptions,
  type Logger,
  type OpenOptions,
  type OpenSettings,
  type Pessimistic,
  type PutOptions,
  type RangeOptions,
  type ReadOptions,
  type SublevelOptions,
  type TransactionOptions,
  type TransactionSyncOptions,
  type WaitOptions,
  type WriteOptions,
} from './options.ts'
export { LockingLevel, LockingTransaction, OpenLockingTransaction } from './locking.ts'
export { PreparedTransaction } from './prepared.ts'
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
export { Level } from './level.ts'
export { type Entry, type Types } from './reading.ts'
export { Snapshot } from './snapshot.ts'
export { open, openSync, Store } from './store.ts'
export {
  type TextHit,
  TextIndex,
  type TextIndexOptions,
  type TextLanguage,
  type TextQueryOptions,
  type TextRange,
  type TextSearchOptions,
  type TextStats,
} from './text.ts'
export { OpenTransaction, Transaction, TransactionLevel } from './transaction.ts'
export { type Commit, type CommitEdit, Feed, type WatchOptions } from './watch.ts'
export { Batch, type BatchOperation } from './writing.ts'
export { type PackedBlock, type RisingOptions, varint } from './varint.ts'
