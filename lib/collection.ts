// lib/collection.ts — collections of typed documents: how they are declared, and what the compiler knows of them.
//
//   t, collection()      declaring                       collection/field.ts, declaration.ts
//   Infer, Where, …      types                           collection/types.ts, asking.ts
//   description.ts       a declaration as data           compare.ts: two of them        version.ts: one more of them
//   record.ts            documents as bytes              upgrade.ts: of older versions
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
export { Collection, collection, type Declaration } from './collection/declaration.ts'
export type { OnDelete } from './collection/description.ts'
export { Field, KeyField, t } from './collection/field.ts'
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
