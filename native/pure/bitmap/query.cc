// pure/bitmap/query.cc — what a single container can be asked.
#include <algorithm>
#include <bit>

#include "pure/bitmap/container.h"

namespace varve {
namespace {

uint64_t word_at(const uint8_t* bits, uint32_t member) {
  return load<uint64_t>(bits + (member >> 6) * 8);
}

uint32_t run_end(const MemberRun& run) { return std::min(run.last(), kContainerMembers - 1); }

// The first run that ends at or above `member`.
uint32_t find_run(const ContainerView& set, uint32_t member) {
  const MemberRun* const runs = set.runs();
  const MemberRun* const found = std::partition_point(
      runs, runs + set.run_count, [member](const MemberRun& run) { return run.last() < member; });
  return static_cast<uint32_t>(found - runs);
}

uint32_t find_member(const ContainerView& set, uint32_t member) {
  const uint16_t* const members = set.members();
  const uint16_t* base = members;
  uint32_t left = set.count;
  while (left > 1) {
    const uint32_t half = left / 2;
    base = base[half - 1] < member ? base + half : base;
    left -= half;
  }
  return static_cast<uint32_t>(base - members) + (left == 1 && *base < member ? 1 : 0);
}

uint32_t select_bits(const uint8_t* bits, uint32_t index) {
  for (uint32_t at = 0; at < kContainerMembers; at += 64) {
    uint64_t word = word_at(bits, at);
    const uint32_t ones = static_cast<uint32_t>(std::popcount(word));
    if (index >= ones) {
      index -= ones;
      continue;
    }
    for (; index > 0; --index) word &= word - 1;
    return at + static_cast<uint32_t>(std::countr_zero(word));
  }
  return 0;
}

uint32_t next_bit(const uint8_t* bits, uint32_t from) {
  uint64_t word = word_at(bits, from) & (~uint64_t{0} << (from & 63));
  for (uint32_t at = from & ~63u;;) {
    if (word != 0) return at + static_cast<uint32_t>(std::countr_zero(word));
    at += 64;
    if (at == kContainerMembers) return kContainerMembers;
    word = word_at(bits, at);
  }
}

uint32_t previous_bit(const uint8_t* bits, uint32_t from) {
  uint64_t word = word_at(bits, from) & (~uint64_t{0} >> (63 - (from & 63)));
  for (uint32_t at = from & ~63u;;) {
    if (word != 0) return at + 63 - static_cast<uint32_t>(std::countl_zero(word));
    if (at == 0) return kContainerMembers;
    at -= 64;
    word = word_at(bits, at);
  }
}

size_t list_bits_up(const uint8_t* bits, uint32_t from, uint16_t* to, size_t room) {
  size_t count = 0;
  uint64_t word = word_at(bits, from) & (~uint64_t{0} << (from & 63));
  for (uint32_t at = from & ~63u; count < room;) {
    for (; word != 0 && count < room; word &= word - 1) {
      to[count++] = static_cast<uint16_t>(at + static_cast<uint32_t>(std::countr_zero(word)));
    }
    at += 64;
    if (at == kContainerMembers) break;
    word = word_at(bits, at);
  }
  return count;
}

bool is_sound_array(const ContainerView& set) {
  const uint16_t* const members = set.members();
  bool rises = true;
  for (uint32_t index = 1; index < set.count; ++index) {
    rises &= members[index - 1] < members[index];
  }
  return rises;
}

bool are_sound_runs(const ContainerView& set) {
  uint32_t count = 0;
  for (uint32_t index = 0; index < set.run_count; ++index) {
    const MemberRun run = set.runs()[index];
    if (run.last() >= kContainerMembers) return false;
    if (index > 0 && set.runs()[index - 1].last() + 1 >= run.first) return false;
    count += uint32_t{run.more} + 1;
  }
  return count == set.count;
}

}  // namespace

bool contains(const ContainerView& set, uint16_t member) {
  if (set.kind == ContainerKind::kBits) return (set.data[member >> 3] >> (member & 7) & 1) != 0;
  if (set.kind == ContainerKind::kArray) {
    const uint32_t index = find_member(set, member);
    return index < set.count && set.members()[index] == member;
  }
  const uint32_t index = find_run(set, member);
  return index < set.run_count && set.runs()[index].first <= member;
}

uint32_t rank_in(const ContainerView& set, uint32_t bound) {
  if (bound >= kContainerMembers) return set.count;
  if (set.kind == ContainerKind::kArray) return find_member(set, bound);
  if (set.kind == ContainerKind::kBits) {
    const uint64_t below = word_at(set.data, bound) & ((uint64_t{1} << (bound & 63)) - 1);
    return static_cast<uint32_t>(kernels().bitmap.count(set.data, (bound >> 6) * 8) +
                                 static_cast<uint64_t>(std::popcount(below)));
  }
  uint32_t count = 0;
  for (uint32_t index = 0; index < set.run_count; ++index) {
    const MemberRun run = set.runs()[index];
    if (run.first >= bound) break;
    count += std::min(run_end(run) + 1, bound) - run.first;
  }
  return count;
}

uint16_t select_in(const ContainerView& set, uint32_t index) {
  if (set.kind == ContainerKind::kArray) return set.members()[std::min(index, set.count - 1)];
  if (set.kind == ContainerKind::kBits) return static_cast<uint16_t>(select_bits(set.data, index));
  for (uint32_t at = 0; at < set.run_count; ++at) {
    const MemberRun run = set.runs()[at];
    if (index <= run.more) return static_cast<uint16_t>(run.first + index);
    index -= uint32_t{run.more} + 1;
  }
  return 0;
}

uint32_t next_in(const ContainerView& set, uint32_t from) {
  if (from >= kContainerMembers) return kContainerMembers;
  if (set.kind == ContainerKind::kBits) return next_bit(set.data, from);
  if (set.kind == ContainerKind::kArray) {
    const uint32_t index = find_member(set, from);
    return index < set.count ? std::max<uint32_t>(set.members()[index], from) : kContainerMembers;
  }
  const uint32_t index = find_run(set, from);
  return index < set.run_count ? std::max<uint32_t>(set.runs()[index].first, from)
                               : kContainerMembers;
}

uint32_t previous_in(const ContainerView& set, uint32_t from) {
  from = std::min(from, kContainerMembers - 1);
  if (set.kind == ContainerKind::kBits) return previous_bit(set.data, from);
  if (set.kind == ContainerKind::kArray) {
    const uint32_t index = find_member(set, from + 1);
    return index == 0 ? kContainerMembers : std::min<uint32_t>(set.members()[index - 1], from);
  }
  const uint32_t index = find_run(set, from);
  if (index < set.run_count && set.runs()[index].first <= from) return from;
  return index == 0 ? kContainerMembers : std::min(run_end(set.runs()[index - 1]), from);
}

size_t list_up(const ContainerView& set, uint32_t from, uint16_t* to, size_t room) {
  if (set.kind == ContainerKind::kBits) return list_bits_up(set.data, from, to, room);
  if (set.kind == ContainerKind::kArray) {
    const uint32_t index = find_member(set, from);
    const size_t count = std::min<size_t>(set.count - index, room);
    std::memcpy(to, set.members() + index, count * 2);
    return count;
  }
  size_t count = 0;
  for (uint32_t index = find_run(set, from); index < set.run_count && count < room; ++index) {
    const MemberRun run = set.runs()[index];
    uint32_t member = std::max<uint32_t>(run.first, from);
    for (; member <= run_end(run) && count < room; ++member) {
      to[count++] = static_cast<uint16_t>(member);
    }
  }
  return count;
}

size_t list_down(const ContainerView& set, uint32_t from, uint16_t* to, size_t room) {
  size_t count = 0;
  while (count < room) {
    const uint32_t member = previous_in(set, from);
    if (member == kContainerMembers) break;
    to[count++] = static_cast<uint16_t>(member);
    if (member == 0) break;
    from = member - 1;
  }
  return count;
}

bool is_sound(const ContainerView& set) {
  if (set.kind == ContainerKind::kArray) return is_sound_array(set);
  if (set.kind == ContainerKind::kRuns) return are_sound_runs(set);
  return kernels().bitmap.count(set.data, kBitsBytes) == set.count;
}

}  // namespace varve
