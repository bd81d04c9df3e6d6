#include "pure/text/documents.h"

#include <algorithm>
#include <cstring>

#include "pure/codec/varint.h"

namespace varve {
namespace {

void write_log(TextCore& core, Bytes bytes) {
  while (!bytes.empty()) {
    const size_t at = core.log_bytes % kLogBytes;
    if (at == 0) core.log.push_back(kNoBlock);
    const size_t taken = std::min<size_t>(bytes.size(), kLogBytes - at);
    const MutableBytes block = core.blocks.write(core.log.back(), kLogBytes);
    std::memcpy(block.data() + at, bytes.data(), taken);
    core.log_bytes += taken;
    bytes = bytes.subspan(taken);
  }
}

void read_log(const TextCore& core, uint64_t at, uint8_t* to, size_t size) {
  while (size > 0) {
    const size_t from = at % kLogBytes;
    const size_t taken = std::min<size_t>(size, kLogBytes - from);
    const uint8_t* const block = core.blocks.read(core.log[at / kLogBytes], from + taken);
    std::memcpy(to, block + from, taken);
    at += taken;
    to += taken;
    size -= taken;
  }
}

}  // namespace

void read_terms(const TextCore& core, const DocumentRecord& document, DocumentTerms& terms) {
  terms.numbers.clear();
  terms.bytes.clear();
  if (document.terms_at > core.log_bytes) return;
  const uint64_t most = uint64_t{document.term_count} * kVarint32BytesMax;
  terms.bytes.resize(std::min(most, core.log_bytes - document.terms_at));
  read_log(core, document.terms_at, terms.bytes.data(), terms.bytes.size());
  Bytes rest = terms.bytes;
  uint32_t term = 0;
  uint32_t count = 0;
  while (count < document.term_count && take_varint(rest, term)) {
    if (term < core.terms.size()) terms.numbers.push_back(term);
    count += 1;
  }
  terms.bytes.resize(terms.bytes.size() - rest.size());
}

uint32_t next_document(TextCore& core) {
  if (core.documents.size() == 0) {
    core.documents.append();
    core.lengths.append();
    store(core.lengths.write(0), kDeadBit);
  }
  return core.documents.size();
}

void add_document(TextCore& core, uint32_t id, uint32_t length, uint32_t term_count, Bytes terms) {
  const DocumentRecord document = {id, term_count, core.log_bytes};
  write_log(core, terms);
  next_document(core);
  const uint32_t number = core.documents.append();
  core.lengths.append();
  store(core.lengths.write(number), length);
  store(core.documents.write(number), document);
  core.live_count += 1;
  core.length_sum += length;
}

void clear_documents(TextCore& core) {
  for (const BlockId id : core.log) core.blocks.free(id);
  core.log.clear();
  core.log_bytes = 0;
  core.documents.clear();
  core.lengths.clear();
  core.live_count = 0;
  core.length_sum = 0;
}

}  // namespace varve
