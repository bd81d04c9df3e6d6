// Damaged streams: what is whole is read, what is not is named, and no byte can break the reader.
#include <map>

#include "engine/memory/memory.h"
#include "engine/memory/stream.h"
#include "engine/memory/stream_format.h"
#include "test.h"

using namespace varve;
using namespace varve::test;
using memory::Identity;
using memory::Mended;

namespace {

constexpr Identity kIdentity = {1, 2, 3};
constexpr uint64_t kAbsorbed = 900;
constexpr uint64_t kBlockCount = 6;
constexpr uint64_t kEditsPerBlock = 5;

using Contents = std::map<std::string, std::string>;

std::string key_of(uint64_t n) { return "key" + std::to_string(100 + n); }

void append_block(std::string& stream, uint32_t kind, const std::string& body) {
  stream += memory::block_header_of(kind, as_bytes(body)) + body;
}

// A stream of several small blocks, as a writer makes of much data.
std::string small_blocks() {
  std::string stream = memory::header_of(kAbsorbed, kIdentity);
  uint64_t n = 0;
  for (uint64_t block = 0; block < kBlockCount; ++block) {
    std::string body;
    for (uint64_t i = 0; i < kEditsPerBlock; ++i, ++n) {
      const std::string key = key_of(n);
      const std::string value = "value " + std::to_string(n);
      append<uint64_t>(body, 1 + n);
      append<uint64_t>(body, 0);
      append<uint8_t>(body, 1);
      append<uint8_t>(body, 0);
      append<uint32_t>(body, static_cast<uint32_t>(key.size()));
      append<uint32_t>(body, static_cast<uint32_t>(value.size()));
      body += key + value;
    }
    append_block(stream, memory::kEditsBlock, body);
  }
  std::string counts;
  append<uint64_t>(counts, n);
  append<uint64_t>(counts, 0);
  append_block(stream, memory::kEndBlock, counts);
  return stream;
}

Contents contents_of(const std::string& stream) {
  EpochDomain epochs;
  Contents contents;
  const StreamSource source = stream_source(stream);
  const Result<std::unique_ptr<Engine>> engine = open_memory_engine(epochs, {kIdentity}, &source);
  require(static_cast<bool>(engine));
  expect((*engine)->pin()->absorbed() == kAbsorbed);
  const auto cursor = (*engine)->pin()->scan({}, kAbsorbed, Direction::kForward);
  for (; cursor->valid(); cursor->next()) {
    contents[std::string(as_text(cursor->edit().key))] = as_text(cursor->edit().value);
  }
  return contents;
}

Mended mended(const std::string& stream) {
  Result<Mended> result = memory::mend_stream(as_bytes(stream), kIdentity, kAbsorbed);
  require(static_cast<bool>(result));
  return std::move(*result);
}

// What is found was there, and at most so many blocks are not found.
void expect_most_of(const Contents& found, const Contents& all, uint64_t blocks_lost_max) {
  for (const auto& [key, value] : found) {
    const auto wanted = all.find(key);
    expect(wanted != all.end() && wanted->second == value);
  }
  expect(found.size() + blocks_lost_max * kEditsPerBlock >= all.size());
}

const Case whole("a whole stream is mended to itself", [] {
  const std::string stream = small_blocks();
  const Mended same = mended(stream);
  expect(same.lost.empty());
  expect(same.stream == stream);
  expect(contents_of(stream).size() == kBlockCount * kEditsPerBlock);
});

const Case flipped("a flipped bit of a stream costs at most its block, and is named", [] {
  const std::string stream = small_blocks();
  const Contents all = contents_of(stream);
  for (size_t at = 0; at < stream.size(); ++at) {
    std::string damaged = stream;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    const Mended rest = mended(damaged);
    expect(!rest.lost.empty());
    expect(rest.lost.front().offset <= at);
    expect_most_of(contents_of(rest.stream), all, 1);
  }
});

const Case cut("of a stream that was cut anywhere the whole blocks before are read", [] {
  const std::string stream = small_blocks();
  const Contents all = contents_of(stream);
  size_t least = 0;
  for (size_t size = 0; size < stream.size(); ++size) {
    const Mended rest = mended(stream.substr(0, size));
    expect(!rest.lost.empty());
    const Contents found = contents_of(rest.stream);
    expect_most_of(found, all, kBlockCount);
    expect(found.size() >= least);
    least = found.size();
  }
  expect(least == all.size());
});

const Case missing("bytes cut out of the middle of a stream cost the blocks they lay in", [] {
  const std::string stream = small_blocks();
  const Contents all = contents_of(stream);
  for (size_t at = memory::kHeaderBytes; at + 7 < stream.size(); at += 3) {
    std::string damaged = stream;
    damaged.erase(at, 7);
    expect_most_of(contents_of(mended(damaged).stream), all, 2);
  }
});

const Case foreign("a stream of another store or a later format is refused", [] {
  const std::string stream = small_blocks();
  expect(memory::mend_stream(as_bytes(stream), {9}, kAbsorbed).code() == Code::kForeign);
});

}  // namespace
