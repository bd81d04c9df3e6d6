// pure/codec/number.h — stored numbers, added up: what an increment does to a value.
//
// A number and a bigint are two kinds, as in JavaScript: a sum is of one of them. Numbers add as
// doubles, bigints exactly. A sum has the one form that lib/ would have written.
//
// Invariants
//   - no bytes that lie there, however hostile, are read beyond their end.
// Bytes: lib/value/FORMAT.md, kind byte and head.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/status.h"

namespace varve {

// Of the magnitude of a bigint that is added to: what counts needs no more, and each sum is made
// while other commits wait.
inline constexpr size_t kCountBytesMax = 1024;

// `sum` is the value `by` and what is there; empty bytes are nothing, which counts as zero.
// kInvalid, naming what is there, when that is no number of the kind; kTooLarge above the limit.
Status add_numbers(Bytes there, Bytes by, std::string& sum);

// Of which of the two kinds a stored number is.
bool is_bigint(Bytes number);

}  // namespace varve
