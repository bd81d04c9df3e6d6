// engine/memory/stream_format.h — the parts of a stream as bytes: header, block, edit, range
// deletion. For those who write streams, read them, or pick the whole parts out of damaged ones.
//
// Bytes: FORMAT.md
#pragma once

#include <string>
#include <vector>

#include "engine/memory/stream.h"

namespace varve::memory {

inline constexpr std::string_view kMagic = "VARVEMEM";
inline constexpr size_t kHeaderBytes = 128;
inline constexpr size_t kHeaderSummed = 124;
inline constexpr uint32_t kFormatVersion = 0;
inline constexpr size_t kBlockHeaderBytes = 12;
inline constexpr size_t kBlockBytes = size_t{256} << 10;
inline constexpr size_t kEditHeaderBytes = 26;
inline constexpr size_t kRangeHeaderBytes = 16;
inline constexpr uint64_t kCommitEnd = uint64_t{1} << 53;
inline constexpr uint32_t kEditsBlock = 1;
inline constexpr uint32_t kRangesBlock = 2;
inline constexpr uint32_t kEndBlock = 3;

Status damaged(const char* what);

std::string header_of(uint64_t absorbed, const Identity& identity);
// What a header says of the last commit.
Result<uint64_t> absorbed_of(Bytes header, const Identity& identity);

std::string block_header_of(uint32_t kind, Bytes body);
bool is_whole(Bytes block_header, Bytes body);

// Refuses an edit that is not behind the one before.
class EditOrder {
 public:
  Status take(const Edit& edit) {
    same_key_ = any_ && equal(as_bytes(last_key_), edit.key);
    const bool in_order = !any_ || compare(as_bytes(last_key_), edit.key) < 0 ||
                          (same_key_ && edit.commit < last_commit_);
    if (!in_order) return damaged("edits out of order");
    any_ = true;
    last_key_ = as_text(edit.key);
    last_commit_ = edit.commit;
    return Status::ok();
  }
  bool same_key() const { return same_key_; }  // The last one taken had the key of that before it.

 private:
  std::string last_key_;
  uint64_t last_commit_ = 0;
  bool any_ = false;
  bool same_key_ = false;
};

// Hands the edits of a block to `take` and answers how many there were.
template <class Take>
Result<uint64_t> read_edits(Bytes block, uint64_t absorbed, Take take) {
  uint64_t count = 0;
  while (!block.empty()) {
    if (block.size() < kEditHeaderBytes) return damaged("an edit is cut");
    const size_t key_size = load<uint32_t>(block.data() + 18);
    const size_t value_size = load<uint32_t>(block.data() + 22);
    if (key_size + value_size > block.size() - kEditHeaderBytes) return damaged("an edit is cut");
    if (block[17] != 0) return damaged("an edit with unknown flags");
    const uint8_t kind = block[16];
    if (kind != 1 && kind != 2) return damaged("an edit of unknown kind");
    const Edit edit{block.subspan(kEditHeaderBytes, key_size),
                    load<uint64_t>(block.data()),
                    static_cast<EditKind>(kind),
                    block[17],
                    load<uint64_t>(block.data() + 8),
                    block.subspan(kEditHeaderBytes + key_size, value_size)};
    if (edit.commit > absorbed) return damaged("an edit above the last commit");
    Status taken = take(edit);
    if (!taken) return taken;
    ++count;
    block = block.subspan(kEditHeaderBytes + key_size + value_size);
  }
  return count;
}

Status read_ranges(Bytes block, uint64_t absorbed, std::vector<RangeFact>& ranges);

}  // namespace varve::memory
