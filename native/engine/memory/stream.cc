#include "engine/memory/stream.h"

#include <algorithm>

#include "pure/codec/crc32c.h"

namespace varve::memory {

namespace {

using Source = std::function<Result<size_t>(MutableBytes)>;

constexpr std::string_view kMagic = "VARVEMEM";
constexpr size_t kHeaderBytes = 128;
constexpr size_t kHeaderSummed = 124;
constexpr uint32_t kFormatVersion = 0;
constexpr size_t kBlockHeaderBytes = 12;
constexpr size_t kBlockBytes = size_t{256} << 10;
constexpr size_t kSliceBytes = size_t{1} << 20;  // Room is made only as bytes arrive.
constexpr size_t kEditHeaderBytes = 26;
constexpr size_t kRangeHeaderBytes = 16;
constexpr uint64_t kCommitEnd = uint64_t{1} << 53;

constexpr uint32_t kEditsBlock = 1;
constexpr uint32_t kRangesBlock = 2;
constexpr uint32_t kEndBlock = 3;

Status cut_short() { return Status::corrupt("engine/memory: the stream ends too early"); }
Status damaged(const char* what) {
  return Status::corrupt(std::string("engine/memory: the stream is damaged: ") + what);
}

std::string header_of(uint64_t absorbed, const Identity& identity) {
  std::string header(kMagic);
  append<uint32_t>(header, kFormatVersion);
  append<uint32_t>(header, 0);  // feature flags
  append(header, Bytes(identity));
  append<uint64_t>(header, 0);  // cipher id and key id
  header.append(16, '\0');      // authentication tag
  append<uint64_t>(header, 0);  // first commit
  append<uint64_t>(header, absorbed);
  header.append(kHeaderSummed - header.size(), '\0');  // digest and reserve
  append<uint32_t>(header, crc32c(as_bytes(header)));
  return header;
}

// Reads exactly what is asked for, or says that the stream is cut short.
Status read_exactly(const Source& source, std::string& into, size_t size) {
  into.clear();
  while (into.size() < size) {
    const size_t before = into.size();
    into.resize(before + std::min(size - before, kSliceBytes));
    size_t filled = before;
    while (filled < into.size()) {
      const Result<size_t> got =
          source({reinterpret_cast<uint8_t*>(into.data()) + filled, into.size() - filled});
      if (!got) return got.error();
      if (*got == 0 || *got > into.size() - filled) return cut_short();
      filled += *got;
    }
  }
  return Status::ok();
}

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

// Takes edits in their order and lays them out in leaves.
class Builder {
 public:
  Builder() { begin_leaf({}); }
  Status add(const Edit& edit) {
    Status taken = order_.take(edit);
    if (!taken) return taken;
    const bool same_key = order_.same_key();
    if (!same_key && leaf_->size_bytes() >= LeafWriter::kLeafBytes) {
      end_leaf();
      begin_leaf(edit.key);
    }
    const bool current = !same_key && edit.kind == EditKind::kPut;
    (current ? leaf_->current : leaf_->history).add(edit);
    return Status::ok();
  }
  Image finish(std::vector<RangeFact> ranges, uint64_t absorbed) {
    end_leaf();
    image_.ranges = std::move(ranges);
    std::stable_sort(image_.ranges.begin(), image_.ranges.end(),
                     [](const RangeFact& a, const RangeFact& b) { return a.commit > b.commit; });
    image_.absorbed = absorbed;
    return std::move(image_);
  }

