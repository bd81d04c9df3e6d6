// pure/text/postings.h — where a term occurs: documents, how often, and at which positions.
//
//   record ──▶ directory: a list of pages, 341 a block; from two blocks on, with a root above them
//     │           └──▶ page: groups of at most 128 postings, packed; eight a page
//     │                  └──▶ positions of a group: a block of bytes, or a list of such blocks
//     └──▶ tail: postings that fill no group yet, at most 127, in a block or in the record itself
//
// Postings come in rising order of documents, which are numbered by the order of indexing, so a
// list only grows at its end. A group is found by its last document and judged by its frontier
// (score.h) without being read.
//
// Loose postings and tails are one form, so folding joins bytes: for each posting the document's
// distance from the one before (the first from zero), the frequency, and the positions, the first
// from zero and each further as its distance, all LEB128.
//
// Invariants
//   - documents rise strictly; a frequency is at least 1 and has as many positions.
//   - nothing here trusts what it reads with its memory: what is no list ends early.
// Threads: one.      Bytes: FORMAT.md
#pragma once

#include <span>
#include <vector>

#include "pure/blocks/blocks.h"
#include "pure/codec/packed.h"
#include "pure/codec/varint.h"
#include "pure/text/column.h"
#include "pure/text/score.h"

namespace varve {

inline constexpr uint32_t kGroupPostings = kPackedCount;
inline constexpr uint32_t kPageGroups = 8;
inline constexpr uint32_t kInlineBytes = 16;
inline constexpr uint32_t kTailBytesMax = 2048;
inline constexpr size_t kGroupPositionBytes = size_t{8} << 20;  // More only where one posting has.
inline constexpr uint32_t kNoDocument = UINT32_MAX;
inline constexpr uint32_t kDeadBit = 1u << 31;  // Of a length: the document was removed.

// What is known of a term: a cell of the column of terms.
struct TermRecord {
  uint32_t live_count;    // Documents that are not removed, less those still loose.
  uint32_t packed_count;  // Postings in pages, those of removed documents included.
  uint32_t last;          // The last document of pages and tail.
  uint16_t tail_bytes;
  uint8_t tail_count;
  uint8_t is_apart;  // The tail lies in a block, and `apart` says where.
  union {
    uint8_t inlined[kInlineBytes];
    struct {
      BlockId tail;
      BlockId directory;
      uint32_t unused[2];
    } apart;
  };
};
static_assert(sizeof(TermRecord) == 32);

struct Group {
  uint32_t last;
  BlockId positions;
  uint32_t position_bytes;
  uint16_t data_at;
  uint8_t count;
  uint8_t widths[2];  // Of documents, and of frequencies less one.
  uint8_t unused[3];
  Frontier frontier;
};
static_assert(sizeof(Group) == 36);

struct Page {
  uint32_t base;  // The last document before it.
  uint16_t size;
  uint8_t group_count;
  uint8_t unused;
  Group groups[kPageGroups];
};
inline constexpr uint32_t kPageDataAt = sizeof(Page);
static_assert(kPageDataAt == 296);

inline Page read_page(const Blocks& blocks, BlockId id) {
  Page page = load<Page>(blocks.read(id, kPageDataAt));
  page.group_count = static_cast<uint8_t>(std::min<uint32_t>(page.group_count, kPageGroups));
  return page;
}

struct PageRef {
  uint32_t last;
  BlockId page;
  Frontier frontier;
};
static_assert(sizeof(PageRef) == 24);

inline constexpr uint32_t kDirectoryHeadBytes = 8;  // Whether it is a root, and how many it holds.
inline constexpr uint32_t kDirectoryRefs = (kBlockBytesMax - kDirectoryHeadBytes) / sizeof(PageRef);

inline constexpr uint32_t kRootIds = (kBlockBytesMax - kDirectoryHeadBytes) / sizeof(BlockId);

// A posting of loose form, its positions where they lie.
struct Posting {
  uint32_t document;
  uint32_t frequency;
  Bytes positions;
};

// take_varint(), quick for what one byte or two say, which is most.
inline bool take_number(Bytes& from, uint32_t& number) {
  if (from.size() < 2) return take_varint(from, number);
  const uint32_t first = from[0];
  const uint32_t second = from[1];
  if (first < 0x80) {
    number = first;
    from = from.subspan(1);
    return true;
  }
  if (second >= 0x80 || second == 0) return take_varint(from, number);
  number = (first & 0x7f) | second << 7;
  from = from.subspan(2);
  return true;
}

// Takes postings off loose bytes, one by one.
class LooseReader {
 public:
  explicit LooseReader(Bytes bytes) : rest_(bytes) {}
  bool next(Posting& posting);
  bool is_whole() const { return rest_.empty(); }

