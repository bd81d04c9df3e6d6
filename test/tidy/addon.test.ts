// test/tidy/addon.test.ts — what the compiled addon shows and needs: only Node-API, the C and the C++ library.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { read, root } from './source.ts'

const addon = join(root, 'build', 'Release', 'varve.node')
const isLinux = process.platform === 'linux' && existsSync(addon)

function symbols(...flags: string[]): string[] {
  const printed = execFileSync('nm', ['-D', ...flags, addon], { encoding: 'utf8' })
  return printed.split('\n').map((line) => line.trim().split(' ').at(-1) ?? '')
    .map((name) => name.replace(/@.*$/, '')).filter((name) => name !== '')
}

const hasNm = (() => {
  try {
    execFileSync('nm', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

describe.skipIf(!isLinux || !hasNm)('the addon', () => {
  it('shows its two entries and nothing else', () => {
    const entries = ['napi_register_module_v1', 'node_api_module_get_api_version_v1']
    // Inline statics of the C++ library are unique across a process by the compiler's rule, whatever we hide.
    const ours = symbols('--defined-only').filter((name) => !/^_ZZ?N?(?:K)?St/.test(name))
    expect(ours.filter((name) => !entries.includes(name))).toEqual([])
  })

  it('asks node for Node-API alone', () => {
    const foreign = symbols('--undefined-only')
      .filter((name) => /^(?:v8|uv_|node(?!_api_)|_ZN2v8|_ZN4node|_ZNK2v8)/.test(name))
    expect(foreign).toEqual([])
  })
})

describe('the level of Node-API', () => {
  it('is 9: a newer one kills Node 20 without a word', () => {
    expect(read('binding.gyp')).toContain("'NAPI_VERSION=9'")
  })

  it.skipIf(!existsSync(addon))('loads in this node', () => {
    expect(typeof createRequire(import.meta.url)(addon)).toBe('object')
  })
})
