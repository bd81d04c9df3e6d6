// test/tidy/exceptions.ts — the ratchet: what breaks a law today, with the reason. The list only shrinks.

export interface Exception {
  readonly rule: string
  readonly file: string
  readonly reason: string
}

export const EXCEPTIONS: readonly Exception[] = [
  { rule: 'platform', file: 'native/base/prefetch.h',
    reason: 'asks for the compiler, not the system: a prefetch has one spelling for each compiler' },
  { rule: 'head', file: 'native/base/os/pages_posix.cc',
    reason: 'one filling of base/pages.h, whose head speaks for it' },
  { rule: 'intrinsics', file: 'native/base/prefetch.h',
    reason: 'the prefetch of MSVC is an intrinsic; the helper hides it from everyone else' },
]

// Lines of C++ beyond 100 columns that the first slices brought along; each reformatted file lowers it.
export const LONG_LINES_MAX = 300

export function isExcepted(rule: string, file: string): boolean {
  return EXCEPTIONS.some((one) => one.rule === rule && one.file === file)
}
