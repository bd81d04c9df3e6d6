// Hostile packed indexes of a store: heads, states, blocks and loose entries of any bytes are refused,
// or brought to a view, asked and folded within bounds; answers may be wrong, accesses not.
//
// An input is the kind (1 byte) and then entries: which part (1 byte), the size of what its key has
// behind that, that, the size of the value, the value.
#include "fuzz.h"
#include "layer/blocks/stored_kinds.h"
#include "pure/codec/varint.h"

namespace varve {
namespace {

const std::string kPrefix("\x13\0\0\0\1", 5);
constexpr size_t kFrameBytes = size_t{1} << 20;
constexpr size_t kListed = 256;
constexpr size_t kFoldsMax = 8;

std::shared_ptr<Store> memory_store() {
  StoreOptions options;
  options.engine = EngineKind::kMemory;
  options.memory_bytes = uint64_t{16} << 20;
  options.log = false;
  options.holder = "a fuzzer";
  Result<std::shared_ptr<Store>> store = Store::open(native_os(), options);
  check(static_cast<bool>(store));
  return *store;
}

bool take_piece(Bytes& from, Bytes& piece) {
  uint32_t size = 0;
  if (!take_varint(from, size) || size > from.size()) return false;
  piece = from.first(size);
  from = from.subspan(size);
  return true;
}

bool put_all(Store& store, Bytes input) {
  Batch batch(store.hash_seed(), store.commit_bytes_max());
  while (!input.empty()) {
    const auto part = static_cast<StoredPart>(input[0] % 4);
    input = input.subspan(1);
    Bytes number;
    Bytes value;
    if (!take_piece(input, number) || !take_piece(input, value)) return false;
    const std::string key = key_of_part(kPrefix, part) + std::string(as_text(number));
    batch.put(as_bytes(key), value);
  }
  return batch.size() > 0 && static_cast<bool>(store.commit(batch));
}

void ask(const Bitmap& members) {
  uint64_t listed[kListed];
  const size_t count = members.list_up(0, listed, kListed);
  check(count <= kListed);
  MemoryBlocks blocks;
  const Bitmap part = members.slice_down(uint64_t{1} << 40, (uint64_t{2} << 40) - 1, blocks);
  check(part.total() <= members.total());
}

void ask(const geo::Tree& tree) {
  std::vector<geo::Match> found;
  geo::Query query;
  query.limit = kListed;
  tree.near({10, 20}, 1e6, query, found);
  check(found.size() <= kListed);
}

void ask(TextIndex& texts) {
  std::vector<TextHit> hits;
  TextRequest request;
  request.query = "rome os*";
  request.limit = kListed;
  if (texts.search(request, hits)) check(hits.size() <= kListed);
}

template <class Kind>
void look_at(Store& store, Kind kind = {}) {
  Store::Reader reader(store);
  StoredIndex<Kind> index(kPrefix, kFrameBytes, std::move(kind));
  {
    const Store::View view(reader);
    if (!index.sync(view)) return;
    ask(index.index());
  }
  for (size_t i = 0; i < kFoldsMax; ++i) {
    const Result<FoldReport> folded = index.fold(store, reader);
    if (!folded || folded->is_done) break;
  }
  const Store::View view(reader);
  if (index.sync(view)) ask(index.index());
}

void run(Bytes input) {
  if (input.empty()) return;
  const std::shared_ptr<Store> store = memory_store();
  if (!put_all(*store, input.subspan(1))) return;
  switch (input[0] % 4) {
    case 0:
      return look_at<StoredMembers>(*store);
    case 1:
      return look_at<StoredPlaces<geo::Holds::kPoints>>(*store);
    case 2:
      return look_at<StoredPlaces<geo::Holds::kBoxes>>(*store);
    default:
      return look_at<StoredTexts>(*store);
  }
}

const fuzz::Target target("blocks", run);

}  // namespace
}  // namespace varve
