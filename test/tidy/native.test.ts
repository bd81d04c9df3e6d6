// test/tidy/native.test.ts — the laws of the C++ side that a reader of text can check.
import { describe, expect, it } from 'vitest'
import { isExcepted, LONG_LINES_MAX } from './exceptions.ts'
import { isDoor, moduleOf, MODULES } from './layers.ts'
import { bare, cppFiles, nativeFiles, offences, read } from './source.ts'

interface Include { readonly file: string; readonly target: string }

// bare() empties strings, so includes are read from the text itself.
const includes: readonly Include[] = nativeFiles.flatMap((file) =>
  [...read(file).matchAll(/^#include "([^"]+)"/gm)].map((match) => ({ file, target: match[1] ?? '' })))
const isOutside = (...folders: string[]) => (file: string) =>
  !folders.some((folder) => file.startsWith(folder))
const above = nativeFiles.filter(isOutside('native/base/os/'))

describe('the floors', () => {
  it('every folder of native/ stands in the table', () => {
    expect(nativeFiles.filter((file) => moduleOf(file) === undefined)).toEqual([])
  })

  it('a module includes only what lies below it', () => {
    const broken = includes.filter(({ file, target }) => {
      const from = moduleOf(file)
      const to = moduleOf(`native/${target}`)
      if (from === undefined || to === undefined) return true
      return from !== to && !from.mayInclude.includes(to.folder) && !isExcepted('floors', file)
    })
    expect(broken).toEqual([])
  })

  it('a folder is entered by its door', () => {
    const broken = includes.filter(({ file, target }) => {
      const to = moduleOf(`native/${target}`)
      if (to === undefined || to === moduleOf(file)) return false
      return !isDoor(to, target.slice(target.lastIndexOf('/') + 1)) && !isExcepted('doors', file)
    })
    expect(broken).toEqual([])
  })

  it('the table itself has no circle', () => {
    const seen = new Set<string>()
    for (const module of MODULES) {
      expect(module.mayInclude.filter((folder) => !seen.has(folder)), module.folder).toEqual([])
      seen.add(module.folder)
    }
  })
})

describe('the machine', () => {
  const PLATFORM = /^\s*#\s*(?:if|ifdef|ifndef|elif)\b.*(?:_WIN32|_WIN64|__linux__|__APPLE__|__unix__|_MSC_VER|__x86_64__|_M_X64|__aarch64__|_M_ARM64|__SSE|__AVX|__ARM)/
  const X86 = /\b_mm\d*_\w+\s*\(|\b__m(?:128|256|512)i?\b|[<](?:[a-z]mm|imm|nmm|x86)intrin\.h[>]|<arm_neon\.h>|<arm_acle\.h>/

  it('shows through in base/os and pure/simd only', () => {
    const rest = nativeFiles.filter(isOutside('native/base/os/', 'native/pure/simd/'))
    expect(offences('platform', rest, PLATFORM)).toEqual([])
  })

  it('has intrinsics in pure/simd only, and beyond its kernels only those every x64 has', () => {
    const rest = nativeFiles.filter(isOutside('native/pure/simd/'))
    expect(offences('intrinsics', rest, X86)).toEqual([])
    const headers = nativeFiles.filter((file) => /^native\/pure\/simd\/(?!kernels_).*$/.test(file))
    expect(offences('intrinsics', headers, /\b_mm(?:256|512)_|__m(?:256|512)|<immintrin\.h>/)).toEqual([])
  })

  it('gives work, time and chance through base/os alone', () => {
    const OWN = /std::(?:thread|jthread|this_thread|async|condition_variable|random_device|mt19937)|(?:steady|system|high_resolution)_clock|<(?:thread|chrono|condition_variable|random|ctime)>|\b(?:sleep|usleep|nanosleep|pthread_\w+|clock_gettime|gettimeofday|rand|srand)\s*\(/
    expect(offences('work', above, OWN)).toEqual([])
  })
})

describe('Node', () => {
  it('is known to the binding only, through Node-API only', () => {
    const core = nativeFiles.filter(isOutside('native/binding/'))
    expect(offences('node', core, /<(?:node_api|js_native_api|napi|node)\.h>|\bnapi_\w+/)).toEqual([])
    expect(offences('node', nativeFiles, /[<"](?:v8|uv|node)(?:-\w+)?\.h[>"]|\bv8::|\buv_\w+\s*\(/)).toEqual([])
  })

  it('never gets memory of ours: no external array buffer', () => {
    expect(offences('external', nativeFiles, /napi_create_external_(?:arraybuffer|buffer)|\bExternalBuffer/))
      .toEqual([])
  })
})

describe('how C++ reads', () => {
  it('no exceptions, no macros, no bare new', () => {
    expect(offences('exceptions', nativeFiles, /\b(?:throw|try|catch)\b\s*[({\w]/)).toEqual([])
    expect(offences('macros', nativeFiles, /^\s*#\s*define\b/)).toEqual([])
    expect(offences('rtti', nativeFiles, /\bdynamic_cast\b|\btypeid\b/)).toEqual([])
  })

  it('every header begins with #pragma once after its head', () => {
    expect(cppFiles.filter((file) => file.endsWith('.h') && !/^#pragma once$/m.test(read(file))))
      .toEqual([])
  })

  it('every file of the core opens by saying what it is, a pair in its header', () => {
    const broken = nativeFiles.filter((file) => !/^(?:\/\/|\/\*) \S/.test(read(file)) &&
      !nativeFiles.includes(file.replace(/\.cc$/, '.h')))
    expect(broken.filter((file) => !isExcepted('head', file))).toEqual([])
  })

  it('a file has at most 800 lines', () => {
    expect(cppFiles.filter((file) => read(file).split('\n').length > 801 && !isExcepted('file', file)))
      .toEqual([])
  })

  it('a code line ends at 100', () => {
    const long = cppFiles.filter((file) => !isExcepted('line', file)).flatMap((file) => {
      const code = bare(read(file)).split('\n')
      return read(file).split('\n').flatMap((line, index) => {
        const isCode = (code[index] ?? '').trim() !== '' && !/^\s*#include/.test(line)
        const length = line.replace(/\s*\/\/ .*$/, '').length
        return isCode && length > 100 ? [`${file}:${index + 1}: ${length}`] : []
      })
    })
    expect(long.length <= LONG_LINES_MAX ? [] : long).toEqual([])
  })

  it('a function has at most 70 lines', () => {
    const long = nativeFiles.filter((file) => !isExcepted('function', file))
      .flatMap((file) => longBlocks(bare(read(file))).map((where) => `${file}:${where}`))
    expect(long).toEqual([])
  })
})

// Blocks of more than 70 lines whose every surrounding block is a namespace or a type: those are functions.
function longBlocks(code: string): string[] {
  const open: { readonly line: number; readonly isScope: boolean }[] = []
  const found: string[] = []
  let line = 1
  let head = ''
  for (const character of code) {
    if (character === '\n') line += 1
    if (character === '{') {
      const isScope = /\b(?:namespace|class|struct|union|enum|extern)\b[^()]*$/.test(head)
      open.push({ line, isScope })
    }
    if (character === '}') {
      const block = open.pop()
      const isFunction = block !== undefined && !block.isScope && open.every((one) => one.isScope)
      if (isFunction && line - block.line + 1 > 70) found.push(`${block.line}: ${line - block.line + 1}`)
    }
    head = '{};'.includes(character) ? '' : head + character
  }
  return found
}

describe('bytes', () => {
  it('a stored type has no size_t: structs that are packed or copied to disk name their widths', () => {
    const stored = nativeFiles.filter((file) => /(?:layout|record|format)\.h$/.test(file))
    const broken = stored.flatMap((file) =>
      [...bare(read(file)).matchAll(/struct \w*(?:Header|Footer|Record|Layout)\w* \{([^}]*)\}/g)]
        .filter((match) => /^\s*size_t \w+[;\s=]/m.test(match[1] ?? '')).map(() => file))
    expect(broken.filter((file) => !isExcepted('size_t', file))).toEqual([])
  })

  it('an enumerator that is stored says its value', () => {
    const stored = nativeFiles.filter((file) => /^native\/(?:storage|pure\/codec)\//.test(file))
    const broken = stored.filter((file) => !isExcepted('enumerator', file)).flatMap((file) =>
      [...bare(read(file)).matchAll(/enum class (\w+) : u?int\d+_t \{([^}]*)\}/g)]
        .filter((match) => (match[2] ?? '').split(',').some((one) => one.trim() !== '' && !one.includes('=')))
        .map((match) => `${file}: ${match[1] ?? ''}`))
    expect(broken).toEqual([])
  })
})
