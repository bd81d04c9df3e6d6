// pure/bitmap/container.h — 65,536 possible members, held in whichever of three forms is smallest.
//
//   array  rising 16-bit members, at most 4,096        2 bytes each
//   bits   one bit for each possible member            8,192 bytes
//   runs   {first member, how many follow}, rising,    4 bytes each, at most 2,047
//          with a gap between any two
//
// Functions here take views of containers and write what comes out into a Draft; whoever calls
// puts the draft where it belongs.
//
// Invariants
//   - a draft that combine() leaves is an array up to 4,096 members, else bits or runs.
//   - content that breaks the rules above (a mapped stranger's) gives wrong answers, never an
//     access outside of the container or the draft.
// Bytes: FORMAT.md
#pragma once

#include "base/bytes.h"
#include "pure/simd/simd.h"

namespace varve {

enum class ContainerKind : uint8_t { kArray = 1, kBits = 2, kRuns = 3 };

inline constexpr uint32_t kContainerMembers = 65536;
inline constexpr size_t kBitsBytes = 8192;
inline constexpr uint32_t kArrayCountMax = 4096;
inline constexpr uint32_t kRunCountMax = 2047;

struct MemberRun {
  uint16_t first;
  uint16_t more;                                            // Members behind the first.
  uint32_t last() const { return uint32_t{first} + more; }  // Above 65,535 in a stranger's bytes.
};

struct ContainerView {
  ContainerKind kind = ContainerKind::kArray;
  uint32_t count = 0;      // Members, 1 to 65,536.
  uint32_t run_count = 0;  // Of runs alone.
  const uint8_t* data = nullptr;

  const uint16_t* members() const { return reinterpret_cast<const uint16_t*>(data); }
  const MemberRun* runs() const { return reinterpret_cast<const MemberRun*>(data); }
  size_t size_bytes() const {
    if (kind == ContainerKind::kBits) return kBitsBytes;
    return kind == ContainerKind::kArray ? size_t{count} * 2
                                         : size_t{run_count} * sizeof(MemberRun);
  }
};

// A container being made: 24 KiB, on the stack of whoever works.
struct Draft {
  ContainerKind kind = ContainerKind::kArray;
  uint32_t count = 0;  // Zero: nothing is left.
  uint32_t run_count = 0;
  alignas(64) uint8_t data[16384 + 64];  // Two arrays united, at most, and slack.
  alignas(64) uint8_t spare[8192 + 64];  // For changing the form.

  uint16_t* members() { return reinterpret_cast<uint16_t*>(data); }
  MemberRun* runs() { return reinterpret_cast<MemberRun*>(data); }
  ContainerView view() const { return {kind, count, run_count, data}; }
};

// ---- asking

bool contains(const ContainerView& set, uint16_t member);
// How many members lie below `bound` (0 to 65,536).
uint32_t rank_in(const ContainerView& set, uint32_t bound);
// The member that has `index` below it; index < count.
uint16_t select_in(const ContainerView& set, uint32_t index);
// The least member at or above, the greatest at or below; kContainerMembers where there is none. A
// stranger's members that do not rise are answered as if they stood at `from`: no walk turns back.
uint32_t next_in(const ContainerView& set, uint32_t from);
uint32_t previous_in(const ContainerView& set, uint32_t from);
// Members from `from` on, rising, or from `from` down, falling: at most `room` of them.
size_t list_up(const ContainerView& set, uint32_t from, uint16_t* to, size_t room);
size_t list_down(const ContainerView& set, uint32_t from, uint16_t* to, size_t room);
// Whether the content is what the view says, in form and number.
bool is_sound(const ContainerView& set);
bool same(const ContainerView& a, const ContainerView& b);

// ---- joining

void combine(SetOp op, const ContainerView& a, const ContainerView& b, Draft& to);
// Whether bits with bits surely enough leave bits again, by how many members they would have if
// they knew nothing of each other. No union of two leaves less.
bool leaves_bits(SetOp op, const ContainerView& a, const ContainerView& b);
// Bits of bits, and how many members they have.
uint32_t join_bits(SetOp op, const ContainerView& a, const ContainerView& b, uint8_t* to);
uint32_t intersection_count(const ContainerView& a, const ContainerView& b);
// Whether both are lists that are best walked together, so that many pairs can be counted at once.
bool is_list_pair(const ContainerView& a, const ContainerView& b);
bool intersects(const ContainerView& a, const ContainerView& b);

// ---- forms

void copy_to(const ContainerView& set, Draft& to);
// All members as 8,192 bytes of bits.
void spread(const ContainerView& set, uint8_t* bits);
// Sets the members of `set` in 8,192 bytes of bits; `flip` turns them over, `clear` removes them.
enum class BitChange : uint8_t { kSet, kFlip, kClear };
// What a union, difference or the rest of one changes in the bits of its first side.
BitChange change_of(SetOp op);
void change_bits(uint8_t* bits, const ContainerView& set, BitChange change);
void change_bit_range(uint8_t* bits, uint32_t begin, uint32_t end, BitChange change);
// What a whole draft of bits is worth: counted, and made an array where that is smaller.
void settle_bits(Draft& draft);
// The smallest of the three forms.
void optimise(Draft& draft);

}  // namespace varve
