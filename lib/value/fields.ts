// lib/value/fields.ts — a few fields of a stored object, without making the rest of it.
//
// Why fields are asked for by name, and an object does not decode itself when it is touched: whatever does that shows. Getters
// of its own are seen by getOwnPropertyDescriptor() and freeze what they answer; those of a prototype are lost to spread,
// JSON.stringify() and structuredClone(); a proxy is refused by structuredClone() and slow at everything. So get() gives a plain
// object, whole, and get(key, { fields }) gives a plain object that has those fields and no other.
//
// The fields before the last one wanted are passed over by their tags; what is behind it is not looked at, so that damage
// there (which the store's checksums find anyway) is not told by this.
import { VarveError } from '../errors.ts'
import { fieldsCode } from './code.ts'
import { take, takeNumbered, takeShape } from './decode.ts'
import { type Fields, sameNames, setField, type Shape } from './shape.ts'
import type { Shapes } from './shapes.ts'
import {
  checkEnds,
  corrupt,
  enter,
  move,
  moveText,
  source,
  takeCount,
  takeLength,
} from './source.ts'
import * as tags from './tags.ts'

/** The text of a value: a string, or where its latin1 bytes lie among those of the head. */
export type Text = string | { readonly at: number; readonly size: number }

/** Those of the named fields that the object at `start` has, in its order. INVALID when what is stored is no object. */
export function decodeFields(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  size: number,
  text: Text,
  shapes: Shapes,
  names: readonly string[],
): Fields {
  source.open(bytes, view, start, size, shapes)
  if (typeof text === 'string') source.setText(text)
  else source.setTextBytes(text.at, text.size)
  const shape = shapeOfRoot(bytes)
  source.depth = 1
  const plan = planOf(shape, names)
  const { code } = plan
  const object = code === undefined ? plan.read(shapes) : code(take, pass)
  source.close()
  return object
}

function shapeOfRoot(bytes: Uint8Array): Shape {
  if (source.at >= source.end) throw corrupt('cut short')
  const tag = bytes[source.at++] as number
  if (tag >= tags.TAG_SHAPE) return takeNumbered(tag)
  if (tag === tags.TAG_OBJECT || tag === tags.TAG_OBJECT_WIDE) return takeShape(tag)
  throw notAnObject()
}

export function notAnObject(): VarveError {
  return new VarveError('INVALID', 'fields: the value is no object, and has none')
}

// Which fields those are in one shape. As in shape.ts, closures until it proves common.
const GENERATED_AFTER_USES = 16
// Lists of fields that were asked of one shape and are remembered.
const PLANS_MAX = 32

export class Plan {
  readonly fields: readonly string[]
  readonly #names: readonly string[]
  readonly #wanted: readonly number[]
  /** Does the same as read(), once it is there. */
  code: ((take: () => unknown, pass: () => void) => Fields) | undefined
  #uses = 0

  constructor(shape: Shape, fields: readonly string[]) {
    this.fields = [...fields]
    this.#names = shape.names
    this.#wanted = shape.names.flatMap((name, index) => (fields.includes(name) ? [index] : []))
  }

  read(shapes: Shapes): Fields {
    const seen: number[] = []
    const object = this.#step(seen)
    if (++this.#uses === GENERATED_AFTER_USES) {
      this.code = shapes.generated(() => fieldsCode(this.#names, this.#wanted, seen))
    }
    return object
  }

  #step(seen: number[]): Fields {
    const object: Fields = {}
    let index = 0
    for (const wanted of this.#wanted) {
      for (; index < wanted; index++) {
        seen.push(source.bytes[source.at] ?? 0)
        pass()
      }
      seen.push(source.bytes[source.at] ?? 0)
      setField(object, this.#names[index++] as string, take())
    }
    checkEnds()
    return object
  }
}

function planOf(shape: Shape, fields: readonly string[]): Plan {
  const { plans } = shape
  for (let index = 0; index < plans.length; index++) {
    const plan = plans[index] as Plan
    if (!sameNames(plan.fields, fields)) continue
    if (index > 0) {
      plans[index] = plans[index - 1] as Plan
      plans[index - 1] = plan
    }
    return plan
  }
  const plan = new Plan(shape, fields)
  if (plans.length === PLANS_MAX) plans.pop()
  plans.push(plan)
  return plan
}

/** Moves over the next value. */
function pass(): void {
  if (source.at >= source.end) throw corrupt('cut short')
  const tag = source.bytes[source.at++] as number
  if (tag <= tags.TAG_SMALL_LAST) return
  if (tag >= tags.TAG_SHAPE) return passMembers(takeNumbered(tag).names.length)
  if (tag >= tags.TAG_SHORT_TEXT) return void moveText(tag - tags.TAG_SHORT_TEXT)
  const size = FIXED_BYTES[tag]
  if (size !== undefined) return void move(size)
  switch (tag) {
    case tags.TAG_TEXT:
      return void moveText(takeCount())
    case tags.TAG_BIGINT:
    case tags.TAG_BIGINT_NEGATIVE:
      return void move(takeLength())
    case tags.TAG_TYPED:
      move(1)
      return void move(takeLength())
    case tags.TAG_ARRAY:
    case tags.TAG_SET:
      return passMembers(takeLength())
    case tags.TAG_MAP:
      return passMembers(2 * takeLength())
    case tags.TAG_OBJECT:
    case tags.TAG_OBJECT_WIDE:
      return passMembers(takeShape(tag).names.length)
    default:
      throw corrupt(`unknown tag ${tag}`)
  }
}

function passMembers(count: number): void {
  enter()
  for (let left = count; left > 0; left--) pass()
  source.depth--
}

// What follows a tag, where that is always as much.
const FIXED_BYTES: Readonly<Record<number, number>> = {
  [tags.TAG_UNDEFINED]: 0,
  [tags.TAG_NULL]: 0,
  [tags.TAG_TRUE]: 0,
  [tags.TAG_FALSE]: 0,
  [tags.TAG_INT8]: 1,
  [tags.TAG_INT16]: 2,
  [tags.TAG_INT32]: 4,
  [tags.TAG_DOUBLE]: 8,
  [tags.TAG_FLOAT]: 4,
  [tags.TAG_DATE]: 8,
}
