// The log under damage: every flipped bit and every cut of a segment is told apart, as FORMAT.md
// does, into what is nothing, what is an unsynced tail and what is corruption.
#include <filesystem>
#include <string>
#include <vector>

#include "base/random.h"
#include "pure/codec/crc32c.h"
#include "storage/log/reader.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr uint64_t kRecordBytes = 80;  // Of every record below, three of them padding.
constexpr uint64_t kBodyBytes = kEditHeaderBytes + 5;

struct Commit {
  uint64_t number;
  uint64_t durable_mark;
  uint64_t previous;
};

std::string body_of(uint64_t commit) {
  std::string body;
  const std::string key = "key" + std::to_string(commit % 10);
  append_edit(body, {LogEditKind::kPut, 0, as_bytes(key), as_bytes("v")});
  return body;
}

std::string record_of(const Commit& commit, uint64_t life_tag) {
  const std::string body = body_of(commit.number);
  RecordHeader header;
  header.body_bytes = static_cast<uint32_t>(body.size());
  header.life_tag = life_tag;
  header.commit = commit.number;
  header.time_ms = commit.number * 10;
  header.durable_mark = commit.durable_mark;
  header.previous = commit.previous;
  header.body_checksum = crc32c(as_bytes(body));
  std::string record(kRecordHeaderBytes, '\0');
  encode_record_header(header, reinterpret_cast<uint8_t*>(record.data()));
  record += body;
  record.resize(record_bytes(body.size()), '\0');
  return record;
}

std::string header_of(uint64_t number, uint64_t life_tag, uint64_t size) {
  SegmentHeader header;
  store<uint64_t>(header.life, life_tag);
  header.number = number;
  header.size_bytes = size;
  std::string bytes(kSegmentHeaderBytes, '\0');
  encode_segment_header(header, reinterpret_cast<uint8_t*>(bytes.data()));
  return bytes;
}

// A segment whose room goes beyond its records.
std::string segment_of(uint64_t number, const std::vector<Commit>& commits) {
  const uint64_t size = kSegmentHeaderBytes + commits.size() * kRecordBytes + 256;
  std::string bytes = header_of(number, number, size);
  for (const Commit& commit : commits) bytes += record_of(commit, number);
  bytes.resize(size, '\0');
  return bytes;
}

void write_file(const std::string& path, const std::string& bytes) {
  const Status removed = native_os().remove(path);
  expect(removed || removed.code() == Code::kNotFound);
  Result<std::unique_ptr<File>> file = native_os().open(path, OpenMode::kCreate);
  require(static_cast<bool>(file));
  expect_ok((*file)->write_at(0, as_bytes(bytes)));
}

struct Recovered {
  LogRecovery log;
  std::vector<uint64_t> commits;
};

Recovered recover(LogSource source) {
  Recovered out;
  Result<LogRecovery> found =
      recover_log(native_os(), source, [&](const RecordHeader& header, Bytes body) {
        expect(as_text(body) == body_of(header.commit));
        out.commits.push_back(header.commit);
        return Status::ok();
      });
  require(static_cast<bool>(found));
  out.log = std::move(*found);
  return out;
}

std::vector<uint64_t> through(uint64_t last, uint64_t first = 1) {
  std::vector<uint64_t> commits;
  for (uint64_t commit = first; commit <= last; ++commit) commits.push_back(commit);
  return commits;
}

// Commits 1 to 3 were synced before 4 to 6 were written.
const std::vector<Commit> kHalfSynced = {{1, 0, 0}, {2, 0, 1}, {3, 0, 2},
                                         {4, 3, 3}, {5, 3, 4}, {6, 3, 5}};

