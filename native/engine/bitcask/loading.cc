#include "engine/bitcask/loading.h"

#include <algorithm>

#include "engine/bitcask/hint_stream.h"
#include "engine/range_facts.h"

namespace varve::bitcask {
namespace {

constexpr uint32_t kThreadsMax = 4;

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
  Status open();
  Status advance(HintStream& stream);
  HintStream* first() const;
  void add(const FileEntry& found);
  void end_key();
  Status add_ranges();

  const LoadSource& source_;
  const std::vector<std::shared_ptr<DataFile>>& files_;
  const std::set<size_t>& damaged_;
  std::vector<std::unique_ptr<Listing>> listings_;
  std::vector<std::unique_ptr<HintStream>> streams_;  // Those that have an entry.
  std::vector<VerifyProblem> damage_;
  size_t damaged_hint_ = 0;
  Loaded loaded_;
  LeafBuilder builder_;
  std::string key_;
  KeyState state_;
};

Status Loading::open() {
  uint64_t count = 0;
  for (const std::shared_ptr<DataFile>& file : files_) {
    const bool is_damaged = damaged_.contains(listings_.size());
    Result<std::unique_ptr<Listing>> listing =
        Listing::open(source_.os, source_.directory, *file, source_.identity, is_damaged, damage_);
    if (!listing) return listing.error();
    count += (*listing)->entry_count();
    loaded_.files.push_back({file, 0, (*listing)->hint_bytes()});
    listings_.push_back(std::move(*listing));
  }
  const bool is_large = count >= source_.ahead_min;
  const size_t threads = is_large ? std::clamp(source_.os.processor_count(), 1u, kThreadsMax) : 1;
  std::vector<std::vector<HintStream::Source>> shares(threads);
  for (size_t i = 0; i < files_.size(); ++i) {
    shares[i % threads].push_back({static_cast<uint32_t>(i), listings_[i].get()});
  }
  for (std::vector<HintStream::Source>& share : shares) {
    streams_.push_back(std::make_unique<HintStream>(std::move(share)));
    if (threads > 1) streams_.back()->run_ahead(source_.os);
  }
  return Status::ok();
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

void Loading::add(const FileEntry& found) {
  const Listed& entry = found.listed;
  if (!equal(as_bytes(key_), entry.key)) {
    end_key();
    key_.assign(as_text(entry.key));
  }
  // No two files have the same version; of hostile ones that do, the first counts.
  const bool is_again = !state_.rows.empty() && state_.rows.back().commit == entry.commit;
  if (is_again) return state_.add_dead_files(1);
  const bool is_put = entry.kind == EditKind::kPut;
  state_.rows.push_back({entry.commit, is_put ? RowKind::kPut : RowKind::kDelete, found.file,
                         entry.offset, found.ordinal, entry.value_bytes, entry.expires_ms});
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

HintStream* Loading::first() const {
  HintStream* first = streams_.front().get();
  for (size_t i = 1; i < streams_.size(); ++i) {
    if (first->entry().is_behind(streams_[i]->entry())) first = streams_[i].get();
  }
  return first;
}

// To the next entry of a stream; one that has no more goes.
Status Loading::advance(HintStream& stream) {
  const Result<bool> more = stream.advance();
  if (!more) {
    damaged_hint_ = stream.damaged_file();
    return more.error();
  }
  if (*more) return Status::ok();
  std::erase_if(streams_, [&](const auto& one) { return one.get() == &stream; });
  return Status::ok();
}

Status Loading::run() {
  if (Status status = open(); !status) return status;
  for (size_t i = streams_.size(); i-- > 0;) {
    if (Status status = advance(*streams_[i]); !status) return status;
  }
  while (!streams_.empty()) {
    HintStream* const stream = first();
    add(stream->entry());
    if (Status status = advance(*stream); !status) return status;
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
