// pure/text/verify.cc — what an image says, against itself, before anybody believes it.
//
// Blocks are counted as they are met: together they cannot take more than the image has, so an
// image that names one a thousand times is refused and does not cost a thousand readings.
#include <algorithm>

#include "pure/codec/varint.h"
#include "pure/text/image.h"

namespace varve {
namespace {

// Where the first thing that is wrong was found, if any.
class Verifier {
 public:
  Verifier(Bytes image, TextCore& core) : image_(image), core_(core), left_(image.size()) {}

  Status verify() {
    take_columns();
    read_documents();
    read_log();
    read_dictionary();
    for (uint32_t term = 0; is_fine_ && term < core_.terms.size(); ++term) read_list(term);
    if (is_fine_) return Status::ok();
    return Status::corrupt(std::string("text: ") + what_ + " at offset " + std::to_string(at_));
  }

 private:
  // Remembers the first.
  bool expect(bool holds, const char* what, size_t at) {
    if (is_fine_ && !holds) {
      what_ = what;
      at_ = at;
      is_fine_ = false;
    }
    return holds;
  }
  static size_t offset(BlockId id) { return size_t{id} * 8; }
  // A block that nobody took before, as far as its size tells.
  bool take(BlockId id, size_t size) {
    if (!expect(lies_within(id, size), "a block beyond the image", offset(id))) return false;
    if (!expect(size <= left_, "a block that is named twice", offset(id))) return false;
    left_ -= size;
    return true;
  }
  bool lies_within(BlockId id, size_t size) const {
    return size <= image_.size() && offset(id) <= image_.size() - size;
  }

  void take_columns() {
    for (const Column* const column : {&core_.terms, &core_.lengths, &core_.documents}) {
      for (const BlockId id : column->pages()) take(id, kColumnPageBytes);
    }
  }

  void read_documents() {
    if (!is_fine_) return;
    uint64_t sum = 0;
    for (uint32_t number = 1; is_fine_ && number < core_.documents.size(); ++number) {
      const size_t at = offset(core_.lengths.pages()[number / core_.lengths.cells_a_page()]);
      const uint32_t length = core_.length_of(number);
      const uint32_t id = core_.id_of(number);
      expect((length & kDeadBit) == 0, "a removed document", at);
      expect(core_.ids.find(id) == 0, "an id twice", at);
      if (!is_fine_) return;
      sum += length;
      core_.ids.add(id, number);
      core_.ids_rise = core_.ids_rise && (number == 1 || id > core_.last_id);
      core_.last_id = id;
    }
    expect(sum == core_.length_sum, "another sum of lengths", 0);
  }

  // The terms of each document, one behind the other.
  void read_log() {
    for (size_t index = 0; is_fine_ && index < core_.log.size(); ++index) {
      const size_t size = std::min<uint64_t>(core_.log_bytes - index * kLogBytes, kLogBytes);
      if (!take(core_.log[index], size)) return;
      const uint8_t* const bytes = core_.blocks.read(core_.log[index], size);
      log_.insert(log_.end(), bytes, bytes + size);
    }
    counts_.assign(core_.terms.size(), 0);
    Bytes rest = log_;
    for (uint32_t number = 1; is_fine_ && number < core_.documents.size(); ++number) {
      const DocumentRecord document = load<DocumentRecord>(core_.documents.read(number));
      const uint64_t at = log_.size() - rest.size();
      expect(document.terms_at == at, "terms of a document elsewhere", at);
      for (uint32_t left = document.term_count; is_fine_ && left > 0; --left) {
        uint32_t term = 0;
        const bool is_term = take_varint(rest, term) && term < counts_.size();
        if (expect(is_term, "a document of unknown terms", at)) counts_[term] += 1;
      }
    }
    expect(rest.empty(), "terms of nobody", 0);
  }

