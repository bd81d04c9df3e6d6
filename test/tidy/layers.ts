// test/tidy/layers.ts — the floors of the core, as one table. A module is a folder of native/; it may include its
// own folder and the modules named here, each through its doors. Moving a wall means editing this table, in a
// commit that says why.
//
// `engine` here is the interface alone (native/engine/engine.h): tables hand out the runs it declares, so it lies
// below storage, while the engines that fill it lie above.

export interface Module {
  readonly folder: string
  readonly mayInclude: readonly string[]
  // The public headers; by default the one that carries the folder's name. 'any' is a group of pairs.
  readonly doors?: readonly string[] | 'any'
}

const GROUND = ['base', 'base/os'] as const
const PURE = [...GROUND, 'pure/codec', 'pure/simd'] as const
const KERNELS = ['pure/blocks', 'pure/bitmap', 'pure/geo', 'pure/text'] as const
const STORAGE = ['storage/cache', 'storage/log', 'storage/manifest', 'storage/table', 'storage/values'] as const
const ENGINES = ['engine', 'engine/bitcask', 'engine/btree', 'engine/lsm', 'engine/memory'] as const

export const MODULES: readonly Module[] = [
  { folder: 'base', mayInclude: [], doors: 'any' },
  { folder: 'base/os', mayInclude: ['base'], doors: ['os.h', 'os_simulated.h'] },
  { folder: 'pure/simd', mayInclude: ['base'], doors: ['simd.h', 'lanes.h', 'boxes.h', 'vectors.h'] },
  { folder: 'pure/blocks', mayInclude: ['base'] },
  { folder: 'pure/codec', mayInclude: ['base', 'pure/simd'], doors: 'any' },
  { folder: 'pure/codec/record', mayInclude: [...GROUND, 'pure/codec'],
    doors: ['record.h', 'description.h', 'schema.h', 'record_key.h', 'rules.h', 'slots.h'] },
  { folder: 'pure/geo', mayInclude: ['base', 'pure/simd', 'pure/blocks', 'pure/codec'],
    doors: ['place.h', 'distance.h', 'polygon.h', 'geohash.h', 'tree.h', 'serial.h'] },
  { folder: 'pure/bitmap', mayInclude: [...PURE, 'pure/blocks'], doors: ['bitmap.h', 'bit_string.h'] },
  { folder: 'pure/text', mayInclude: ['base', 'pure/blocks', 'pure/codec', 'pure/simd'], doors: ['text.h', 'language.h'] },
  { folder: 'engine', mayInclude: ['base', 'base/os'], doors: ['engine.h', 'range_facts.h'] },
  { folder: 'storage/cache', mayInclude: [...PURE] },
  { folder: 'storage/log', mayInclude: [...PURE], doors: ['log.h', 'follow.h'] },
  { folder: 'storage/values', mayInclude: [...PURE, 'engine'], doors: ['values.h', 'info.h'] },
  { folder: 'storage/table', mayInclude: [...PURE, 'engine', 'storage/cache', 'storage/values'],
    doors: ['table.h', 'info.h'] },
  { folder: 'storage/manifest', mayInclude: [...PURE, 'storage/table', 'storage/values'] },
  { folder: 'engine/bitcask', mayInclude: [...PURE, ...STORAGE, 'engine'],
    doors: ['bitcask.h', 'mend.h', 'data_file.h'] },
  { folder: 'engine/btree', mayInclude: [...PURE, ...STORAGE, 'engine'], doors: ['btree.h', 'salvage.h'] },
  { folder: 'engine/lsm', mayInclude: [...PURE, ...STORAGE, 'engine'] },
  { folder: 'engine/memory', mayInclude: [...PURE, ...STORAGE, 'engine'],
    doors: ['memory.h', 'checkpoint.h'] },
  { folder: 'store/memtable', mayInclude: [...PURE, 'engine'] },
  { folder: 'store', mayInclude: [...PURE, ...STORAGE, ...ENGINES, 'store/memtable'],
    doors: ['store.h', 'additions.h', 'batch.h', 'conditions.h', 'feed.h', 'key_intervals.h', 'prepared_record.h', 'registry.h',
      'repair.h'] },
  { folder: 'store/transaction', mayInclude: [...PURE, 'engine', 'store'] },
  { folder: 'layer/blocks', mayInclude: [...PURE, ...KERNELS, 'engine', 'store'],
    doors: ['stored_blocks.h', 'stored_index.h', 'stored_kinds.h', 'folder.h'] },
  { folder: 'layer/catalog', mayInclude: [...PURE, 'engine', 'store'], doors: ['catalog.h', 'expiry.h'] },
  { folder: 'layer/collection',
    mayInclude: [...PURE, ...KERNELS, 'pure/codec/record', 'engine', 'store', 'store/transaction', 'layer/catalog', 'layer/blocks'],
    doors: ['collection.h', 'run.h', 'inclusion.h', 'join.h', 'aggregate.h'] },
  { folder: 'binding', mayInclude: [...PURE, ...KERNELS, 'engine', 'store', 'store/transaction', 'layer/catalog', 'layer/collection'],
    doors: [] },
]

export function moduleOf(file: string): Module | undefined {
  const folder = file.replace(/^native\//, '').replace(/\/[^/]*$/, '')
  return MODULES.find((module) => module.folder === folder)
}

export function isDoor(module: Module, header: string): boolean {
  if (module.doors === 'any') return true
  const name = module.folder.slice(module.folder.lastIndexOf('/') + 1)
  return (module.doors ?? [`${name}.h`]).includes(header)
}
