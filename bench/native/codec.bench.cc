// The codecs that stand between a block on disk and its reader: checksums, compression, numbers.
// Every figure is bytes a nanosecond, which is GB/s, of one thread with its data in cache:
// compression counts bytes as they were before it, numbers count four bytes each.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "bench.h"
#include "pure/codec/compress.h"
#include "pure/codec/crc32c.h"
#include "pure/codec/packed.h"
#include "pure/codec/varint.h"

namespace varve::bench {
namespace {

constexpr double kRunNs = 3e7;
constexpr size_t kTextBytes = 1 << 20;
constexpr size_t kNumbers = 1 << 14;
constexpr size_t kBytesBetweenLooks = 1 << 20;  // Looking at the clock costs as much as some KiB.

uint64_t sink = 0;  // What is computed ends here, so that nothing is optimised away.

double bytes_per_ns(size_t bytes, const std::function<void()>& body) {
  const double begun = thread_cpu_ns();
  double done = 0;
  double spent = 0;
  for (; spent < kRunNs; spent = thread_cpu_ns() - begun) {
    for (size_t now = 0; now < kBytesBetweenLooks; now += bytes) {
      body();
      done += static_cast<double>(bytes);
    }
  }
  return done / spent;
}

// Words of a few letters, the frequent ones far more often than the others, as in a language.
std::string prose() {
  Random random(1);
  std::vector<std::string> words(4000);
  for (std::string& word : words) {
    for (uint64_t left = 1 + random.below(5) + random.below(6); left > 0; --left) {
      word.push_back("eeettaaooinnsshrrdlucmfwypvbgk"[random.below(30)]);
    }
  }
  std::string text;
  while (text.size() < kTextBytes) {
    const uint64_t rank = random.below(1 + random.below(1 + random.below(words.size())));
    text += words[rank];
    text += random.one_in(12) ? ".\n" : " ";
  }
  text.resize(kTextBytes);
  return text;
}

std::string rows() {
  Random random(2);
  std::string text;
  while (text.size() < kTextBytes) {
    text += "{\"id\":" + std::to_string(text.size()) + ",\"name\":\"user-";
    text += std::to_string(random.below(100000)) + "\",\"active\":";
    text += random.one_in(3) ? "false" : "true";
    text += ",\"score\":" + std::to_string(random.below(1000)) + "}\n";
  }
  text.resize(kTextBytes);
  return text;
}

std::string noise() {
  Random random(3);
  std::string text;
  while (text.size() < kTextBytes) append(text, random.next());
  return text;
}

void run_compress(Table& table, const char* name, const std::string& text, size_t block_bytes) {
  const Bytes all = as_bytes(text);
  std::vector<std::string> packed(all.size() / block_bytes);
  std::string room;
  size_t packed_bytes = 0;
  size_t number = 0;
  for (std::string& one : packed) {
    check(compress(all.subspan(number++ * block_bytes, block_bytes), SIZE_MAX, one));
    packed_bytes += one.size();
  }
  const double in = bytes_per_ns(block_bytes, [&] {
    room.clear();
    number = (number + 1) % packed.size();
    sink += compress(all.subspan(number * block_bytes, block_bytes), SIZE_MAX, room) ? 1 : 0;
  });
  std::vector<uint8_t> back(block_bytes);
  const double out = bytes_per_ns(block_bytes, [&] {
    number = (number + 1) % packed.size();
    check(decompress(as_bytes(packed[number]), back));
    sink += back[0];
  });
  const std::string row = std::string(name) + ", blocks of " + std::to_string(block_bytes);
  table.add(row, "compress (GB/s)", in);
  table.add(row, "decompress (GB/s)", out);
  table.add(row, "left", static_cast<double>(packed_bytes) / static_cast<double>(all.size()));
}

const Bench checksum("crc32c", [](Table& table) {
  const std::string text = noise();
  for (const size_t size : {64, 256, 1024, 4096, 16384, 65536}) {
    const Bytes bytes = as_bytes(text).first(size);
    const double rate = bytes_per_ns(size, [&] { sink += crc32c(bytes, sink & 1); });
    table.add(std::to_string(size) + " bytes", "GB/s", rate);
  }
});

const Bench compression("compress", [](Table& table) {
  for (const size_t block_bytes : {4096, 16384, 65536}) {
    run_compress(table, "prose", prose(), block_bytes);
    run_compress(table, "rows", rows(), block_bytes);
    run_compress(table, "noise", noise(), block_bytes);
  }
});

std::vector<uint32_t> rising_numbers() {
  Random random(4);
  std::vector<uint32_t> numbers(kNumbers);
  uint32_t number = 0;
  for (uint32_t& next : numbers) {
    next = number += static_cast<uint32_t>(random.below(random.one_in(8) ? 5000 : 200));
  }
  return numbers;
}

// Documents that a word is in, where one in `share` has it.
std::vector<uint32_t> documents_of_word(uint64_t share) {
  Random random(5);
  std::vector<uint32_t> documents;
  for (uint32_t document = 1; documents.size() < kNumbers; ++document) {
    if (random.one_in(share)) documents.push_back(document);
  }
  return documents;
}

void add_numbers(Table& table, const std::string& name, size_t bytes, double rate) {
  table.add(name, "decode (GB/s)", rate);
  table.add(name, "bytes each", static_cast<double>(bytes) / kNumbers);
}

void run_one_by_one(Table& table, const std::vector<uint32_t>& numbers) {
  std::string bytes;
  uint32_t before = 0;
  for (const uint32_t number : numbers) {
    append_varint(bytes, number - before);
    before = number;
  }
  const double rate = bytes_per_ns(kNumbers * 4, [&] {
    Bytes from = as_bytes(bytes);
    uint32_t sum = 0;
    for (uint32_t step = 0; take_varint(from, step);) sum += step;
    check(sum == numbers.back());
  });
  add_numbers(table, "one by one", bytes.size(), rate);
}

void run_streams(Table& table, const std::vector<uint32_t>& numbers) {
  std::vector<uint32_t> found(kNumbers);
  std::vector<uint8_t> bytes(rising_stream_size(numbers, 0));
  encode_rising_stream(numbers, 0, bytes.data());
  const double plain = bytes_per_ns(kNumbers * 4, [&] { check(decode_stream(bytes, found)); });
  add_numbers(table, "stream", bytes.size(), plain);
  const double rising =
      bytes_per_ns(kNumbers * 4, [&] { check(decode_rising_stream(bytes, 0, found)); });
  check(found == numbers);
  add_numbers(table, "rising stream", bytes.size(), rising);
}

// Streams of as many numbers as a packed block has, so that each can be had alone.
void run_short_streams(Table& table, const std::string& name,
                       const std::vector<uint32_t>& numbers) {
  std::vector<uint32_t> found(kNumbers);
  std::vector<std::vector<uint8_t>> streams;
  std::vector<uint32_t> bases;
  uint32_t base = 0;
  size_t size = 0;
  for (size_t at = 0; at < kNumbers; at += kPackedCount) {
    const std::span<const uint32_t> part = std::span(numbers).subspan(at, kPackedCount);
    streams.emplace_back(rising_stream_size(part, base));
    encode_rising_stream(part, base, streams.back().data());
    bases.push_back(base);
    base = part.back();
    size += streams.back().size();
  }
  const double rate = bytes_per_ns(kNumbers * 4, [&] {
    for (size_t index = 0; index < streams.size(); ++index) {
      const auto to = std::span(found).subspan(index * kPackedCount, kPackedCount);
      check(decode_rising_stream(streams[index], bases[index], to));
    }
  });
  check(found == numbers);
  sink += found.back();
  add_numbers(table, name + ", rising streams", size, rate);
}

void run_packed(Table& table, const std::string& name, const std::vector<uint32_t>& numbers) {
  constexpr size_t kBlocks = kNumbers / kPackedCount;
  std::vector<uint32_t> found(kNumbers);
  std::vector<PackedForm> forms;
  std::vector<std::vector<uint8_t>> blocks;
  uint32_t base = 0;
  size_t size = 0;
  for (size_t block = 0; block < kBlocks; ++block) {
    const PackedNumbers part(numbers.data() + block * kPackedCount, kPackedCount);
    forms.push_back(rising_form(part, base));
    blocks.emplace_back(packed_bytes(forms.back().width));
    pack_rising(part, forms.back(), blocks.back().data());
    base = part.back();
    size += blocks.back().size();
  }
  const auto to = [&](size_t block) {
    return UnpackedNumbers(found.data() + block * kPackedCount, kPackedCount);
  };
  const double plain = bytes_per_ns(kNumbers * 4, [&] {
    for (size_t block = 0; block < kBlocks; ++block) {
      check(unpack(blocks[block], forms[block], to(block)));
    }
  });
  add_numbers(table, name + "packed", size, plain);
  const double rising = bytes_per_ns(kNumbers * 4, [&] {
    for (size_t block = 0; block < kBlocks; ++block) {
      check(unpack_rising(blocks[block], forms[block], to(block)));
    }
  });
  check(found == numbers);
  sink += found.back();
  add_numbers(table, name + "packed rising", size, rising);
}

const Bench numbers("numbers", [](Table& table) {
  const std::vector<uint32_t> rising = rising_numbers();
  run_one_by_one(table, rising);
  run_streams(table, rising);
  run_packed(table, "", rising);
  if (sink == 0) std::printf("nothing was read\n");
});

// What the text index chooses between for its groups of 128.
const Bench postings("postings", [](Table& table) {
  for (const uint64_t share : {3, 30, 300, 3000}) {
    const std::vector<uint32_t> documents = documents_of_word(share);
    const std::string name = "1 in " + std::to_string(share);
    run_short_streams(table, name, documents);
    run_packed(table, name + ", ", documents);
  }
});

}  // namespace
}  // namespace varve::bench
