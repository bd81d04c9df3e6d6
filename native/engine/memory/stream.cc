#include "engine/memory/stream.h"

#include <algorithm>

#include "engine/memory/stream_format.h"

namespace varve::memory {

namespace {

using Source = std::function<Result<size_t>(MutableBytes)>;

constexpr size_t kSliceBytes = size_t{1} << 20;  // Room is made only as bytes arrive.

Status cut_short() { return Status::corrupt("engine/memory: the stream ends too early"); }

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

Result<uint64_t> read_header(const Source& source, const Identity& identity) {
  std::string header;
  const Status read = read_exactly(source, header, kHeaderBytes);
  if (!read) return read.copy();
  return absorbed_of(as_bytes(header), identity);
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
    if (!is_whole(as_bytes(header), as_bytes(block))) return damaged("block checksum");
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
  const std::string header = block_header_of(kind, as_bytes(block_));
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
