// bench/drivers/rocksdb.ts — the maintained RocksDB binding. Its write buffers are RocksDB's own 64 MB; those of
// another size come only with compression of the lower levels, which never are reached where the log is to be long.
import { RocksLevel } from '@nxtedition/rocksdb'
import { LevelStore, type Level } from '../level.ts'
import type { Driver, OpenOptions } from '../shape.ts'

export const rocksdb: Driver = {
  name: 'rocksdb',
  package: '@nxtedition/rocksdb',
  logFiles: /\.log$/,
  async open(path: string, options: OpenOptions) {
    const db = new RocksLevel(path, {
      createIfMissing: true,
      compression: options.compresses,
      // On by default, and as futile as compressing the tables of random characters.
      walCompression: options.compresses,
      parallelism: 2,
      cacheSize: options.memoryBytes / 2,
      ...(options.keepsLog
        ? { compaction: 'level', memtableMemoryBudget: options.memoryBytes / 2 }
        : {}),
    })
    await db.open()
    return new LevelStore(path, db as unknown as Level, options)
  },
}
