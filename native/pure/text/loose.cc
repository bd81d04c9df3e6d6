#include "pure/text/loose.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "pure/codec/varint.h"

namespace varve {

void Loose::occur(uint32_t term, uint32_t position) {
  State& state = states_[term];
  if (state.local == 0) {
    local_terms_.push_back(term);
    locals_.push_back({0, 0});
    state.local = static_cast<uint32_t>(locals_.size());
  }
  locals_[state.local - 1].count += 1;
  occurrences_.push_back({state.local - 1, position});
}

void Loose::drop_document() {
  for (const uint32_t term : local_terms_) states_[term].local = 0;
  local_terms_.clear();
  locals_.clear();
  occurrences_.clear();
}

std::span<const uint32_t> Loose::end_document(uint32_t document) {
  uint32_t begin = 0;
  for (Local& local : locals_) {
    local.begin = begin;
    begin += local.count;
  }
  positions_.resize(begin);
  for (const Occurrence& one : occurrences_) positions_[locals_[one.local].begin++] = one.position;
  for (uint32_t local = 0; local < locals_.size(); ++local) {
    locals_[local].begin -= locals_[local].count;
    put_posting(local, document);
    states_[local_terms_[local]].local = 0;
  }
  locals_.clear();
  occurrences_.clear();
  // The terms are kept for the caller, and go with the next document.
  std::swap(last_terms_, local_terms_);
  local_terms_.clear();
  return last_terms_;
}

void Loose::put_posting(uint32_t local, uint32_t document) {
  State& state = states_[local_terms_[local]];
  if (state.loose == 0) {
    const uint32_t slice = new_slice(kFirstSlice);
    terms_.push_back(
        {local_terms_[local], 0, 0, slice, slice, slice + kFirstSlice - kLinkBytes, kFirstSlice});
    state.loose = static_cast<uint32_t>(terms_.size());
  }
  LooseTerm& term = terms_[state.loose - 1];
  const auto [count, begin] = locals_[local];
  scratch_.resize((size_t{count} + 2) * kVarint32BytesMax);
  uint8_t* to = put_varint(scratch_.data(), document - term.last);
  to = put_varint(to, count);
  uint32_t before = 0;
  for (uint32_t index = begin; index < begin + count; ++index) {
    to = put_varint(to, positions_[index] - before);
    before = positions_[index];
  }
  term.count += 1;
  term.last = document;
  put(term, {scratch_.data(), to});
}

uint32_t Loose::new_slice(uint32_t bytes) {
  const size_t at = arena_.size();
  check(at + bytes <= UINT32_MAX);
  arena_.resize(at + bytes);
  return static_cast<uint32_t>(at);
}

void Loose::put(LooseTerm& term, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    if (term.at == term.end) {
      term.slice_bytes = std::min(term.slice_bytes * 2, kLastSlice);
      const uint32_t slice = new_slice(term.slice_bytes);
      store<uint32_t>(arena_.data() + term.end, slice);
      term.at = slice;
      term.end = slice + term.slice_bytes - kLinkBytes;
    }
    const size_t taken = std::min<size_t>(bytes.size(), term.end - term.at);
    std::copy_n(bytes.data(), taken, arena_.data() + term.at);
    term.at += static_cast<uint32_t>(taken);
    bytes = bytes.subspan(taken);
  }
}

uint32_t Loose::count(uint32_t term) const {
  const uint32_t loose = term < states_.size() ? states_[term].loose : 0;
  return loose == 0 ? 0 : terms_[loose - 1].count;
}

void Loose::read(uint32_t term, std::vector<uint8_t>& to) const {
  to.clear();
  if (count(term) == 0) return;
  const LooseTerm& found = terms_[states_[term].loose - 1];
  uint32_t slice_bytes = kFirstSlice;
  for (uint32_t at = found.first_slice;;) {
    const uint32_t end = at + slice_bytes - kLinkBytes;
    const bool is_last = end == found.end;
    to.insert(to.end(), arena_.data() + at, arena_.data() + (is_last ? found.at : end));
    if (is_last) return;
    at = load<uint32_t>(arena_.data() + end);
    slice_bytes = std::min(slice_bytes * 2, kLastSlice);
  }
}

size_t Loose::memory_bytes() const {
  return states_.capacity() * sizeof(State) + terms_.capacity() * sizeof(LooseTerm) +
         arena_.capacity();
}

void Loose::clear() {
  for (const LooseTerm& one : terms_) states_[one.term].loose = 0;
  terms_.clear();
  arena_.clear();
}

}  // namespace varve
