#include "layer/catalog/catalog.h"

namespace varve {
namespace {

constexpr char kNames[] = "\x01n";
constexpr char kLastId[] = "\x01i";

Result<uint32_t> read_id(Store::Reader& reader, Bytes key) {
  const Store::View view(reader);
  Lookup found;
  if (Status status = view.get(key, true, found); !status) return status;
  if (found.found != Found::kPut) return 0u;
  if (found.edit.value.size() != 4) return Status::corrupt("catalog: an id of a wrong size");
  return load<uint32_t>(found.edit.value.data());
}

}  // namespace

Result<uint32_t> sublevel_id(Store& store, Store::Reader& reader, Bytes path) {
  const std::unique_lock<std::mutex> held(store.names_mutex());
  std::string name = kNames;
  append(name, path);
  Result<uint32_t> there = read_id(reader, as_bytes(name));
  if (!there || *there != 0 || store.options().read_only) return there;
  Ids ids(store, reader);
  const Result<uint32_t> drawn = ids.draw();
  if (!drawn) return drawn.error();
  uint8_t id[4];
  varve::store<uint32_t>(id, *drawn);
  Batch batch(store.hash_seed());
  batch.put(as_bytes(name), Bytes(id, 4));
  ids.put(batch);
  const Result<uint64_t> commit = store.commit(batch);
  if (!commit) return commit.error();
  return *drawn;
}

Result<uint32_t> Ids::draw() {
  if (!is_drawn_) {
    const Result<uint32_t> last = read_id(reader_, as_bytes(kLastId));
    if (!last) return last.error();
    last_ = *last;
  }
  if (last_ >= UINT32_MAX - 1) return Status(Code::kTooLarge, "catalog: ids are used up");
  is_drawn_ = true;
  return ++last_;
}

void Ids::put(Batch& batch) const {
  if (!is_drawn_) return;
  uint8_t id[4];
  varve::store<uint32_t>(id, last_);
  batch.put(as_bytes(kLastId), Bytes(id, 4));
}

}  // namespace varve
