#include "engine/bitcask/picking.h"

#include <algorithm>

namespace varve::bitcask {
namespace {

constexpr uint64_t kFilesPerMerge = 4;            // What is written by one, at most about.
constexpr uint64_t kEntriesPerMerge = 2'000'000;  // What it keeps in memory of each is 60 bytes.
constexpr size_t kSourcesMax = 256;
constexpr size_t kRestingMax = 1024;
constexpr uint64_t kStopTimes = 8;

struct Sums {
  uint64_t live_bytes = 0;
  uint64_t dead_bytes = 0;
  uint64_t small_count = 0;
};

bool may_merge(const FileShare& share) { return share.file && !share.file->is_damaged(); }

bool is_small(const BitcaskOptions& options, const FileShare& share) {
  return share.file->info().edit_bytes < options.file_bytes / 8;
}

Sums sums_of(const BitcaskOptions& options, const BitcaskVersion& version) {
  Sums sums;
  for (const FileShare& share : version.files()) {
    if (!may_merge(share)) continue;
    sums.live_bytes += share.live_bytes;
    sums.dead_bytes += share.dead_bytes();
    sums.small_count += is_small(options, share) ? 1 : 0;
  }
  return sums;
}

double dead_share(const FileShare& share) {
  const uint64_t all = share.file->info().edit_bytes;
  return all == 0 ? 0 : static_cast<double>(share.dead_bytes()) / static_cast<double>(all);
}

// As many of the first as one merge may take, one at least.
std::vector<Merge::Source> take(const BitcaskOptions& options, const BitcaskVersion& version,
                                const std::vector<uint32_t>& slots) {
  std::vector<Merge::Source> sources;
  uint64_t bytes = 0;
  uint64_t entries = 0;
  for (const uint32_t slot : slots) {
    const FileShare& share = version.files()[slot];
    bytes += share.live_bytes;
    entries += share.file->info().entry_count;
    const bool is_too_much =
        bytes > kFilesPerMerge * options.file_bytes || entries > kEntriesPerMerge;
    if (!sources.empty() && (is_too_much || sources.size() == kSourcesMax)) break;
    sources.push_back({slot, share.file});
  }
  return sources;
}

std::vector<uint32_t> by_dead_share(const BitcaskVersion& version, std::vector<uint32_t> slots) {
  std::stable_sort(slots.begin(), slots.end(), [&](uint32_t a, uint32_t b) {
    return dead_share(version.files()[a]) > dead_share(version.files()[b]);
  });
  return slots;
}

}  // namespace

Due due_of(const BitcaskOptions& options, const BitcaskVersion& version) {
  const Sums sums = sums_of(options, version);
  Due due;
  due.is_dead = sums.dead_bytes >= options.dead_bytes_min && sums.dead_bytes * 2 > sums.live_bytes;
  due.are_small = sums.small_count >= options.small_count;
  due.are_resting = version.image().resting.size() > kRestingMax && sums.dead_bytes > 0;
  if (due.is_dead) due.debt_bytes = sums.dead_bytes - sums.live_bytes / 2;
  due.stop_writes = sums.dead_bytes > kStopTimes * (sums.live_bytes + options.dead_bytes_min);
  return due;
}

std::vector<Merge::Source> pick_due(const BitcaskOptions& options, const BitcaskVersion& version) {
  const Due due = due_of(options, version);
  std::vector<uint32_t> slots;
  for (uint32_t slot = 0; slot < version.files().size(); ++slot) {
    const FileShare& share = version.files()[slot];
    if (!may_merge(share)) continue;
    const bool is_gone = share.live_bytes == 0 && share.dead_bytes() > 0;
    const bool is_wasteful = (due.is_dead || due.are_resting) && share.dead_bytes() > 0;
    const bool is_to_join = due.are_small && is_small(options, share);
    if (is_gone || is_wasteful || is_to_join) slots.push_back(slot);
  }
  slots = by_dead_share(version, std::move(slots));
  // Of what is dead the worse half suffices, so that little is copied for much.
  if (due.is_dead && !due.are_small && !slots.empty()) {
    const double worst = dead_share(version.files()[slots.front()]);
    std::erase_if(slots,
                  [&](uint32_t slot) { return dead_share(version.files()[slot]) < worst / 2; });
  }
  return take(options, version, slots);
}

std::vector<Merge::Source> pick_wasteful(const BitcaskOptions& options,
                                         const BitcaskVersion& version,
                                         const std::set<uint64_t>& numbers) {
  std::vector<uint32_t> slots;
  size_t small_count = 0;
  for (uint32_t slot = 0; slot < version.files().size(); ++slot) {
    const FileShare& share = version.files()[slot];
    if (!may_merge(share) || !numbers.contains(share.file->info().number)) continue;
    slots.push_back(slot);
    small_count += is_small(options, share) ? 1 : 0;
  }
  std::erase_if(slots, [&](uint32_t slot) {
    const FileShare& share = version.files()[slot];
    const bool is_as_it_was = share.file->info().segment != 0;
    const bool may_join = is_small(options, share) && small_count > 1;
    return !is_as_it_was && !may_join && share.dead_bytes() == 0;
  });
  return take(options, version, slots);
}

}  // namespace varve::bitcask
