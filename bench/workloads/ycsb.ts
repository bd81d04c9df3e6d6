// bench/workloads/ycsb.ts — YCSB A (half reads, half updates) and B (95 % reads), zipfian, 64 requests at a time.
import { Random, zipfian } from '../data.ts'
import { alone, type Workload } from '../shape.ts'
import { FITTING, touchAll } from '../warm.ts'
import { mixed } from './mixed.ts'

const COUNT = 64_000

function ycsb(letter: string, shares: string, readShare: number): Workload {
  return alone(
    {
      name: `ycsb-${letter.toLowerCase()}`,
      title: `YCSB ${letter} (${shares}), zipfian, 64 at a time`,
      per: 'cpu',
      targets: [{ times: 4 }],
    },
    {
      begins: 'filled',
      writes: true,
      options: FITTING,
      async run(context) {
        await touchAll(context)
        const random = new Random(context.round + 41)
        const draw = zipfian(context.keyCount, random)
        return mixed(context, { requests: COUNT, readShare, random, draw, round: context.round })
      },
    },
  )
}

export const ycsbA = ycsb('A', '50/50', 0.5)
export const ycsbB = ycsb('B', '95/5', 0.95)
