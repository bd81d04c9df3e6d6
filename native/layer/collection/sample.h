// layer/collection/sample.h — some documents of a collection, by which the others are judged.
//
// A row number is drawn into the sample by its own bits: of two rows one is of level 1 or more, of
// four one of level 2, of 32 one of level 5; from there on a key names the document, the highest
// levels first. A commit that adds or deletes such a document puts or deletes the key. So a sample
// is there after any crash and at any commit, no background work makes it, and 32 documents pay for
// one key.
//
//   17 id │ level 13 ▏ 12 ▏ 11 ▏▏ 10 ▏▏▏▏ 9 ▏▏▏▏▏▏▏▏ … 5
//         └──────── whole levels, as long as they are no more than 1,024 ───┘  each stands for 2^9
//
// A reader takes the highest levels, so that it reads about as much of a large collection as of a
// small one. One of less than some thousand documents is walked instead.
//
// Invariants
//   - a document is in a sample, or not, whatever it holds and wherever its key lies.
//   - what is read is no condition of a transaction.
// Threads: one.      Bytes: FORMAT.md
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "layer/collection/definition.h"
#include "layer/collection/reads.h"

namespace varve::collection {

inline constexpr size_t kSampleMax = 1024;                        // Documents,
inline constexpr size_t kSampleBytesMax = size_t{1} << 20;        // their records,
inline constexpr size_t kSampleRecordBytesMax = size_t{1} << 14;  // and each of these.

// Whether a key names the document of this row.
bool is_sampled(uint64_t row);
std::string sample_key(uint32_t collection, uint64_t row);

struct Sample {
  struct One {
    std::string key;     // Of the document, without a prefix.
    std::string record;  // Empty where there was no room for it.
  };
  std::vector<One> documents;
  double weight = 1;  // Each stands for so many.
};

// As of the view; none where nothing is known, as of documents that older versions have written.
Result<std::optional<Sample>> read_sample(const Store::View& view, const Definition& definition);
// How many row numbers of the collection were given out.
Result<uint64_t> rows_given(const Store::View& view, uint32_t collection);

}  // namespace varve::collection
