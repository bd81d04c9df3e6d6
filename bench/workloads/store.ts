// bench/workloads/store.ts — the set `store`: every row of the table of that name.
import type { Workload } from '../shape.ts'
import * as beyond from './beyond.ts'
import * as codec from './codec.ts'
import * as disk from './disk.ts'
import * as fill from './fill.ts'
import * as get from './get.ts'
import * as large from './large.ts'
import * as open from './open.ts'
import * as past from './past.ts'
import * as put from './put.ts'
import * as range from './range.ts'
import * as stall from './stall.ts'
import * as ycsb from './ycsb.ts'

export const storeWorkloads: readonly Workload[] = [
  fill.fillBatches,
  fill.fillDurable,
  put.put1,
  put.put64,
  put.putDurable1,
  put.putDurable64,
  get.getString,
  get.getBytesView,
  get.getBytes,
  get.getValue,
  get.getValueZipfian,
  get.getAbsent,
  get.getMany,
  get.getAsync,
  range.range100,
  range.scanStrings,
  range.scanBytes,
  ycsb.ycsbA,
  ycsb.ycsbB,
  beyond.cold,
  beyond.beyond,
  open.openCleanly,
  open.openAfterCrash,
  disk.diskSettled,
  disk.diskCompressed,
  stall.eventLoop,
  codec.codecEncode,
  codec.codecDecode,
  codec.codecDecodeSome,
  stall.stall,
  large.large,
  past.past,
  past.history,
  past.feed,
]
