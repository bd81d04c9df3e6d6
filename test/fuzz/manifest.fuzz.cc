// Manifests of hostile bytes: they are refused, or read as a state that is the same when it is
// written anew.
//
// The first byte says whether the rest is taken as it is or is summed anew, so that what lies
// behind the checksums is reached, too.
#include <algorithm>

#include "base/os/os.h"
#include "fuzz.h"
#include "pure/codec/crc32c.h"
#include "storage/manifest/manifest.h"

namespace varve {
namespace {

constexpr size_t kHeaderBytes = 64;
constexpr size_t kRecordHeadBytes = 8;

void sum_anew(std::string& file) {
  if (file.size() < kHeaderBytes) file.resize(kHeaderBytes, '\0');
  uint8_t* const bytes = reinterpret_cast<uint8_t*>(file.data());
  std::memcpy(bytes, "VARVEMAN", 8);
  store<uint32_t>(bytes + 60, crc32c(Bytes(bytes, 60)));
  for (size_t at = kHeaderBytes; at + kRecordHeadBytes < file.size();) {
    const uint64_t room = file.size() - at - kRecordHeadBytes;
    const uint32_t size =
        static_cast<uint32_t>(std::min<uint64_t>(load<uint32_t>(bytes + at), room));
    store<uint32_t>(bytes + at, size);
    store<uint32_t>(bytes + at + 4, crc32c(Bytes(bytes + at + kRecordHeadBytes, size), size));
    at += kRecordHeadBytes + size;
  }
}

// Everything that an opening goes by, as one text.
std::string text_of(const ManifestState& state) {
  std::string text;
  append(text, Bytes(state.identity));
  append(text, Bytes(state.lineage));
  append(text, Bytes(state.incarnation));
  for (const uint64_t number :
       {state.hash_seed, uint64_t{state.engine}, state.reserved_through, state.clean_close,
        state.cut.segment, state.cut.offset, state.cut.resume, state.absorbed, state.next_table,
        state.log_floor, state.checkpoint.number, state.checkpoint.file_bytes,
        state.checkpoint.made_ms, uint64_t{state.history.keep}, state.history.amount,
        state.history.floor, state.time_ms, uint64_t{state.may_expire},
        uint64_t{state.may_prepare}}) {
    append<uint64_t>(text, number);
  }
  for (const ManifestGap& gap : state.gaps) {
    append<uint64_t>(text, gap.first);
    append<uint64_t>(text, gap.last);
  }
  for (const auto& [number, table] : state.tables) {
    append<uint64_t>(text, number);
    append<uint64_t>(text, table.info.file_bytes);
    append<uint64_t>(text, table.info.commit_last);
    text += std::to_string(table.level) + '/' + std::to_string(table.place);
    text += table.info.smallest + '/' + table.info.largest;
    for (const ValueUse& use : table.info.value_uses) {
      for (const uint64_t value : {use.file, use.count, use.bytes}) append<uint64_t>(text, value);
    }
  }
  for (const auto& [number, info] : state.value_files) {
    for (const uint64_t value : {number, info.number, info.file_bytes, info.value_count,
                                 info.commit_first, info.commit_last}) {
      append<uint64_t>(text, value);
    }
  }
  return text;
}

void run(Bytes input) {
  if (input.empty()) return;
  std::string bytes(as_text(input.subspan(1)));
  if ((input[0] & 1) != 0) sum_anew(bytes);
  const std::string directory = fuzz::directory("manifest");
  const Result<std::vector<DirectoryEntry>> entries = native_os().list(directory);
  check(static_cast<bool>(entries));
  for (const DirectoryEntry& entry : *entries) {
    check(static_cast<bool>(native_os().remove(directory + "/" + entry.name)));
  }
  fuzz::write_file(directory + "/MANIFEST-1", as_bytes(bytes));
  Result<std::unique_ptr<Manifest>> opened = Manifest::open(native_os(), directory);
  if (!opened) {
    check(opened.code() == Code::kCorrupt || opened.code() == Code::kNewerFormat);
    return;
  }
  ManifestEdit edit;
  edit.absorbed = (*opened)->state().absorbed ^ 1;
  check(static_cast<bool>((*opened)->append(edit)));
  const std::string expected = text_of((*opened)->state());
  opened = Manifest::open(native_os(), directory);
  check(static_cast<bool>(opened) && text_of((*opened)->state()) == expected);
}

const fuzz::Target target("manifest", run);

}  // namespace
}  // namespace varve
