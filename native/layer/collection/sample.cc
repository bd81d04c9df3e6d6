#include "layer/collection/sample.h"

#include <algorithm>
#include <bit>
#include <span>

#include "base/random.h"
#include "layer/collection/keys.h"

namespace varve::collection {
namespace {

constexpr int kLevelMin = 5;  // Of what a key names.
constexpr int kLevelMax = 63;
constexpr size_t kFew = 128;                           // Keys below which the documents are walked,
constexpr size_t kWalkMax = 4096;                      // if they are no more than these.
constexpr size_t kLookMax = 64;                        // Documents that are looked up at once.
constexpr uint64_t kReadBytesMax = uint64_t{4} << 20;  // Of records, walked or looked up.

int level_of(uint64_t row) { return std::min(std::countr_zero(Random(row).next()), kLevelMax); }

struct Leveled {
  Sample::One one;
  int level = 0;
};

void drop_below(std::vector<Leveled>& all, int level) {
  std::erase_if(all, [&](const Leveled& one) { return one.level < level; });
}

Sample sample_of(std::vector<Leveled> all, int level) {
  Sample sample;
  sample.weight = static_cast<double>(uint64_t{1} << level);
  for (Leveled& one : all) sample.documents.push_back(std::move(one.one));
  return sample;
}

// Whole levels, the highest first.
Result<Sample> read_keys(const Store::View& view, uint32_t collection) {
  const std::string prefix = prefix_of(kSample, collection);
  const std::string end = end_of(prefix);
  const auto cursor = view.scan({as_bytes(prefix), as_bytes(end)}, Direction::kForward);
  std::vector<Leveled> all;
  std::string room;
  int level = kLevelMin;
  for (; cursor->valid(); cursor->next()) {
    const Bytes key = cursor->edit().key;
    if (key.size() != kPrefixBytes + 9 || key[kPrefixBytes] > kLevelMax - kLevelMin) {
      return Status::corrupt("collection: a key of its sample is none");
    }
    const int found = kLevelMax - key[kPrefixBytes];
    if (all.size() == kSampleMax) {
      level = found + 1;
      break;
    }
    const Result<Bytes> value = view.value(cursor->edit(), room);
    if (!value) return value.error();
    all.push_back({{std::string(as_text(*value)), {}}, found});
  }
  if (Status status = cursor->status(); !status) return status;
  drop_below(all, level);
  return sample_of(std::move(all), level);
}

// None where there are too many to walk, or one whose row nobody can read.
Result<std::optional<Sample>> walk(const Store::View& view, const Definition& definition) {
  const std::string prefix = prefix_of(kDocuments, definition.id);
  const std::string end = end_of(prefix);
  const auto cursor = view.scan({as_bytes(prefix), as_bytes(end)}, Direction::kForward);
  std::vector<Leveled> all;
  std::string room;
  int level = 0;
  uint64_t read_bytes = 0;
  for (size_t walked = 0; cursor->valid(); cursor->next()) {
    if (++walked > kWalkMax || read_bytes > kReadBytesMax) return std::optional<Sample>();
    const Result<Bytes> value = view.value(cursor->edit(), room);
    if (!value) return value.error();
    read_bytes += value->size();
    Document document(definition.schema_set);
    if (!document.open(*value)) return std::optional<Sample>();
    const int own = level_of(document.row());
    if (own < level) continue;
    all.push_back({{std::string(as_text(cursor->edit().key.subspan(prefix.size()))), {}}, own});
    while (all.size() > kSampleMax) drop_below(all, ++level);
  }
  if (Status status = cursor->status(); !status) return status;
  return std::optional<Sample>(sample_of(std::move(all), level));
}

// A document whose record is not there, or too large, is counted, and nothing else is known of it.
Status read_records(const Store::View& view, const Definition& definition, Sample& sample) {
  const std::string prefix = prefix_of(kDocuments, definition.id);
  std::vector<std::string> keys(kLookMax);
  std::vector<PointQuery> queries(kLookMax);
  std::string room;
  size_t kept_bytes = 0;
  uint64_t read_bytes = 0;
  const size_t all_count = sample.documents.size();
  for (size_t from = 0; from < all_count && read_bytes <= kReadBytesMax; from += kLookMax) {
    const size_t count = std::min(kLookMax, all_count - from);
    for (size_t i = 0; i < count; ++i) {
      keys[i] = prefix + sample.documents[from + i].key;
      queries[i] = {};
      queries[i].key = as_bytes(keys[i]);
    }
    const std::span<PointQuery> all(queries.data(), count);
    if (Status status = view.get_many(all); !status) return status;
    for (size_t i = 0; i < count; ++i) {
      if (all[i].answer.found != Found::kPut) continue;
      const Result<Bytes> value = view.value(all[i].answer.edit, room);
      if (!value) return value.error();
      read_bytes += value->size();
      const bool has_room = kept_bytes + value->size() <= kSampleBytesMax;
      if (!has_room || value->size() > kSampleRecordBytesMax) continue;
      kept_bytes += value->size();
      sample.documents[from + i].record = as_text(*value);
    }
  }
  return Status::ok();
}

}  // namespace

bool is_sampled(uint64_t row) { return level_of(row) >= kLevelMin; }

std::string sample_key(uint32_t collection, uint64_t row) {
  std::string key = prefix_of(kSample, collection);
  key += static_cast<char>(kLevelMax - level_of(row));
  append_big64(key, row);
  return key;
}

Result<std::optional<Sample>> read_sample(const Store::View& view, const Definition& definition) {
  Result<Sample> sample = read_keys(view, definition.id);
  if (!sample) return sample.error();
  if (sample->documents.size() < kFew) {
    Result<std::optional<Sample>> walked = walk(view, definition);
    if (!walked) return walked.error();
    if (*walked) sample = std::move(**walked);
    if (!*walked && sample->documents.empty()) return std::optional<Sample>();
  }
  if (Status status = read_records(view, definition, *sample); !status) return status;
  return std::optional<Sample>(std::move(*sample));
}

Result<uint64_t> rows_given(const Store::View& view, uint32_t collection) {
  const std::string key = system_key(kRowsTag, collection);
  Lookup found;
  if (Status status = view.get(as_bytes(key), true, found); !status) return status;
  if (found.found != Found::kPut || found.edit.value.size() != 8) return uint64_t{0};
  return load<uint64_t>(found.edit.value.data());
}

}  // namespace varve::collection
