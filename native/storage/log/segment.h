// storage/log/segment.h — one segment file: its header, its making, its taking into use again.
//
// A segment's bytes exist on disk before a commit is promised room in it: zeros are really written,
// in the background, so that a full disk is met by the preparer and not by a commit. Overwriting
// such a file also syncs faster than appending to one, since its size does not change.
//
// Invariants
//   - a file is overwritten only if this code made it and it has one name.
//   - a prepared segment, its header and its name are durable before it is offered for use.
// Bytes: FORMAT.md
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/os/os.h"

namespace varve {

inline constexpr size_t kSegmentHeaderBytes = 128;

struct StoreMark {  // What every file of a store carries of it.
  uint8_t identity[16] = {};
  uint8_t lineage[16] = {};
};

struct SegmentHeader {
  StoreMark mark;
  uint8_t life[16] = {};
  uint64_t number = 0;
  uint64_t size_bytes = 0;
  uint64_t first_commit = 0;

  uint64_t life_tag() const { return load<uint64_t>(life); }
};

void encode_segment_header(const SegmentHeader& header, uint8_t* to);
Result<SegmentHeader> decode_segment_header(Bytes bytes, const std::string& path);

std::string segment_path(const std::string& directory, uint64_t number);
// The number in a name such as 00000012.log; 0 for any other name.
uint64_t segment_number(const std::string& name);

struct Segment {
  std::unique_ptr<File> file;
  SegmentHeader header;
  uint64_t used_bytes = kSegmentHeaderBytes;  // Where the next record goes.
  uint64_t last_commit = 0;                   // Of the records in it; 0: none.
};

// Makes a new file of zeros, or takes `recycled` (an absorbed segment's path) into use again, under
// the name of `number`; durable when it returns.
Result<std::shared_ptr<Segment>> prepare_segment(Os& os, const std::string& directory,
                                                 const StoreMark& mark, uint64_t number,
                                                 uint64_t size_bytes, uint64_t first_commit,
                                                 const std::string& recycled);

}  // namespace varve
