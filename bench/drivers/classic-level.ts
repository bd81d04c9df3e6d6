// bench/drivers/classic-level.ts — LevelDB: a cache of the budget's half, a write buffer of an eighth; snappy
// compression off, because no other store here compresses the same values.
import { ClassicLevel } from 'classic-level'
import { LevelStore, type Level } from '../level.ts'
import type { Driver, OpenOptions } from '../shape.ts'

export const classicLevel: Driver = {
  name: 'classic-level',
  async open(path: string, options: OpenOptions) {
    const db = new ClassicLevel(path, {
      cacheSize: options.memoryBytes / 2,
      compression: false,
      writeBufferSize: Math.max(4 << 20, options.memoryBytes / 8),
      maxOpenFiles: 4000,
    })
    await db.open()
    return new LevelStore(db as unknown as Level, options)
  },
}
