#include "pure/text/cursor.h"

#include <algorithm>

namespace varve {

TermCursor::TermCursor(const TextCore& core, uint32_t term) : core_(core), term_(term) {
  const TermRecord record = core.lists.record(term);
  live_count_ = core.document_count(term);
  packed_count_ = record.packed_count;
  core.lists.read_pages(record, pages_);
  read_recent(record);
}

uint32_t TermCursor::posting_count() const {
  return packed_count_ + static_cast<uint32_t>(recent_.size());
}

void TermCursor::read_recent(const TermRecord& record) {
  const uint32_t limit = core_.documents.size();
  const uint32_t before = pages_.empty() ? 0 : pages_.back().last;
  const auto take = [this, limit, before](Bytes bytes) {
    LooseReader reader(bytes);
    for (Posting posting{}; reader.next(posting);) {
      const uint32_t last = recent_.empty() ? before : recent_.back();
      if (posting.document <= last || posting.document >= limit) return;
      recent_.push_back(posting.document);
      recent_frequencies_.push_back(posting.frequency);
      recent_positions_.insert(recent_positions_.end(), posting.positions.begin(),
                               posting.positions.end());
    }
  };
  recent_.reserve(record.tail_count + core_.loose.count(term_));
  recent_frequencies_.reserve(recent_.capacity());
  take(core_.lists.tail(record));
  if (core_.loose.count(term_) == 0) return;
  core_.loose.read(term_, scratch_);
  take(scratch_);
}

void TermCursor::weigh(double weight, const Norm& norm) {
  weight_ = weight;
  norm_ = norm;
  most_ = 0;
  for (size_t page = 0; page < pages_.size(); ++page) most_ = std::max(most_, page_most(page));
  uint32_t most_often = 0;
  for (const uint32_t frequency : recent_frequencies_) {
    most_often = std::max(most_often, frequency);
  }
  recent_most_ = most_often == 0 ? 0 : varve::score(weight, norm, most_often, 0);
  most_ = std::max(most_, recent_most_);
}

void TermCursor::go_to_page(size_t page) {
  page_index_ = page;
  page_ = read_page(core_.blocks, pages_[page].page);
  group_index_ = 0;
  group_base_ = page_.base;
  if (page_.group_count > 0) group_last_ = page_.groups[0].last;
  is_loaded_ = false;
  has_group_most_ = false;
}

void TermCursor::go_to_recent() {
  page_index_ = pages_.size();
  group_last_ = recent_.back();
  is_loaded_ = false;
  has_group_most_ = false;
}

bool TermCursor::next_in_page() {
  if (group_index_ + 1 >= page_.group_count) return false;
  group_base_ = group_last_;
  group_index_ += 1;
  group_last_ = page_.groups[group_index_].last;
  is_loaded_ = false;
  has_group_most_ = false;
  return true;
}

bool TermCursor::end() {
  page_index_ = pages_.size() + 1;
  group_last_ = kNoDocument;
  documents_ = {};
  document_ = kNoDocument;
  return false;
}

bool TermCursor::enter(uint32_t target) {
  if (group_last_ != 0 && group_last_ >= target) return group_last_ != kNoDocument;
  size_t page = page_index_;
  if (page < pages_.size() && pages_[page].last < target) {
    const auto rest = std::span(pages_).subspan(page);
    size_t step = 1;  // Mostly near, sometimes far.
    while (step < rest.size() && rest[step].last < target) step *= 2;
    const auto near = rest.subspan(step / 2, std::min(step + 1, rest.size()) - step / 2);
    page += step / 2;
    page += static_cast<size_t>(std::ranges::lower_bound(near, target, {}, &PageRef::last) -
                                near.begin());
  }
  for (; page < pages_.size(); ++page) {
    if (page != page_index_ || group_last_ == 0) go_to_page(page);
    if (page_.group_count == 0) continue;  // No page: the blocks have failed.
    while (group_last_ < target && next_in_page()) {
    }
    if (group_last_ >= target) return true;
  }
  if (page_index_ > pages_.size() || recent_.empty() || recent_.back() < target) return end();
  if (page_index_ < pages_.size() || group_last_ == 0) go_to_recent();
  return true;
}

uint64_t TermCursor::group_most() {
  if (page_index_ >= pages_.size()) return recent_most_;
  if (!has_group_most_) {
    group_most_ = varve::most(weight_, norm_, page_.groups[group_index_].frontier);
    has_group_most_ = true;
  }
  return group_most_;
}

uint64_t TermCursor::most_until(uint32_t end) {
  if (group_last_ == kNoDocument) return 0;
  if (page_index_ >= pages_.size()) return recent_most_;
  uint64_t most = group_most();
  uint32_t last = group_last_;
  for (uint32_t index = group_index_ + 1; index < page_.group_count && last + 1 < end; ++index) {
    most = std::max(most, varve::most(weight_, norm_, page_.groups[index].frontier));
    last = page_.groups[index].last;
  }
  size_t page = page_index_ + 1;
  for (; page < pages_.size() && page_first(page) < end; ++page) {
    most = std::max(most, page_most(page));
  }
  const bool may_be_recent = page == pages_.size() && pages_.back().last + 1 < end;
  return may_be_recent ? std::max(most, recent_most_) : most;
}

std::span<const uint32_t> TermCursor::load() {
  if (is_loaded_) return documents_;
  is_loaded_ = true;
  has_frequencies_ = false;
  position_index_ = UINT32_MAX;
  index_ = 0;
  if (page_index_ >= pages_.size()) {
    documents_ = recent_;
    return documents_;
  }
  const Group& group = page_.groups[group_index_];
  const bool is_group =
      unpack_documents(core_.blocks, pages_[page_index_].page, group, group_base_, unpacked_) &&
      group.last == unpacked_[kGroupPostings - 1] && group.last < core_.documents.size();
  const size_t count = is_group ? std::min<size_t>(group.count, kGroupPostings) : 0;
  documents_ = std::span(unpacked_).first(count);
  return documents_;
}

std::span<const uint32_t> TermCursor::frequencies() {
  if (page_index_ >= pages_.size()) return recent_frequencies_;
  if (!has_frequencies_) {
    const bool is_there = unpack_frequencies(core_.blocks, pages_[page_index_].page,
                                             page_.groups[group_index_], frequencies_);
    if (!is_there) std::ranges::fill(frequencies_, 1u);
    has_frequencies_ = true;
  }
  return frequencies_;
}

uint32_t TermCursor::advance(uint32_t target) {
  if (document_ >= target && document_ != 0) return document_;
  while (enter(target)) {
    const std::span<const uint32_t> documents = load();
    uint32_t at = index_;
    const uint32_t near = std::min<uint32_t>(at + 8, static_cast<uint32_t>(documents.size()));
    while (at < near && documents[at] < target) ++at;
    if (at == near && at < documents.size() && documents[at] < target) {
      const auto rest = documents.subspan(at);
      at += static_cast<uint32_t>(std::ranges::lower_bound(rest, target) - rest.begin());
    }
    index_ = at;
    if (at < documents.size()) return document_ = documents[at];
    if (group_last_ == kNoDocument) break;
    target = std::max(target, group_last_ + 1);  // A group that is none.
  }
  end();
  return kNoDocument;
}

uint32_t TermCursor::frequency() { return frequencies()[index_]; }

void TermCursor::positions(std::vector<uint32_t>& to) {
  const std::span<const uint32_t> often = frequencies();
  if (position_index_ > index_) {
    const bool is_recent = page_index_ >= pages_.size();
    group_positions_ = is_recent
                           ? Bytes(recent_positions_)
                           : read_positions(core_.blocks, page_.groups[group_index_], scratch_);
    position_index_ = 0;
  }
  uint64_t passed = 0;
  for (; position_index_ < index_; ++position_index_) passed += often[position_index_];
  group_positions_ = group_positions_.subspan(first_positions(group_positions_, passed).size());
  to.clear();
  Bytes rest = first_positions(group_positions_, often[index_]);
  uint32_t position = 0;
  for (uint32_t step = 0; take_number(rest, step);) to.push_back(position += step);
}

}  // namespace varve
