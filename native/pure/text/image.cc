#include "pure/text/image.h"

#include <algorithm>
#include <cstring>

#include "pure/simd/simd.h"
#include "pure/text/tables.h"

namespace varve {
namespace {

constexpr char kMagic[8] = {'v', 'a', 'r', 'v', 'e', 't', 'x', 't'};
constexpr uint32_t kVersion = 0;
constexpr uint32_t kSummedFrom = 16;

struct Head {
  char magic[8];
  uint32_t version;
  uint32_t checksum;  // CRC-32C of all behind it.
  uint64_t size;
  uint64_t tables_at;
  double k1;
  double b;
  uint64_t length_sum;
  uint64_t log_bytes;
  uint32_t languages;
  uint32_t document_cells;  // Number 0 included.
  uint32_t term_count;
  uint32_t leaf_count;
  uint32_t stop_bytes;
  uint32_t unused[9];
};
static_assert(sizeof(Head) == 120);

// Blocks one behind the other; each is written once.
class ImageBlocks final : public Blocks {
 public:
  explicit ImageBlocks(std::string& to) : to_(to) {}
  const uint8_t* find(BlockId, size_t) const override {
    check(false);
    return nullptr;
  }
  MutableBytes write(BlockId& id, size_t size) override {
    check(id == kNoBlock);
    to_.resize(round_up(to_.size(), 8));
    const size_t at = to_.size();
    check(at / 8 < kNoBlock);
    to_.resize(at + size);
    id = static_cast<BlockId>(at / 8);
    return {reinterpret_cast<uint8_t*>(to_.data()) + at, size};
  }
  void free(BlockId) override { check(false); }

 private:
  std::string& to_;
};

class Copier {
 public:
  Copier(const TextCore& from, TextCore& to) : from_(from), to_(to) {}

  void copy_all() {
    copy_column(from_.lengths, to_.lengths);
    copy_column(from_.documents, to_.documents);
    copy_terms();
    std::vector<BlockId> leaves;
    for (size_t index = 0; index < from_.dictionary.leaf_count(); ++index) {
      const uint8_t* const leaf = from_.dictionary.leaf(index);
      leaves.push_back(put({leaf, leaf_bytes(leaf)}));
    }
    to_.dictionary.assign(std::move(leaves));
    for (size_t index = 0; index < from_.log.size(); ++index) {
      const uint64_t rest = from_.log_bytes - index * kLogBytes;
      to_.log.push_back(copy(from_.log[index], std::min<uint64_t>(rest, kLogBytes)));
    }
    to_.log_bytes = from_.log_bytes;
    to_.live_count = from_.live_count;
    to_.length_sum = from_.length_sum;
    to_.sorted_terms = from_.sorted_terms;
    to_.ids_rise = from_.ids_rise;
    to_.last_id = from_.last_id;
  }

 private:
  BlockId put(Bytes bytes) {
    BlockId id = kNoBlock;
    std::memcpy(to_.blocks.write(id, bytes.size()).data(), bytes.data(), bytes.size());
    return id;
  }
  BlockId copy(BlockId id, size_t size) { return put({from_.blocks.read(id, size), size}); }

  void copy_column(const Column& from, Column& to) {
    std::vector<BlockId> pages;
    for (const BlockId id : from.pages()) pages.push_back(copy(id, kColumnPageBytes));
    to.assign(std::move(pages), from.size());
  }
  // Records last, when it is known where their lists are.
  void copy_terms() {
    std::vector<BlockId> pages;
    uint8_t page[kColumnPageBytes];
    const uint32_t cells = from_.terms.cells_a_page();
    for (uint32_t first = 0; first < from_.terms.size(); first += cells) {
      std::memset(page, 0, sizeof(page));
      for (uint32_t cell = 0; cell < cells && first + cell < from_.terms.size(); ++cell) {
        store(page + cell * sizeof(TermRecord), copy_list(from_.lists.record(first + cell)));
      }
      pages.push_back(put(page));
    }
    to_.terms.assign(std::move(pages), from_.terms.size());
  }
  TermRecord copy_list(TermRecord record) {
    if (record.is_apart == 0) return record;
    from_.lists.read_pages(record, refs_);
    for (PageRef& ref : refs_) ref.page = copy_page(ref.page);
    const BlockId tail = record.apart.tail;
    record.apart.tail = record.tail_bytes > 0 ? copy(tail, record.tail_bytes) : kNoBlock;
    record.apart.directory = refs_.empty() ? kNoBlock : put_directory();
    return record;
  }
  BlockId copy_page(BlockId id) {
    Page page = load<Page>(from_.blocks.read(id, kPageDataAt));
    for (uint32_t index = 0; index < page.group_count; ++index) copy_positions(page.groups[index]);
    const uint8_t* const bytes = from_.blocks.read(id, page.size);
    BlockId made = kNoBlock;
    uint8_t* const block = to_.blocks.write(made, page.size).data();
    store(block, page);
    std::memcpy(block + kPageDataAt, bytes + kPageDataAt, page.size - kPageDataAt);
    return made;
  }
  void copy_positions(Group& group) {
    if (group.position_bytes <= kBlockBytesMax) {
      group.positions = copy(group.positions, group.position_bytes);
      return;
    }
    std::vector<uint8_t> list;
    const size_t count = (group.position_bytes + kBlockBytesMax - 1) / kBlockBytesMax;
    for (size_t index = 0; index < count; ++index) {
      const size_t at = index * sizeof(BlockId);
      const uint8_t* const ids = from_.blocks.read(group.positions, count * sizeof(BlockId));
      const size_t rest = group.position_bytes - index * kBlockBytesMax;
      list.resize(at + sizeof(BlockId));
      store(list.data() + at, copy(load<BlockId>(ids + at), std::min(rest, kBlockBytesMax)));
    }
    group.positions = put(list);
  }
  BlockId put_directory() {
    std::vector<uint8_t> root(kDirectoryHeadBytes);
    BlockId last = kNoBlock;
    for (size_t at = 0; at < refs_.size(); at += kDirectoryRefs) {
      const size_t count = std::min<size_t>(kDirectoryRefs, refs_.size() - at);
      std::vector<uint8_t> bytes(kDirectoryHeadBytes + count * sizeof(PageRef));
      store<uint32_t>(bytes.data() + 4, static_cast<uint32_t>(count));
      std::memcpy(bytes.data() + kDirectoryHeadBytes, &refs_[at], count * sizeof(PageRef));
      last = put(bytes);
      root.resize(root.size() + sizeof(BlockId));
      store(root.data() + root.size() - sizeof(BlockId), last);
    }
    const size_t ids = (root.size() - kDirectoryHeadBytes) / sizeof(BlockId);
    if (ids == 1) return last;
    store<uint32_t>(root.data(), 1);
    store<uint32_t>(root.data() + 4, static_cast<uint32_t>(ids));
    return put(root);
  }

