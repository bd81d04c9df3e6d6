// layer/blocks/stored_kinds.h — what an index in a store may hold: members of a bitmap, places,
// texts.
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
#include "pure/text/text.h"

namespace varve {

enum class Change : uint8_t { kRemove = 0, kAdd = 1 };

// As it lies in a store.
struct LooseEntry {
  std::string key;
  std::string value;
};

struct StoredMembers {
  using Index = Bitmap;
  struct Before {
    uint64_t member;
    bool was_there;
  };
  static constexpr uint8_t kKind = 1;
  static Status attach(Bytes state, Blocks& blocks, std::optional<Bitmap>& to);
  static void detach(Bitmap& bitmap) { bitmap.detach(); }
  static Status apply(Bytes key, Bytes value, Bitmap& bitmap);
  static Result<Before> before(Bytes key, Bytes value, const Bitmap& bitmap);
  static void put_back(const Before& before, Bitmap& bitmap);
  static void save(Bitmap& bitmap, std::string& state) { bitmap.save_directory(state); }

  static LooseEntry entry(const std::string& prefix, uint64_t member, Change change);
  static void put(Batch& batch, const std::string& prefix, uint64_t member, Change change);
};

template <geo::Holds kHolds>
struct StoredPlaces {
  using Index = geo::Tree;
  struct Before {
    geo::Entry entry;
    std::optional<geo::Entry> other;  // Of the same name.
  };
  static constexpr uint8_t kKind = kHolds == geo::Holds::kPoints ? 2 : 3;
  static Status attach(Bytes state, Blocks& blocks, std::optional<geo::Tree>& to);
  static void detach(geo::Tree&) {}
  static Status apply(Bytes key, Bytes value, geo::Tree& tree);
  static Result<Before> before(Bytes key, Bytes value, const geo::Tree& tree);
  static void put_back(const Before& before, geo::Tree& tree);
  static void save(geo::Tree& tree, std::string& state);

  static LooseEntry entry(const std::string& prefix, const geo::Entry& entry, Change change);
  static void put(Batch& batch, const std::string& prefix, const geo::Entry& entry, Change change);
};

// A document is one entry with its text, since one that takes its place must be able to know the
// terms of the other without reading them. Who attaches derives two tables, of terms and of
// documents, from all of the index. Removed documents keep their postings and numbers until there
// are more of them than others, and the index is written anew.
struct StoredTexts {
  using Index = TextIndex;
  struct Before {
    uint32_t id;
    uint32_t number;  // 0: there was none.
  };
  using Rebuild = TextRebuild;
  static constexpr uint8_t kKind = 4;
  TextOptions options;  // Of an index that is there, with the same languages and stop words.
  uint32_t removed_min = kTextRemovedMin;
  Status attach(Bytes state, Blocks& blocks, std::optional<TextIndex>& to) const;
  static void detach(TextIndex&) {}
  static Status apply(Bytes key, Bytes value, TextIndex& index);
  static Result<Before> before(Bytes key, Bytes value, const TextIndex& index);
  static void put_back(const Before& before, TextIndex& index);
  static void save(TextIndex& index, std::string& state) { index.save(state); }
  bool wants_rebuild(const TextIndex& index) const;
  Result<std::unique_ptr<TextRebuild>> begin_rebuild(Bytes state, Blocks& blocks) const {
    return TextRebuild::begin(state, blocks, options);
  }

  static LooseEntry entry(const std::string& prefix, uint32_t id, std::string_view utf8);
  static LooseEntry removal(const std::string& prefix, uint32_t id);
  // In the place of a text of the same id.
  static void put(Batch& batch, const std::string& prefix, uint32_t id, std::string_view utf8);
  static void remove(Batch& batch, const std::string& prefix, uint32_t id);
};

using StoredBitmapIndex = StoredIndex<StoredMembers>;
using StoredPointIndex = StoredIndex<StoredPlaces<geo::Holds::kPoints>>;
using StoredBoxIndex = StoredIndex<StoredPlaces<geo::Holds::kBoxes>>;
using StoredTextIndex = StoredIndex<StoredTexts>;

}  // namespace varve
