// lib/collection/uuid.ts — uuids as 16 bytes and as text, and new ones of version 7.
//
// Version 7 begins with the time in milliseconds, so that new keys come behind old ones. Those of one thread rise even within a
// millisecond: its 12 bits behind the version count there, from a random beginning.
export const UUID_UNITS = 36

const DIGITS = '0123456789abcdef'
const NIBBLES = new Int8Array(128).fill(-1)
const HIGH = new Uint8Array(256)
const LOW = new Uint8Array(256)
for (let value = 0; value < 16; value++) {
  NIBBLES[DIGITS.charCodeAt(value)] = value
  NIBBLES[DIGITS.toUpperCase().charCodeAt(value)] = value
}
for (let value = 0; value < 256; value++) {
  HIGH[value] = DIGITS.charCodeAt(value >> 4)
  LOW[value] = DIGITS.charCodeAt(value & 15)
}
const DASH = 0x2d
// Where each byte has its two digits.
const PLACES = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34] as const

/** Writes the bytes of a uuid at `at`; false if the text is none. */
export function putUuid(text: string, bytes: Uint8Array, at: number): boolean {
  if (text.length !== UUID_UNITS) return false
  let wrong = 0
  for (let index = 0; index < 16; index++) {
    const place = PLACES[index] as number
    const high = text.charCodeAt(place)
    const low = text.charCodeAt(place + 1)
    if (high > 127 || low > 127) return false
    const value = ((NIBBLES[high] as number) << 4) | (NIBBLES[low] as number)
    wrong |= value
    bytes[at + index] = value
  }
  return (
    wrong >= 0 &&
    text.charCodeAt(8) === DASH &&
    text.charCodeAt(13) === DASH &&
    text.charCodeAt(18) === DASH &&
    text.charCodeAt(23) === DASH
  )
}

export function isUuid(text: unknown): text is string {
  return typeof text === 'string' && putUuid(text, room, 0)
}

/** The text of the 16 bytes at `i`. */
export function uuidAt(b: Uint8Array, i: number): string {
  const byte = (index: number): number => b[i + index] as number
  const h = (index: number): number => HIGH[byte(index)] as number
  const l = (index: number): number => LOW[byte(index)] as number
  // prettier-ignore
  return String.fromCharCode(
    h(0), l(0), h(1), l(1), h(2), l(2), h(3), l(3), DASH, h(4), l(4), h(5), l(5), DASH,
    h(6), l(6), h(7), l(7), DASH, h(8), l(8), h(9), l(9), DASH,
    h(10), l(10), h(11), l(11), h(12), l(12), h(13), l(13), h(14), l(14), h(15), l(15),
  )
}

const RANDOM_BYTES = 4096
const TAKEN_BYTES = 10
const COUNTER_MAX = 0xfff
const room = new Uint8Array(16)
let random = new Uint8Array(0)
let randomAt = 0
let lastMs = 0
let counter = 0

// The global one is loaded when it is first used; to import node:crypto takes milliseconds of whoever imports us.
function moreRandom(): void {
  if (random.length === 0) random = new Uint8Array(RANDOM_BYTES)
  crypto.getRandomValues(random)
  randomAt = 0
}

/** A new uuid of version 7, above all that this thread has made. */
export function newUuid(now = Date.now()): string {
  if (randomAt + TAKEN_BYTES > random.length) moreRandom()
  const from = randomAt
  randomAt += TAKEN_BYTES
  const fresh = (((random[from] as number) & 7) << 8) | (random[from + 1] as number)
  if (now > lastMs) {
    lastMs = now
    counter = fresh
  } else if (++counter > COUNTER_MAX) {
    // More than that in a millisecond, or the clock went back: the time of uuids runs ahead.
    lastMs++
    counter = fresh
  }
  const high = Math.floor(lastMs / 2 ** 16)
  for (let index = 0; index < 4; index++) room[index] = high >>> (24 - 8 * index)
  room[4] = lastMs >>> 8
  room[5] = lastMs
  room[6] = 0x70 | (counter >> 8)
  room[7] = counter
  for (let index = 0; index < 8; index++) room[8 + index] = random[from + 2 + index] as number
  room[8] = 0x80 | ((room[8] as number) & 0x3f)
  return uuidAt(room, 0)
}
