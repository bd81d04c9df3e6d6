#include "layer/blocks/stored_index.h"

#include <algorithm>

namespace varve {
namespace {

constexpr uint8_t kVersion = 0;
constexpr size_t kHeadBytes = 32;
constexpr size_t kChunkBytes = 4096;

Bytes chunk_of(const std::string& state, size_t index) {
  const size_t begin = std::min(index * kChunkBytes, state.size());
  return as_bytes(state).subspan(begin, std::min(kChunkBytes, state.size() - begin));
}

size_t chunk_count(const std::string& state) {
  return (state.size() + kChunkBytes - 1) / kChunkBytes;
}

Status corrupt(const char* what) { return Status::corrupt(std::string("index: ") + what); }

Status read_state(const Store::View& view, const std::string& prefix, uint64_t size,
                  std::string& state) {
  state.clear();
  std::string room;
  for (uint32_t index = 0; state.size() < size; ++index) {
    Lookup found;
    const std::string key = key_of_part(prefix, StoredPart::kState, index);
    if (Status status = view.get(as_bytes(key), true, found); !status) return status;
    if (found.found != Found::kPut) return corrupt("a part of its state is not there");
    const Result<Bytes> chunk = view.value(found.edit, room);
    if (!chunk) return chunk.error();
    if (chunk->size() != std::min<uint64_t>(kChunkBytes, size - state.size())) {
      return corrupt("a part of its state has a wrong size");
    }
    append(state, *chunk);
  }
  return Status::ok();
}

}  // namespace

Status read_index_head(const Store::View& view, const std::string& prefix, uint8_t kind,
                       const IndexHead& known, IndexHead& head) {
  Lookup found;
  const std::string key = key_of_part(prefix, StoredPart::kHead);
  if (Status status = view.get(as_bytes(key), true, found); !status) return status;
  head = {};
  if (found.found != Found::kPut) return Status::ok();
  if (found.edit.commit == known.commit) {
    head.commit = known.commit;
    head.incarnation = known.incarnation;
    return Status::ok();
  }
  const Bytes bytes = found.edit.value;
  if (bytes.size() != kHeadBytes) return corrupt("its head has a wrong size");
  if (bytes[0] != kVersion) return {Code::kNewerFormat, "index: written by a newer version"};
  if (bytes[1] != kind) return corrupt("it holds something else");
  if (load<uint16_t>(bytes.data() + 2) != 0) return corrupt("unknown flags in its head");
  head.commit = found.edit.commit;
  head.next_block = load<uint32_t>(bytes.data() + 4);
  head.incarnation = load<uint64_t>(bytes.data() + 8);
  head.rebuilt_from = load<uint32_t>(bytes.data() + 24);
  const bool is_rebuilt = head.rebuilt_from != kNoBlock;
  if (is_rebuilt && head.rebuilt_from > head.next_block) return corrupt("a rebuild of no block");
  if (load<uint32_t>(bytes.data() + 28) != 0) return corrupt("unknown fields in its head");
  return read_state(view, prefix, load<uint64_t>(bytes.data() + 16), head.state);
}

void put_index_head(Batch& batch, const std::string& prefix, uint8_t kind, const IndexHead& from,
                    const IndexHead& to) {
  uint8_t head[kHeadBytes] = {kVersion, kind};
  store<uint32_t>(head + 4, to.next_block);
  store<uint64_t>(head + 8, to.incarnation);
  store<uint64_t>(head + 16, to.state.size());
  store<uint32_t>(head + 24, to.rebuilt_from);
  batch.put(as_bytes(key_of_part(prefix, StoredPart::kHead)), Bytes(head, kHeadBytes));
  const size_t count = chunk_count(to.state);
  for (size_t index = 0; index < count; ++index) {
    const Bytes chunk = chunk_of(to.state, index);
    if (equal(chunk, chunk_of(from.state, index))) continue;
    const std::string key = key_of_part(prefix, StoredPart::kState, static_cast<uint32_t>(index));
    batch.put(as_bytes(key), chunk);
  }
  for (size_t index = count; index < chunk_count(from.state); ++index) {
    const std::string key = key_of_part(prefix, StoredPart::kState, static_cast<uint32_t>(index));
    batch.erase(as_bytes(key));
  }
}

}  // namespace varve
