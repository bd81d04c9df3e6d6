#include "storage/table/block.h"

#include <algorithm>
#include <bit>

#include "base/bits.h"
#include "pure/codec/prefix.h"
#include "storage/table/layout.h"

namespace varve {
namespace {

constexpr uint8_t kMetaDelete = 1;
constexpr uint8_t kMetaSeparate = 2;
constexpr uint8_t kMetaExpiry = 4;
constexpr uint8_t kMetaSuperseded = 8;
constexpr uint8_t kLongSuffix = 255;
constexpr uint32_t kHintMax = 0xffff;
constexpr size_t kLineBytes = 64;
constexpr size_t kPrefetchBytesMax = 256;

// Where the parts of an entry lie: meta, commit, expiry, superseding commit, suffix size.
size_t superseded_at(uint8_t meta, uint32_t commit_width) {
  return 1 + commit_width + ((meta & kMetaExpiry) != 0 ? 8 : 0);
}

size_t suffix_at(uint8_t meta, uint32_t commit_width) {
  return superseded_at(meta, commit_width) + ((meta & kMetaSuperseded) != 0 ? commit_width : 0);
}

void append_commit(std::string& to, uint64_t above_base, uint32_t width) {
  uint8_t bytes[8];
  store<uint64_t>(bytes, above_base);
  append(to, Bytes(bytes, width));
}

// A number of 0 to 7 bytes. The eight bytes that end with it are read: before the first entry lies
// the header of the block.
uint64_t load_width(const uint8_t* at, uint32_t width) {
  static_assert(kBlockHeaderBytes >= sizeof(uint64_t));
  if (width == 0) return 0;
  const size_t others = sizeof(uint64_t) - width;
  return load<uint64_t>(at - others) >> (8 * others);
}

}  // namespace

void BlockBuilder::add(const Edit& edit) {
  entries_.push_back({bytes_.size(), static_cast<uint32_t>(edit.key.size()),
                      static_cast<uint32_t>(edit.value.size()), edit.commit, edit.expires_ms,
                      edit.superseded, edit.kind, edit.flags});
  append(bytes_, edit.key);
  append(bytes_, edit.value);
}

void BlockBuilder::append_entry(std::string& to, const Entry& entry, size_t prefix, uint64_t base,
                                uint32_t width) const {
  const uint8_t meta = static_cast<uint8_t>(
      (entry.kind == EditKind::kDelete ? kMetaDelete : 0) |
      ((entry.flags & kFlagSeparateValue) != 0 ? kMetaSeparate : 0) |
      (entry.expires_ms != 0 ? kMetaExpiry : 0) | (entry.superseded != 0 ? kMetaSuperseded : 0));
  to.push_back(static_cast<char>(meta));
  append_commit(to, entry.commit - base, width);
  if (entry.expires_ms != 0) append<uint64_t>(to, entry.expires_ms);
  if (entry.superseded != 0) append_commit(to, entry.superseded - base, width);
  const uint32_t suffix = entry.key_size - static_cast<uint32_t>(prefix);
  to.push_back(static_cast<char>(suffix < kLongSuffix ? suffix : kLongSuffix));
  if (suffix >= kLongSuffix) append<uint32_t>(to, suffix);
  to.append(bytes_, entry.offset + prefix, suffix + entry.value_size);
}

std::string BlockBuilder::finish() {
  const Bytes first = key(0);
  const Bytes last = key(entries_.size() - 1);
  const size_t prefix = shared_prefix(first, last);
  uint64_t base = UINT64_MAX;
  uint64_t newest = 0;
  for (const Entry& entry : entries_) {
    base = std::min(base, entry.commit);
    newest = std::max({newest, entry.commit, entry.superseded});
  }
  const uint32_t width = static_cast<uint32_t>((std::bit_width(newest - base) + 7) /
                                               8);  // 7 at most: commits are below 2^53

  std::string body;
  std::vector<uint32_t> offsets;
  for (const Entry& entry : entries_) {
    offsets.push_back(static_cast<uint32_t>(body.size()));
    append_entry(body, entry, prefix, base, width);
  }
  offsets.push_back(static_cast<uint32_t>(body.size()));
  uint32_t stride = offsets[1];
  for (size_t i = 0; i + 1 < offsets.size(); ++i) {
    if (offsets[i + 1] - offsets[i] != stride) stride = 0;
  }

  std::string block;
  append<uint32_t>(block, static_cast<uint32_t>(entries_.size()));
  append<uint32_t>(block, static_cast<uint32_t>(prefix));
  append<uint32_t>(block, stride);
  append<uint32_t>(block, width);
  append<uint64_t>(block, base);
  append(block, first.first(prefix));
  if (stride == 0) {
    for (const uint32_t offset : offsets) append<uint32_t>(block, offset);
  }
  block += body;
  entries_.clear();
  bytes_.clear();
  return block;
}

bool Block::parse(Bytes bytes, Block& block) {
  if (bytes.size() < kBlockHeaderBytes) return false;
  const uint8_t* const at = bytes.data();
  block.count_ = load<uint32_t>(at);
  const uint64_t prefix = load<uint32_t>(at + 4);
  block.stride_ = load<uint32_t>(at + 8);
  block.commit_width_ = load<uint32_t>(at + 12);
  block.base_commit_ = load<uint64_t>(at + 16);
  if (block.count_ == 0 || block.commit_width_ > 7) return false;
  Bytes rest = bytes.subspan(kBlockHeaderBytes);
  if (prefix > rest.size()) return false;
  block.prefix_ = rest.first(prefix);
  rest = rest.subspan(prefix);
  uint64_t body = rest.size();
  if (block.stride_ == 0) {
    const uint64_t offsets = (static_cast<uint64_t>(block.count_) + 1) * 4;
    if (offsets > rest.size()) return false;
    block.offsets_ = rest.data();
    rest = rest.subspan(offsets);
    body = rest.size();
    if (load<uint32_t>(block.offsets_) != 0 ||
        load<uint32_t>(block.offsets_ + block.count_ * 4) != body)
      return false;
  } else if (static_cast<uint64_t>(block.stride_) * block.count_ != body) {
    return false;
  }
  block.entries_ = rest.data();
  for (uint32_t slot = 0; slot < block.count_; ++slot) {
    if (block.stride_ == 0) {
      const uint8_t* const offset = block.offsets_ + static_cast<size_t>(slot) * 4;
      const uint32_t end = load<uint32_t>(offset + 4);
      if (load<uint32_t>(offset) > end || end > body) return false;
    }
    const size_t size = block.entry_size(slot);
    const uint8_t* const e = block.entry(slot);
    if (size < 1) return false;
    const size_t sized = suffix_at(e[0], block.commit_width_);
    if (sized + 1 > size) return false;
    if (e[sized] == kLongSuffix) {
      if (sized + 5 > size || load<uint32_t>(e + sized + 1) > size - sized - 5) return false;
    } else if (e[sized] > size - sized - 1) {
      return false;
    }
  }
  return true;
}

// Above, where what is behind the prefix lies; below, the stride, 0 where there are offsets.
uint32_t Block::hint() const {
  const size_t behind_at = kBlockHeaderBytes + prefix_.size();
  if (stride_ > kHintMax || behind_at > kHintMax) return 0;
  return static_cast<uint32_t>(behind_at) << 16 | stride_;
}

void Block::prefetch_bytes(const uint8_t* begin, size_t size) {
  const size_t wanted = std::min(size, kPrefetchBytesMax);
  for (size_t at = 0; at < wanted; at += kLineBytes) varve::prefetch(begin + at);
  if (wanted != 0) varve::prefetch(begin + wanted - 1);
}

void Block::prefetch(const uint8_t* block, uint32_t hint, uint32_t slot) {
  varve::prefetch(block);
  const uint8_t* const behind = block + (hint >> 16);
  const size_t stride = hint & kHintMax;
  if (stride != 0) return prefetch_bytes(behind + slot * stride, stride);
  varve::prefetch(behind + slot * sizeof(uint32_t));
}

void Block::prefetch_by_offset(const uint8_t* block, uint32_t hint, uint32_t slot) {
  if (hint == 0 || (hint & kHintMax) != 0) return;
  Block here;
  here.attach(block, hint);
  if (slot < here.count()) prefetch_bytes(here.entry(slot), here.entry_size(slot));
}

void Block::attach(const uint8_t* parsed, uint32_t hint) {
  const uint8_t* at = parsed;
  count_ = load<uint32_t>(at);
  commit_width_ = load<uint32_t>(at + 12);
  base_commit_ = load<uint64_t>(at + 16);
  stride_ = hint != 0 ? hint & kHintMax : load<uint32_t>(at + 8);
  const uint32_t prefix = hint != 0 ? (hint >> 16) - kBlockHeaderBytes : load<uint32_t>(at + 4);
  prefix_ = Bytes(at + kBlockHeaderBytes, prefix);
  at = prefix_.data() + prefix;
  offsets_ = at;
  entries_ = stride_ != 0 ? at : at + (static_cast<size_t>(count_) + 1) * 4;
}

Bytes Block::suffix(uint32_t slot) const {
  const uint8_t* const e = entry(slot);
  const size_t sized = suffix_at(e[0], commit_width_);
  if (e[sized] != kLongSuffix) return Bytes(e + sized + 1, e[sized]);
  return Bytes(e + sized + 5, load<uint32_t>(e + sized + 1));
}

uint64_t Block::commit(uint32_t slot) const {
  return base_commit_ + load_width(entry(slot) + 1, commit_width_);
}

int Block::compare_key(uint32_t slot, Bytes key) const {
  const size_t shared = std::min(prefix_.size(), key.size());
  if (shared != 0) {
    const int order = std::memcmp(prefix_.data(), key.data(), shared);
    if (order != 0) return order;
  }
  if (key.size() < prefix_.size()) return 1;
  return compare(suffix(slot), key.subspan(prefix_.size()));
}

bool Block::key_equals(uint32_t slot, Bytes key) const {
  if (key.size() < prefix_.size()) return false;
  return equal(suffix(slot), key.subspan(prefix_.size())) &&
         equal(prefix_, key.first(prefix_.size()));
}

bool Block::has(uint32_t slot, Bytes key, uint64_t at_commit) const {
  return slot < count_ && key_equals(slot, key) && commit(slot) <= at_commit;
}

Bytes Block::read(uint32_t slot, Edit& edit) const {
  const uint8_t* const e = entry(slot);
  const uint8_t meta = e[0];
  const Bytes key = suffix(slot);
  edit.commit = base_commit_ + load_width(e + 1, commit_width_);
  edit.kind = (meta & kMetaDelete) != 0 ? EditKind::kDelete : EditKind::kPut;
  edit.flags = (meta & kMetaSeparate) != 0 ? kFlagSeparateValue : 0;
  edit.expires_ms = (meta & kMetaExpiry) != 0 ? load<uint64_t>(e + 1 + commit_width_) : 0;
  const bool is_past = (meta & kMetaSuperseded) != 0;
  edit.superseded =
      is_past ? base_commit_ + load_width(e + superseded_at(meta, commit_width_), commit_width_)
              : 0;
  const uint8_t* const value = key.data() + key.size();
  edit.value = Bytes(value, static_cast<size_t>(e + entry_size(slot) - value));
  return key;
}

size_t Block::read_plain(uint32_t slot, uint32_t end, uint64_t at_commit,
                         std::span<Bytes> values) const {
  const bool is_one_commit = commit_width_ == 0;  // Then no key is there twice.
  if (is_one_commit && base_commit_ > at_commit) return 0;
  const size_t limit = std::min<size_t>(end - slot, values.size());
  Bytes before;
  size_t count = 0;
  for (; count < limit; ++count) {
    const uint8_t* const e = entry(slot + static_cast<uint32_t>(count));
    const uint8_t* const sized = e + 1 + commit_width_;
    if (e[0] != 0 || *sized == kLongSuffix) return count;
    const Bytes key(sized + 1, *sized);
    if (!is_one_commit) {
      if (base_commit_ + load_width(e + 1, commit_width_) > at_commit) return count;
      if (count > 0 && equal(key, before)) return count;
      before = key;
    }
    const uint8_t* const value = key.data() + key.size();
    const size_t size = entry_size(slot + static_cast<uint32_t>(count));
    values[count] = Bytes(value, static_cast<size_t>(e + size - value));
  }
  return count;
}

uint32_t Block::lower_bound(Bytes key, uint64_t at_commit) const {
  uint32_t low = 0;
  uint32_t high = count_;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    const int order = compare_key(middle, key);
    if (order < 0 || (order == 0 && commit(middle) > at_commit))
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

}  // namespace varve