void check_flip(const Recovered& found, const std::string& path, uint64_t at) {
  const uint64_t number =
      at < kSegmentHeaderBytes ? 0 : (at - kSegmentHeaderBytes) / kRecordBytes + 1;
  const bool is_padding =
      number != 0 && (at - kSegmentHeaderBytes) % kRecordBytes >= kRecordHeaderBytes + kBodyBytes;
  if (number > 6 || is_padding) {
    expect(found.commits == through(6) && !found.log.corrupt && found.log.cut_records == 0);
    return;
  }
  const uint64_t lost = std::max<uint64_t>(number, 1);
  expect(found.commits == through(lost - 1));
  expect(found.log.corrupt == (lost <= 3));
  if (lost <= 3) {
    expect(found.log.what.find(number > 1 ? path + " at byte" : path.substr(0, path.rfind('/'))) !=
           std::string::npos);
  } else {
    expect(found.log.cut_records == 6 - lost && found.log.cut_segment == 1);
    expect(found.log.cut_offset == kSegmentHeaderBytes + (lost - 1) * kRecordBytes);
  }
}

const Case flips("a flip of any bit of a segment is nothing, an unsynced tail, or named corruption",
                 [] {
                   LogSource source;
                   source.directory = scratch_directory();
                   const std::string path = segment_path(source.directory, 1);
                   std::string bytes = segment_of(1, kHalfSynced);
                   write_file(path, bytes);
                   Result<std::unique_ptr<File>> file = native_os().open(path, OpenMode::kWrite);
                   require(static_cast<bool>(file));
                   for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
                     const uint8_t was = static_cast<uint8_t>(bytes[bit / 8]);
                     const uint8_t flipped = was ^ static_cast<uint8_t>(1 << (bit % 8));
                     expect_ok((*file)->write_at(bit / 8, Bytes(&flipped, 1)));
                     check_flip(recover(source), path, bit / 8);
                     expect_ok((*file)->write_at(bit / 8, Bytes(&was, 1)));
                   }
                 });

const Case cuts("a segment cut at any byte keeps the records before it, and the cut is named", [] {
  LogSource source;
  source.directory = scratch_directory();
  const std::string path = segment_path(source.directory, 1);
  const std::string bytes = segment_of(1, kHalfSynced);
  for (size_t size = 0; size <= bytes.size(); ++size) {
    write_file(path, bytes.substr(0, size));
    const Recovered found = recover(source);
    const uint64_t whole =
        size < kSegmentHeaderBytes
            ? 0
            : std::min<uint64_t>(6, (size - kSegmentHeaderBytes + 3) / kRecordBytes);
    expect(found.commits == through(whole));
    expect(found.log.corrupt == (whole > 0 && size < bytes.size()));
    if (!found.log.corrupt) continue;
    expect(found.log.what.find(path + " ends at byte " + std::to_string(size)) !=
           std::string::npos);
  }
});

const Case heads(
    "a damaged header is nothing in a file without newer records, corruption in another", [] {
      LogSource source;
      source.directory = scratch_directory();
      std::string bytes = segment_of(1, kHalfSynced);
      bytes[20] ^= 1;
      write_file(segment_path(source.directory, 1), bytes);
      source.absorbed = 5;
      expect(recover(source).log.corrupt);
      source.absorbed = 6;  // Then it may have been torn while it was used again.
      const Recovered found = recover(source);
      expect(!found.log.corrupt && found.log.last_commit == 6);
    });

const Case lives("what an older life left behind is nothing, whole or damaged", [] {
  LogSource source;
  source.directory = scratch_directory();
  source.absorbed = 6;
  const std::string path = segment_path(source.directory, 9);
  std::string bytes = segment_of(1, kHalfSynced);
  bytes.replace(0, kSegmentHeaderBytes, header_of(9, 99, bytes.size()));
  bytes.replace(kSegmentHeaderBytes, kRecordBytes, record_of({7, 6, 6}, 99));
  bytes.replace(kSegmentHeaderBytes + kRecordBytes, kRecordBytes, record_of({8, 6, 7}, 99));
  const size_t old_at = kSegmentHeaderBytes + 2 * kRecordBytes;
  for (size_t byte = old_at; byte <= bytes.size(); ++byte) {
    std::string damaged = bytes;
    if (byte < bytes.size()) damaged[byte] = static_cast<char>(~damaged[byte]);
    write_file(path, damaged);
    const Recovered found = recover(source);
    expect(found.commits == through(8, 7) && !found.log.corrupt && found.log.cut_records == 0);
  }
});

