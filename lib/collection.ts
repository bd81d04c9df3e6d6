// lib/collection.ts — collections of typed documents: how they are declared, and what the compiler knows of them.
//
//   t, collection()      declaring                       collection/field.ts, declaration.ts
//   Infer, Where, …      types                           collection/types.ts, asking.ts
//   description.ts       a declaration as data           compare.ts: two of them        version.ts: one more of them
//   record.ts            documents as bytes              upgrade.ts: of older versions
//   documents.ts         reading and writing them        query.ts: asking for them
//   catalog.ts           what a store has of them        draft.ts: what it is to have
//
// Bytes: native/pure/codec/record/FORMAT.md
export type {
  Condition,
  Found,
  FindOptions,
  Include,
  Included,
  IncludeOptions,
  OrderBy,
  Relation,
  Selectable,
  Selected,
  Where,
} from './collection/asking.ts'
export type { BuildProgress } from './collection/building.ts'
export type {
  Aggregated,
  AggregateOptions,
  AggregateRow,
  GroupBy,
  Histogram,
  Measure,
} from './collection/aggregate.ts'
export { Collection, collection, type Declaration } from './collection/declaration.ts'
export {
  Documents,
  DocumentsSnapshot,
  DocumentsTransaction,
  type Patch,
  type ReadyOptions,
  type Update,
  type VersionedWriteOptions,
  type WhereOptions,
} from './collection/documents.ts'
export type { Along, JoinOptions, JoinRow, JoinSide } from './collection/joined.ts'
export { type JoinExplanation, JoinQuery } from './collection/joining.ts'
export { DocumentsLocking, LockingJoin, LockingQuery, LockingSearch } from './collection/locking.ts'
export {
  type Explanation,
  type ExplainOptions,
  type Lazy,
  type Page,
  type PageOptions,
  Query,
  type ReadFigures,
} from './collection/query.ts'
export {
  type Hit,
  type ScoreOptions,
  type ScorePart,
  type SearchOptions,
  SearchQuery,
} from './collection/scoring.ts'
export type { OnDelete } from './collection/description.ts'
export { Field, KeyField, t } from './collection/field.ts'
export type { SelectOptions } from './collection/reading.ts'
export type { StandardSchema } from './collection/standard.ts'
export type {
  Fields,
  IndexName,
  IndexObject,
  IndexWord,
  Infer,
  InferInsert,
  InferKey,
  Path,
} from './collection/types.ts'
