// pure/text/cursor.h — one list of postings, walked in rising order of documents.
//
// A cursor stands at a group before it unpacks it: enter() finds the group that a document would
// lie in, most() says the most that anything there scores, and only who wants more loads it. The
// tail and what is loose are the last group of all, unpacked from the beginning, of any size.
//
// Invariants
//   - documents come strictly rising; a dead one comes like any other.
//   - no document is handed out that the index has no number for.
// Threads: one. Nothing may be written while a cursor is open.
#pragma once

#include <span>
#include <vector>

#include "pure/text/core.h"

namespace varve {

// Lengths of documents, quick while they lie near one another.
class LengthReader {
 public:
  explicit LengthReader(const Column& lengths) : lengths_(lengths) {}
  // With kDeadBit.
  uint32_t at(uint32_t number) {
    const uint32_t page = number / kCells;
    if (page != page_) {
      cells_ = lengths_.page(page);
      page_ = page;
    }
    return load<uint32_t>(cells_ + number % kCells * sizeof(uint32_t));
  }

 private:
  static constexpr uint32_t kCells = kColumnPageBytes / sizeof(uint32_t);
  const Column& lengths_;
  const uint8_t* cells_ = nullptr;
  uint32_t page_ = UINT32_MAX;
};

class TermCursor {
 public:
  TermCursor(const TextCore& core, uint32_t term);

  // Scores are weight * f / (f + norm(length)).
  void weigh(double weight, const Norm& norm);
  double weight() const { return weight_; }
  uint64_t most() const { return most_; }  // In the whole list.
  uint32_t live_count() const { return live_count_; }
  uint32_t posting_count() const;

  // Stands before the first group that ends at or behind `target`; false when there is none.
  bool enter(uint32_t target);
  uint32_t group_last() const { return group_last_; }
  uint64_t group_most();
  // Of the group it stands before and all behind it that begin before `end`; at most too much.
  uint64_t most_until(uint32_t end);
  // Unpacks it.
  std::span<const uint32_t> load();
  std::span<const uint32_t> frequencies();

  // The document it stands at, kNoDocument at the end; before the first advance, 0.
  uint32_t document() const { return document_; }
  // To the first document at or behind `target`.
  uint32_t advance(uint32_t target);
  uint32_t frequency();
  uint64_t score(uint32_t length) { return varve::score(weight_, norm_, frequency(), length); }
  // From the document it stands at to the end of its group.
  std::span<const uint32_t> rest() const { return documents_.subspan(index_); }
  std::span<const uint32_t> rest_frequencies() { return frequencies().subspan(index_); }
  // Of the document, rising.
  void positions(std::vector<uint32_t>& to);

  // Groups by number, for who wants the best first.
  size_t page_count() const { return pages_.size(); }
  uint64_t page_most(size_t page) const {
    return varve::most(weight_, norm_, pages_[page].frontier);
  }
  uint32_t page_first(size_t page) const { return page == 0 ? 1 : pages_[page - 1].last + 1; }
  bool has_recent() const { return !recent_.empty(); }
  void go_to_page(size_t page);
  void go_to_recent();
  // To the next group of the page; false behind its last.
  bool next_in_page();

 private:
  void read_recent(const TermRecord& record);
  bool set_group(uint32_t index);
  bool end();

  const TextCore& core_;
  const uint32_t term_;
  uint32_t live_count_ = 0;
  uint32_t packed_count_ = 0;
  double weight_ = 0;
  Norm norm_;
  uint64_t most_ = 0;
  uint64_t recent_most_ = 0;

  std::vector<PageRef> pages_;
  size_t page_index_ = 0;
  Page page_{};
  uint32_t group_index_ = 0;
  uint32_t group_base_ = 0;
  uint32_t group_last_ = 0;  // 0: at no group yet.
  bool is_loaded_ = false;
  bool has_frequencies_ = false;
  bool has_group_most_ = false;
  uint64_t group_most_ = 0;

  std::span<const uint32_t> documents_;  // Of the group, where loaded.
  uint32_t index_ = 0;
  uint32_t document_ = 0;
  Bytes group_positions_;
  uint32_t position_index_ = UINT32_MAX;  // Whose positions group_positions_ begins with.

  std::vector<uint32_t> recent_;
  std::vector<uint32_t> recent_frequencies_;
  std::vector<uint8_t> recent_positions_;
  std::vector<uint8_t> scratch_;
  uint32_t unpacked_[kGroupPostings];
  uint32_t frequencies_[kGroupPostings];
};

}  // namespace varve
