import { createRequire } from 'node:module'

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

interface Stream {
  readonly isTTY: boolean
  write(text: string): void
}
interface Bar {
  step(): void
  to(done: number): void
  print(line: string, stream?: Stream): void
  end(): void
}
const { Progress } = createRequire(import.meta.url)('../../native/tools/progress.cjs') as {
  Progress: new (title: string, total: number, stream: Stream) => Bar
}

class Terminal implements Stream {
  text = ''
  constructor(readonly isTTY: boolean) {}
  write(text: string) {
    this.text += text
  }
  // What is on the last line, as a person sees it.
  get line() {
    return this.text.split('\n').at(-1)?.split('\r\x1b[K').at(-1)
  }
}

describe('a bar of progress', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
  afterEach(() => void vi.useRealTimers())

  test('fills up as steps are done, and leaves the line empty at its end', () => {
    const terminal = new Terminal(true)
    const bar = new Progress('compiling', 4, terminal)
    vi.advanceTimersByTime(1000)
    bar.step()
    expect(terminal.line).toBe('compiling ██████░░░░░░░░░░░░░░░░░░ 1/4')
    vi.advanceTimersByTime(1000)
    bar.to(9)
    expect(terminal.line).toBe('compiling ████████████████████████ 4/4')
    bar.end()
    expect(terminal.line).toBe('')
  })

  test('lets lines pass above it', () => {
    const terminal = new Terminal(true)
    const bar = new Progress('cases', 2, terminal)
    vi.advanceTimersByTime(1000)
    bar.step()
    bar.print('a slow case', terminal)
    expect(terminal.text.split('\n')[0]).toMatch(/\r\x1b\[Ka slow case$/)
    expect(terminal.line).toMatch(/1\/2$/)
  })

  test('draws nothing for what ends soon, and nothing where nobody looks', () => {
    const terminal = new Terminal(true)
    new Progress('quick', 1, terminal).step()
    const file = new Terminal(false)
    const bar = new Progress('compiling', 1, file)
    vi.advanceTimersByTime(1000)
    bar.step()
    bar.end()
    expect([terminal.text, file.text]).toEqual(['', ''])
  })
})
