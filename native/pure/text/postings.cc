#include "pure/text/postings.h"

#include <algorithm>
#include <cstring>

namespace varve {
namespace {

constexpr uint8_t kMore = 0x80;
constexpr size_t kPostingBytesMin = 3;  // Of loose form.

void put_loose(std::vector<uint8_t>& to, uint32_t distance, const Posting& posting) {
  uint8_t head[2 * kVarint32BytesMax];
  uint8_t* const end = put_varint(put_varint(head, distance), posting.frequency);
  to.insert(to.end(), head, end);
  to.insert(to.end(), posting.positions.begin(), posting.positions.end());
}

// How many of these make a group: all it holds, unless their positions are too many.
size_t group_size(std::span<const Posting> postings) {
  size_t bytes = postings[0].positions.size();
  size_t count = 1;
  while (count < std::min<size_t>(kGroupPostings, postings.size())) {
    bytes += postings[count].positions.size();
    if (bytes > kGroupPositionBytes) break;
    count += 1;
  }
  return count;
}

}  // namespace

bool LooseReader::next(Posting& posting) {
  uint32_t distance = 0;
  if (!take_number(rest_, distance) || !take_number(rest_, posting.frequency)) return false;
  if (posting.frequency == 0 || distance == 0 || distance > kNoDocument - 1 - document_) {
    return false;
  }
  document_ += distance;
  posting.document = document_;
  posting.positions = first_positions(rest_, posting.frequency);
  rest_ = rest_.subspan(posting.positions.size());
  return !posting.positions.empty();
}

Bytes Lists::tail(const TermRecord& record) const {
  if (record.is_apart == 0)
    return {record.inlined, std::min<size_t>(record.tail_bytes, kInlineBytes)};
  if (record.tail_bytes == 0) return {};
  return {blocks_.read(record.apart.tail, record.tail_bytes), record.tail_bytes};
}

void Lists::append_refs(BlockId id, size_t left, std::vector<PageRef>& to) const {
  const uint8_t* const head = blocks_.read(id, kDirectoryHeadBytes);
  const size_t count = std::min<size_t>({load<uint32_t>(head + 4), kDirectoryRefs, left});
  const uint8_t* const bytes = blocks_.read(id, kDirectoryHeadBytes + count * sizeof(PageRef));
  const size_t held = to.size();
  to.resize(held + count);
  if (count == 0) return;
  std::memcpy(&to[held], bytes + kDirectoryHeadBytes, count * sizeof(PageRef));
}

void Lists::read_pages(const TermRecord& record, std::vector<PageRef>& to) const {
  to.clear();
  if (record.is_apart == 0 || record.packed_count == 0) return;
  const size_t most = record.packed_count;  // A page has one posting at least.
  const BlockId id = record.apart.directory;
  const uint8_t* const head = blocks_.read(id, kDirectoryHeadBytes);
  if (load<uint32_t>(head) == 0) return append_refs(id, most, to);
  const size_t count = std::min<size_t>(load<uint32_t>(head + 4), kRootIds);
  const uint8_t* const root =
      blocks_.read(id, kDirectoryHeadBytes + count * sizeof(BlockId)) + kDirectoryHeadBytes;
  for (size_t index = 0; index < count && to.size() < most; ++index) {
    append_refs(load<BlockId>(root + index * sizeof(BlockId)), most - to.size(), to);
  }
}

void Lists::append(uint32_t term, Bytes loose, uint32_t count) {
  TermRecord record = this->record(term);
  if (record.tail_count + count < kGroupPostings && append_to_tail(record, loose, count)) {
    record.live_count += count;
    store(terms_.write(term), record);
    return;
  }
  const Bytes before = tail(record);
  gathered_.resize(before.size() / kPostingBytesMin + count);
  size_t held_count = 0;
  const auto gather = [&](Bytes from) {
    LooseReader reader(from);
    while (held_count < gathered_.size() && reader.next(gathered_[held_count])) ++held_count;
  };
  gather(before);
  gather(loose);
  gathered_.resize(held_count);
  if (gathered_.empty()) return;
  // The tail is about to be overwritten, and its positions are borrowed from it.
  const std::vector<uint8_t> held(before.begin(), before.end());
  for (Posting& one : gathered_) {
    const uint8_t* const at = one.positions.data();
    if (at < before.data() || at >= before.data() + before.size()) break;
    one.positions = Bytes(held.data() + (at - before.data()), one.positions.size());
  }
  record.last = gathered_.back().document;
  std::span<const Posting> rest = gathered_;
  while (rest.size() >= kGroupPostings) {
    const size_t taken = group_size(rest);
    put_group(record, rest.first(taken));
    rest = rest.subspan(taken);
  }
  set_tail(record, rest);
  record.live_count += count;
  store(terms_.write(term), record);
}

// Where the tail has room it only grows, its first new distance being from the last document there.
bool Lists::append_to_tail(TermRecord& record, Bytes loose, uint32_t count) {
  uint32_t first = 0;
  Bytes rest = loose;
  if (!take_varint(rest, first)) return false;
  const uint32_t before = record.tail_count > 0 ? record.last : 0;
  if (first <= before) return false;
  uint8_t distance[kVarint32BytesMax];
  const size_t distance_bytes =
      static_cast<size_t>(put_varint(distance, first - before) - distance);
  const size_t size = record.tail_bytes + distance_bytes + rest.size();
  const bool stays = record.is_apart == 0 && size <= kInlineBytes;
  if (size > (record.is_apart == 0 ? kInlineBytes : kTailBytesMax)) return false;
  uint8_t* to = record.inlined;
  if (!stays) to = blocks_.write(record.apart.tail, size).data();
  to += record.tail_bytes;
  std::copy_n(distance, distance_bytes, to);
  std::ranges::copy(rest, to + distance_bytes);
  Posting posting{};
  for (LooseReader reader(loose); reader.next(posting);) record.last = posting.document;
  record.tail_bytes = static_cast<uint16_t>(size);
  record.tail_count = static_cast<uint8_t>(record.tail_count + count);
  return true;
}

// From a record that holds its tail to one that says where things are.
void Lists::spread(TermRecord& record) {
  if (record.is_apart != 0) return;
  record.is_apart = 1;
  record.apart = {kNoBlock, kNoBlock, {}};
}

void Lists::set_tail(TermRecord& record, std::span<const Posting> postings) {
  bytes_.clear();
  uint32_t document = 0;
  for (const Posting& posting : postings) {
    put_loose(bytes_, posting.document - document, posting);
    document = posting.document;
  }
  if (bytes_.size() > kTailBytesMax) {  // Few, but with many positions: groups that are not full.
    while (!postings.empty()) {
      const size_t taken = group_size(postings);
      put_group(record, postings.first(taken));
      postings = postings.subspan(taken);
    }
    bytes_.clear();
  }
  record.tail_count = static_cast<uint8_t>(postings.size());
  record.tail_bytes = static_cast<uint16_t>(bytes_.size());
  if (record.is_apart == 0 && bytes_.size() <= kInlineBytes) {
    std::ranges::copy(bytes_, record.inlined);
    return;
  }
  spread(record);
  if (bytes_.empty()) return;
  const MutableBytes block = blocks_.write(record.apart.tail, bytes_.size());
  std::ranges::copy(bytes_, block.data());
}

void Lists::put_group(TermRecord& record, std::span<const Posting> postings) {
  spread(record);
  uint32_t documents[kGroupPostings];
  uint32_t frequencies[kGroupPostings];
  FrontierMaker frontier;
  ColumnReader lengths(lengths_);
  for (size_t index = 0; index < postings.size(); ++index) {
    const Posting& posting = postings[index];
    documents[index] = posting.document;
    frequencies[index] = posting.frequency - 1;
    frontier.add(posting.frequency, load<uint32_t>(lengths.read(posting.document)) & ~kDeadBit);
  }
  std::fill(documents + postings.size(), std::end(documents), postings.back().document);
  std::fill(frequencies + postings.size(), std::end(frequencies), 0);
  Group group{};
  group.last = documents[kGroupPostings - 1];
  group.count = static_cast<uint8_t>(postings.size());
  group.frontier = frontier.make();
  put_positions(postings, group);

  const uint32_t base = last_page(record).last;
  const PackedForm rising = rising_form(PackedNumbers(documents), base);
  const uint32_t most = *std::ranges::max_element(frequencies);
  const PackedForm plain{static_cast<uint32_t>(std::bit_width(most)), 0};
  uint8_t packed[2][packed_bytes(kPackedWidthMax)];
  pack_rising(PackedNumbers(documents), rising, packed[0]);
  pack(PackedNumbers(frequencies), plain, packed[1]);
  group.widths[0] = static_cast<uint8_t>(rising.width);
  group.widths[1] = static_cast<uint8_t>(plain.width);
  put_in_page(record, group, {packed[0], packed_bytes(rising.width)},
              {packed[1], packed_bytes(plain.width)});
  record.packed_count += group.count;
}

BlockId Lists::last_directory(const TermRecord& record) const {
  if (record.packed_count == 0) return kNoBlock;
  const BlockId id = record.apart.directory;
  const uint8_t* const head = blocks_.read(id, kDirectoryHeadBytes);
  if (load<uint32_t>(head) == 0) return id;
  const uint32_t count = load<uint32_t>(head + 4);
  if (count == 0 || count > kRootIds) return kNoBlock;
  const size_t end = kDirectoryHeadBytes + count * sizeof(BlockId);
  return load<BlockId>(blocks_.read(id, end) + end - sizeof(BlockId));
}

PageRef Lists::last_page(const TermRecord& record) const {
  const BlockId id = last_directory(record);
  if (id == kNoBlock) return {0, kNoBlock, {}};
  const uint32_t count = load<uint32_t>(blocks_.read(id, kDirectoryHeadBytes) + 4);
  if (count == 0 || count > kDirectoryRefs) return {0, kNoBlock, {}};
  const size_t end = kDirectoryHeadBytes + count * sizeof(PageRef);
  return load<PageRef>(blocks_.read(id, end) + end - sizeof(PageRef));
}

void Lists::put_in_page(TermRecord& record, Group group, Bytes documents, Bytes frequencies) {
  PageRef ref = last_page(record);
  Page page{};
  if (ref.page != kNoBlock) page = read_page(blocks_, ref.page);
  const size_t most = kBlockBytesMax - documents.size() - frequencies.size();
  const bool is_new = page.group_count == 0 || page.group_count == kPageGroups ||
                      page.size < kPageDataAt || page.size > most;
  if (is_new) {
    page = Page{ref.last, kPageDataAt, 0, 0, {}};
    ref = PageRef{0, kNoBlock, {}};
  }
  group.data_at = page.size;
  page.groups[page.group_count++] = group;
  page.size = static_cast<uint16_t>(page.size + documents.size() + frequencies.size());
  uint8_t* const block = blocks_.write(ref.page, page.size).data();
  store(block, page);
  std::ranges::copy(documents, block + group.data_at);
  std::ranges::copy(frequencies, block + group.data_at + documents.size());

  FrontierMaker frontier;
  if (!is_new) frontier.add(ref.frontier);
  frontier.add(group.frontier);
  ref.frontier = frontier.make();
  ref.last = group.last;
  put_ref(record, ref, is_new);
}

// Writes over the last reference, or one behind it, and whatever names what it is written to.
void Lists::put_ref(TermRecord& record, const PageRef& ref, bool is_new) {
  const BlockId old = last_directory(record);
  BlockId directory = old;
  uint32_t count = 0;
  if (old != kNoBlock) count = load<uint32_t>(blocks_.read(old, kDirectoryHeadBytes) + 4);
  count = std::min(count, kDirectoryRefs);
  const bool is_full = is_new && count == kDirectoryRefs;
  if (is_full) {
    directory = kNoBlock;
    count = 0;
  }
  if (is_new) count += 1;
  const size_t size = kDirectoryHeadBytes + count * sizeof(PageRef);
  uint8_t* const block = blocks_.write(directory, size).data();
  store<uint32_t>(block, 0);
  store<uint32_t>(block + 4, count);
  store(block + size - sizeof(PageRef), ref);
  BlockId& root = record.apart.directory;
  if (old == kNoBlock || (root == old && !is_full)) {
    root = directory;
    return;
  }
  const bool had_root = root != old;
  BlockId made = had_root ? root : kNoBlock;
  uint32_t ids = had_root ? load<uint32_t>(blocks_.read(root, kDirectoryHeadBytes) + 4) : 1;
  ids = std::clamp(ids, 1u, kRootIds - 1);
  if (is_full) ids += 1;
  check(ids <= kRootIds);  // 2^29 documents need fewer.
  const size_t end = kDirectoryHeadBytes + ids * sizeof(BlockId);
  uint8_t* const top = blocks_.write(made, end).data();
  store<uint32_t>(top, 1);
  store<uint32_t>(top + 4, ids);
  if (!had_root) store(top + kDirectoryHeadBytes, old);
  store(top + end - sizeof(BlockId), directory);
  root = made;
}

void Lists::put_positions(std::span<const Posting> postings, Group& group) {
  size_t total = 0;
  for (const Posting& posting : postings) total += posting.positions.size();
  bytes_.resize(total);
  uint8_t* to = bytes_.data();
  for (const Posting& posting : postings) {
    for (const uint8_t byte : posting.positions) *to++ = byte;
  }
  group.positions = kNoBlock;
  group.position_bytes = static_cast<uint32_t>(bytes_.size());
  const auto put = [this](size_t at, size_t size) {
    BlockId id = kNoBlock;
    std::copy_n(bytes_.data() + at, size, blocks_.write(id, size).data());
    return id;
  };
  if (bytes_.size() <= kBlockBytesMax) {
    group.positions = put(0, bytes_.size());
    return;
  }
  std::vector<BlockId> parts;
  for (size_t at = 0; at < bytes_.size(); at += kBlockBytesMax) {
    parts.push_back(put(at, std::min(kBlockBytesMax, bytes_.size() - at)));
  }
  const size_t list_bytes = parts.size() * sizeof(BlockId);
  check(list_bytes <= kBlockBytesMax);  // Positions of 128 documents at most: text.h.
  std::memcpy(blocks_.write(group.positions, list_bytes).data(), parts.data(), list_bytes);
}

void Lists::free_group(const Group& group) {
  if (group.position_bytes > kBlockBytesMax) {
    const size_t count = (size_t{group.position_bytes} + kBlockBytesMax - 1) / kBlockBytesMax;
    const std::vector<BlockId> parts = read_ids(group.positions, count);
    for (const BlockId part : parts) blocks_.free(part);
  }
  blocks_.free(group.positions);
}

std::vector<BlockId> Lists::read_ids(BlockId id, size_t count, size_t from) const {
  count = std::min(count, (kBlockBytesMax - from) / sizeof(BlockId));
  std::vector<BlockId> ids(count);
  const size_t bytes = count * sizeof(BlockId);
  if (count > 0) std::memcpy(ids.data(), blocks_.read(id, from + bytes) + from, bytes);
  return ids;
}

void Lists::clear(uint32_t term) {
  const TermRecord record = this->record(term);
  std::vector<PageRef> pages;
  read_pages(record, pages);
  for (const PageRef& ref : pages) {
    const Page page = read_page(blocks_, ref.page);
    for (uint32_t index = 0; index < page.group_count; ++index) free_group(page.groups[index]);
    blocks_.free(ref.page);
  }
  if (record.is_apart != 0) {
    if (!pages.empty()) free_directory(record.apart.directory);
    blocks_.free(record.apart.tail);
  }
  store(terms_.write(term), TermRecord{});
}

void Lists::free_directory(BlockId id) {
  const uint8_t* const head = blocks_.read(id, kDirectoryHeadBytes);
  if (load<uint32_t>(head) == 1) {
    const uint32_t count = load<uint32_t>(head + 4);
    for (const BlockId part : read_ids(id, count, kDirectoryHeadBytes)) blocks_.free(part);
  }
  blocks_.free(id);
}

bool ListReader::next(Posting& posting) {
  while (index_ == count_) {
    if (!next_group()) return tail_.next(posting);
  }
  posting.document = documents_[index_];
  posting.frequency = frequencies_[index_];
  posting.positions = first_positions(positions_, posting.frequency);
  positions_ = positions_.subspan(posting.positions.size());
  index_ += 1;
  return true;
}

bool ListReader::next_group() {
  while (group_ >= page_.group_count) {
    if (next_page_ >= end_page_) return false;
    block_ = pages_[next_page_].page;
    page_ = read_page(blocks_, block_);
    next_page_ += 1;
    group_ = 0;
    base_ = page_.base;
  }
  const Group& group = page_.groups[group_];
  group_ += 1;
  is_whole_ = is_whole_ && unpack_documents(blocks_, block_, group, base_, documents_) &&
              unpack_frequencies(blocks_, block_, group, frequencies_);
  count_ = is_whole_ ? std::min<uint32_t>(group.count, kGroupPostings) : 0;
  index_ = 0;
  base_ = group.last;
  positions_ = read_positions(blocks_, group, scratch_);
  return true;
}

uint32_t renumber(ListReader& from, const std::vector<uint32_t>& numbers,
                  std::vector<uint8_t>& to) {
  to.clear();
  uint32_t count = 0;
  uint32_t before = 0;
  for (Posting posting{}; from.next(posting);) {
    const uint32_t number = posting.document < numbers.size() ? numbers[posting.document] : 0;
    if (number == 0) continue;
    put_loose(to, number - before, posting);
    before = number;
    count += 1;
  }
  return count;
}

bool unpack_documents(const Blocks& blocks, BlockId page, const Group& group, uint32_t base,
                      uint32_t (&to)[kGroupPostings]) {
  const uint32_t width = group.widths[0];
  const size_t end = group.data_at + packed_bytes(width);
  if (width > kPackedWidthMax || end > kBlockBytesMax) return false;
  const Bytes bytes(blocks.read(page, end) + group.data_at, packed_bytes(width));
  return unpack_rising(bytes, {width, base}, to);
}

bool unpack_frequencies(const Blocks& blocks, BlockId page, const Group& group,
                        uint32_t (&to)[kGroupPostings]) {
  const uint32_t width = group.widths[1];
  const size_t at = group.data_at + packed_bytes(group.widths[0]);
  if (width > kPackedWidthMax || at + packed_bytes(width) > kBlockBytesMax) return false;
  const Bytes bytes(blocks.read(page, at + packed_bytes(width)) + at, packed_bytes(width));
  return unpack(bytes, {width, 1}, to);
}

Bytes read_positions(const Blocks& blocks, const Group& group, std::vector<uint8_t>& scratch) {
  const size_t size = group.position_bytes;
  if (size <= kBlockBytesMax) return {blocks.read(group.positions, size), size};
  const size_t count = (size + kBlockBytesMax - 1) / kBlockBytesMax;
  if (count * sizeof(BlockId) > kBlockBytesMax) return {};
  const uint8_t* const list = blocks.read(group.positions, count * sizeof(BlockId));
  scratch.clear();
  for (size_t index = 0; index < count; ++index) {
    const size_t part = std::min(kBlockBytesMax, size - scratch.size());
    const uint8_t* const from = blocks.read(load<BlockId>(list + index * sizeof(BlockId)), part);
    scratch.insert(scratch.end(), from, from + part);
  }
  return scratch;
}

// Eight bytes at a time: as many numbers end in them as have no top bit.
Bytes first_positions(Bytes from, uint64_t count) {
  size_t at = 0;
  while (count > 8 && from.size() - at >= 8) {
    const uint64_t ends = ~load<uint64_t>(from.data() + at) & 0x8080808080808080ULL;
    count -= static_cast<uint64_t>(std::popcount(ends));
    at += 8;
  }
  // The last number of those eight may reach beyond them: its rest is passed with the next.
  for (; count > 0; --count) {
    while (at < from.size() && (from[at] & kMore) != 0) ++at;
    if (at == from.size()) return {};
    ++at;
  }
  return from.first(at);
}

}  // namespace varve
