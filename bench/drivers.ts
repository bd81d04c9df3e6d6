// bench/drivers.ts — every store that can be measured, loaded when asked for, so that a process holds one alone.
import type { Driver } from './shape.ts'

export const OURS = 'varve'
export const RIVALS: readonly string[] = ['lmdb', 'classic-level', 'better-sqlite3', 'rocksdb']

const loaders: Readonly<Record<string, () => Promise<Driver>>> = {
  varve: async () => (await import('./drivers/varve.ts')).varve,
  'varve-lsm': async () => (await import('./drivers/varve.ts')).varveLsm,
  lmdb: async () => (await import('./drivers/lmdb.ts')).lmdb,
  'lmdb-cached': async () => (await import('./drivers/lmdb.ts')).lmdbCached,
  'classic-level': async () => (await import('./drivers/classic-level.ts')).classicLevel,
  'better-sqlite3': async () => (await import('./drivers/better-sqlite3.ts')).betterSqlite3,
  'node-sqlite': async () => (await import('./drivers/node-sqlite.ts')).nodeSqlite,
  rocksdb: async () => (await import('./drivers/rocksdb.ts')).rocksdb,
}

export const driverNames: readonly string[] = Object.keys(loaders)

export async function loadDriver(name: string): Promise<Driver> {
  const load = loaders[name]
  if (load === undefined)
    throw new Error(`no store named ${name}; there are: ${driverNames.join(', ')}`)
  return load()
}

// Why a contestant cannot run here, if it cannot.
export function absence(name: string): string | undefined {
  if (name !== 'node-sqlite') return undefined
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return major > 22 || (major === 22 && minor >= 13) ? undefined : 'needs Node 22.13'
}
