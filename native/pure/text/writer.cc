#include "pure/text/writer.h"

#include <algorithm>
#include <cstring>

#include "pure/codec/varint.h"

namespace varve {
namespace {

// Most terms are short, and copied without asking how short.
void copy_term(char* to, std::string_view term) {
  std::memcpy(to, term.data(), kTermPadding);
  if (term.size() <= kTermPadding) return;
  std::memcpy(to + kTermPadding, term.data() + kTermPadding, term.size() - kTermPadding);
}

}  // namespace

TextWriter::TextWriter(TextCore& core)
    : core_(core),
      has_surfaces_(core.options.languages != 0 || core.stops.size() > 0),
      surfaces_(reinterpret_cast<uintptr_t>(this)) {}

uint32_t TextWriter::number_of_term(std::string_view term, uint64_t hash) {
  const uint32_t found = core_.words.find(term, hash);
  if (found != WordTable::kAbsent) return found;
  core_.loose.add_term();
  core_.terms.append();
  return core_.words.add(term, hash);
}

uint32_t TextWriter::surface_term(std::string_view word) {
  if (core_.is_stop_word(word)) return kStopTerm;
  char stem[kTermBytesMax + 1];
  std::ranges::copy(word, stem);
  const uint32_t size = core_.stem_term(stem, static_cast<uint32_t>(word.size()));
  const std::string_view term(stem, std::min(size, kTermBytesMax));
  return number_of_term(term, core_.words.hash(term));
}

uint32_t TextWriter::number_of(const Waiting::Word& word) {
  if (!has_surfaces_) return number_of_term(word.text, word.hash);
  const uint32_t found = surfaces_.find(word.text, word.hash);
  if (found != WordTable::kAbsent) return surface_terms_[found];
  if (surfaces_.size() >= kSurfacesMax) {
    surfaces_.clear();
    surface_terms_.clear();
  }
  surface_terms_.push_back(surface_term(word.text));
  surfaces_.add(word.text, word.hash);
  return surface_terms_.back();
}

// The next words of a text; false when these were the last.
bool TextWriter::gather(TokenReader& from, const WordTable& table) {
  char* to = waiting_.texts;
  waiting_.count = 0;
  for (Token token; waiting_.count < kWaitingMax;) {
    if (!from.next(token)) return false;
    const std::string_view text(to, token.term.size());
    copy_term(to, token.term);
    to += text.size();
    const uint64_t hash = table.hash_padded(text);
    table.expect(hash);
    waiting_.words[waiting_.count++] = {text, hash, token.position, 0};
  }
  return true;
}

void TextWriter::look_up() {
  for (Waiting::Word& word : std::span(waiting_.words, waiting_.count)) {
    word.term = number_of(word);
    if (word.term != kStopTerm) core_.loose.expect(word.term);
  }
}

void TextWriter::add(uint32_t id, std::string_view text) {
  const WordTable& table = has_surfaces_ ? surfaces_ : core_.words;
  uint32_t length = 0;
  TokenReader reader(text);
  for (bool goes_on = true; goes_on;) {
    goes_on = gather(reader, table);
    const std::span<Waiting::Word> words(waiting_.words, waiting_.count);
    for (const Waiting::Word& word : words) table.expect_word(word.hash);
    look_up();
    for (const Waiting::Word& word : words) {
      if (word.term == kStopTerm) continue;
      core_.loose.occur(word.term, word.position);
      length += 1;
    }
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
  count_terms(number, UINT32_MAX);
  store(core_.lengths.write(number), length | kDeadBit);
  core_.live_count -= 1;
  core_.length_sum -= length;
  const uint32_t dead = core_.documents.size() - 1 - core_.live_count;
  if (core_.options.compacts && dead > core_.live_count + kTextRemovedMin) compact();
  return true;
}

// One more or, as numbers wrap, one less.
void TextWriter::count_terms(uint32_t number, uint32_t change) {
  read_terms(core_, load<DocumentRecord>(core_.documents.read(number)), terms_);
  for (const uint32_t term : terms_.numbers) {
    uint8_t* const cell = core_.terms.write(term);
    store(cell, load<uint32_t>(cell) + change);  // TermRecord::live_count
  }
}

void TextWriter::bring_back(uint32_t id, uint32_t number) {
  check(number > 0 && number < core_.documents.size());
  const uint32_t length = core_.length_of(number) & ~kDeadBit;
  core_.ids.add(id, number);
  count_terms(number, 1);
  store(core_.lengths.write(number), length);
  core_.live_count += 1;
  core_.length_sum += length;
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
  const std::span<const uint32_t> terms = core_.loose.terms();
  for (size_t index = 0; index < terms.size(); ++index) {
    core_.lists.expect(terms[std::min(index + kFoldedAhead, terms.size() - 1)]);
    const uint32_t term = terms[index];
    core_.loose.read(term, bytes_);
    core_.lists.append(term, bytes_, core_.loose.count(term));
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
  core_.loose.release();
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
