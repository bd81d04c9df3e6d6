#include "pure/text/loose.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "pure/codec/varint.h"

namespace varve {
namespace {

// Numbers below 2^14 one behind the other in a register: what most postings are.
struct Short {
  static constexpr uint32_t kLimit = 1u << 14;
  uint64_t bytes = 0;
  uint32_t size = 0;

  void put(uint32_t number) {
    const bool is_long = number >= 0x80;
    const uint64_t code = is_long ? (number & 0x7f) | 0x80 | number >> 7 << 8 : number;
    bytes |= code << (8 * size);
    size += is_long ? 2 : 1;
  }
};

}  // namespace

void Loose::begin_list(uint32_t term) {
  const uint32_t slice = new_slice(kFirstSlice);
  List& list = lists_[term];
  list.first_slice = slice;
  list.at = slice;
  list.end = slice + kFirstSlice - kLinkBytes;
  list.slice_bytes = kFirstSlice;
  terms_.push_back(term);
}

void Loose::occur(uint32_t term, uint32_t position) {
  List& list = lists_[term];
  if (list.local == 0) {
    if (list.slice_bytes == 0) begin_list(term);
    locals_.push_back({term, 0, 0});
    list.local = static_cast<uint32_t>(locals_.size());
  }
  const uint32_t local = list.local - 1;
  locals_[local].count += 1;
  occurrences_.push_back({local, position});
}

// Those of each term together, the terms in the order in which they first occurred.
void Loose::place_positions() {
  uint32_t begin = 0;
  for (Local& local : locals_) {
    prefetch(at(lists_[local.term].at));
    local.end = begin;
    begin += local.count;
  }
  positions_.resize(begin);
  for (const Occurrence& one : occurrences_) positions_[locals_[one.local].end++] = one.position;
  occurrences_.clear();
}

std::span<const uint32_t> Loose::end_document(uint32_t document) {
  place_positions();
  last_terms_.clear();
  for (const Local& local : locals_) {
    put_posting(local, document);
    lists_[local.term].local = 0;
    last_terms_.push_back(local.term);
  }
  locals_.clear();
  return last_terms_;
}

void Loose::put_posting(const Local& local, uint32_t document) {
  List& list = lists_[local.term];
  const uint32_t distance = document - list.last;
  list.count += 1;
  list.last = document;
  const uint32_t first = positions_[local.end - local.count];
  const bool is_short = local.count == 1 && std::max(distance, first) < Short::kLimit;
  if (!is_short || list.end - list.at < sizeof(uint64_t)) return put_long(list, local, distance);
  Short posting;
  posting.put(distance);
  posting.put(1);
  posting.put(first);
  store(at(list.at), posting.bytes);  // Those beyond its size are written over.
  list.at += posting.size;
}

void Loose::put_long(List& list, const Local& local, uint32_t distance) {
  scratch_.resize((size_t{local.count} + 2) * kVarint32BytesMax);
  uint8_t* to = put_varint(scratch_.data(), distance);
  to = put_varint(to, local.count);
  uint32_t before = 0;
  for (uint32_t index = local.end - local.count; index < local.end; ++index) {
    to = put_varint(to, positions_[index] - before);
    before = positions_[index];
  }
  put(list, {scratch_.data(), to});
}

// What a chunk has left is passed where a slice does not fit.
uint32_t Loose::new_slice(uint32_t bytes) {
  const uint32_t left = kChunkBytes - (used_ & (kChunkBytes - 1));
  if (left < bytes) used_ += left;
  check(used_ <= UINT32_MAX - bytes);
  if (used_ >> kChunkShift == chunks_.size()) {
    chunks_.push_back(std::make_unique_for_overwrite<uint8_t[]>(kChunkBytes));
  }
  const uint32_t slice = used_;
  used_ += bytes;
  return slice;
}

void Loose::put(List& list, Bytes bytes) {
  while (!bytes.empty()) {
    if (list.at == list.end) {
      list.slice_bytes = std::min(list.slice_bytes * 2, kLastSlice);
      const uint32_t slice = new_slice(list.slice_bytes);
      store<uint32_t>(at(list.end), slice);
      list.at = slice;
      list.end = slice + list.slice_bytes - kLinkBytes;
    }
    const size_t taken = std::min<size_t>(bytes.size(), list.end - list.at);
    std::copy_n(bytes.data(), taken, at(list.at));
    list.at += static_cast<uint32_t>(taken);
    bytes = bytes.subspan(taken);
  }
}

void Loose::read(uint32_t term, std::vector<uint8_t>& to) const {
  to.clear();
  if (count(term) == 0) return;
  const List& list = lists_[term];
  uint32_t slice_bytes = kFirstSlice;
  for (uint32_t begin = list.first_slice;;) {
    const uint32_t end = begin + slice_bytes - kLinkBytes;
    const bool is_last = end == list.end;
    const uint32_t next = is_last ? begin : load<uint32_t>(at(end));
    prefetch(at(next));
    to.insert(to.end(), at(begin), at(begin) + ((is_last ? list.at : end) - begin));
    if (is_last) return;
    begin = next;
    slice_bytes = std::min(slice_bytes * 2, kLastSlice);
  }
}

size_t Loose::memory_bytes() const {
  return lists_.capacity() * sizeof(List) + terms_.capacity() * sizeof(uint32_t) +
         chunks_.size() * kChunkBytes;
}

void Loose::clear() {
  for (const uint32_t term : terms_) lists_[term] = {};
  terms_.clear();
  used_ = 0;
  if (chunks_.size() > kSpareChunksMax) chunks_.resize(kSpareChunksMax);
}

}  // namespace varve