// Three segments of two commits each; `marks` is what the last segment's records say was synced.
LogSource three_segments(uint64_t marks) {
  LogSource source;
  source.directory = scratch_directory();
  for (uint64_t number = 1; number <= 3; ++number) {
    const uint64_t first = number * 2 - 1;
    const uint64_t mark = number == 3 ? marks : 0;
    write_file(segment_path(source.directory, number),
               segment_of(number, {{first, mark, first - 1}, {first + 1, mark, first}}));
  }
  return source;
}

void remove_segment(const LogSource& source, uint64_t number) {
  expect_ok(native_os().remove(segment_path(source.directory, number)));
}

const Case missing("a missing segment is corruption when later marks or a clean close prove it",
                   [] {
                     LogSource source = three_segments(2);
                     expect(recover(source).commits == through(6));
                     remove_segment(source, 2);
                     Recovered found = recover(source);
                     expect(found.commits == through(2) && !found.log.corrupt &&
                            found.log.cut_records == 2);

                     source = three_segments(4);
                     remove_segment(source, 2);
                     found = recover(source);
                     expect(found.commits == through(2) && found.log.corrupt);
                     expect(found.log.what.find("00000001.log at byte") != std::string::npos);
                     source.absorbed = 4;  // What it held rests in the engine.
                     found = recover(source);
                     expect(found.commits == through(6, 5) && !found.log.corrupt);

                     source = three_segments(4);
                     remove_segment(source, 1);
                     found = recover(source);
                     expect(found.commits.empty() && found.log.corrupt);

                     source = three_segments(4);
                     remove_segment(source, 3);
                     expect(!recover(source).log.corrupt);
                     source.must_reach = 6;
                     expect(recover(source).log.corrupt);
                   });

const Case listed("a segment that is listed but cannot be read is an error that names it", [] {
  const LogSource source = three_segments(4);
  remove_segment(source, 2);
  std::filesystem::create_directory(segment_path(source.directory, 2));
  const Result<LogRecovery> found =
      recover_log(native_os(), source, [](const RecordHeader&, Bytes) { return Status::ok(); });
  expect(!found && found.error().message().find("00000002.log") != std::string::npos);
});

const Case newer("a segment of a newer version is refused by name, one of another store ignored",
                 [] {
                   for (const size_t at : {size_t{8}, size_t{10}, size_t{80}}) {
                     const LogSource source = three_segments(4);
                     std::string bytes = segment_of(2, {});
                     bytes[at] = 1;
                     store<uint32_t>(reinterpret_cast<uint8_t*>(bytes.data()) + 124,
                                     crc32c(as_bytes(bytes).first(124)));
                     write_file(segment_path(source.directory, 2), bytes);
                     const Result<LogRecovery> found =
                         recover_log(native_os(), source,
                                     [](const RecordHeader&, Bytes) { return Status::ok(); });
                     expect(found.code() == Code::kNewerFormat);
                     expect(found.error().message().find("00000002.log") != std::string::npos);
                   }
                   LogSource source = three_segments(2);
                   source.mark.identity[0] = 1;
                   expect(recover(source).commits.empty());
                 });

// A record header with one field replaced, and its checksum made right again.
std::optional<RecordHeader> decode_with(size_t at, uint64_t value, size_t size) {
  std::string record = record_of({5, 0, 4}, 1);
  uint8_t* const bytes = reinterpret_cast<uint8_t*>(record.data());
  std::memcpy(bytes + at, &value, size);
  store<uint32_t>(bytes + 52, crc32c(Bytes(bytes, 52)));
  return decode_record_header(as_bytes(record));
}

const Case limits("a record beyond a limit is no record, whatever its checksum says", [] {
  expect(decode_with(16, 5, 8).has_value() && decode_with(16, kCommitMax, 8).has_value());
  expect(!decode_with(16, kCommitMax + 1, 8));
  expect(!decode_with(16, 0, 8));
  expect(!decode_with(16, 4, 8));  // Its own predecessor.
  expect(!decode_with(4, 2, 1));   // Kind, flags and reserved bytes.
  expect(!decode_with(5, 1, 1));
  expect(!decode_with(6, 1, 2));

  LogSource source;
  source.directory = scratch_directory();
  std::string bytes = segment_of(1, kHalfSynced);
  uint8_t* const third =
      reinterpret_cast<uint8_t*>(bytes.data()) + kSegmentHeaderBytes + 2 * kRecordBytes;
  store<uint32_t>(third, UINT32_MAX);  // A body that runs past the file.
  store<uint32_t>(third + 52, crc32c(Bytes(third, 52)));
  write_file(segment_path(source.directory, 1), bytes);
  const Recovered found = recover(source);
  expect(found.commits == through(2) && found.log.corrupt);
});

