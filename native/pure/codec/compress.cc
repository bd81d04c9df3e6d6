// pure/codec/compress.cc — the search for what was there before, and the way back.
#include "pure/codec/compress.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace varve {
namespace {

constexpr size_t kMatchMin = 4;
constexpr size_t kOffsetMax = 65535;
constexpr size_t kNibble = 15;  // A nibble that says: more bytes follow.
constexpr size_t kWide = 16;    // Bytes of one wide copy.
constexpr ptrdiff_t kFar = 64;  // Beyond what a sequence without a second length reads or writes.
constexpr size_t kTailBytes = 12;   // At the end no match begins: eight bytes are read at once.
constexpr uint32_t kHashBits = 12;  // Of 11 to 14 the best (measured): the table stays in L1.
constexpr uint32_t kPatience = 6;   // Misses, as a power of two, before the search strides.

void copy_wide(uint8_t* to, const uint8_t* from) { std::memcpy(to, from, kWide); }

// Copies `size` bytes by wide steps, and up to a step more.
void copy_over(uint8_t* to, const uint8_t* from, size_t size) {
  for (size_t done = 0; done < size; done += kWide) copy_wide(to + done, from + done);
}

// How far two places agree; `a` lies before `b`.
size_t agreement(const uint8_t* a, const uint8_t* b, const uint8_t* end) {
  const uint8_t* const begin = b;
  for (; static_cast<size_t>(end - b) >= 8; a += 8, b += 8) {
    const uint64_t differing = load<uint64_t>(a) ^ load<uint64_t>(b);
    if (differing != 0) {
      return static_cast<size_t>(b - begin) + static_cast<size_t>(std::countr_zero(differing)) / 8;
    }
  }
  for (; b < end && *a == *b; ++b) ++a;
  return static_cast<size_t>(b - begin);
}

// Writes sequences into room for `limit` bytes and two wide copies more.
class SequenceWriter {
 public:
  SequenceWriter(uint8_t* to, size_t limit, const uint8_t* source_end)
      : at_(to), end_(to + limit), source_end_(source_end) {}

  // Literals, then a match; a match of no length ends the block. False where the limit is reached.
  bool put(Bytes literals, size_t offset, size_t match) {
    const size_t more = match == 0 ? 0 : match - kMatchMin;
    if (!fits(literals.size(), match)) return false;
    const size_t low = std::min(literals.size(), kNibble);
    const size_t high = std::min(more, kNibble);
    *at_++ = static_cast<uint8_t>(high << 4 | low);
    if (low == kNibble) put_length(literals.size() - kNibble);
    put_literals(literals);
    if (match == 0) return true;
    store(at_, static_cast<uint16_t>(offset));
    at_ += 2;
    if (high == kNibble) put_length(more - kNibble);
    return true;
  }
  const uint8_t* at() const { return at_; }

 private:
  bool fits(size_t literals, size_t match) const {
    const auto extra = [](size_t size) { return size < kNibble ? 0 : (size - kNibble) / 255 + 1; };
    const size_t tail = match == 0 ? 0 : 2 + extra(match - kMatchMin);
    return 1 + extra(literals) + literals + tail < static_cast<size_t>(end_ - at_);
  }
  void put_length(size_t rest) {
    for (; rest >= 255; rest -= 255) *at_++ = 255;
    *at_++ = static_cast<uint8_t>(rest);
  }
  void put_literals(Bytes literals) {
    const uint8_t* const from = literals.data();
    const bool far = static_cast<size_t>(source_end_ - from) >= literals.size() + kWide;
    if (far) {
      copy_over(at_, from, literals.size());
    } else if (!literals.empty()) {
      std::memcpy(at_, from, literals.size());
    }
    at_ += literals.size();
  }

  uint8_t* at_;
  uint8_t* const end_;
  const uint8_t* const source_end_;
};

// Where four bytes with a hash were seen last.
class Places {
 public:
  explicit Places(const uint8_t* begin) : begin_(begin) {}

