// bench/machine.ts — on what, and of what, something was measured.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { benchRoot, repositoryRoot } from './place.ts'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly system: string
  readonly node: string
}

export function describeMachine(): Machine {
  const all = cpus()
  return {
    cpu: all[0]?.model ?? 'unknown',
    cores: all.length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
  }
}

/** The versions of the rivals that are installed. */
export function rivalVersions(): Readonly<Record<string, string>> {
  const { dependencies } = JSON.parse(readFileSync(join(benchRoot, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  const versionOf = (name: string) => {
    const file = join(benchRoot, 'node_modules', name, 'package.json')
    return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
  }
  return Object.fromEntries(Object.keys(dependencies).map((name) => [name, versionOf(name)]))
}

/** The commit that is measured, with a + when files differ from it; undefined outside a checkout. */
export function revision(): string | undefined {
  const git = (...args: string[]) =>
    spawnSync('git', args, { cwd: repositoryRoot, encoding: 'utf8' })
  const { status, stdout } = git('rev-parse', '--short=10', 'HEAD')
  if (status !== 0) return undefined
  const isChanged = git('status', '--porcelain', '--untracked-files=no').stdout !== ''
  return stdout.trim() + (isChanged ? '+' : '')
}
