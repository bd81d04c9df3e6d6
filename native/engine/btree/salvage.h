// engine/btree/salvage.h — what is whole of a B+tree's files, read without opening it.
//
// The map of free pages says which pages are live, so every leaf that is whole is found whatever
// became of the nodes above it: a damaged page loses what it has, and nothing else. Where the map
// itself is lost every page of every extent is looked at, older ones first: then the newest version
// of each key is the last to come, and what was deleted long ago may come back.
//
// Threads: one, on a store that nobody has open.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/os/os.h"
#include "engine/engine.h"

namespace varve::btree {

bool is_btree_file(const std::string& name);

// What the files say of themselves, when no manifest does.
struct BtreeOwner {
  std::array<uint8_t, 16> identity = {};
  uint64_t absorbed = 0;
};
std::optional<BtreeOwner> describe_btree(Os& os, const std::string& directory);

// Puts every entry of current that is whole and not deleted, with its value, and where it lay; of
// each key the last one counts. kCorrupt and kTooLarge of the callee are losses of that entry.
using SaveRow = std::function<Status(const Edit& edit, Bytes value)>;
Status salvage_btree(Os& os, const std::string& directory, const BtreeOwner& owner,
                     const SaveRow& save, std::vector<VerifyProblem>& lost);

}  // namespace varve::btree
