// test/isolation/phenomena.ts — whether a history of transactions could be: Adya's phenomena, found as circles of who depended on whom.
//
// Every value is a list, and every write appends an element that nobody else has. So a list tells by its last element who wrote it,
// and its reader which version it has seen. The versions of a key are given in their order, as db.history() lists them.
//
//   ww  to who wrote the next version        wr  from who wrote a version to who read it
//   rw  from who read a version to who wrote the next one: so that it has read what was already, or was about to be, superseded
//
// A range counts as a read of every key in it, also of those that are absent, which have the empty list: so a phantom is a circle, too.
import type { Past } from './witness.mjs'

export type Phenomenon =
  | 'lost' // What was committed never was a version.
  | 'G0' // A circle of ww.
  | 'G1a' // Read what was never committed.
  | 'G1b' // Read what its writer overwrote before the commit.
  | 'G1c' // A circle of ww and wr, with a wr.
  | 'G-single' // A circle with one rw.
  | 'G2' // A circle with any rw; so every G-single is one.

export type List = readonly number[]
/** The versions of each key, oldest first. */
export type Versions = ReadonlyMap<string, readonly List[]>

type Edges = readonly (readonly number[])[]

const last = (list: List): number => list.at(-1) ?? 0

/** Where a walk along the edges leads, from each of the nodes: what it can reach and be reached from has one number. */
function componentsOf(edges: Edges): Int32Array {
  const component = new Int32Array(edges.length).fill(-1)
  const back: number[][] = edges.map(() => [])
  for (const [from, targets] of edges.entries()) for (const to of targets) back[to]?.push(from)
  const order: number[] = []
  const seen = new Uint8Array(edges.length)
  for (let start = 0; start < edges.length; start++) visit(edges, start, seen, order)
  seen.fill(0)
  for (const start of order.reverse()) {
    const members: number[] = []
    visit(back, start, seen, members)
    for (const member of members) component[member] = start
  }
  return component
}

/** Appends what is reached from `start` and was not seen, each behind what it leads to. */
function visit(edges: Edges, start: number, seen: Uint8Array, order: number[]): void {
  if (seen[start] === 1) return
  seen[start] = 1
  const path: { readonly node: number; next: number }[] = [{ node: start, next: 0 }]
  for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
    const to = edges[top.node]?.[top.next++]
    if (to === undefined) {
      order.push(top.node)
      path.pop()
    } else if (seen[to] === 0) {
      seen[to] = 1
      path.push({ node: to, next: 0 })
    }
  }
}

/** Whether one of the edges closes a circle of edges among `all`. */
function closes(edges: Edges, all: Edges): boolean {
  const component = componentsOf(all)
  return edges.some((targets, from) => targets.some((to) => component[from] === component[to]))
}

function leads(edges: Edges, from: number, to: number): boolean {
  const seen = new Uint8Array(edges.length)
  const reached: number[] = []
  visit(edges, from, seen, reached)
  return seen[to] === 1
}

function join(...kinds: readonly Edges[]): number[][] {
  return (kinds[0] ?? []).map((_, node) => kinds.flatMap((edges) => edges[node] ?? []))
}

interface Graph {
  readonly ww: number[][]
  readonly wr: number[][]
  readonly rw: number[][]
}

function add(edges: number[][], from: number | undefined, to: number | undefined): void {
  if (from !== undefined && to !== undefined && from !== to) edges[from]?.push(to)
}

export function phenomenaOf(pasts: readonly Past[], versions: Versions): Set<Phenomenon> {
  const found = new Set<Phenomenon>()
  const writers = new Map<number, number>() // By element; all of them are above 0.
  const graph: Graph = { ww: pasts.map(() => []), wr: pasts.map(() => []), rw: pasts.map(() => []) }
  for (const [writer, past] of pasts.entries()) {
    for (const [, element] of past.appends) writers.set(element, writer)
    checkWrites(past, versions, found)
  }
  for (const lists of versions.values()) {
    const order = lists.map((list) => writers.get(last(list)))
    for (let i = 1; i < order.length; i++) add(graph.ww, order[i - 1], order[i])
  }
  for (const [reader, past] of pasts.entries()) {
    if (!past.isCommitted) continue
    for (const [key, list] of past.reads) {
      const lists = versions.get(key) ?? []
      const place = list.length === 0 ? -1 : lists.findIndex((one) => last(one) === last(list))
      const writer = writers.get(last(list))
      if (list.some((element) => isRefused(pasts, writers.get(element)))) found.add('G1a')
      else if (place < 0 && list.length > 0) found.add('G1b')
      if (place < 0 && list.length > 0) continue
      add(graph.wr, writer, reader)
      add(graph.rw, reader, writers.get(last(lists[place + 1] ?? [])))
    }
  }
  return circlesOf(graph, found)
}

const isRefused = (pasts: readonly Past[], writer: number | undefined): boolean =>
  writer === undefined || pasts[writer]?.isCommitted === false

/** What is committed of a key is a version by its last append, and whole; what is not committed is none. */
function checkWrites(
  { isCommitted, appends }: Past,
  versions: Versions,
  found: Set<Phenomenon>,
): void {
  for (const key of new Set(appends.map(([of]) => of))) {
    const own = appends.filter(([of]) => of === key).map(([, element]) => element)
    const list = versions.get(key)?.find((one) => last(one) === last(own))
    if (!isCommitted && list !== undefined) found.add('G1a')
    const isWhole = list !== undefined && list.slice(-own.length).join() === own.join()
    if (isCommitted && !isWhole) found.add('lost')
  }
}

function circlesOf({ ww, wr, rw }: Graph, found: Set<Phenomenon>): Set<Phenomenon> {
  const told = join(ww, wr)
  if (closes(ww, ww)) found.add('G0')
  if (closes(wr, told)) found.add('G1c')
  if (rw.some((targets, from) => targets.some((to) => leads(told, to, from)))) found.add('G-single')
  if (closes(rw, join(ww, wr, rw))) found.add('G2')
  return found
}
