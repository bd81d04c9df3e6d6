#include "engine/memory/stream_format.h"

#include "pure/codec/crc32c.h"

namespace varve::memory {

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

Result<uint64_t> absorbed_of(Bytes header, const Identity& identity) {
  if (header.size() < kHeaderBytes) return damaged("the header is cut");
  if (!as_text(header).starts_with(kMagic)) return damaged("it does not begin like one");
  if (crc32c(header.first(kHeaderSummed)) != load<uint32_t>(header.data() + kHeaderSummed)) {
    return damaged("header checksum");
  }
  const bool known = load<uint32_t>(header.data() + 8) == kFormatVersion &&
                     load<uint32_t>(header.data() + 12) == 0 &&
                     load<uint64_t>(header.data() + 32) == 0;
  if (!known) {
    return Status(Code::kNewerFormat,
                  "engine/memory: the stream has a format or feature unknown here");
  }
  if (!equal(header.subspan(16, 16), Bytes(identity))) {
    return Status(Code::kForeign, "engine/memory: the stream is another store's");
  }
  const uint64_t absorbed = load<uint64_t>(header.data() + 64);
  if (absorbed >= kCommitEnd) return damaged("last commit out of bounds");
  return absorbed;
}

std::string block_header_of(uint32_t kind, Bytes body) {
  std::string header;
  append<uint32_t>(header, kind);
  append<uint32_t>(header, static_cast<uint32_t>(body.size()));
  append<uint32_t>(header, crc32c(body, crc32c(as_bytes(header))));
  return header;
}

bool is_whole(Bytes block_header, Bytes body) {
  return crc32c(body, crc32c(block_header.first(8))) == load<uint32_t>(block_header.data() + 8);
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

}  // namespace varve::memory
