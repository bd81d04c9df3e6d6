// Hostile streams of the memory engine: an opening refuses them, or holds something that is whole,
// can be read through and streams out the same.
//
// The first byte says whether the rest is taken as it is or is summed anew, so that what lies
// behind the checksums is reached, too; the second how many bytes the source hands out at a time.
#include <algorithm>
#include <cstring>

#include "engine/memory/memory.h"
#include "engine/memory/stream.h"
#include "fuzz.h"
#include "pure/codec/crc32c.h"
#include "pure/codec/hash.h"

namespace varve {
namespace {

constexpr size_t kHeaderBytes = 128;
constexpr size_t kBlockHeaderBytes = 12;

void sum_anew(std::string& stream) {
  if (stream.size() < kHeaderBytes) stream.resize(kHeaderBytes, '\0');
  uint8_t* const bytes = reinterpret_cast<uint8_t*>(stream.data());
  std::memcpy(bytes, "VARVEMEM", 8);
  std::memset(bytes + 8, 0, 32);  // Version, flags, the store's identity, no cipher.
  store<uint32_t>(bytes + 124, crc32c(Bytes(bytes, 124)));
  for (size_t at = kHeaderBytes; at + kBlockHeaderBytes <= stream.size();) {
    uint8_t* const block = bytes + at;
    const uint64_t room = stream.size() - at - kBlockHeaderBytes;
    const uint64_t size = std::min<uint64_t>(load<uint32_t>(block + 4), room);
    store<uint32_t>(block + 4, static_cast<uint32_t>(size));
    const uint32_t sum = crc32c(Bytes(block, 8));
    store<uint32_t>(block + 8, crc32c(Bytes(block + kBlockHeaderBytes, size), sum));
    at += kBlockHeaderBytes + size;
  }
}

StreamSource source_of(Bytes stream, size_t step) {
  return [rest = stream, step](MutableBytes into) mutable -> Result<size_t> {
    const size_t size = std::min({rest.size(), into.size(), step});
    if (size > 0) std::memcpy(into.data(), rest.data(), size);
    rest = rest.subspan(size);
    return size;
  };
}

std::string stream_of(Engine& engine) {
  std::string stream;
  const Status done = engine.checkpoint([&](Bytes bytes) {
    stream += as_text(bytes);
    return Status::ok();
  });
  check(static_cast<bool>(done));
  return stream;
}

// Every version in order; every entry of the newest view found again by its key.
void read_through(const Engine& engine) {
  const EngineVersion& version = engine.version();
  const uint64_t last = version.absorbed();
  std::string key_before;
  uint64_t commit_before = 0;
  bool is_first = true;
  const auto versions = version.versions({}, 0, last);
  for (; versions->valid(); versions->next()) {
    const Edit& edit = versions->edit();
    const int order = is_first ? -1 : compare(as_bytes(key_before), edit.key);
    check(order < 0 || (order == 0 && edit.commit < commit_before));
    check(edit.commit <= last);
    key_before = as_text(edit.key);
    commit_before = edit.commit;
    is_first = false;
  }
  check(static_cast<bool>(versions->status()));
  for (const Direction direction : {Direction::kForward, Direction::kReverse}) {
    const auto entries = version.scan({}, last, direction);
    for (; entries->valid(); entries->next()) {
      const Edit& edit = entries->edit();
      Lookup answer;
      const Status got = version.get(edit.key, hash64(edit.key, 0), last, true, answer);
      check(got && answer.found == Found::kPut && answer.edit.commit == edit.commit);
      check(equal(answer.edit.value, edit.value));
    }
    check(static_cast<bool>(entries->status()));
  }
}

void run(Bytes input) {
  static EpochDomain epochs;
  static EpochDomain::Slot* const slot = epochs.take_slot();
  if (input.size() < 2) return;
  std::string bytes(as_text(input.subspan(2)));
  if ((input[0] & 1) != 0) sum_anew(bytes);
  const size_t step = size_t{1} << (input[1] % 24);

  const memory::Identity identity = {};
  const Status checked = memory::check_stream(source_of(as_bytes(bytes), step), identity);
  const StreamSource source = source_of(as_bytes(bytes), step);
  const auto opened = open_memory_engine(epochs, {}, &source);
  check(static_cast<bool>(checked) == static_cast<bool>(opened));
  if (!opened) {
    check(opened.code() == checked.code());
    check(opened.code() == Code::kCorrupt || opened.code() == Code::kNewerFormat ||
          opened.code() == Code::kForeign);
    return;
  }
  {
    const EpochDomain::Guard guard(epochs, *slot);
    read_through(**opened);
  }
  const std::string written = stream_of(**opened);
  const StreamSource again = source_of(as_bytes(written), step);
  const auto reopened = open_memory_engine(epochs, {}, &again);
  check(reopened && stream_of(**reopened) == written);
  epochs.collect();
}

const fuzz::Target target("stream", run);

}  // namespace
}  // namespace varve
