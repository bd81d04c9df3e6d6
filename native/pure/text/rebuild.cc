// pure/text/rebuild.cc — an index in new blocks, without what was removed: documents, then the list
// of each term, then the dictionary, each of which only grows at its end.
#include <algorithm>
#include <cstring>

#include "pure/text/documents.h"
#include "pure/text/tables.h"

namespace varve {
namespace {

constexpr uint32_t kDocumentsAStep = 64;

// How far it has come.
struct Place {
  uint32_t document = 1;
  uint32_t term = 0;
  size_t page = 0;  // Of the term's list; the one behind the last is its tail.
  size_t leaf = 0;
};

// Of each document that lives, from 1 in their order.
std::vector<uint32_t> new_numbers(const TextCore& core) {
  std::vector<uint32_t> numbers(core.documents.size(), 0);
  uint32_t last = 0;
  for (uint32_t number = 1; number < numbers.size(); ++number) {
    if ((core.length_of(number) & kDeadBit) == 0) numbers[number] = ++last;
  }
  return numbers;
}

}  // namespace

struct TextRebuild::Work {
  Work(Blocks& blocks, const TextOptions& options)
      : from(blocks, options), to(std::make_unique<TextCore>(blocks, options)) {}

  void write_documents() {
    const uint32_t left = from.documents.size() - place.document;
    const uint32_t end = place.document + std::min(left, kDocumentsAStep);
    for (; place.document < end; ++place.document) {
      if (numbers[place.document] == 0) continue;
      const auto document = load<DocumentRecord>(from.documents.read(place.document));
      read_terms(from, document, terms);
      add_document(*to, document.id, from.length_of(place.document), document.term_count,
                   terms.bytes);
    }
  }

  void write_page() {
    if (place.page == 0) to->terms.append();
    const TermRecord record = from.lists.record(place.term);
    ListReader reader(from.blocks, from.lists, record);
    const bool is_last = place.page >= reader.page_count();
    reader.read_only(place.page);
    const uint32_t count = renumber(reader, numbers, bytes);
    if (count > 0) to->lists.append(place.term, bytes, count);
    place.page += 1;
    if (!is_last) return;
    place.term += 1;
    place.page = 0;
  }

  void write_leaf() {
    const uint8_t* const leaf = from.dictionary.leaf(place.leaf);
    const size_t size = leaf_bytes(leaf);
    BlockId made = kNoBlock;
    std::memcpy(to->blocks.write(made, size).data(), leaf, size);
    to->dictionary.append(made);
    place.leaf += 1;
  }

  TextCore from;
  std::unique_ptr<TextCore> to;
  Place place;
  std::vector<uint32_t> numbers;

  std::string kept;  // What `to` was at the last keep(),
  Place kept_place;  // and how far it had come.

  DocumentTerms terms;
  std::vector<uint8_t> bytes;
};

TextRebuild::TextRebuild(std::unique_ptr<Work> work) : work_(std::move(work)) {}

TextRebuild::~TextRebuild() = default;

Result<std::unique_ptr<TextRebuild>> TextRebuild::begin(Bytes state, Blocks& blocks,
                                                        TextOptions options) {
  auto work = std::make_unique<Work>(blocks, options);
  if (Status status = read_state(state, work->from); !status) return status;
  work->numbers = new_numbers(work->from);
  if (Status status = blocks.status(); !status) return status;
  std::unique_ptr<TextRebuild> rebuild(new TextRebuild(std::move(work)));
  rebuild->keep();
  return rebuild;
}

bool TextRebuild::step() {
  Work& work = *work_;
  if (work.place.document < work.from.documents.size()) {
    work.write_documents();
  } else if (work.place.term < work.from.terms.size()) {
    work.write_page();
  } else if (work.place.leaf < work.from.dictionary.leaf_count()) {
    work.write_leaf();
  } else {
    return false;
  }
  return true;
}

void TextRebuild::save(std::string& state) const { write_state(*work_->to, state); }

void TextRebuild::keep() {
  work_->kept.clear();
  save(work_->kept);
  work_->kept_place = work_->place;
}

void TextRebuild::go_back() {
  Work& work = *work_;
  work.to = std::make_unique<TextCore>(work.from.blocks, work.from.options);
  const Status status = read_state(as_bytes(work.kept), *work.to);
  check(bool(status));  // It was written by keep().
  work.place = work.kept_place;
}

}  // namespace varve
