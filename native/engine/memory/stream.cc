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

enum class BlockKind : uint32_t { kEdits = 1, kRanges = 2, kEnd = 3 };

Status cut_short() { return Status::corrupt("engine/memory: the stream ends too early"); }
Status damaged(const char* what) {
  return Status::corrupt(std::string("engine/memory: the stream is damaged: ") + what);
}

std::string header_of(const Image& image, const Identity& identity) {
  std::string header(kMagic);
  append<uint32_t>(header, kFormatVersion);
  append<uint32_t>(header, 0);  // feature flags
  append(header, Bytes(identity));
  append<uint64_t>(header, 0);  // cipher id and key id
  header.append(16, '\0');      // authentication tag
  append<uint64_t>(header, 0);  // first commit
  append<uint64_t>(header, image.absorbed);
  header.append(kHeaderSummed - header.size(), '\0');  // digest and reserve
  append<uint32_t>(header, crc32c(as_bytes(header)));
  return header;
}

class Writer {
 public:
  explicit Writer(const std::function<Status(Bytes)>& sink) : sink_(sink) {}
  Status add(const Edit& edit) {
    append<uint64_t>(block_, edit.commit);
    append<uint64_t>(block_, edit.expires_ms);
    append<uint8_t>(block_, static_cast<uint8_t>(edit.kind));
    append<uint8_t>(block_, edit.flags);
    append<uint32_t>(block_, static_cast<uint32_t>(edit.key.size()));
    append<uint32_t>(block_, static_cast<uint32_t>(edit.value.size()));
    append(block_, edit.key);
    append(block_, edit.value);
    ++edit_count_;
    return block_.size() < kBlockBytes ? Status::ok() : flush(BlockKind::kEdits);
  }
  Status add(const RangeFact& range) {
    append<uint64_t>(block_, range.commit);
    append<uint32_t>(block_, static_cast<uint32_t>(range.begin.size()));
    append<uint32_t>(block_, static_cast<uint32_t>(range.end.size()));
    block_ += range.begin;
    block_ += range.end;
    ++range_count_;
    return block_.size() < kBlockBytes ? Status::ok() : flush(BlockKind::kRanges);
  }
  Status flush(BlockKind kind) {
    if (block_.empty()) return Status::ok();
    check(block_.size() <= UINT32_MAX);
    std::string header;
    append<uint32_t>(header, static_cast<uint32_t>(kind));
    append<uint32_t>(header, static_cast<uint32_t>(block_.size()));
    append<uint32_t>(header, crc32c(as_bytes(block_), crc32c(as_bytes(header))));
    Status written = sink_(as_bytes(header));
    if (written) written = sink_(as_bytes(block_));
    block_.clear();
    return written;
  }
  Status end() {
    append<uint64_t>(block_, edit_count_);
    append<uint64_t>(block_, range_count_);
    return flush(BlockKind::kEnd);
  }

 private:
  const std::function<Status(Bytes)>& sink_;
  std::string block_;
  uint64_t edit_count_ = 0;
  uint64_t range_count_ = 0;
};

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
    const bool same_key = any_ && equal(as_bytes(last_key_), edit.key);
    const bool in_order = !any_ || compare(as_bytes(last_key_), edit.key) < 0 ||
                          (same_key && edit.commit < last_commit_);
    if (!in_order) return damaged("edits out of order");
    if (!same_key && leaf_->size_bytes() >= LeafWriter::kLeafBytes) {
      leaf_->finish();
      image_.leaves.push_back(std::move(leaf_));
      begin_leaf(edit.key);
    }
    const bool current = !same_key && edit.kind == EditKind::kPut;
    (current ? leaf_->current : leaf_->history).add(edit);
    any_ = true;
    last_key_ = as_text(edit.key);
    last_commit_ = edit.commit;
    ++edit_count;
    return Status::ok();
  }
  Image finish(std::vector<RangeFact> ranges, uint64_t absorbed) {
    leaf_->finish();
    image_.leaves.push_back(std::move(leaf_));
    image_.ranges = std::move(ranges);
    std::stable_sort(image_.ranges.begin(), image_.ranges.end(),
                     [](const RangeFact& a, const RangeFact& b) { return a.commit > b.commit; });
    image_.absorbed = absorbed;
    return std::move(image_);
  }
  uint64_t edit_count = 0;

 private:
  void begin_leaf(Bytes low) {
    leaf_ = std::make_shared<Leaf>();
    leaf_->low = as_text(low);
  }
  Image image_;
  std::shared_ptr<Leaf> leaf_;
  std::string last_key_;
  uint64_t last_commit_ = 0;
  bool any_ = false;
};

Status read_edits(Bytes block, uint64_t absorbed, Builder& builder) {
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
    Status added = builder.add(edit);
    if (!added) return added;
    block = block.subspan(kEditHeaderBytes + key_size + value_size);
  }
  return Status::ok();
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

}  // namespace

Status write_stream(const Image& image, const Identity& identity,
                    const std::function<Status(Bytes)>& sink) {
  Status written = sink(as_bytes(header_of(image, identity)));
  if (!written) return written;
  Writer writer(sink);
  for (const auto& leaf : image.leaves) {
    size_t history = 0;
    const auto write_history = [&](const Edit* before) {
      for (; written && history < leaf->history.size(); ++history) {
        const Edit old = leaf->history.edit(history);
        if (before != nullptr && compare(old.key, before->key) >= 0) return;
        written = writer.add(old);
      }
    };
    for (size_t i = 0; i < leaf->current.size(); ++i) {
      const Edit edit = leaf->current.edit(i);
      write_history(&edit);
      if (written) written = writer.add(edit);
      if (!written) return written;
    }
    write_history(nullptr);
    if (!written) return written;
  }
  written = writer.flush(BlockKind::kEdits);
  for (const RangeFact& range : image.ranges) {
    if (written) written = writer.add(range);
  }
  if (written) written = writer.flush(BlockKind::kRanges);
  return written ? writer.end() : std::move(written);
}

Result<Image> read_stream(const Source& source, const Identity& identity) {
  const Result<uint64_t> absorbed = read_header(source, identity);
  if (!absorbed) return absorbed.error();
  Builder builder;
  std::vector<RangeFact> ranges;
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
    if (kind == static_cast<uint32_t>(BlockKind::kEnd)) break;
    if (kind == static_cast<uint32_t>(BlockKind::kEdits)) {
      read = read_edits(as_bytes(block), *absorbed, builder);
    } else if (kind == static_cast<uint32_t>(BlockKind::kRanges)) {
      read = read_ranges(as_bytes(block), *absorbed, ranges);
    } else {
      return damaged("a block of unknown kind");
    }
    if (!read) return read;
  }
  const bool whole = block.size() == 16 &&
                     load<uint64_t>(as_bytes(block).data()) == builder.edit_count &&
                     load<uint64_t>(as_bytes(block).data() + 8) == ranges.size();
  if (!whole) return damaged("its end counts otherwise");
  return builder.finish(std::move(ranges), *absorbed);
}

}  // namespace varve::memory
