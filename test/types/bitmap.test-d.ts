// test/types/bitmap.test-d.ts — what the compiler infers of bitmaps, bit strings and varint, and what it refuses.
import { expectTypeOf } from 'vitest'

import { Bitmap, Bitmap64, type BitmapExpression, BitString, varint } from '../../lib/index.ts'

declare const narrow: Bitmap
declare const wide: Bitmap64
declare const bits: BitString

// ---- bitmaps

expectTypeOf(new Bitmap([1, 2])).toEqualTypeOf<Bitmap>()
expectTypeOf(new Bitmap(Uint32Array.of(1)).add(2)).toEqualTypeOf<Bitmap>()
expectTypeOf(narrow.min).toEqualTypeOf<number | undefined>()
expectTypeOf(wide.at(0)).toEqualTypeOf<bigint | undefined>()
expectTypeOf(wide.rank(5n)).toEqualTypeOf<number>()
expectTypeOf([...narrow]).toEqualTypeOf<number[]>()
expectTypeOf(wide.values({ from: 5n, reverse: true }).next().value).toEqualTypeOf<
  bigint | undefined
>()
expectTypeOf(Bitmap.and(narrow, ['or', narrow, narrow])).toEqualTypeOf<Bitmap>()
expectTypeOf(Bitmap64.evaluate(['xor', wide])).toEqualTypeOf<Bitmap64>()
expectTypeOf<['and', Bitmap]>().toExtend<BitmapExpression>()
// @ts-expect-error a member is a number
narrow.add(1n)
// @ts-expect-error a member is a bigint
wide.has(1)
// @ts-expect-error bounds are members
narrow.addRange({ gte: 1n })
// @ts-expect-error the bounds are gt, gte, lt and lte
narrow.addRange({ from: 1 })
// @ts-expect-error one class at a time
narrow.and(wide)
// @ts-expect-error the operation is andNot
void Bitmap.count(['not', narrow])
// @ts-expect-error an operation has operands
void Bitmap.evaluate(['and'])
// @ts-expect-error statistics are not to be changed
narrow.statistics().memberBytes = 5

// ---- bits of bytes

expectTypeOf(bits.setBit(5, 1)).toEqualTypeOf<0 | 1>()
expectTypeOf(bits.getField({ type: 'u8', offset: 1 })).toEqualTypeOf<number | bigint>()
expectTypeOf(bits.setField({ type: 'i64', index: 1, value: 5n })).toEqualTypeOf<
  number | bigint | undefined
>()
// @ts-expect-error a bit is 0 or 1
bits.setBit(5, 2)
// @ts-expect-error a type has a sign or none
bits.getField({ type: 'x8', offset: 1 })
// @ts-expect-error the modes are wrap, sat and fail
bits.incrementField({ type: 'u8', offset: 1, by: 1, overflow: 'clip' })

// ---- numbers as bytes

expectTypeOf(varint.decode(varint.encode(Uint32Array.of(1)))).toEqualTypeOf<Uint32Array>()
expectTypeOf(varint.decode64(new Uint8Array(1))).toEqualTypeOf<BigUint64Array>()
expectTypeOf(varint.zigzag(new BigInt64Array(1))).toEqualTypeOf<BigUint64Array>()
// @ts-expect-error numbers come in typed arrays
varint.encode([1, 2])
// @ts-expect-error zigzag is for numbers with a sign
varint.zigzag(new Uint32Array(1))
