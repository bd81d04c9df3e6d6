// lib/repair.ts — stores from outside: is one there, is it whole, what can be saved, away with it. None of these needs the store
// to open.
import { resolve } from 'node:path'

import { unlessAborted } from './aborting.ts'
import { invalid } from './errors.ts'
import { addon, errorOf } from './native.ts'
import { checkWait, type WaitOptions } from './options.ts'

/** Something that is not as it was written. */
export interface Damage {
  readonly file: string
  /** Where in the file; 0 when it is the file as a whole. */
  readonly offset: number
  readonly message: string
}

export interface VerifyReport {
  /** Nothing is wrong. */
  readonly ok: boolean
  readonly problems: readonly Damage[]
  readonly checked: {
    readonly files: number
    readonly bytes: number
    readonly tables: number
    readonly entries: number
    /** Whole commits that lie in the log alone. */
    readonly commits: number
  }
}

export interface SalvageReport {
  /** Entries saved from tables. */
  readonly entries: number
  /** Whole commits saved from the log. */
  readonly commits: number
  /** Nothing said which tables count, so all did: what was deleted long ago may be back. */
  readonly manifestLost: boolean
  readonly lost: readonly Damage[]
}

const holder = `process ${process.pid} (${process.title})`

function directory(path: unknown, argument = 'path'): string {
  if (typeof path === 'string' && path !== '' && path !== ':memory:' && !path.includes('\0')) {
    return resolve(path)
  }
  throw invalid(argument, "a directory's path", path)
}

// What was begun is not held up by a signal: who does not wait for it is told so.
async function settled<T>(
  what: string,
  options: WaitOptions | undefined,
  begin: () => Promise<T>,
): Promise<T> {
  const signal = checkWait(options, what)
  try {
    return await unlessAborted(begin(), signal, what, 'it goes on')
  } catch (cause) {
    throw errorOf(cause)
  }
}

/** Whether the directory holds a store. */
export async function exists(path: string, options?: WaitOptions): Promise<boolean> {
  const from = directory(path)
  return (await settled('exists', options, () => addon.exists(from, holder))) === 1
}

/**
 * Removes a store's own files, and the directory if nothing else is in it. Refuses a store that is open (LOCKED), a directory that
 * holds no store (NOT_FOUND) or something else (FOREIGN).
 */
export async function destroy(path: string, options?: WaitOptions): Promise<void> {
  const from = directory(path)
  await settled('destroy', options, () => addon.destroy(from, holder))
}

/** Reads every byte of a closed store that a read could come to depend on. */
export async function verify(path: string, options?: WaitOptions): Promise<VerifyReport> {
  const from = directory(path)
  const json = await settled('verify', options, () => addon.verify(from, holder))
  const { problems, ...checked } = JSON.parse(json) as {
    problems: Damage[]
  } & VerifyReport['checked']
  return { ok: problems.length === 0, problems, checked }
}

/**
 * Builds a new store at `target` of everything in a damaged one that is whole, and reports what is lost. The damaged store is only
 * read.
 */
export async function salvage(
  path: string,
  target: string,
  options?: WaitOptions,
): Promise<SalvageReport> {
  const from = directory(path)
  const to = directory(target, 'target')
  if (from === to) throw invalid('target', 'another directory than `path`', target)
  const json = await settled('salvage', options, () => addon.salvage(from, to, holder))
  return JSON.parse(json) as SalvageReport
}
