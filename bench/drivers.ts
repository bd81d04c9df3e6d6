// bench/drivers.ts — every store that can be measured; ours first.
import { betterSqlite3 } from './drivers/better-sqlite3.ts'
import { classicLevel } from './drivers/classic-level.ts'
import { lmdb } from './drivers/lmdb.ts'
import { rocksdb } from './drivers/rocksdb.ts'
import { varve } from './drivers/varve.ts'
import type { Driver } from './shape.ts'

export const drivers: readonly Driver[] = [varve, lmdb, classicLevel, betterSqlite3, rocksdb]
