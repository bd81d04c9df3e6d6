// lib/collection/uuid.ts — uuids as 16 bytes and as text, and new ones of version 7.
//
// Version 7 begins with the time in milliseconds, so that new keys come behind old ones. Those of one thread rise even within a
// millisecond: its 12 bits behind the version count there, from a random beginning.
export const UUID_UNITS = 36

const DIGITS = '0123456789abcdef'
const NIBBLES = new Int8Array(128).fill(-1)
// The two digits of each byte.
const H = new Uint8Array(256)
const L = new Uint8Array(256)
for (let value = 0; value < 16; value++) {
  NIBBLES[DIGITS.charCodeAt(value)] = value
  NIBBLES[DIGITS.toUpperCase().charCodeAt(value)] = value
}
for (let value = 0; value < 256; value++) {
  H[value] = DIGITS.charCodeAt(value >> 4)
  L[value] = DIGITS.charCodeAt(value & 15)
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
  const b0 = b[i] as number
  const b1 = b[i + 1] as number
  const b2 = b[i + 2] as number
  const b3 = b[i + 3] as number
  const b4 = b[i + 4] as number
  const b5 = b[i + 5] as number
  const b6 = b[i + 6] as number
  const b7 = b[i + 7] as number
  const b8 = b[i + 8] as number
  const b9 = b[i + 9] as number
  const b10 = b[i + 10] as number
  const b11 = b[i + 11] as number
  const b12 = b[i + 12] as number
  const b13 = b[i + 13] as number
  const b14 = b[i + 14] as number
  const b15 = b[i + 15] as number
  return String.fromCharCode(
    H[b0] as number,
    L[b0] as number,
    H[b1] as number,
    L[b1] as number,
    H[b2] as number,
    L[b2] as number,
    H[b3] as number,
    L[b3] as number,
    DASH,
    H[b4] as number,
    L[b4] as number,
    H[b5] as number,
    L[b5] as number,
    DASH,
    H[b6] as number,
    L[b6] as number,
    H[b7] as number,
    L[b7] as number,
    DASH,
    H[b8] as number,
    L[b8] as number,
    H[b9] as number,
    L[b9] as number,
    DASH,
    H[b10] as number,
    L[b10] as number,
    H[b11] as number,
    L[b11] as number,
    H[b12] as number,
    L[b12] as number,
    H[b13] as number,
    L[b13] as number,
    H[b14] as number,
    L[b14] as number,
    H[b15] as number,
    L[b15] as number,
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
