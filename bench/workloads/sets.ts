// bench/workloads/sets.ts — the sets of workloads by name, and a workload by its own.
import type { Workload } from '../shape.ts'
import { bitcaskWorkloads } from './bitcask.ts'
import { btreeWorkloads } from './btree.ts'
import { collectionWorkloads } from './collections.ts'
import { convertWorkloads } from './convert.ts'
import { engineWorkloads } from './engines.ts'
import { kernelWorkloads } from './kernels.ts'
import { peopleLoop } from './looping.ts'
import { peopleWorkloads } from './people.ts'
import { storeWorkloads } from './store.ts'
import { throughWorkloads } from './through.ts'
import { transactionWorkloads } from './transaction.ts'

export const sets: Readonly<Record<string, readonly Workload[]>> = {
  store: storeWorkloads,
  kernels: kernelWorkloads,
  transactions: transactionWorkloads,
  bitcask: bitcaskWorkloads,
  btree: btreeWorkloads,
  convert: convertWorkloads,
  engines: engineWorkloads,
  collections: [...collectionWorkloads, ...peopleWorkloads, ...throughWorkloads, peopleLoop],
}

export function findWorkload(name: string): Workload {
  const found = Object.values(sets)
    .flat()
    .find((workload) => workload.name === name)
  if (found === undefined) throw new Error(`no workload named ${name}; see --list`)
  return found
}
