// engine/memory/mend.cc — picking what is whole out of a damaged stream.
//
// Blocks are taken as long as their sums hold. Where one does not, its size means nothing either,
// so the next one is looked for byte by byte, by its sum. What lies between is lost, and no more.
#include <algorithm>

#include "engine/memory/stream_format.h"

namespace varve::memory {
namespace {

// Summing candidates costs at most so many times the stream, so that hostile bytes end it too.
constexpr uint64_t kSearchShare = 16;

class Mending {
 public:
  Mending(Bytes damaged, uint64_t absorbed)
      : bytes_(damaged), absorbed_(absorbed), search_bytes_(kSearchShare * damaged.size()) {}

  void run() {
    size_t lost_from = SIZE_MAX;
    size_t at = std::min(kHeaderBytes, bytes_.size());
    while (at < bytes_.size() && !has_end_ && search_bytes_ > 0) {
      const size_t size = take(at);
      if (size == 0) {
        lost_from = std::min(lost_from, at++);
        continue;
      }
      note(lost_from, at);
      lost_from = SIZE_MAX;
      at += size;
    }
    note(lost_from, bytes_.size());
    if (!has_end_ && lost_from == SIZE_MAX) lost_.push_back({at, "the stream ends too early"});
  }
  std::string stream(const Identity& identity) const {
    std::string counts;
    append<uint64_t>(counts, edit_count_);
    append<uint64_t>(counts, ranges_.size());
    return header_of(absorbed_, identity) + blocks_ + block_header_of(kEndBlock, as_bytes(counts)) +
           counts;
  }
  const std::vector<Mended::Loss>& lost() const { return lost_; }

 private:
  void note(size_t from, size_t to) {
    if (from >= to) return;
    lost_.push_back({from, std::to_string(to - from) + " bytes are damaged"});
  }

  // The size of the block that begins here, if it is whole and fits behind those before: it is
  // taken. 0 if not.
  size_t take(size_t at) {
    const Bytes rest = bytes_.subspan(at);
    if (rest.size() < kBlockHeaderBytes) return 0;
    const uint32_t kind = load<uint32_t>(rest.data());
    const size_t body_size = load<uint32_t>(rest.data() + 4);
    if (kind < kEditsBlock || kind > kEndBlock) return 0;
    if (body_size > rest.size() - kBlockHeaderBytes) return 0;
    search_bytes_ -= std::min<uint64_t>(search_bytes_, body_size);
    const Bytes body = rest.subspan(kBlockHeaderBytes, body_size);
    if (!is_whole(rest, body)) return 0;
    const Bytes block = rest.first(kBlockHeaderBytes + body_size);
    if (kind == kEndBlock) {
      has_end_ = true;
    } else if (kind == kRangesBlock) {
      std::vector<RangeFact> ranges = ranges_;
      if (!read_ranges(body, absorbed_, ranges)) return 0;
      ranges_ = std::move(ranges);
      append(blocks_, block);
    } else {
      EditOrder order = order_;
      const Result<uint64_t> count =
          read_edits(body, absorbed_, [&](const Edit& edit) { return order.take(edit); });
      if (!count) return 0;
      order_ = std::move(order);
      edit_count_ += *count;
      append(blocks_, block);
    }
    return block.size();
  }

  const Bytes bytes_;
  const uint64_t absorbed_;
  uint64_t search_bytes_;
  std::vector<Mended::Loss> lost_;
  std::string blocks_;
  EditOrder order_;
  uint64_t edit_count_ = 0;
  std::vector<RangeFact> ranges_;
  bool has_end_ = false;
};

}  // namespace

Result<Mended> mend_stream(Bytes damaged, const Identity& identity, uint64_t absorbed) {
  Mended mended;
  const Result<uint64_t> said = absorbed_of(damaged, identity);
  if (!said && said.code() != Code::kCorrupt) return said.error();
  Mending mending(damaged, said ? *said : absorbed);
  mending.run();
  mended.stream = mending.stream(identity);
  if (!said) mended.lost.push_back({0, said.error().message()});
  mended.lost.insert(mended.lost.end(), mending.lost().begin(), mending.lost().end());
  return mended;
}

}  // namespace varve::memory