  // The last place before `at` that begins as it does, or null; `at` is remembered instead.
  const uint8_t* replace(const uint8_t* at) {
    const uint32_t four = load<uint32_t>(at);
    const uint8_t* const there = begin_ + std::exchange(entry(four), offset_of(at));
    const bool near = static_cast<size_t>(at - there) <= kOffsetMax;
    return near && load<uint32_t>(there) == four ? there : nullptr;
  }
  void add(const uint8_t* at) { entry(load<uint32_t>(at)) = offset_of(at); }

 private:
  uint32_t& entry(uint32_t four) { return last_[(four * 2654435761u) >> (32 - kHashBits)]; }
  uint32_t offset_of(const uint8_t* at) const { return static_cast<uint32_t>(at - begin_); }

  const uint8_t* const begin_;
  uint32_t last_[1 << kHashBits] = {};  // 0 is a place like others: it is compared like others.
};

// Writes every sequence but the last; returns where the literals of that begin, or null where the
// limit is reached.
const uint8_t* put_matches(Bytes from, SequenceWriter& writer) {
  const uint8_t* const begin = from.data();
  const uint8_t* const end = begin + from.size();
  if (from.size() <= kTailBytes) return begin;
  const uint8_t* const last = end - kTailBytes;
  Places places(begin);
  const uint8_t* literals = begin;
  uint32_t misses = 1u << kPatience;
  for (const uint8_t* at = begin + 1; at < last;) {
    const uint8_t* there = places.replace(at);
    if (there == nullptr) {
      at += misses++ >> kPatience;
      continue;
    }
    misses = 1u << kPatience;
    const uint8_t* const stop = at + kMatchMin + agreement(there + kMatchMin, at + kMatchMin, end);
    while (at > literals && there > begin && at[-1] == there[-1]) --at, --there;
    const auto match = static_cast<size_t>(stop - at);
    if (!writer.put(Bytes(literals, at), static_cast<size_t>(at - there), match)) return nullptr;
    at = stop;
    literals = at;
    if (at < last) places.add(at - 2);
  }
  return literals;
}

// Multiples of short offsets that are at least eight: to copy from so far back by eights repeats
// the same bytes.
constexpr uint8_t kStride[8] = {0, 8, 8, 9, 8, 10, 12, 14};

// Copies a match by eights, up to seven bytes more than `size`; it may feed itself.
void copy_near(uint8_t* to, size_t offset, size_t size) {
  uint8_t* const stop = to + size;
  if (offset < 8) {
    for (int byte = 0; byte < 8; ++byte) to[byte] = to[byte - static_cast<ptrdiff_t>(offset)];
    offset = kStride[offset];
    to += 8;
  }
  for (; to < stop; to += 8) store(to, load<uint64_t>(to - offset));
}

class Decoder {
 public:
  enum class Step { kMore, kEnd, kBad };

  Decoder(Bytes from, MutableBytes to)
      : from_(from.data()),
        from_end_(from.data() + from.size()),
        begin_(to.data()),
        to_(to.data()),
        to_end_(to.data() + to.size()) {}

  void near_sequences();
  Step sequence();

 private:
  size_t from_left() const { return static_cast<size_t>(from_end_ - from_); }
  size_t to_left() const { return static_cast<size_t>(to_end_ - to_); }
  bool length(size_t nibble, size_t& size);
  bool literals(size_t size);
  bool match(size_t offset, size_t size);

