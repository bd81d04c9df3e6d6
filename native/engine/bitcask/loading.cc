#include "engine/bitcask/loading.h"

#include <algorithm>

#include "engine/range_facts.h"

namespace varve::bitcask {
namespace {

// One attempt: a hint may turn out to be damaged on the way.
class Loading {
 public:
  Loading(const LoadSource& source, const std::vector<std::shared_ptr<DataFile>>& files,
          const std::set<size_t>& damaged)
      : source_(source), files_(files), damaged_(damaged), builder_(loaded_.image.leaves) {}

  Status run();
  Loaded take() { return std::move(loaded_); }
  const std::vector<VerifyProblem>& damage() const { return damage_; }
  // After kCorrupt: the file whose hint is damaged.
  size_t damaged_hint() const { return damaged_hint_; }
  // Writes the hints that were made anew, and lets values be cached.
  void settle();

 private:
  struct Head {
    Listed entry;
    uint64_t start = 0;  // The first eight bytes of its key, as a number.
  };
  Status open(size_t file);
  Status advance(size_t file);
  bool comes_later(size_t a, size_t b) const;
  void add(size_t file);
  void end_key();
  Status add_ranges();

  const LoadSource& source_;
  const std::vector<std::shared_ptr<DataFile>>& files_;
  const std::set<size_t>& damaged_;
  std::vector<std::unique_ptr<Listing>> listings_;
  std::vector<Head> heads_;
  std::vector<uint32_t> ordinals_;
  std::vector<size_t> heap_;
  std::vector<VerifyProblem> damage_;
  size_t damaged_hint_ = 0;
  Loaded loaded_;
  LeafBuilder builder_;
  std::string key_;
  KeyState state_;
};

Status Loading::open(size_t file) {
  Result<std::unique_ptr<Listing>> listing =
      Listing::open(source_.os, source_.directory, *files_[file], source_.identity,
                    damaged_.contains(file), damage_);
  if (!listing) return listing.error();
  loaded_.files.push_back({files_[file], 0, (*listing)->hint_bytes()});
  listings_.push_back(std::move(*listing));
  return Status::ok();
}

bool Loading::comes_later(size_t a, size_t b) const {
  if (heads_[a].start != heads_[b].start) return heads_[a].start > heads_[b].start;
  const int order = compare(heads_[a].entry.key, heads_[b].entry.key);
  return order != 0 ? order > 0 : heads_[a].entry.commit < heads_[b].entry.commit;
}

Status Loading::advance(size_t file) {
  Head& head = heads_[file];
  const Result<bool> more = listings_[file]->next(head.entry);
  if (!more) {
    damaged_hint_ = file;
    return more.error();
  }
  if (!*more) return Status::ok();
  uint8_t bytes[8] = {};
  std::copy_n(head.entry.key.begin(), std::min<size_t>(head.entry.key.size(), 8), bytes);
  head.start = load_big64(bytes);
  heap_.push_back(file);
  std::push_heap(heap_.begin(), heap_.end(),
                 [this](size_t a, size_t b) { return comes_later(a, b); });
  return Status::ok();
}

void Loading::end_key() {
  if (state_.rows.empty()) return;
  state_.key = as_bytes(key_);
  for (const Row& row : state_.rows) {
    loaded_.files[row.slot].live_bytes += row.bytes(key_.size());
  }
  builder_.add(state_);
  state_ = {};
}

void Loading::add(size_t file) {
  const Listed& entry = heads_[file].entry;
  if (!equal(as_bytes(key_), entry.key)) {
    end_key();
    key_.assign(as_text(entry.key));
  }
  const uint32_t ordinal = ordinals_[file]++;
  // No two files have the same version; of hostile ones that do, the first counts.
  const bool is_again = !state_.rows.empty() && state_.rows.back().commit == entry.commit;
  if (is_again) return state_.add_dead_files(1);
  const bool is_put = entry.kind == EditKind::kPut;
  state_.rows.push_back({entry.commit, is_put ? RowKind::kPut : RowKind::kDelete,
                         static_cast<uint32_t>(file), entry.offset, ordinal, entry.value_bytes,
                         entry.expires_ms});
}

Status Loading::add_ranges() {
  for (size_t i = 0; i < files_.size(); ++i) {
    Result<std::vector<OwnedRange>> found = listings_[i]->ranges();
    if (!found) {
      damaged_hint_ = i;
      return found.error();
    }
    std::vector<RangeDeletion> ranges;
    for (const OwnedRange& range : *found) {
      ranges.push_back({as_bytes(range.begin), as_bytes(range.end), range.commit});
    }
    add_range_facts(loaded_.image.ranges, ranges);
  }
  return Status::ok();
}

Status Loading::run() {
  heads_.resize(files_.size());
  ordinals_.resize(files_.size());
  for (size_t i = 0; i < files_.size(); ++i) {
    if (Status status = open(i); !status) return status;
  }
  for (size_t i = 0; i < files_.size(); ++i) {
    if (Status status = advance(i); !status) return status;
  }
  while (!heap_.empty()) {
    const size_t file = heap_.front();
    std::pop_heap(heap_.begin(), heap_.end(),
                  [this](size_t a, size_t b) { return comes_later(a, b); });
    heap_.pop_back();
    add(file);
    if (Status status = advance(file); !status) return status;
  }
  end_key();
  builder_.finish();
  return add_ranges();
}

void Loading::settle() {
  for (size_t i = 0; i < files_.size(); ++i) {
    files_[i]->expect_entries(listings_[i]->entry_count());
    if (!listings_[i]->is_rebuilt() || source_.read_only) continue;
    const Result<uint64_t> written = listings_[i]->hint().write(
        source_.os, source_.directory, files_[i]->info(), source_.identity);
    if (written) loaded_.files[i].hint_bytes = *written;  // If not, the next opening does it.
  }
}

}  // namespace

Result<Loaded> load_directory(const LoadSource& source,
                              const std::vector<std::shared_ptr<DataFile>>& files) {
  if (files.size() > kSlotMax) {
    return Status(Code::kTooLarge, "bitcask: " + std::to_string(files.size()) + " files");
  }
  std::set<size_t> damaged;
  while (true) {  // Each round finds another hint damaged, so there are no more than files.
    Loading loading(source, files, damaged);
    const Status status = loading.run();
    const bool is_hint = status.code() == Code::kCorrupt;
    if (is_hint && damaged.insert(loading.damaged_hint()).second) continue;
    if (!status) return status.copy();
    if (!loading.damage().empty() && source.lost == nullptr) {
      const VerifyProblem& first = loading.damage().front();
      return Status::corrupt("bitcask: " + first.file + " at byte " + std::to_string(first.offset) +
                             ": " + first.what);
    }
    if (source.lost != nullptr) {
      source.lost->insert(source.lost->end(), loading.damage().begin(), loading.damage().end());
    }
    loading.settle();
    return loading.take();
  }
}

}  // namespace varve::bitcask
