// bench/drivers/rocksdb.ts — the maintained RocksDB binding, with the same budget as the others.
import { RocksLevel } from '@nxtedition/rocksdb'
import { LevelStore, type Level } from '../level.ts'
import type { Driver, OpenOptions } from '../shape.ts'

export const rocksdb: Driver = {
  name: 'rocksdb',
  async open(path: string, options: OpenOptions) {
    const db = new RocksLevel(path, {
      createIfMissing: true,
      compression: false,
      parallelism: 2,
      cacheSize: options.memoryBytes / 2,
      writeBufferSize: options.memoryBytes / 4,
    })
    await db.open()
    return new LevelStore(db as unknown as Level, options)
  },
}
