// pure/codec/record/rules.h — whether a document may be written: types, required fields, rules.
//
// TypeScript checks the same before it writes; the core checks again at commit, because not every
// writer is TypeScript and a rule is a promise of the collection, not of its caller. Patterns are
// tested in JavaScript alone.
#pragma once

#include <optional>
#include <string>

#include "pure/codec/record/record.h"

namespace varve {

struct Violation {
  std::string path;   // tags[3], address.city
  std::string rule;   // "at most 150"
  std::string value;  // what was given, shortly
};

// The first rule that is broken, in the order of columns; the record has been verified.
std::optional<Violation> find_violation(const RecordView& view);

}  // namespace varve
