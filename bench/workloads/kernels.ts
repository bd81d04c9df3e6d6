// bench/workloads/kernels.ts — the set `kernels`: indexes on their own, without a store.
import type { Workload } from '../shape.ts'
import { bitmapWorkloads } from './bitmap.ts'
import { geoWorkloads } from './geo.ts'
import { textWorkloads } from './text.ts'

export const kernelWorkloads: readonly Workload[] = [
  ...bitmapWorkloads,
  ...geoWorkloads,
  ...textWorkloads,
]