  const TextCore& from_;
  TextCore& to_;
  std::vector<PageRef> refs_;
};

Status refused(const std::string& what, size_t at) {
  return Status::corrupt("text: " + what + " at offset " + std::to_string(at));
}

TableSizes sizes_of(const Head& head) {
  return {head.document_cells, head.term_count, head.leaf_count, head.log_bytes};
}

// The head alone, and that the parts it names lie one behind the other.
Result<Head> read_head(Bytes image) {
  if (image.size() < sizeof(Head)) return refused("an image ends within its head", image.size());
  const Head head = load<Head>(image.data());
  if (std::memcmp(head.magic, kMagic, sizeof(kMagic)) != 0) {
    return refused("not an image of a text index", 0);
  }
  if (head.version != kVersion) {
    return Status(Code::kNewerFormat, "text: an image of version " + std::to_string(head.version) +
                                          "; this one reads " + std::to_string(kVersion));
  }
  if (head.size != image.size()) return refused("an image of another size", offsetof(Head, size));
  const Bytes summed = image.subspan(kSummedFrom);
  if (kernels().crc32c(summed.data(), summed.size(), 0) != head.checksum) {
    return refused("a checksum that does not fit", offsetof(Head, checksum));
  }
  const bool has_stops = head.stop_bytes <= image.size() - sizeof(Head);
  const bool has_tables = head.tables_at <= image.size() && head.tables_at % 8 == 0 &&
                          sizes_of(head).bytes() == image.size() - head.tables_at;
  if (!has_stops || !has_tables)
    return refused("parts beyond the image", offsetof(Head, tables_at));
  const bool are_limits_kept = head.document_cells <= kTextDocumentsMax &&
                               head.languages <= kLanguages && head.k1 >= 0 && head.k1 <= kK1Max &&
                               head.b >= 0 && head.b <= 1;
  if (!are_limits_kept) return refused("options that are none", offsetof(Head, k1));
  return head;
}

}  // namespace

void copy_core(const TextCore& from, TextCore& to) { Copier(from, to).copy_all(); }

void write_image(const TextCore& from, std::string& to) {
  to.assign(sizeof(Head), '\0');
  to += from.options.stop_words;
  ImageBlocks blocks(to);
  TextCore copy(blocks, TextOptions{});
  copy_core(from, copy);
  to.resize(round_up(to.size(), 8));
  Head head{};
  std::memcpy(head.magic, kMagic, sizeof(kMagic));
  head.version = kVersion;
  head.tables_at = to.size();
  head.k1 = from.options.k1;
  head.b = from.options.b;
  head.length_sum = copy.length_sum;
  head.languages = from.options.languages;
  const TableSizes sizes = table_sizes(copy);
  head.log_bytes = sizes.log_bytes;
  head.document_cells = sizes.document_cells;
  head.term_count = sizes.term_count;
  head.leaf_count = sizes.leaf_count;
  head.stop_bytes = static_cast<uint32_t>(from.options.stop_words.size());
  append_tables(copy, to);
  head.size = to.size();
  uint8_t* const bytes = reinterpret_cast<uint8_t*>(to.data());
  store(bytes, head);
  head.checksum = kernels().crc32c(bytes + kSummedFrom, to.size() - kSummedFrom, 0);
  store(bytes, head);
}

Result<TextOptions> read_image_options(Bytes image) {
  const Result<Head> head = read_head(image);
  if (!head) return head.error();
  const Bytes stops = image.subspan(sizeof(Head), head->stop_bytes);
  return TextOptions{head->languages, std::string(as_text(stops)), head->k1, head->b};
}

Status read_image(Bytes image, TextCore& to) {
  const Result<Head> head = read_head(image);
  if (!head) return head.error();
  assign_tables(image.subspan(head->tables_at), sizes_of(*head), to);
  to.live_count = head->document_cells == 0 ? 0 : head->document_cells - 1;
  to.length_sum = head->length_sum;
  to.is_writable = false;
  return verify_image(image, to);
}

}  // namespace varve
