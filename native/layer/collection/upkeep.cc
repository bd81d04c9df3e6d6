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

// What cannot be read is told to whoever opens its collection.
void Upkeep::go_on(Store& store, Store::Reader& reader) {
  if (store.options().read_only) return;
  if (Upkeep* const upkeep = of(store)) (void)upkeep->builder_.go_on(reader);
}

void Upkeep::keep(const Definition& definition) {
  for (const IndexDefinition& index : definition.indexes) {
    if (!index.is_packed()) continue;
    const std::unique_lock<std::mutex> held(mutex_);
    if (known_.insert(index.id).second) add(index);
  }
}

void Upkeep::add(const IndexDefinition& index) {
  if (!folder_) folder_ = std::make_unique<Folder>(os_, store_);
  Folder& folder = *folder_;
  const std::string prefix = packed_prefix(index.id);
  if (index.kind == IndexKind::kBitmap) {
    folder.add<StoredMembers>(prefix, kFoldFrameBytes);
  } else if (index.kind == IndexKind::kText) {
    folder.add<StoredTexts>(prefix, kFoldFrameBytes, StoredTexts{text_options_of(index)});
  } else if (index.holds_boxes) {
    folder.add<StoredPlaces<geo::Holds::kBoxes>>(prefix, kFoldFrameBytes);
  } else {
    folder.add<StoredPlaces<geo::Holds::kPoints>>(prefix, kFoldFrameBytes);
  }
}

// Its number stays known: nobody who still has the old definition brings it back.
void Upkeep::drop(const IndexDefinition& index) {
  const std::unique_lock<std::mutex> held(mutex_);
  if (index.is_packed() && folder_) folder_->remove(packed_prefix(index.id));
}

void Upkeep::note(const IndexDefinition& index) {
  const std::unique_lock<std::mutex> held(mutex_);
  if (folder_) folder_->note(packed_prefix(index.id));
}

}  // namespace varve::collection
