// layer/blocks/stored_kinds.h — what an index in a store may hold: members of a bitmap, places.
//
// Each says how a loose entry looks, how a user's commit writes one, and how it is added. An entry
// stands under its own key, so the last commit that wrote it counts.
// Bytes: FORMAT.md
#pragma once

#include <optional>
#include <string>

#include "layer/blocks/stored_index.h"
#include "pure/bitmap/bitmap.h"
#include "pure/geo/tree.h"

namespace varve {

enum class Change : uint8_t { kRemove = 0, kAdd = 1 };

struct StoredMembers {
  using Index = Bitmap;
  static constexpr uint8_t kKind = 1;
  static Status attach(Bytes state, Blocks& blocks, std::optional<Bitmap>& to);
  static void detach(Bitmap& bitmap) { bitmap.detach(); }
  static Status apply(Bytes key, Bytes value, Bitmap& bitmap);
  static void save(const Bitmap& bitmap, std::string& state) { bitmap.save_directory(state); }

  static void put(Batch& batch, const std::string& prefix, uint64_t member, Change change);
};

template <geo::Holds kHolds>
struct StoredPlaces {
  using Index = geo::Tree;
  static constexpr uint8_t kKind = kHolds == geo::Holds::kPoints ? 2 : 3;
  static Status attach(Bytes state, Blocks& blocks, std::optional<geo::Tree>& to);
  static void detach(geo::Tree&) {}
  static Status apply(Bytes key, Bytes value, geo::Tree& tree);
  static void save(const geo::Tree& tree, std::string& state);

  static void put(Batch& batch, const std::string& prefix, const geo::Entry& entry, Change change);
};

using StoredBitmapIndex = StoredIndex<StoredMembers>;
using StoredPointIndex = StoredIndex<StoredPlaces<geo::Holds::kPoints>>;
using StoredBoxIndex = StoredIndex<StoredPlaces<geo::Holds::kBoxes>>;

}  // namespace varve
