// bench/texts.ts — full-text indexes behind one shape: ours and the rivals, each in its quickest way that scores.
//
// What is written between words is spaces and full stops, and words are lower case and ASCII, so that nobody's tokeniser
// makes other words of them than anybody else's. Nobody stems.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { TextIndex as OurIndex } from '../lib/text.ts'
import { repositoryRoot } from './place.ts'

export type Mode = 'any' | 'all' | 'prefix'

export interface Texts {
  // All at once, the quickest way there is.
  addMany(texts: readonly string[]): void
  add(id: number, text: string): void
  remove(id: number, text: string): void
  // How many of the best ten there are.
  search(words: readonly string[], mode: Mode): number
  close(): void
}

const LIMIT = 10

// As a user gets it: the bundle of dist/ over the addon of build/Release.
async function ours(): Promise<Texts> {
  const href = pathToFileURL(join(repositoryRoot, 'dist', 'index.js')).href
  const { TextIndex } = (await import(href)) as { TextIndex: typeof OurIndex }
  const index = new TextIndex()
  const query = (words: readonly string[], mode: Mode) =>
    mode === 'prefix' ? `${words[0] ?? ''}*` : words.join(mode === 'all' ? ' AND ' : ' ')
  return {
    addMany: (texts) =>
      index.addMany(
        texts.map((_, id) => id),
        texts,
      ),
    add: (id, text) => index.add(id, text),
    remove: (id) => index.remove(id),
    search: (words, mode) => index.search(query(words, mode)).length,
    close: () => index.clear(),
  }
}

async function minisearch(): Promise<Texts> {
  const { default: MiniSearch } = await import('minisearch')
  const index = new MiniSearch<{ id: number; text: string }>({ fields: ['text'] })
  const hits = (words: readonly string[], mode: Mode) =>
    index.search(words.join(' '), {
      combineWith: mode === 'all' ? 'AND' : 'OR',
      prefix: mode === 'prefix',
    })
  return {
    addMany: (texts) => index.addAll(texts.map((text, id) => ({ id, text }))),
    add: (id, text) => index.add({ id, text }),
    remove: (id, text) => index.remove({ id, text }),
    search: (words, mode) => Math.min(hits(words, mode).length, LIMIT),
    close: () => index.removeAll(),
  }
}

// It does not score: it answers the first ten there are by its own contexts.
async function flex(): Promise<Texts> {
  const { default: flexsearch } = await import('flexsearch')
  const index = new flexsearch.Index({ tokenize: 'strict', cache: false })
  return {
    addMany: (texts) => texts.forEach((text, id) => index.add(id, text)),
    add: (id, text) => void index.add(id, text),
    remove: (id) => void index.remove(id),
    search: (words, mode) =>
      index.search(words.join(' '), { limit: LIMIT, suggest: mode === 'any' }).length,
    close: () => void index.clear(),
  }
}

async function fts5(): Promise<Texts> {
  const { default: Database } = await import('better-sqlite3')
  const db = new Database(':memory:')
  db.exec("CREATE VIRTUAL TABLE texts USING fts5(text, tokenize = 'unicode61', detail = full)")
  const insert = db.prepare('INSERT INTO texts (rowid, text) VALUES (?, ?)')
  const remove = db.prepare('DELETE FROM texts WHERE rowid = ?')
  const search = db
    .prepare(`SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY rank LIMIT ${LIMIT}`)
    .pluck()
  const query = (words: readonly string[], mode: Mode) =>
    mode === 'prefix' ? `${words[0] ?? ''}*` : words.join(mode === 'all' ? ' AND ' : ' OR ')
  return {
    addMany: db.transaction((texts: readonly string[]) =>
      texts.forEach((text, id) => insert.run(id, text)),
    ),
    add: (id, text) => void insert.run(id, text),
    remove: (id) => void remove.run(id),
    search: (words, mode) => search.all(query(words, mode)).length,
    close: () => db.close(),
  }
}

const makers: Readonly<Record<string, () => Promise<Texts>>> = {
  varve: ours,
  minisearch,
  flexsearch: flex,
  'better-sqlite3': fts5,
}

export async function textsOf(name: string): Promise<Texts> {
  const make = makers[name]
  if (make === undefined) throw new Error(`no text index named ${name}`)
  return make()
}
