#include "pure/text/tables.h"

#include <cstring>
#include <utility>

namespace varve {
namespace {

struct State {
  uint64_t length_sum;
  uint64_t log_bytes;
  uint32_t languages;
  uint32_t document_cells;
  uint32_t live_count;
  uint32_t term_count;
  uint32_t leaf_count;
  uint32_t stop_bytes;
};
static_assert(sizeof(State) == 40);

uint64_t page_count(uint32_t cells, size_t cell_bytes) {
  const uint64_t a_page = kColumnPageBytes / cell_bytes;
  return (cells + a_page - 1) / a_page;
}

uint64_t log_blocks(uint64_t log_bytes) {
  return log_bytes / kLogBytes + (log_bytes % kLogBytes != 0 ? 1 : 0);
}

Status refused(const char* what) { return Status::corrupt(std::string("text: ") + what); }

}  // namespace

uint64_t TableSizes::bytes() const {
  const uint64_t ids =
      page_count(term_count, sizeof(TermRecord)) + page_count(document_cells, sizeof(uint32_t)) +
      page_count(document_cells, sizeof(DocumentRecord)) + leaf_count + log_blocks(log_bytes);
  return ids * sizeof(BlockId);
}

TableSizes table_sizes(const TextCore& core) {
  return {core.documents.size(), core.terms.size(),
          static_cast<uint32_t>(core.dictionary.leaf_count()), core.log_bytes};
}

void append_tables(const TextCore& core, std::string& to) {
  for (const std::vector<BlockId>* const ids :
       {&core.terms.pages(), &core.lengths.pages(), &core.documents.pages(),
        &core.dictionary.leaves(), &core.log}) {
    append(to, Bytes(reinterpret_cast<const uint8_t*>(ids->data()), ids->size() * sizeof(BlockId)));
  }
}

void assign_tables(Bytes tables, const TableSizes& sizes, TextCore& to) {
  check(tables.size() == sizes.bytes());
  const auto take = [&tables](uint64_t count) {
    std::vector<BlockId> ids(count);
    if (count > 0) std::memcpy(ids.data(), tables.data(), count * sizeof(BlockId));
    tables = tables.subspan(count * sizeof(BlockId));
    return ids;
  };
  to.terms.assign(take(page_count(sizes.term_count, sizeof(TermRecord))), sizes.term_count);
  to.lengths.assign(take(page_count(sizes.document_cells, sizeof(uint32_t))), sizes.document_cells);
  to.documents.assign(take(page_count(sizes.document_cells, sizeof(DocumentRecord))),
                      sizes.document_cells);
  to.dictionary.assign(take(sizes.leaf_count));
  to.log = take(log_blocks(sizes.log_bytes));
  to.log_bytes = sizes.log_bytes;
  to.sorted_terms = sizes.term_count;
}

void write_state(const TextCore& core, std::string& to) {
  const TableSizes sizes = table_sizes(core);
  const State state = {
      core.length_sum,        core.log_bytes,
      core.options.languages, sizes.document_cells,
      core.live_count,        sizes.term_count,
      sizes.leaf_count,       static_cast<uint32_t>(core.options.stop_words.size())};
  append(to, state);
  to += core.options.stop_words;
  append_tables(core, to);
}

Status read_state(Bytes bytes, TextCore& to) {
  if (bytes.size() < sizeof(State)) return refused("a state that ends within its head");
  const State state = load<State>(bytes.data());
  const TableSizes sizes = {state.document_cells, state.term_count, state.leaf_count,
                            state.log_bytes};
  const Bytes rest = bytes.subspan(sizeof(State));
  if (state.stop_bytes > rest.size() || sizes.bytes() != rest.size() - state.stop_bytes) {
    return refused("a state of a wrong size");
  }
  const bool is_counted = state.document_cells <= kTextDocumentsMax &&
                          state.live_count < std::max<uint32_t>(state.document_cells, 1);
  if (!is_counted) return refused("a state of too many documents");
  if (state.languages != to.options.languages ||
      as_text(rest.first(state.stop_bytes)) != to.options.stop_words) {
    return Status::invalid("text: the index was made with other languages or stop words");
  }
  assign_tables(rest.subspan(state.stop_bytes), sizes, to);
  to.live_count = state.live_count;
  to.length_sum = state.length_sum;
  return Status::ok();
}

}  // namespace varve
