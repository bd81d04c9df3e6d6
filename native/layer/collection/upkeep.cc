#include "layer/collection/upkeep.h"

#include "layer/blocks/stored_kinds.h"
#include "layer/collection/packed.h"

namespace varve::collection {
namespace {

constexpr size_t kFoldFrameBytes = size_t{8} << 20;  // Of the index that is folded.

}  // namespace

TextOptions text_options_of(const IndexDefinition& index) {
  TextOptions options;
  options.languages = index.languages;
  options.stop_words = index.stop_words;
  return options;
}

Upkeep* Upkeep::of(Store& store) {
  return static_cast<Upkeep*>(store.resident(
      [](Os& os, Store& one) -> Store::Resident { return std::make_shared<Upkeep>(os, one); }));
}

void Upkeep::keep(const Definition& definition) {
  for (const IndexDefinition& index : definition.indexes) {
    if (!index.is_packed()) continue;
    const std::unique_lock<std::mutex> held(mutex_);
    if (known_.insert(index.id).second) add(index);
  }
}

void Upkeep::add(const IndexDefinition& index) {
  const std::string prefix = packed_prefix(index.id);
  if (index.kind == IndexKind::kBitmap) {
    folder_.add<StoredMembers>(prefix, kFoldFrameBytes);
  } else if (index.kind == IndexKind::kText) {
    folder_.add<StoredTexts>(prefix, kFoldFrameBytes, StoredTexts{text_options_of(index)});
  } else if (index.holds_boxes) {
    folder_.add<StoredPlaces<geo::Holds::kBoxes>>(prefix, kFoldFrameBytes);
  } else {
    folder_.add<StoredPlaces<geo::Holds::kPoints>>(prefix, kFoldFrameBytes);
  }
}

// Its number stays known: nobody who still has the old definition brings it back.
void Upkeep::drop(const IndexDefinition& index) {
  if (index.is_packed()) folder_.remove(packed_prefix(index.id));
}

void Upkeep::note(const IndexDefinition& index) { folder_.note(packed_prefix(index.id)); }

}  // namespace varve::collection
