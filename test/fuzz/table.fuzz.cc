// A table with hostile changes: it is refused, or answers within itself and to an end.
//
// The input changes a small table, three bytes a change: where (u16) and to what. Without summing
// anew, every answer must be the right one or an error; summed anew, as only a hostile hand would,
// the bytes behind the checksums are reached, and answers must only be within bounds.
#include <map>

#include "base/os/os.h"
#include "fuzz.h"
#include "pure/codec/crc32c.h"
#include "pure/codec/hash.h"
#include "storage/table/layout.h"
#include "storage/table/table.h"

namespace varve {
namespace {

constexpr uint64_t kStepCountMax = uint64_t{1} << 24;  // No walk over a small file is that long.

struct Part {
  uint64_t offset;
  uint64_t size;
};

// The table before it is changed.
struct Original {
  Original();
  TableOptions options;
  TableInfo info;
  std::string path;
  std::string bytes;
  std::vector<Part> parts;
  std::map<std::string, std::string> newest;  // By key.
};

std::string read_file(const std::string& path, uint64_t size) {
  Result<std::unique_ptr<File>> file = native_os().open(path, OpenMode::kRead);
  check(static_cast<bool>(file));
  std::string bytes(size, '\0');
  const Result<size_t> got =
      (*file)->read_at(0, MutableBytes(reinterpret_cast<uint8_t*>(bytes.data()), size));
  check(got && *got == size);
  return bytes;
}

Original::Original() {
  options.number = 1;
  options.block_bytes = 200;
  options.part_bits_max = 2;
  path = table_path(fuzz::directory("table"), 1);
  const Status removed = native_os().remove(path);
  check(removed || removed.code() == Code::kNotFound);
  Result<std::unique_ptr<TableWriter>> writer = TableWriter::create(native_os(), path, options);
  check(static_cast<bool>(writer));
  for (uint64_t i = 0; i < 40; ++i) {
    const std::string key = "key" + std::to_string(100 + i);
    for (uint64_t commit = 20; commit > (i == 7 ? 0 : 18); --commit) {
      const std::string value(i % 5 == 0 ? 4 : i + commit % 3, static_cast<char>('a' + i % 26));
      if (commit == 20) newest[key] = value;
      const Status added =
          (*writer)->add({as_bytes(key), commit, EditKind::kPut, 0, i % 3 * 1000, as_bytes(value),
                          commit == 20 ? 0 : commit + 1});
      check(static_cast<bool>(added));
    }
  }
  (*writer)->add(RangeDeletion{as_bytes("key1"), as_bytes("key2"), 5});
  const Result<TableInfo> made = (*writer)->finish();
  check(static_cast<bool>(made));
  info = *made;
  bytes = read_file(path, info.file_bytes);

  const uint8_t* const at = as_bytes(bytes).data();
  const uint8_t* const footer = at + bytes.size() - kTableFooterBytes;
  parts = {{load<uint64_t>(footer + 104), load<uint32_t>(footer + 112)},
           {load<uint64_t>(footer + 116), load<uint32_t>(footer + 124)},
           {load<uint64_t>(footer + 128), load<uint64_t>(footer + 136)}};
  IndexPart top;
  check(IndexPart::parse(Bytes(at + parts[1].offset, parts[1].size), top) && top.count() > 2);
  for (uint32_t i = 0; i < top.count(); ++i) {
    const BlockPlace place = top.place(i);
    IndexPart part;
    check(IndexPart::parse(Bytes(at + place.offset, place.size), part));
    parts.push_back({place.offset, place.size});
    for (uint32_t block = 0; block < part.count(); ++block) {
      parts.push_back({part.place(block).offset, part.place(block).size});
    }
  }
}

// The checksums of the parts where they lay, and of the footer.
void sum_anew(const Original& original, std::string& file) {
  uint8_t* const bytes = reinterpret_cast<uint8_t*>(file.data());
  for (const Part& part : original.parts) {
    uint8_t* const trailer = bytes + part.offset + part.size;
    const uint32_t seed = static_cast<uint32_t>(part.offset);
    const uint32_t sum = crc32c(Bytes(bytes + part.offset, part.size), seed);
    store<uint32_t>(trailer, crc32c(Bytes(trailer + 4, 4), sum));
  }
  uint8_t* const footer = bytes + file.size() - kTableFooterBytes;
  std::memcpy(footer, kTableMagic, 8);
  store<uint32_t>(footer + 188, crc32c(Bytes(footer, 188)));
}

void check_gets(const Original& original, Table& table, bool is_damaged_only) {
  for (const auto& [key, value] : original.newest) {
    for (const std::string& asked : {key, key + "x"}) {
      const uint64_t hash = hash64(as_bytes(asked), original.options.hash_seed);
      Lookup answer;
      const Status older = table.get(as_bytes(asked), hash, 3, true, answer);
      check(older || older.code() == Code::kCorrupt);
      if (Status status = table.get(as_bytes(asked), hash, UINT64_MAX, true, answer); !status) {
        check(status.code() == Code::kCorrupt);
        continue;
      }
      uint64_t sum = 0;
      for (const uint8_t byte : answer.edit.value) sum += byte;
      check(sum < UINT64_MAX);
      if (!is_damaged_only) continue;
      check((answer.found == Found::kPut) == (asked == key));
      check(asked != key || as_text(answer.edit.value) == value);
    }
  }
}

void check_walks(Table& table) {
  for (const CacheUse use : {CacheUse::kKeep, CacheUse::kAround, CacheUse::kTake}) {
    const auto cursor = table.cursor(use);
    uint64_t steps = 0;
    for (cursor->seek_first(); cursor->valid(); cursor->next()) check(++steps < kStepCountMax);
    for (cursor->seek_last(); cursor->valid(); cursor->previous()) check(++steps < kStepCountMax);
    cursor->seek(as_bytes("key120"), 19);
    cursor->seek_before(as_bytes("key107"), 3);
    const Status status = cursor->status();
    check(status || status.code() == Code::kCorrupt);
  }
}

void run(Bytes input) {
  static const Original original;
  static EpochDomain epochs;
  static EpochDomain::Slot* const slot = epochs.take_slot();
  if (input.empty()) return;
  std::string bytes = original.bytes;
  for (size_t at = 1; at + 3 <= input.size(); at += 3) {
    bytes[load<uint16_t>(input.data() + at) % bytes.size()] = static_cast<char>(input[at + 2]);
  }
  const bool summed_anew = (input[0] & 1) != 0;
  if (summed_anew) sum_anew(original, bytes);
  fuzz::write_file(original.path, as_bytes(bytes));
  {
    Cache cache(epochs, (input[0] & 2) != 0 ? 0 : uint64_t{1} << 20);
    const Result<std::shared_ptr<Table>> table =
        Table::open(native_os(), original.path, original.info, cache, original.options);
    if (!table) {
      check(table.code() == Code::kCorrupt || table.code() == Code::kNewerFormat);
      return;
    }
    const EpochDomain::Guard guard(epochs, *slot);
    check_gets(original, **table, !summed_anew);
    check_walks(**table);
    std::vector<VerifyProblem> problems;
    const Status verified = (*table)->verify(problems);
    check(verified || verified.code() == Code::kCorrupt);
    check((*table)->size_within({as_bytes("a"), as_bytes("z")}) <= UINT32_MAX);
  }
  epochs.collect();
}

const fuzz::Target target("table", run);

}  // namespace
}  // namespace varve
