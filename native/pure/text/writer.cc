#include "pure/text/writer.h"

#include <algorithm>
#include <cstring>

#include "pure/codec/varint.h"

namespace varve {

TextWriter::TextWriter(TextCore& core)
    : core_(core), surfaces_(reinterpret_cast<uintptr_t>(this)) {}

uint32_t TextWriter::number_of_term(std::string_view term) {
  const uint64_t hash = core_.words.hash(term);
  const uint32_t found = core_.words.find(term, hash);
  if (found != WordTable::kAbsent) return found;
  core_.loose.add_term();
  core_.terms.append();
  return core_.words.add(term, hash);
}

uint32_t TextWriter::surface_term(const Token& token) {
  if (core_.is_stop_word(token.term)) return kStopTerm;
  char stem[kTermBytesMax + 1];
  const uint32_t size = static_cast<uint32_t>(token.term.size());
  std::ranges::copy(token.term, stem);
  return number_of_term({stem, std::min(core_.stem_term(stem, size), kTermBytesMax)});
}

uint32_t TextWriter::number_of(const Token& token) {
  if (core_.options.languages == 0 && core_.stops.size() == 0) return number_of_term(token.term);
  const uint64_t hash = surfaces_.hash(token.term);
  const uint32_t found = surfaces_.find(token.term, hash);
  if (found != WordTable::kAbsent) return surface_terms_[found];
  if (surfaces_.size() >= kSurfacesMax) {
    surfaces_.clear();
    surface_terms_.clear();
  }
  surface_terms_.push_back(surface_term(token));
  surfaces_.add(token.term, hash);
  return surface_terms_.back();
}

void TextWriter::add(uint32_t id, std::string_view text) {
  uint32_t length = 0;
  TokenReader reader(text);
  for (Token token; reader.next(token);) {
    const uint32_t term = number_of(token);
    if (term == kStopTerm) continue;
    core_.loose.occur(term, token.position);
    length += 1;
  }
  const uint32_t number = next_document(core_);
  const std::span<const uint32_t> terms = core_.loose.end_document(number);
  bytes_.resize(terms.size() * kVarint32BytesMax);
  uint8_t* end = bytes_.data();
  for (const uint32_t term : terms) end = put_varint(end, term);
  add_document(core_, id, length, static_cast<uint32_t>(terms.size()), {bytes_.data(), end});
  name_document(id, number);
  if (core_.loose.bytes() > kLooseBytesMax) fold();
}

void TextWriter::name_document(uint32_t id, uint32_t number) {
  core_.ids.add(id, number);
  core_.ids_rise = core_.ids_rise && (number == 1 || id > core_.last_id);
  core_.last_id = id;
}

bool TextWriter::remove(uint32_t id) {
  const uint32_t number = core_.ids.find(id);
  if (number == 0) return false;
  core_.ids.remove(id);
  const uint32_t length = core_.length_of(number);
  read_terms(core_, load<DocumentRecord>(core_.documents.read(number)), terms_);
  for (const uint32_t term : terms_.numbers) {
    uint8_t* const cell = core_.terms.write(term);
    store(cell, load<uint32_t>(cell) - 1);  // TermRecord::live_count
  }
  store(core_.lengths.write(number), length | kDeadBit);
  core_.live_count -= 1;
  core_.length_sum -= length;
  const uint32_t dead = core_.documents.size() - 1 - core_.live_count;
  if (core_.options.compacts && dead > core_.live_count + kTextRemovedMin) compact();
  return true;
}

void TextWriter::sort_new_terms() {
  std::vector<TermEntry> entries;
  for (uint32_t term = core_.sorted_terms; term < core_.words.size(); ++term) {
    entries.push_back({core_.words.word(term), term});
  }
  std::ranges::sort(entries, {}, &TermEntry::term);
  core_.dictionary.insert(entries);
  core_.sorted_terms = core_.words.size();
}

void TextWriter::fold() {
  sort_new_terms();
  for (const LooseTerm& one : core_.loose.terms()) {
    core_.loose.read(one.term, bytes_);
    core_.lists.append(one.term, bytes_, one.count);
  }
  core_.loose.clear();
}

void TextWriter::fold_if_much() {
  if (core_.loose.bytes() > kLooseBytesSearched) fold();
}

// Columns and log without the dead, and the new number of each old one.
std::vector<uint32_t> TextWriter::renumber_documents() {
  struct Live {
    uint32_t id;
    uint32_t length;
    uint32_t term_count;
    size_t begin;
    size_t end;
  };
  std::vector<Live> live;
  std::vector<uint8_t> log;
  std::vector<uint32_t> numbers(core_.documents.size(), 0);
  for (uint32_t number = 1; number < core_.documents.size(); ++number) {
    const uint32_t length = core_.length_of(number);
    if ((length & kDeadBit) != 0) continue;
    const DocumentRecord document = load<DocumentRecord>(core_.documents.read(number));
    read_terms(core_, document, terms_);
    const size_t begin = log.size();
    log.insert(log.end(), terms_.bytes.begin(), terms_.bytes.end());
    live.push_back({document.id, length, document.term_count, begin, log.size()});
    numbers[number] = static_cast<uint32_t>(live.size());
  }
  clear_documents(core_);
  core_.ids.clear();
  core_.ids_rise = true;
  for (const Live& one : live) {
    const uint32_t number = next_document(core_);
    const Bytes terms = Bytes(log).subspan(one.begin, one.end - one.begin);
    add_document(core_, one.id, one.length, one.term_count, terms);
    name_document(one.id, number);
  }
  return numbers;
}

void TextWriter::rewrite_list(uint32_t term, const std::vector<uint32_t>& numbers) {
  const TermRecord record = core_.lists.record(term);
  ListReader reader(core_.blocks, core_.lists, record);
  const uint32_t count = renumber(reader, numbers, bytes_);
  core_.lists.clear(term);
  core_.lists.append(term, bytes_, count);
}

void TextWriter::compact() {
  fold();
  if (core_.documents.size() <= core_.live_count + 1) return;
  const std::vector<uint32_t> numbers = renumber_documents();
  for (uint32_t term = 0; term < core_.terms.size(); ++term) rewrite_list(term, numbers);
}

void TextWriter::clear() {
  for (uint32_t term = 0; term < core_.terms.size(); ++term) core_.lists.clear(term);
  core_.terms.clear();
  core_.dictionary.clear();
  clear_documents(core_);
  core_.sorted_terms = 0;
  core_.ids_rise = true;
  core_.last_id = 0;
  core_.words.clear();
  core_.loose.clear();
  core_.loose.reset_terms(0);
  core_.ids.clear();
  surfaces_.clear();
  surface_terms_.clear();
}

void TextWriter::restore() {
  // Blocks may be damaged: a number that is none is passed, and a term that no leaf names is empty.
  std::vector<std::string> terms(core_.terms.size());
  for (size_t leaf = 0; leaf < core_.dictionary.leaf_count(); ++leaf) {
    for (LeafReader reader(core_.dictionary.leaf(leaf)); reader.next();) {
      if (reader.number() < terms.size()) terms[reader.number()] = reader.term();
    }
  }
  for (const std::string& term : terms) core_.words.add(term, core_.words.hash(term));
  core_.loose.reset_terms(core_.terms.size());
  for (uint32_t number = 1; number < core_.documents.size(); ++number) {
    if ((core_.length_of(number) & kDeadBit) != 0) continue;
    name_document(core_.id_of(number), number);
  }
}

size_t TextWriter::memory_bytes() const {
  return surfaces_.memory_bytes() + surface_terms_.capacity() * sizeof(uint32_t) +
         core_.words.memory_bytes() + core_.loose.memory_bytes() + core_.ids.memory_bytes();
}

}  // namespace varve
