#include "layer/collection/statistics.h"

#include <algorithm>
#include <cmath>

#include "layer/collection/entries.h"
#include "layer/collection/keys.h"

namespace varve::collection {
namespace {

constexpr size_t kKnownMax = 16;       // Collections.
constexpr uint64_t kPlansMax = 1024;   // That are made by one sample, where anything is committed.
constexpr uint64_t kGrowthMin = 2048;  // Rows, of which threads take 1,024 at a time.
constexpr size_t kAskedFew = 64;       // Documents that are asked whether they meet a condition;
constexpr size_t kAskedMany = 512;     // where few do.
constexpr size_t kMeetFew = 4;
constexpr double kUnknownShare = 0.25;  // A guess.

}  // namespace

Known::Known(std::optional<Sample> sample, const Definition& definition, uint64_t commit,
             uint64_t given)
    : is_known_(sample.has_value()),
      schemas_(definition.schema_set),
      collection_(definition.id),
      weight_(sample ? sample->weight : 1),
      documents_(sample ? std::move(sample->documents) : std::vector<Sample::One>()),
      commit_(commit),
      given_(given),
      checked_(commit) {}

KeySpan Known::everything() const {
  const std::string prefix = prefix_of(kDocuments, collection_);
  return {prefix, end_of(prefix)};
}

// An index that a document has no entries in, or whose record nobody can read, is without it.
const Known::Histogram& Known::histogram(const IndexDefinition* index) {
  const auto [found, is_new] = histograms_.try_emplace(index == nullptr ? 0 : index->id);
  Histogram& all = found->second;
  if (!is_new) return all;
  const std::string prefix = prefix_of(kDocuments, collection_);
  std::vector<collection::Entry> entries;
  for (uint32_t i = 0; i < documents_.size(); ++i) {
    const Sample::One& one = documents_[i];
    if (index == nullptr) {
      all.push_back({prefix + one.key, i});
      continue;
    }
    Document document(schemas_);
    if (one.record.empty() || !document.open(as_bytes(one.record))) continue;
    if (!make_entries(*index, document, as_bytes(one.key), entries)) continue;
    for (collection::Entry& entry : entries) all.push_back({std::move(entry.key), i});
  }
  std::sort(all.begin(), all.end());
  return all;
}

double Known::entries(const IndexDefinition* index, const std::vector<KeySpan>& spans) {
  const Histogram& all = histogram(index);
  const auto place_of = [&](const std::string& key) {
    const auto is_below = [&](const Entry& one) { return one.key < key; };
    return std::partition_point(all.begin(), all.end(), is_below);
  };
  double count = 0;
  for (const KeySpan& span : spans) {
    count += static_cast<double>(place_of(span.end) - place_of(span.begin));
  }
  return count * weight_;
}

// Each once for each of its entries.
std::vector<uint32_t> Known::documents_in(const IndexDefinition* index,
                                          const std::vector<KeySpan>& spans) {
  std::vector<uint32_t> found;
  const Histogram& all = histogram(index);
  for (const KeySpan& span : spans) {
    const auto is_below = [&](const Entry& one) { return one.key < span.begin; };
    for (auto one = std::partition_point(all.begin(), all.end(), is_below);
         one != all.end() && one->key < span.end; ++one) {
      found.push_back(one->document);
    }
  }
  return found;
}

// Some of them are asked, evenly spread, and more where hardly any meets it.
double Known::share(const IndexDefinition* index, const std::vector<KeySpan>& spans,
                    const Filter& where) {
  if (where.is_always()) return 1;
  const std::vector<uint32_t> among = documents_in(index, spans);
  double share = kUnknownShare;
  for (const size_t most : {kAskedFew, kAskedMany}) {
    const size_t count = std::min(most, among.size());
    size_t asked = 0;
    size_t met = 0;
    for (size_t i = 0; i < count; ++i) {
      const Sample::One& one = documents_[among[i * among.size() / count]];
      Document document(schemas_);
      if (one.record.empty() || !document.open(as_bytes(one.record))) continue;
      ++asked;
      if (where.matches(document)) ++met;
    }
    if (asked == 0) return kUnknownShare;
    share = (static_cast<double>(met) + 0.5) / (static_cast<double>(asked) + 1);
    if (met >= kMeetFew || count == among.size()) break;
  }
  return share;
}

// Values that the sample has once stand for others that it has not: of n documents drawn from N, as
// the root of N / n tells (Charikar and others, 2000).
double Known::per_value(uint32_t field) {
  const auto [found, is_new] = per_value_.try_emplace(field, 1);
  if (!is_new) return found->second;
  std::map<std::string, uint32_t> counts;
  double all = 0;
  for (const Sample::One& one : documents_) {
    Document document(schemas_);
    if (one.record.empty() || !document.open(as_bytes(one.record))) continue;
    std::string value;
    document.append_key(field, value);
    if (is_null_key(as_bytes(value))) continue;
    counts[value] += 1;
    all += 1;
  }
  double values = 0;
  for (const auto& [value, count] : counts) values += count == 1 ? std::sqrt(weight_) : 1;
  values = std::min(values, all * weight_);
  if (values > 0) found->second = all * weight_ / values;
  return found->second;
}

// ---- of several collections

Result<bool> Statistics::is_fresh(const Store::View& view, Known& known) const {
  if (view.commit() <= known.checked_) return true;
  if (known.is_doubtful_ || known.asked_ >= kPlansMax) return false;
  const Result<uint64_t> given = rows_given(view, known.collection_);
  if (!given) return given.error();
  const double growth = std::max<double>(kGrowthMin, known.document_count() / 4);
  const bool is_fresh = static_cast<double>(*given) < static_cast<double>(known.given_) + growth;
  if (is_fresh) known.checked_ = view.commit();
  return is_fresh;
}

void Statistics::drop_unused() {
  while (known_.size() > kKnownMax) {
    known_.erase(std::min_element(known_.begin(), known_.end(), [](const auto& a, const auto& b) {
      return a.second->used_ < b.second->used_;
    }));
  }
}

Result<Known*> Statistics::of(const Reads& reads, const Definition& definition) {
  const Store::View& view = reads.view();
  const Key key(definition.id, definition.commit);
  const auto there = known_.find(key);
  if (there != known_.end()) {
    Known& known = *there->second;
    known.asked_ += 1;
    known.used_ = ++used_;
    const Result<bool> fresh = is_fresh(view, known);
    if (!fresh) return fresh.error();
    if (*fresh) return known.self();
    known_.erase(there);
  }
  Result<std::optional<Sample>> sample = read_sample(view, definition);
  if (!sample) return sample.error();
  const Result<uint64_t> given = rows_given(view, definition.id);
  if (!given) return given.error();
  auto known = std::make_unique<Known>(std::move(*sample), definition, view.commit(), *given);
  known->used_ = ++used_;
  Known* const made = (known_[key] = std::move(known)).get();
  drop_unused();
  return made->self();
}

Result<Known*> Statistics::doubt(const Reads& reads, const Definition& definition) {
  const auto there = known_.find({definition.id, definition.commit});
  if (there != known_.end() && reads.view().commit() > there->second->commit_) {
    there->second->is_doubtful_ = true;
    there->second->checked_ = there->second->commit_;
  }
  return of(reads, definition);
}

}  // namespace varve::collection