  const uint8_t* from_;
  const uint8_t* const from_end_;
  uint8_t* const begin_;
  uint8_t* to_;
  uint8_t* const to_end_;
};

// Takes sequences whose lengths have at most one byte more, while both ends are further than such a
// one reaches; the last sequence is never one of them, for its literals lie at the end. What is not
// taken is left to sequence(), from its token on. The branches here are mostly guessed right, and a
// guess is what lets the next token be read before this one's copies are done. The ends are copied,
// or every byte that is written might have changed them.
void Decoder::near_sequences() {
  const uint8_t* const from_end = from_end_;
  const uint8_t* const begin = begin_;
  uint8_t* const to_end = to_end_;
  while (from_end - from_ >= kFar && to_end - to_ >= kFar) {
    const uint8_t* at = from_ + 1;
    uint8_t* to = to_;
    ptrdiff_t literals = *from_ & 15;
    ptrdiff_t match = kMatchMin + (*from_ >> 4);
    if (literals == 15) [[unlikely]] {
      literals += *at++;
      if (literals == 15 + 255 || from_end - at < literals + kFar ||
          to_end - to < literals + kFar) {
        return;
      }
    }
    const size_t offset = load<uint16_t>(at + literals);
    copy_wide(to, at);
    if (literals > 16) [[unlikely]]
      copy_over(to, at, static_cast<size_t>(literals));
    to += literals;
    at += literals + 2;
    if (match == 4 + 15) [[unlikely]] {
      match += *at++;
      if (match == 4 + 15 + 255 || to_end - to < match + kFar) return;
    }
    if (offset == 0 || offset > static_cast<size_t>(to - begin)) [[unlikely]]
      return;
    if (offset < kWide) [[unlikely]] {
      copy_near(to, offset, static_cast<size_t>(match));
    } else {
      copy_wide(to, to - offset);
      copy_wide(to + kWide, to + kWide - offset);
      if (match > 32) [[unlikely]]
        copy_over(to, to - offset, static_cast<size_t>(match));
    }
    from_ = at;
    to_ = to + match;
  }
}

bool Decoder::length(size_t nibble, size_t& size) {
  size = nibble;
  if (nibble != kNibble) return true;
  uint8_t byte = 255;
  while (byte == 255) {
    if (from_ == from_end_ || size > kCompressBytesMax) return false;
    byte = *from_++;
    size += byte;
  }
  return true;
}

bool Decoder::literals(size_t size) {
  if (size > from_left() || size > to_left()) return false;
  if (from_left() - size >= kWide && to_left() - size >= kWide) {
    copy_over(to_, from_, size);
  } else if (size > 0) {
    std::memcpy(to_, from_, size);
  }
  from_ += size;
  to_ += size;
  return true;
}

bool Decoder::match(size_t offset, size_t size) {
  if (offset == 0 || offset > static_cast<size_t>(to_ - begin_) || size > to_left()) return false;
  const bool is_far = to_left() - size >= kWide;
  const size_t wide = is_far ? size : size - std::min(size, kWide);
  if (offset >= kWide) {
    copy_over(to_, to_ - offset, wide);
  } else if (wide > 0) {
    copy_near(to_, offset, wide);
  }
  for (size_t byte = wide; byte < size; ++byte) to_[byte] = *(to_ + byte - offset);
  to_ += size;
  return true;
}

Decoder::Step Decoder::sequence() {
  if (from_ == from_end_) return Step::kBad;  // A block ends with literals, be they none.
  const size_t token = *from_++;
  size_t size = 0;
  if (!length(token & kNibble, size) || !literals(size)) return Step::kBad;
  if (from_ == from_end_) return to_ == to_end_ && token >> 4 == 0 ? Step::kEnd : Step::kBad;
  if (from_left() < 2) return Step::kBad;
  const size_t offset = load<uint16_t>(from_);
  from_ += 2;
  if (!length(token >> 4, size) || !match(offset, kMatchMin + size)) return Step::kBad;
  return Step::kMore;
}

}  // namespace

bool compress(Bytes from, size_t limit, std::string& to) {
  if (from.size() > kCompressBytesMax) return false;
  const size_t before = to.size();
  const size_t room = std::min(limit, from.size() + from.size() / 255 + 16);
  to.resize(before + room + 2 * kWide);
  uint8_t* const begin = reinterpret_cast<uint8_t*>(to.data()) + before;
  SequenceWriter writer(begin, room, from.data() + from.size());
  const uint8_t* const literals = put_matches(from, writer);
  const bool shrank =
      literals != nullptr && writer.put(Bytes(literals, from.data() + from.size()), 0, 0);
  to.resize(shrank ? before + static_cast<size_t>(writer.at() - begin) : before);
  return shrank;
}

bool decompress(Bytes from, MutableBytes to) {
  Decoder decoder(from, to);
  Decoder::Step step = Decoder::Step::kMore;
  while (step == Decoder::Step::kMore) {
    decoder.near_sequences();
    step = decoder.sequence();
  }
  return step == Decoder::Step::kEnd;
}

}  // namespace varve
