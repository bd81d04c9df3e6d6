// pure/codec/record/members.h — taking members off the front of their bytes and text: how Members
// (record.h) walks, and verify() with it.
//
// Invariants
//   - Nothing outside the bytes and text is looked at. False where they are no such member; then
//     they are as far as they could be read.
//   - No deeper than types nest (kTypeDepthMax).
#pragma once

#include "pure/codec/record/record.h"

namespace varve {

struct MemberHead {
  uint32_t count = 0;
  uint32_t alternative = 0;  // Of a union, which has one member.
};

// What comes before the members of an array, map or union.
[[nodiscard]] bool take_member_head(const Type& type, Bytes& bytes, MemberHead& to);

[[nodiscard]] bool take_member(const Type& type, Bytes& bytes, Text& text, Item& to);

}  // namespace varve
