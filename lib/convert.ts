// lib/convert.ts — `convert()`: a store goes on with another engine, while everybody reads and writes.
//
// The work is done behind the store's threads (native/store/conversion.h). Here it is begun, waited for a while at a
// time, and told of.
import { VarveError } from './errors.ts'
import { lastError, type NativeStore } from './native.ts'
import type { Opening } from './opening.ts'
import { checkConvert, type ConvertOptions, type ConvertProgress } from './options.ts'

// The numbers of native/store/store.h.
const PHASES: readonly (ConvertProgress['phase'] | undefined)[] = [
  undefined,
  'copying',
  'following',
  'clearing',
]
const DONE = 4

interface State {
  readonly phase: number
  readonly copiedBytes: number
  readonly copiedEdits: number
  readonly rounds: number
  readonly millionths: number
}

function stateOf(native: NativeStore, number: number): State | undefined {
  const json = native.convertState(number)
  return typeof json === 'string' ? (JSON.parse(json) as State) : undefined
}

function tell(state: State, onProgress: ConvertOptions['onProgress']): void {
  const phase = PHASES[state.phase]
  if (phase === undefined || onProgress === undefined) return
  const { copiedBytes, copiedEdits, rounds, millionths } = state
  onProgress({ phase, share: millionths / 1e6, copiedBytes, copiedEdits, rounds })
}

function outcome(opening: Opening, number: number, signal: AbortSignal | undefined): void {
  const { native } = opening
  if (stateOf(native, number)?.phase === DONE || native.convertFailure(number) >= 0) return
  const error = lastError()
  if (error.code !== 'ABORTED') throw error
  if (opening.isClosing) {
    throw new VarveError('CLOSED', 'convert: the store was closed; it has the engine it had')
  }
  const { reason } = signal ?? {}
  throw new VarveError('ABORTED', 'convert: aborted; nothing has changed', { cause: reason })
}

/** Brings everything into another engine. */
export async function convert(opening: Opening, engine: unknown, options: unknown): Promise<void> {
  const { kind, onProgress, signal } = checkConvert(engine, options)
  opening.check()
  const { native } = opening
  const number = native.convertBegin(kind)
  if (number < 0) throw lastError()
  if (number === 0) return
  const abort = () => native.convertAbort(number)
  let thrown: { readonly cause: unknown } | undefined
  const watch = async (): Promise<void> => {
    for (;;) {
      const state = stateOf(native, number)
      if (state === undefined || state.phase >= DONE) return
      try {
        if (thrown === undefined) tell(state, onProgress)
      } catch (cause) {
        thrown = { cause }
        abort()
      }
      await native.convertWait(number)
    }
  }
  opening.conversions.add(number)
  signal?.addEventListener('abort', abort, { once: true })
  try {
    await opening.work(watch)
  } finally {
    opening.conversions.delete(number)
    signal?.removeEventListener('abort', abort)
  }
  if (thrown !== undefined) throw thrown.cause
  outcome(opening, number, signal)
}
