#include "storage/log/log.h"

#include <atomic>
#include <mutex>
#include <thread>

#include "base/os/os_simulated.h"
#include "pure/codec/crc32c.h"
#include "test.h"

using namespace varve;
using namespace varve::test;

namespace {

std::string body_of(const std::string& key, const std::string& value) {
  std::string body;
  append_edit(body, {LogEditKind::kPut, 0, as_bytes(key), as_bytes(value)});
  return body;
}

std::unique_ptr<Log> open_log(const std::string& directory, uint64_t next_segment,
                              uint64_t last_commit, Os& os = native_os()) {
  LogOptions options;
  options.directory = directory;
  options.next_segment = next_segment;
  options.last_commit = last_commit;
  options.segment_bytes = 64 << 10;
  options.first_segment_bytes = 8 << 10;
  Result<std::unique_ptr<Log>> log = Log::open(os, options);
  require(static_cast<bool>(log));
  return std::move(*log);
}

void append_one(Log& log, uint64_t commit, const std::string& value) {
  const std::string body = body_of("key" + std::to_string(commit), value);
  expect_ok(log.reserve(body.size()));
  log.append(commit, commit * 10, as_bytes(body), crc32c(as_bytes(body)));
}

const Case shrinks("a log that shrinks gives back what was made ready, and begins small again", [] {
  const std::string directory = scratch_directory();
  const std::unique_ptr<Log> log = open_log(directory, 1, 0);
  uint64_t commit = 0;
  while (commit < 100) append_one(*log, ++commit, std::string(4000, 'v'));
  expect_ok(log->sync_now());
  log->seal();
  log->trim(commit);
  expect(log->stats().disk_bytes > 128 << 10);
  log->shrink();
  log->tidy();
  expect(log->stats().disk_bytes == 0);
  append_one(*log, ++commit, "v");
  expect_ok(log->sync_now());
  expect(log->stats().disk_bytes <= (8 + 32 + 64) << 10);
  log->end();
});

struct Recovered {
  LogRecovery log;
  std::vector<uint64_t> commits;
};

Recovered recover(const std::string& directory, uint64_t absorbed = 0, LogCut cut = {}) {
  Recovered out;
  LogSource source;
  source.directory = directory;
  source.absorbed = absorbed;
  source.cut = cut;
  Result<LogRecovery> found =
      recover_log(native_os(), source, [&](const RecordHeader& header, Bytes body) {
        EditReader reader(body);
        LogEdit edit;
        const Result<bool> one = reader.next(edit);
        expect(one && *one && as_text(edit.key) == "key" + std::to_string(header.commit));
        out.commits.push_back(header.commit);
        return Status::ok();
      });
  require(static_cast<bool>(found));
  out.log = std::move(*found);
  return out;
}

void flip(const std::string& path, uint64_t offset) {
  Result<std::unique_ptr<File>> file = native_os().open(path, OpenMode::kWrite);
  require(static_cast<bool>(file));
  uint8_t byte = 0;
  require(static_cast<bool>((*file)->read_at(offset, MutableBytes(&byte, 1))));
  byte ^= 1;
  expect_ok((*file)->write_at(offset, Bytes(&byte, 1)));
}

const Case round_trip("what was appended and synced is read back, across segments", [] {
  const std::string directory = scratch_directory();
  {
    const auto log = open_log(directory, 1, 0);
    for (uint64_t commit = 1; commit <= 300; ++commit)
      append_one(*log, commit, std::string(700, 'v'));
    expect_ok(log->sync_now());
    expect(log->durable_through() == 300);
    append_one(*log, 301, std::string(100'000, 'w'));  // Larger than a segment.
    expect_ok(log->sync_now());
  }
  const Recovered found = recover(directory);
  expect(found.commits.size() == 301 && !found.log.corrupt && found.log.last_commit == 301);
});

const Case gap(
    "a damaged record below the durable mark is corruption, one above it a cut tail", [] {
      const std::string directory = scratch_directory();
      {
        const auto log = open_log(directory, 1, 0);
        for (uint64_t commit = 1; commit <= 3; ++commit) append_one(*log, commit, "v");
        expect_ok(log->sync_now());
        for (uint64_t commit = 4; commit <= 6; ++commit) append_one(*log, commit, "v");
        expect_ok(log->write());
      }
      const std::string path = segment_path(directory, 1);
      const uint64_t size = record_bytes(body_of("key1", "v").size());
      flip(path, kSegmentHeaderBytes + size * 4 + 60);  // In commit 5: never synced.
      Recovered found = recover(directory);
      expect(!found.log.corrupt && found.commits.size() == 4 && found.log.cut_records == 1);
      expect(found.log.cut_segment == 1 && found.log.cut_offset == kSegmentHeaderBytes + size * 4);
      flip(path,
           kSegmentHeaderBytes + size * 1 + 60);  // In commit 2: commit 4 says that 3 was durable.
      found = recover(directory);
      expect(found.log.corrupt && found.log.what.find("00000001.log at byte") != std::string::npos);
    });

const Case behind_cut("nothing behind a cut comes back, though it is good again", [] {
  const std::string directory = scratch_directory();
  {
    const auto log = open_log(directory, 1, 0);
    for (uint64_t commit = 1; commit <= 3; ++commit) append_one(*log, commit, "v");
    expect_ok(log->write());
  }
  const uint64_t size = record_bytes(body_of("key1", "v").size());
  const uint64_t cut_at = kSegmentHeaderBytes + size * 2;
  const uint64_t resume = recover(directory).log.next_number;
  {
    const auto log = open_log(directory, resume, 2);
    append_one(*log, 100, "v");
    expect_ok(log->write());
  }
  const Recovered found = recover(directory, 0, {1, cut_at, resume});
  expect(found.commits == std::vector<uint64_t>({1, 2, 100}) && !found.log.corrupt);
});

const Case recycled("a recycled segment shows nothing of its older lives", [] {
  const std::string directory = scratch_directory();
  {
    const auto log = open_log(directory, 1, 0);
    for (uint64_t commit = 1; commit <= 1000; ++commit) {
      append_one(*log, commit, std::string(500, 'v'));
      if (commit % 100 != 0) continue;
      expect_ok(log->sync_now());
      log->seal();
      if (commit < 1000) log->trim(commit);
    }
  }
  const Recovered found = recover(directory, 900);
  expect(found.commits.size() == 100 && found.commits.front() == 901 && !found.log.corrupt);
});

// Of a simulated machine whose syncs take no time.
const Case syncs_here("a thread that asks may sync itself once syncs are known to be quick", [] {
  SimulatedOs os(seed());
  expect_ok(os.create_directory("log"));
  const auto log = open_log("log", 1, 0, os);
  uint64_t commit = 0;
  append_one(*log, ++commit, "v");
  expect(!log->try_sync() && log->durable_through() == 0);
  for (int round = 0; round < 20; ++round) {
    append_one(*log, ++commit, "v");
    expect_ok(log->sync_now());
    expect(log->durable_through() == commit);
  }
  append_one(*log, ++commit, "v");
  expect(log->try_sync() && log->durable_through() == commit);
  append_one(*log, ++commit, "v");
  os.fail_call(2, Code::kIo);  // The write does not, the sync does.
  expect(!log->try_sync() && log->failed() && log->durable_through() == commit - 1);
  expect(!log->try_sync() && log->sync_now().code() == Code::kIo);
});

const Case syncs_together("threads that wait for syncs are all served, whoever syncs", [] {
  const auto log = open_log(scratch_directory(), 1, 0);
  std::mutex appending;
  uint64_t commit = 0;
  std::atomic<bool> done{false};
  std::thread asks([&] {
    while (!done.load()) {
      log->request_sync();
      log->try_sync();
    }
  });
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        uint64_t mine = 0;
        {
          const std::lock_guard held(appending);
          append_one(*log, mine = ++commit, "v");
        }
        expect_ok(log->sync_now());
        expect(log->durable_through() >= mine);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  done.store(true);
  asks.join();
});

const Case too_large("a commit whose size a record cannot tell is refused before it has a number",
                     [] {
                       const auto log = open_log(scratch_directory(), 1, 0);
                       expect(log->reserve(kBodyBytesMax + 1).code() == Code::kTooLarge);
                       append_one(*log, 1, "v");
                       expect_ok(log->sync_now());
                     });

const Case example("the worked example of FORMAT.md decodes", [] {
  uint8_t bytes[kRecordHeaderBytes];
  RecordHeader header;
  header.life_tag = 0x0807060504030201;
  header.commit = 5;
  header.durable_mark = 4;
  header.previous = 4;
  encode_record_header(header, bytes);
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const uint8_t byte : bytes) {
    hex.push_back(kDigits[byte >> 4]);
    hex.push_back(kDigits[byte & 15]);
  }
  expect(hex.substr(0, 32) == "00000000010000000102030405060708");
  Result<std::unique_ptr<File>> file =
      native_os().open("native/storage/log/FORMAT.md", OpenMode::kRead);
  require(static_cast<bool>(file));
  std::string text(1 << 16, '\0');
  const Result<size_t> size =
      (*file)->read_at(0, MutableBytes(reinterpret_cast<uint8_t*>(text.data()), text.size()));
  require(static_cast<bool>(size));
  text.resize(*size);
  std::erase(text, ' ');
  if (text.find(hex) == std::string::npos)
    std::fprintf(stderr, "  the example should be %s\n", hex.c_str());
  expect(text.find(hex) != std::string::npos);
  for (size_t i = 0; i < sizeof bytes * 8; ++i) {
    bytes[i / 8] ^= static_cast<uint8_t>(1 << (i % 8));
    expect(!decode_record_header(Bytes(bytes, sizeof bytes)));
    bytes[i / 8] ^= static_cast<uint8_t>(1 << (i % 8));
  }
});

}  // namespace
