// bench/profile.ts — where the time of one row goes: `perf` attached to the measured process for the timed part
// alone, with names for what V8 compiled (--perf-basic-prof).
import { spawn, spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { once } from 'node:events'

const TOP = 40
const ATTACH_MS = 500

export function whyNoPerf(): string | undefined {
  const { status } = spawnSync('perf', ['--version'], { stdio: 'ignore' })
  return status === 0 ? undefined : 'perf is not installed, or may not be used'
}

export interface Recording {
  stop(): Promise<void>
}

/** Begins to record this process into `file`. */
export function recordSelf(file: string): Recording {
  const args = ['record', '--quiet', '-F', '1999', '-o', file, '-p', String(process.pid)]
  const perf = spawn('perf', args, { stdio: 'ignore' })
  // Synchronously, because the clock starts when this returns.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ATTACH_MS)
  return {
    async stop() {
      const exited = once(perf, 'exit')
      perf.kill('SIGINT')
      await exited
    },
  }
}

function printReport(file: string, sort: string, top: number): void {
  const args = ['report', '-i', file, '--stdio', '--no-children', '--sort', sort, '-q']
  const { stdout, status, stderr } = spawnSync('perf', args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  if (status !== 0) throw new Error(`perf report: ${stderr}`)
  const lines = stdout.split('\n').filter((line) => /^\s*\d+\.\d+%/.test(line))
  const trimmed = lines.slice(0, top).map((line) => line.replace(/[\s-]+$/, ''))
  console.log(`${trimmed.join('\n')}\n`)
}

/** Prints who has the samples: threads, the kernel and libraries, and the functions with most of them, native or not. */
export function printTop(file: string, pid: number): void {
  printReport(file, 'comm', TOP)
  printReport(file, 'dso', 5)
  printReport(file, 'dso,symbol', TOP)
  rmSync(file, { force: true })
  rmSync(`/tmp/perf-${pid}.map`, { force: true })
}
