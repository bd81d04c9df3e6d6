// bench/drivers/classic-level.ts — LevelDB: a cache of the budget's half, a write buffer of an eighth; snappy
// compression only where every store compresses.
import { ClassicLevel } from 'classic-level'
import { LevelStore, type Level } from '../level.ts'
import type { Driver, OpenOptions } from '../shape.ts'

export const classicLevel: Driver = {
  name: 'classic-level',
  package: 'classic-level',
  logFiles: /\.log$/,
  async open(path: string, options: OpenOptions) {
    const db = new ClassicLevel(path, {
      cacheSize: options.memoryBytes / 2,
      compression: options.compresses,
      writeBufferSize: Math.max(4 << 20, options.memoryBytes / 8),
      maxOpenFiles: 4000,
    })
    await db.open()
    return new LevelStore(path, db as unknown as Level, options)
  },
}
