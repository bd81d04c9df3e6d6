#include "layer/blocks/folder.h"

#include <algorithm>

namespace varve {
namespace {

constexpr uint64_t kPauseNs = 1'000'000'000;   // So that many entries go as one; a guess.
constexpr uint64_t kConflictNs = 200'000'000;  // Who wrote meanwhile may be done by then.
constexpr uint64_t kFailureNs = 60'000'000'000;
constexpr uint64_t kRestShare = 20;  // Times as long as a fold took.

}  // namespace

Folder::Folder(Os& os, Store& store) : os_(os), store_(store) {
  if (!store.options().read_only) worker_ = os.start("varve-fold", [this] { return step(); });
}

void Folder::add_fold(const std::string& prefix, Fold fold) {
  {
    const Lock held(mutex_);
    check(find(held, prefix) == nullptr);
    indexes_.push_back(std::make_shared<Folded>());
    indexes_.back()->prefix = prefix;
    indexes_.back()->fold = std::move(fold);
  }
  if (worker_) worker_->wake();
}

void Folder::remove(const std::string& prefix) {
  const Lock held(mutex_);
  std::erase_if(indexes_, [&](const auto& index) { return index->prefix == prefix; });
}

std::shared_ptr<Folder::Folded> Folder::find(const Lock& held, const std::string& prefix) const {
  check(held.owns_lock());
  for (const std::shared_ptr<Folded>& index : indexes_) {
    if (index->prefix == prefix) return index;
  }
  return nullptr;
}

void Folder::note(const std::string& prefix) {
  {
    const Lock held(mutex_);
    const std::shared_ptr<Folded> index = find(held, prefix);
    if (!index || index->due_ns != kNever) return;
    index->due_ns = std::max(os_.now_ns() + kPauseNs, index->earliest_ns);
  }
  if (worker_) worker_->wake();
}

Status Folder::status(const std::string& prefix) const {
  const Lock held(mutex_);
  const std::shared_ptr<Folded> index = find(held, prefix);
  return index ? index->failure.copy() : Status::ok();
}

Step Folder::step() {
  std::shared_ptr<Folded> next;
  {
    const Lock held(mutex_);
    const auto first = std::ranges::min_element(
        indexes_, {}, [](const std::shared_ptr<Folded>& index) { return index->due_ns; });
    if (first == indexes_.end() || (*first)->due_ns == kNever) return Step::idle();
    const uint64_t now_ns = os_.now_ns();
    if ((*first)->due_ns > now_ns) return Step{(*first)->due_ns - now_ns};
    next = *first;
    next->due_ns = kNever;  // What is said from here on counts.
  }
  fold(*next);
  return Step::again();
}

void Folder::fold(Folded& index) {
  const uint64_t began_ns = os_.now_ns();
  const Result<std::unique_ptr<Store::Reader>> reader = Store::Reader::take(store_);
  const Result<FoldReport> folded = reader ? index.fold(store_, **reader) : reader.error();
  const uint64_t now_ns = os_.now_ns();
  const Lock held(mutex_);
  index.failure = Status::ok();
  if (!folded) {
    const bool passes = folded.code() == Code::kConflict || folded.code() == Code::kBusy;
    if (!passes) index.failure = folded.error();
    if (folded.code() == Code::kClosed) return;
    index.due_ns = now_ns + (passes ? kConflictNs : kFailureNs);
    return;
  }
  index.earliest_ns = now_ns + (now_ns - began_ns) * kRestShare;
  if (!folded->is_done) index.due_ns = now_ns;
  if (index.due_ns != kNever && folded->is_done) {
    index.due_ns = std::max(index.due_ns, index.earliest_ns);
  }
}

}  // namespace varve
