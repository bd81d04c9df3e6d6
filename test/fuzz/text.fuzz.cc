// Hostile images of text indexes: refused, or searched, changed and written anew within bounds; and
// hostile queries and texts over whatever index there is.
//
// The first byte says how long the query is, which comes next; what is left is an image, whose
// checksum and size are mended, since a fuzzer would never find them.
#include <cstring>
#include <string>
#include <vector>

#include "fuzz.h"
#include "pure/simd/simd.h"
#include "pure/text/text.h"

namespace varve {
namespace {

void ask(TextIndex& index, std::string_view query) {
  std::vector<TextHit> hits;
  std::vector<TextRange> ranges;
  for (uint32_t shape = 0; shape < 8; ++shape) {
    TextRequest request;
    request.query = query;
    request.is_plain = (shape & 1) != 0;
    request.needs_all = (shape & 2) != 0;
    request.is_prefix = (shape & 4) != 0;
    request.edits = shape % 3;
    if (!index.search(request, hits)) return;  // Too many words.
    check(hits.size() <= request.limit);
    for (const TextHit& hit : hits) check(index.has(hit.id) && hit.score > 0);
    if (!index.highlight(request, query, ranges)) return;
    uint32_t end = 0;
    for (const TextRange& range : ranges) {
      check((end == 0 || range.begin > end) && range.begin < range.end);
      end = range.end;
    }
  }
}

void change(Bytes image, std::string_view text) {
  MemoryBlocks blocks;
  Result<std::unique_ptr<TextIndex>> copy = TextIndex::copy(image, blocks);
  check(static_cast<bool>(copy));
  TextIndex& index = **copy;
  index.remove(1);
  const uint32_t id = 77;
  index.remove(id);
  check(static_cast<bool>(index.add(id, text)) && index.has(id));
  ask(index, text);
  std::string again;
  index.serialise(again);
  std::vector<uint64_t> words(again.size() / 8 + 1);
  std::memcpy(words.data(), again.data(), again.size());
  check(static_cast<bool>(
      TextIndex::open({reinterpret_cast<const uint8_t*>(words.data()), again.size()})));
}

void run(Bytes input) {
  if (input.empty()) return;
  const size_t query_bytes = std::min<size_t>(input[0], input.size() - 1);
  const std::string_view query = as_text(input.subspan(1, query_bytes));
  const Bytes rest = input.subspan(1 + query_bytes);
  std::vector<uint64_t> words(rest.size() / 8 + 1);
  uint8_t* const bytes = reinterpret_cast<uint8_t*>(words.data());
  if (!rest.empty()) std::memcpy(bytes, rest.data(), rest.size());
  if (rest.size() >= 24) {
    store<uint64_t>(bytes + 16, rest.size());
    store(bytes + 12, kernels().crc32c(bytes + 16, rest.size() - 16, 0));
  }
  const Bytes image(bytes, rest.size());
  Result<std::unique_ptr<TextIndex>> opened = TextIndex::open(image);
  if (!opened) return;
  ask(**opened, query);
  change(image, query);
}

const fuzz::Target target("text", run);

}  // namespace
}  // namespace varve
