// layer/collection/packed.h — what a bitmap, text or geo index holds of a document: loose entries
// that name its row.
//
//   bitmap   number of a value, 24 bits | row, 40 bits            a member; value 0 is every document
//   text     row → the words of all its fields, a line each
//   geo      Hilbert cell, row → the place
//
// A commit of a user puts them; a fold packs them into blocks in the background (upkeep.h). So an
// entry that goes is put, too, as one that says so.
//
// Values of a bitmap index are numbered as they come, by keys beside the index, and keep their
// numbers as long as it is there: so one bitmap holds them all, each in containers of its own.
//
// Bytes: FORMAT.md, layer/blocks/FORMAT.md
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "layer/collection/definition.h"
#include "layer/collection/reads.h"

namespace varve::collection {

inline constexpr uint32_t kValuesMax = 65536;  // Of a bitmap index.
inline constexpr uint32_t kEveryValue = 0;     // The number of no value: every document of it.
inline constexpr uint32_t kRowBits = 40;
inline constexpr uint64_t kRowMax = (uint64_t{1} << kRowBits) - 1;

std::string packed_prefix(uint32_t index);
// Values of a bitmap index lie behind this by their ordered keys, and are their numbers.
std::string values_prefix(uint32_t index);

inline uint64_t member_of(uint32_t value, uint64_t row) {
  return uint64_t{value} << kRowBits | row;
}

// The numbers of a bitmap index's values.
class ValueNumbers {
 public:
  explicit ValueNumbers(const Reads& reads) : reads_(reads) {}

  // None: no document ever had it.
  Result<std::optional<uint32_t>> find(const IndexDefinition& index, Bytes value) const;
  // One of its own if it has none yet; within a transaction, which has conditions of it then.
  Result<uint32_t> take(const IndexDefinition& index, Bytes value);
  // What take() gave out, to be put: keys and values.
  const std::map<std::string, std::string>& made() const { return made_; }

 private:
  Result<std::optional<uint32_t>> read(Bytes key) const;

  const Reads& reads_;
  std::map<std::string, std::string> made_;
};

// What is put where a document comes, and where it goes.
struct PackedEntry {
  std::string key;
  std::string added;
  std::string removed;
};

// By rising key, each once.
Status make_packed(const IndexDefinition& index, const Document& document, ValueNumbers& numbers,
                   std::vector<PackedEntry>& to);

}  // namespace varve::collection