std::string edits_of(Random& random) {
  std::string body;
  for (uint64_t i = 1 + random.below(4); i > 0; --i) {
    const std::string key(random.below(20), 'k');
    const auto kind = static_cast<LogEditKind>(1 + random.below(3));
    const std::string value(kind == LogEditKind::kDelete ? 0 : random.below(40), 'v');
    const uint64_t expires_ms = kind == LogEditKind::kPut ? random.below(2) * 77 : 0;
    append_edit(body, {kind, expires_ms, as_bytes(key), as_bytes(value)});
  }
  return body;
}

// Reads to the end or to an error, within the bytes.
Status read_edits(Bytes body) {
  EditReader reader(body);
  LogEdit edit;
  for (size_t count = 0; count <= body.size(); ++count) {
    const Result<bool> more = reader.next(edit);
    if (!more) return more.error();
    if (!*more) return Status::ok();
    const bool is_inside = edit.key.data() >= body.data() &&
                           edit.value.data() + edit.value.size() <= body.data() + body.size();
    expect(is_inside && edit.key.size() <= kStoredKeyBytesMax);
  }
  return Status::corrupt("it never ends");
}

const Case hostile("edits of hostile bytes are refused or lie within their record", [] {
  Random random(seed());
  for (int round = 0; round < 200; ++round) {
    const std::string body = edits_of(random);
    expect_ok(read_edits(as_bytes(body)));
    for (size_t bit = 0; bit < body.size() * 8; ++bit) {
      std::vector<uint8_t> exact(body.begin(), body.end());
      exact[bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8));
      const Status status = read_edits(exact);
      expect(status || status.code() == Code::kCorrupt);
    }
    for (size_t size = 0; size < body.size(); ++size) {
      const std::vector<uint8_t> exact(body.begin(), body.begin() + static_cast<ptrdiff_t>(size));
      const Status status = read_edits(exact);
      expect(status || status.code() == Code::kCorrupt);
    }
  }
  std::string large;
  const std::string key(kStoredKeyBytesMax + 1, 'k');
  append_edit(large, {LogEditKind::kPut, 0, as_bytes(key), {}});
  expect(read_edits(as_bytes(large)).code() == Code::kCorrupt);
});

const Case foreign(
    "an edit with what no writer sets is CORRUPT: flags, reserved bytes, an expiry of nothing", [] {
      const auto read_changed = [](LogEdit edit, size_t at, uint8_t byte) {
        std::string body;
        append_edit(body, edit);
        body[at] = static_cast<char>(byte);
        return read_edits(as_bytes(body)).code();
      };
      const std::string key = "key";
      const LogEdit put{LogEditKind::kPut, 7, as_bytes(key), {}};
      expect(read_changed(put, 16, 7) == Code::kOk);
      expect(read_changed(put, 16, 0) == Code::kCorrupt);
      expect(read_changed(put, 0, 2) == Code::kCorrupt);  // A deletion that expires,
      const LogEdit valued{LogEditKind::kPut, 0, as_bytes(key), as_bytes(key)};
      expect(read_changed(valued, 0, 2) == Code::kCorrupt);  // and one with a value.
      for (uint8_t flag = 1; flag != 0; flag = static_cast<uint8_t>(flag << 1)) {
        expect(read_changed(put, 1, static_cast<uint8_t>(2 | flag)) ==
               (flag == 2 ? Code::kOk : Code::kCorrupt));
      }
      expect(read_changed(put, 2, 1) == Code::kCorrupt &&
             read_changed(put, 3, 1) == Code::kCorrupt);
    });

}  // namespace
}  // namespace varve::test
