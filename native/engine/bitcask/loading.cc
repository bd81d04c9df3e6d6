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
    uint64_t start = 0;  // The first eight bytes of its key, as a number.
    size_t file = 0;
  };
  Status open(size_t file);
  Result<bool> advance(Head& head);
  bool is_behind(const Head& a, const Head& b) const;
  void sink_front();
  void add(size_t file);
  void end_key();
  Status add_ranges();

  const LoadSource& source_;
  const std::vector<std::shared_ptr<DataFile>>& files_;
  const std::set<size_t>& damaged_;
  std::vector<std::unique_ptr<Listing>> listings_;
  std::vector<Listed> entries_;  // The next of each file.
  std::vector<uint32_t> ordinals_;
  std::vector<Head> heap_;
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

bool Loading::is_behind(const Head& a, const Head& b) const {
  if (a.start != b.start) return a.start > b.start;
  const Listed& left = entries_[a.file];
  const Listed& right = entries_[b.file];
  const int order = compare(left.key, right.key);
  return order != 0 ? order > 0 : left.commit < right.commit;
}

// False behind the file's last entry.
Result<bool> Loading::advance(Head& head) {
  Listed& entry = entries_[head.file];
  const Result<bool> more = listings_[head.file]->next(entry);
  if (!more) {
    damaged_hint_ = head.file;
    return more.error();
  }
  if (!*more) return false;
  uint8_t start[8] = {};
  std::copy_n(entry.key.begin(), std::min<size_t>(entry.key.size(), 8), start);
  head.start = load_big64(entry.key.size() >= 8 ? entry.key.data() : start);
  return true;
}

// The front is another head than it was: down to where it belongs. Which of two children comes first
// is anybody's guess, so that it is computed and not jumped upon.
void Loading::sink_front() {
  const Head head = heap_.front();
  size_t at = 0;
  for (size_t below = 1; below < heap_.size(); below = 2 * at + 1) {
    if (below + 1 < heap_.size()) {
      const Head& left = heap_[below];
      const Head& right = heap_[below + 1];
      const bool is_right =
          left.start == right.start ? is_behind(left, right) : right.start < left.start;
      below += is_right ? 1 : 0;
    }
    if (!is_behind(head, heap_[below])) break;
    heap_[at] = heap_[below];
    at = below;
  }
  heap_[at] = head;
}

void Loading::end_key() {
  if (state_.rows.empty()) return;
  state_.key = as_bytes(key_);
  for (const Row& row : state_.rows) {
    loaded_.files[row.slot].live_bytes += row.bytes(key_.size());
  }
  builder_.add(state_);
  state_.rows.clear();
  state_.dead_files = 0;
}

void Loading::add(size_t file) {
  const Listed& entry = entries_[file];
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
  entries_.resize(files_.size());
  ordinals_.resize(files_.size());
  for (size_t i = 0; i < files_.size(); ++i) {
    if (Status status = open(i); !status) return status;
  }
  for (size_t i = 0; i < files_.size(); ++i) {
    Head head{0, i};
    const Result<bool> more = advance(head);
    if (!more) return more.error();
    if (*more) heap_.push_back(head);
  }
  std::sort(heap_.begin(), heap_.end(),
            [this](const Head& a, const Head& b) { return is_behind(b, a); });
  while (!heap_.empty()) {
    add(heap_.front().file);
    const Result<bool> more = advance(heap_.front());
    if (!more) return more.error();
    if (!*more) {
      heap_.front() = heap_.back();
      heap_.pop_back();
    }
    if (!heap_.empty()) sink_front();
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
