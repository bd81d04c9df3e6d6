#include "store/commit_ring.h"

#include <algorithm>

namespace varve {

uint64_t CommitRing::begin(uint64_t newest) {
  const Lock held(mutex_);
  if (follower_count_++ == 0) floor_ = newest;
  is_followed_.store(true);
  return floor_;
}

void CommitRing::end() {
  const Lock held(mutex_);
  check(follower_count_ > 0);
  if (--follower_count_ > 0) return;
  is_followed_.store(false);
  std::deque<Kept>().swap(commits_);
  bytes_ = 0;
}

void CommitRing::add(uint64_t commit, uint64_t time_ms, Bytes body) {
  if (!is_followed_.load()) return;
  const Lock held(mutex_);
  if (follower_count_ == 0) return;
  commits_.push_back({commit, time_ms, std::string(as_text(body))});
  bytes_ += sizeof(Kept) + body.size();
  while (bytes_ > bytes_max_ && commits_.size() > 1) {
    floor_ = commits_.front().commit;
    bytes_ -= sizeof(Kept) + commits_.front().body.size();
    commits_.pop_front();
  }
}

uint64_t CommitRing::bytes() const {
  const Lock held(mutex_);
  return bytes_;
}

Status CommitRing::not_kept(uint64_t last, uint64_t floor) {
  return {Code::kTruncated, "watch: the commits after " + std::to_string(last) +
                                " are not kept any more; the oldest that can be followed from is " +
                                std::to_string(floor)};
}

// The lock is let go of between two commits, so that nobody who writes waits for one who reads.
Status CommitRing::read(uint64_t& last, uint64_t through, uint64_t budget_bytes,
                        const OnCommit& on_commit) {
  for (uint64_t taken = 0; last < through && taken < budget_bytes;) {
    Kept next;
    {
      const Lock held(mutex_);
      if (last < floor_) return not_kept(last, floor_);
      const auto found =
          std::upper_bound(commits_.begin(), commits_.end(), last,
                           [](uint64_t commit, const Kept& kept) { return commit < kept.commit; });
      if (found == commits_.end() || found->commit > through) {
        last = through;  // Numbers that no commit has.
        return Status::ok();
      }
      next = *found;
    }
    if (Status status = on_commit(next.commit, next.time_ms, as_bytes(next.body)); !status) {
      return status;
    }
    last = next.commit;
    taken += next.body.size() + sizeof(Kept);
  }
  return Status::ok();
}

}  // namespace varve
