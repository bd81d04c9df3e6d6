// storage/log/segment.h — one segment file: its header, its making, its taking into use again.
//
// A segment's bytes exist on disk before a commit is promised room in it, so that a full disk is met
// by the preparer, in the background, and not by a commit. Where segments are used again zeros are
// really written: overwriting them syncs faster than filling a file, since nothing about it changes.
// Where each is filled once, and an engine keeps it, they would be written for that one time: there
// the room is allocated, if the file system can.
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

// Whether a segment will be used again, and the path of an absorbed one that is; none: empty.
struct Recycling {
  bool is_wanted = true;
  std::string path;
};

// Makes a new file of zeros, or takes the recycled one into use again, under the name of `number`;
// durable when it returns.
Result<std::shared_ptr<Segment>> prepare_segment(Os& os, const std::string& directory,
                                                 const StoreMark& mark, uint64_t number,
                                                 uint64_t size_bytes, uint64_t first_commit,
                                                 const Recycling& recycling);

}  // namespace varve