  void read_dictionary() {
    std::vector<bool> is_named(core_.terms.size(), false);
    std::string before;
    size_t count = 0;
    for (size_t index = 0; is_fine_ && index < core_.dictionary.leaf_count(); ++index) {
      const BlockId id = core_.dictionary.leaves()[index];
      const size_t at = offset(id);
      if (!expect(lies_within(id, kLeafHeaderBytes), "a leaf beyond the image", at)) return;
      const uint8_t* const head = image_.data() + at;
      if (!take(id, leaf_bytes(head))) return;
      LeafReader reader(core_.dictionary.leaf(index));
      bool is_first = true;
      while (is_fine_ && reader.next()) {
        expect(!is_first || reader.shared() == 0, "a leaf that begins in the middle", at);
        expect(before < reader.term(), "terms out of order", at);
        const bool is_new = reader.number() < is_named.size() && !is_named[reader.number()];
        if (!expect(is_new, "a term without a number of its own", at)) return;
        is_named[reader.number()] = true;
        before = reader.term();
        is_first = false;
        count += 1;
      }
      expect(!is_first && reader.is_whole(), "a leaf that is none", at);
    }
    expect(count == core_.terms.size(), "numbers without a term", 0);
  }

  bool take_positions(const Group& group, size_t at) {
    const size_t size = group.position_bytes;
    if (size <= kBlockBytesMax) return take(group.positions, size);
    const size_t count = (size + kBlockBytesMax - 1) / kBlockBytesMax;
    const size_t list_bytes = count * sizeof(BlockId);
    if (!expect(list_bytes <= kBlockBytesMax, "too many positions", at)) return false;
    if (!take(group.positions, list_bytes)) return false;
    const uint8_t* const list = core_.blocks.read(group.positions, list_bytes);
    for (size_t index = 0; index < count; ++index) {
      const size_t part = std::min(kBlockBytesMax, size - index * kBlockBytesMax);
      if (!take(load<BlockId>(list + index * sizeof(BlockId)), part)) return false;
    }
    return true;
  }

  bool take_page(const PageRef& ref) {
    const size_t at = offset(ref.page);
    if (!expect(lies_within(ref.page, kPageDataAt), "a page beyond the image", at)) return false;
    const Page page = load<Page>(core_.blocks.read(ref.page, kPageDataAt));
    const bool is_page = page.size >= kPageDataAt && page.size <= kBlockBytesMax &&
                         page.group_count >= 1 && page.group_count <= kPageGroups;
    if (!expect(is_page, "a page that is none", at) || !take(ref.page, page.size)) return false;
    for (uint32_t index = 0; index < page.group_count; ++index) {
      const Group& group = page.groups[index];
      const bool has_widths =
          group.widths[0] <= kPackedWidthMax && group.widths[1] <= kPackedWidthMax;
      const bool is_group =
          has_widths && group.count >= 1 && group.count <= kGroupPostings &&
          group.data_at >= kPageDataAt &&
          group.data_at + packed_bytes(group.widths[0]) + packed_bytes(group.widths[1]) <=
              page.size;
      if (!expect(is_group, "a group that is none", at)) return false;
      if (!take_positions(group, at)) return false;
    }
    return expect(page.groups[page.group_count - 1].last == ref.last, "a page that ends elsewhere",
                  at);
  }

  bool take_directory(BlockId id, bool may_be_root) {
    const size_t at = offset(id);
    if (!expect(lies_within(id, kDirectoryHeadBytes), "a directory beyond the image", at)) {
      return false;
    }
    const uint8_t* const head = image_.data() + at;
    const bool is_root = load<uint32_t>(head) == 1;
    const uint32_t count = load<uint32_t>(head + 4);
    const uint32_t limit = is_root ? kRootIds : kDirectoryRefs;
    const bool is_one =
        load<uint32_t>(head) <= 1 && count >= 1 && count <= limit && (may_be_root || !is_root);
    if (!expect(is_one, "a directory that is none", at)) return false;
    const size_t each = is_root ? sizeof(BlockId) : sizeof(PageRef);
    if (!take(id, kDirectoryHeadBytes + count * each)) return false;
    for (uint32_t index = 0; is_root && index < count; ++index) {
      const size_t from = at + kDirectoryHeadBytes + index * sizeof(BlockId);
      if (!take_directory(load<BlockId>(image_.data() + from), false)) return false;
    }
    return true;
  }