 private:
  Bytes rest_;
  uint32_t document_ = 0;
};

// The lists of an index, written through the column of terms.
class Lists {
 public:
  Lists(Blocks& blocks, Column& terms, const Column& lengths)
      : blocks_(blocks), terms_(terms), lengths_(lengths) {}

  TermRecord record(uint32_t term) const {
    TermRecord found = load<TermRecord>(terms_.read(term));
    const uint32_t most = found.is_apart == 0 ? kInlineBytes : kTailBytesMax;
    found.tail_bytes = static_cast<uint16_t>(std::min<uint32_t>(found.tail_bytes, most));
    return found;
  }
  // The term will be appended to soon.
  void expect(uint32_t term) const { prefetch(terms_.read(term)); }
  // Adds postings of loose form behind what is there; `count` of them.
  void append(uint32_t term, Bytes loose, uint32_t count);
  // Frees what the term has, and leaves it empty.
  void clear(uint32_t term);

  void read_pages(const TermRecord& record, std::vector<PageRef>& to) const;
  // Until the next write.
  Bytes tail(const TermRecord& record) const;

 private:
  bool append_to_tail(TermRecord& record, Bytes loose, uint32_t count);
  void spread(TermRecord& record);
  void set_tail(TermRecord& record, std::span<const Posting> postings);
  void put_group(TermRecord& record, std::span<const Posting> postings);
  void put_in_page(TermRecord& record, Group group, Bytes documents, Bytes frequencies);
  void put_positions(std::span<const Posting> postings, Group& group);
  BlockId last_directory(const TermRecord& record) const;
  PageRef last_page(const TermRecord& record) const;
  void put_ref(TermRecord& record, const PageRef& ref, bool is_new);
  void free_group(const Group& group);
  void free_directory(BlockId id);
  std::vector<BlockId> read_ids(BlockId id, size_t count, size_t from = 0) const;
  void append_refs(BlockId id, size_t left, std::vector<PageRef>& to) const;

  Blocks& blocks_;
  Column& terms_;
  const Column& lengths_;
  std::vector<Posting> gathered_;
  std::vector<uint8_t> bytes_;
};

// The documents of a group of that page, `base` being the last one before it, and their
// frequencies; false where the bytes are no group.
[[nodiscard]] bool unpack_documents(const Blocks& blocks, BlockId page, const Group& group,
                                    uint32_t base, uint32_t (&to)[kGroupPostings]);
[[nodiscard]] bool unpack_frequencies(const Blocks& blocks, BlockId page, const Group& group,
                                      uint32_t (&to)[kGroupPostings]);

// Reads a list in order, pages and tail: the whole of it, or one page or the tail alone. The record
// holds as long as the reader.
class ListReader {
 public:
  ListReader(const Blocks& blocks, const Lists& lists, const TermRecord& record)
      : blocks_(blocks), tail_(lists.tail(record)) {
    lists.read_pages(record, pages_);
    end_page_ = pages_.size();
  }
  size_t page_count() const { return pages_.size(); }
  // The tail is the one behind the last page.
  void read_only(size_t page) {
    next_page_ = page;
    end_page_ = std::min(page + 1, pages_.size());
    if (page < pages_.size()) tail_ = LooseReader({});
  }
  // Positions hold until the next call.
  bool next(Posting& posting);
  // At the end: that there was nothing but postings.
  bool is_whole() const { return is_whole_ && tail_.is_whole(); }

 private:
  bool next_group();

  const Blocks& blocks_;
  LooseReader tail_;
  std::vector<PageRef> pages_;
  size_t next_page_ = 0;
  size_t end_page_ = 0;
  Page page_{};
  BlockId block_ = kNoBlock;
  uint32_t group_ = 0;
  uint32_t base_ = 0;
  uint32_t index_ = 0;
  uint32_t count_ = 0;
  bool is_whole_ = true;
  Bytes positions_;
  std::vector<uint8_t> scratch_;
  uint32_t documents_[kGroupPostings];
  uint32_t frequencies_[kGroupPostings];
};

// What the reader has left, in loose form, without documents whose new number is 0; answers how
// many postings that are.
uint32_t renumber(ListReader& from, const std::vector<uint32_t>& numbers, std::vector<uint8_t>& to);

// The positions of a group as bytes: where they lie, or brought together in `scratch`.
Bytes read_positions(const Blocks& blocks, const Group& group, std::vector<uint8_t>& scratch);
// The bytes of the positions of the first `count` occurrences; none where there are not so many.
Bytes first_positions(Bytes from, uint64_t count);

}  // namespace varve