 private:
  void begin_leaf(Bytes low) {
    leaf_ = std::make_shared<Leaf>();
    leaf_->low = as_text(low);
  }
  void end_leaf() {
    leaf_->finish();
    image_.leaves.push_back(std::move(leaf_));
  }
  Image image_;
  std::shared_ptr<Leaf> leaf_;
  EditOrder order_;
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

Status read_ranges(Bytes block, uint64_t absorbed, std::vector<RangeFact>& ranges) {
  while (!block.empty()) {
    if (block.size() < kRangeHeaderBytes) return damaged("a range deletion is cut");
    const uint64_t commit = load<uint64_t>(block.data());
    const size_t begin_size = load<uint32_t>(block.data() + 8);
    const size_t end_size = load<uint32_t>(block.data() + 12);
    if (begin_size + end_size > block.size() - kRangeHeaderBytes) {
      return damaged("a range deletion is cut");
    }
    if (commit > absorbed) return damaged("a range deletion above the last commit");
    const std::string_view text = as_text(block.subspan(kRangeHeaderBytes));
    ranges.push_back({std::string(text.substr(0, begin_size)),
                      std::string(text.substr(begin_size, end_size)), commit});
    block = block.subspan(kRangeHeaderBytes + begin_size + end_size);
  }
  return Status::ok();
}

// What the header says of the last commit.
Result<uint64_t> read_header(const Source& source, const Identity& identity) {
  std::string header;
  const Status read = read_exactly(source, header, kHeaderBytes);
  if (!read) return read.copy();
  const Bytes bytes = as_bytes(header);
  if (!header.starts_with(kMagic)) return damaged("it does not begin like one");
  if (crc32c(bytes.first(kHeaderSummed)) != load<uint32_t>(bytes.data() + kHeaderSummed)) {
    return damaged("header checksum");
  }
  const bool known = load<uint32_t>(bytes.data() + 8) == kFormatVersion &&
                     load<uint32_t>(bytes.data() + 12) == 0 &&
                     load<uint64_t>(bytes.data() + 32) == 0;
  if (!known) {
    return Status(Code::kNewerFormat,
                  "engine/memory: the stream has a format or feature unknown here");
  }
  if (!equal(bytes.subspan(16, 16), Bytes(identity))) {
    return Status(Code::kForeign, "engine/memory: the stream is another store's");
  }
  const uint64_t absorbed = load<uint64_t>(bytes.data() + 64);
  if (absorbed >= kCommitEnd) return damaged("last commit out of bounds");
  return absorbed;
}

// Goes through the blocks behind the header, up to the end block and what it counts.
template <class Take>
Status read_blocks(const Source& source, uint64_t absorbed, std::vector<RangeFact>& ranges,
                   Take take) {
  uint64_t edit_count = 0;
  std::string header;
  std::string block;
  // Every turn takes a block off the stream, which ends.
  for (;;) {
    Status read = read_exactly(source, header, kBlockHeaderBytes);
    if (!read) return read;
    const uint32_t kind = load<uint32_t>(as_bytes(header).data());
    read = read_exactly(source, block, load<uint32_t>(as_bytes(header).data() + 4));
    if (!read) return read;
    const uint32_t sum = crc32c(as_bytes(block), crc32c(as_bytes(header).first(8)));
    if (sum != load<uint32_t>(as_bytes(header).data() + 8)) return damaged("block checksum");
    if (kind == kEndBlock) break;
    if (kind == kEditsBlock) {
      const Result<uint64_t> count = read_edits(as_bytes(block), absorbed, take);
      if (!count) return count.error();
      edit_count += *count;
    } else if (kind == kRangesBlock) {
      read = read_ranges(as_bytes(block), absorbed, ranges);
    } else {
      return damaged("a block of unknown kind");
    }
    if (!read) return read;
  }
  const bool whole = block.size() == 16 && load<uint64_t>(as_bytes(block).data()) == edit_count &&
                     load<uint64_t>(as_bytes(block).data() + 8) == ranges.size();
  return whole ? Status::ok() : damaged("its end counts otherwise");
}

}  // namespace

// ---- out

StreamWriter::StreamWriter(std::shared_ptr<const EngineVersion> version, const Identity& identity)
    : version_(std::move(version)),
      edits_(version_->versions({}, 0, version_->absorbed())),
      header_(header_of(version_->absorbed(), identity)) {}

Result<Progress> StreamWriter::step(uint64_t budget_bytes, const StreamSink& sink) {
  const uint64_t begun = made_bytes();
  if (!header_.empty()) {
    if (Status written = sink(as_bytes(header_)); !written) return written;
    handed_bytes_ += header_.size();
    header_.clear();
  }
  for (; edits_->valid(); edits_->next()) {
    if (made_bytes() - begun >= budget_bytes) return Progress::kMore;
    if (Status written = add(edits_->edit(), sink); !written) return written;
  }
  if (Status read = edits_->status(); !read) return read;
  if (Status written = end(sink); !written) return written;
  return Progress::kIdle;
}

Status StreamWriter::add(const Edit& edit, const StreamSink& sink) {
  append<uint64_t>(block_, edit.commit);
  append<uint64_t>(block_, edit.expires_ms);
  append<uint8_t>(block_, static_cast<uint8_t>(edit.kind));
  append<uint8_t>(block_, edit.flags);
  append<uint32_t>(block_, static_cast<uint32_t>(edit.key.size()));
  append<uint32_t>(block_, static_cast<uint32_t>(edit.value.size()));
  append(block_, edit.key);
  append(block_, edit.value);
  ++edit_count_;
  return block_.size() < kBlockBytes ? Status::ok() : flush(kEditsBlock, sink);
}

Status StreamWriter::add(const RangeDeletion& deletion, const StreamSink& sink) {
  append<uint64_t>(block_, deletion.commit);
  append<uint32_t>(block_, static_cast<uint32_t>(deletion.begin.size()));
  append<uint32_t>(block_, static_cast<uint32_t>(deletion.end.size()));
  append(block_, deletion.begin);
  append(block_, deletion.end);
  return block_.size() < kBlockBytes ? Status::ok() : flush(kRangesBlock, sink);
}

Status StreamWriter::flush(uint32_t kind, const StreamSink& sink) {
  if (block_.empty()) return Status::ok();
  check(block_.size() <= UINT32_MAX);
  std::string header;
  append<uint32_t>(header, kind);
  append<uint32_t>(header, static_cast<uint32_t>(block_.size()));
  append<uint32_t>(header, crc32c(as_bytes(block_), crc32c(as_bytes(header))));
  Status written = sink(as_bytes(header));
  if (written) written = sink(as_bytes(block_));
  handed_bytes_ += header.size() + block_.size();
  block_.clear();
  return written;
}

Status StreamWriter::end(const StreamSink& sink) {
  if (Status written = flush(kEditsBlock, sink); !written) return written;
  const std::vector<RangeDeletion> deletions =
      version_->range_deletions({}, 0, version_->absorbed());
  for (const RangeDeletion& deletion : deletions) {
    if (Status written = add(deletion, sink); !written) return written;
  }
  if (Status written = flush(kRangesBlock, sink); !written) return written;
  append<uint64_t>(block_, edit_count_);
  append<uint64_t>(block_, deletions.size());
  return flush(kEndBlock, sink);
}

Status write_stream(std::shared_ptr<const EngineVersion> version, const Identity& identity,
                    const StreamSink& sink) {
  StreamWriter writer(std::move(version), identity);
  const Result<Progress> done = writer.step(UINT64_MAX, sink);
  return done ? Status::ok() : done.error();
}

// ---- in

Result<Image> read_stream(const Source& source, const Identity& identity) {
  const Result<uint64_t> absorbed = read_header(source, identity);
  if (!absorbed) return absorbed.error();
  Builder builder;
  std::vector<RangeFact> ranges;
  Status read =
      read_blocks(source, *absorbed, ranges, [&](const Edit& edit) { return builder.add(edit); });
  if (!read) return read;
  return builder.finish(std::move(ranges), *absorbed);
}

Status check_stream(const Source& source, const Identity& identity) {
  const Result<uint64_t> absorbed = read_header(source, identity);
  if (!absorbed) return absorbed.error();
  EditOrder order;
  std::vector<RangeFact> ranges;
  return read_blocks(source, *absorbed, ranges, [&](const Edit& edit) { return order.take(edit); });
}

}  // namespace varve::memory