  static bool covers(const Frontier& frontier, uint32_t frequency, uint32_t length) {
    return std::ranges::any_of(frontier.peaks, [frequency, length](const Peak& peak) {
      return (peak.frequency == kPeakMax || peak.frequency >= frequency) && peak.length <= length;
    });
  }

  void read_list(uint32_t term) {
    const size_t at = offset(core_.terms.pages()[term / core_.terms.cells_a_page()]);
    const TermRecord record = core_.lists.record(term);
    const uint32_t limit = record.is_apart == 0 ? kInlineBytes : kTailBytesMax;
    const bool is_record = record.is_apart <= 1 && record.tail_bytes <= limit &&
                           (record.is_apart == 1 || record.packed_count == 0) &&
                           record.live_count == counts_[term];
    if (!expect(is_record, "a term that is none", at)) return;
    if (record.is_apart == 1) {
      if (record.tail_bytes > 0 && !take(record.apart.tail, record.tail_bytes)) return;
      if (record.packed_count > 0 && !take_directory(record.apart.directory, true)) return;
    }
    core_.lists.read_pages(record, pages_);
    for (const PageRef& ref : pages_) {
      if (!take_page(ref)) return;
    }
    read_groups(record, at);
    read_postings(record, at);
  }

  // Frontiers and ends; what is between is the matter of read_postings().
  void read_groups(const TermRecord& record, size_t at) {
    uint32_t documents[kGroupPostings];
    uint32_t frequencies[kGroupPostings];
    uint32_t base = 0;
    uint64_t packed = 0;
    for (const PageRef& ref : pages_) {
      const Page page = load<Page>(core_.blocks.read(ref.page, kPageDataAt));
      if (!expect(page.base == base, "a page that begins elsewhere", offset(ref.page))) return;
      for (uint32_t index = 0; index < page.group_count; ++index) {
        const Group& group = page.groups[index];
        const bool is_there = unpack_documents(core_.blocks, ref.page, group, base, documents) &&
                              unpack_frequencies(core_.blocks, ref.page, group, frequencies) &&
                              documents[kGroupPostings - 1] == group.last &&
                              documents[group.count - 1] == group.last;
        if (!expect(is_there, "a group that ends elsewhere", offset(ref.page))) return;
        for (uint32_t one = 0; one < group.count; ++one) {
          if (documents[one] >= core_.documents.size()) break;  // read_postings() tells.
          const uint32_t length = core_.length_of(documents[one]);
          const bool is_covered = covers(group.frontier, frequencies[one], length) &&
                                  covers(ref.frontier, frequencies[one], length);
          if (!expect(is_covered, "a frontier too low", offset(ref.page))) return;
        }
        base = group.last;
        packed += group.count;
      }
    }
    expect(packed == record.packed_count, "another count of postings", at);
  }

  void read_postings(const TermRecord& record, size_t at) {
    if (!is_fine_) return;
    ListReader reader(core_.blocks, core_.lists, record);
    uint32_t before = 0;
    uint64_t count = 0;
    for (Posting posting{}; is_fine_ && reader.next(posting); ++count) {
      const bool is_next = posting.document > before && posting.document < core_.documents.size();
      expect(is_next, "documents out of order", at);
      expect(!posting.positions.empty(), "a posting without positions", at);
      before = posting.document;
    }
    expect(reader.is_whole() && count == record.live_count, "postings that are none", at);
    expect(count == uint64_t{record.packed_count} + record.tail_count, "another tail", at);
    expect(count == 0 || before == record.last, "a list that ends elsewhere", at);
  }

  const Bytes image_;
  TextCore& core_;
  size_t left_;
  bool is_fine_ = true;
  const char* what_ = "";
  size_t at_ = 0;
  std::vector<uint8_t> log_;
  std::vector<uint32_t> counts_;  // Documents of each term.
  std::vector<PageRef> pages_;
};

}  // namespace

Status verify_image(Bytes image, TextCore& core) { return Verifier(image, core).verify(); }

}  // namespace varve
