#include "engine/btree/space.h"

#include <algorithm>
#include <bit>
#include <map>

#include "base/check.h"

namespace varve::btree {
namespace {

constexpr uint32_t kRunPages = 8;  // A stretch of free pages worth writing to.
constexpr uint64_t kSlotsMax = uint64_t{1} << 20;
constexpr uint64_t kSparseShare = 4;  // An extent is nearly empty when less than a fourth is live.
constexpr uint32_t kTrimPages = 64;   // Free at the end of a file: worth giving back.
constexpr size_t kUseHeadBytes = 24;
constexpr uint32_t kUseFrozen = 1;
constexpr uint32_t kUseDense = 2;  // All pages up to the last are live: no bits follow.

}  // namespace

uint32_t Bits::find(uint32_t from, uint32_t end, bool is_set) const {
  while (from < end) {
    const uint64_t word = is_set ? words_[from / 64] : ~words_[from / 64];
    const uint64_t rest = word >> (from % 64);
    if (rest != 0) return std::min(end, from + static_cast<uint32_t>(std::countr_zero(rest)));
    from = (from / 64 + 1) * 64;
  }
  return end;
}

uint32_t Bits::end() const {
  size_t words = words_.size();
  while (words != 0 && words_[words - 1] == 0) --words;
  if (words == 0) return 0;
  return static_cast<uint32_t>(words * 64) -
         static_cast<uint32_t>(std::countl_zero(words_[words - 1]));
}

uint32_t Bits::count() const {
  uint32_t count = 0;
  for (const uint64_t word : words_) count += static_cast<uint32_t>(std::popcount(word));
  return count;
}

// ---- as bytes

std::string encode_space(const std::vector<ExtentUse>& extents, uint32_t extent_pages) {
  std::string to;
  append<uint32_t>(to, static_cast<uint32_t>(extents.size()));
  for (const ExtentUse& use : extents) {
    const uint32_t end = std::max<uint32_t>(1, use.live.end());
    const bool is_dense = use.live.find(1, end, false) == end;
    append<uint32_t>(to, static_cast<uint32_t>(use.slot));
    append<uint64_t>(to, use.number);
    append<uint32_t>(to, (use.is_frozen ? kUseFrozen : 0) | (is_dense ? kUseDense : 0));
    append<uint32_t>(to, end);
    append<uint32_t>(to, 0);
    if (is_dense) continue;
    for (uint32_t i = 0; i < end; i += 64) append<uint64_t>(to, use.live.words()[i / 64]);
  }
  return to;
}

Result<std::vector<ExtentUse>> decode_space(Bytes bytes, uint32_t extent_pages) {
  const Status damage = Status::corrupt("btree: the map of free pages makes no sense");
  if (bytes.size() < 4) return damage.copy();
  const uint64_t count = load<uint32_t>(bytes.data());
  bytes = bytes.subspan(4);
  std::vector<ExtentUse> extents;
  uint64_t slot_min = 0;
  for (uint64_t i = 0; i < count; ++i) {
    if (bytes.size() < kUseHeadBytes) return damage.copy();
    ExtentUse use;
    use.slot = load<uint32_t>(bytes.data());
    use.number = load<uint64_t>(bytes.data() + 4);
    const uint32_t flags = load<uint32_t>(bytes.data() + 12);
    const uint32_t end = load<uint32_t>(bytes.data() + 16);
    bytes = bytes.subspan(kUseHeadBytes);
    use.is_frozen = (flags & kUseFrozen) != 0;
    const bool is_dense = (flags & kUseDense) != 0;
    const size_t words = is_dense ? 0 : (size_t{end} + 63) / 64;
    const bool fits = use.slot >= slot_min && use.slot < kSlotsMax && use.number != 0 &&
                      (flags & ~(kUseFrozen | kUseDense)) == 0 && end >= 1 && end <= extent_pages &&
                      bytes.size() >= words * 8;
    if (!fits) return damage.copy();
    slot_min = use.slot + 1;
    use.live.resize(extent_pages);
    for (uint32_t page = 1; is_dense && page < end; ++page) use.live.set(page);
    for (size_t word = 0; word < words; ++word) {
      use.live.words()[word] = load<uint64_t>(bytes.data() + word * 8);
    }
    if (use.live.find(end, extent_pages, true) != extent_pages) return damage.copy();
    if (use.live.has(0)) return damage.copy();
    bytes = bytes.subspan(words * 8);
    extents.push_back(std::move(use));
  }
  if (!bytes.empty()) return damage.copy();
  return extents;
}

// The extents of the chain are found by the numbers that its references have.
Status read_space(const Pool& pool, const PageRef& first, std::vector<ExtentUse>& uses,
                  Stretches& places) {
  Extents extents;
  std::string bytes;
  std::string page;
  for (PageRef ref = first; ref.any();) {
    const uint64_t slot = pool.slot_of(ref.place);
    if (slot >= kSlotsMax) return Status::corrupt("btree: a root points nowhere");
    if (extents.size() <= slot) extents.resize(slot + 1);
    if (extents[slot] == nullptr) {
      Result<std::shared_ptr<Extent>> extent =
          Extent::open(pool.site(), pool.cache(), ref.oldest, OpenMode::kRead);
      if (extent.code() == Code::kNotFound) return Status::corrupt(extent.error().message());
      if (!extent) return extent.error();
      extents[slot] = std::move(*extent);
    }
    Status status = pool.read(extents, ref, kind_of(PageType::kSpace), page);
    if (!status) return status;
    const uint8_t* const at = reinterpret_cast<const uint8_t*>(page.data());
    append(bytes, piece_bytes(at));
    places.push_back({ref.place, ref.units});
    const PageRef next = next_piece(at);
    if (next.any() && next.weight >= ref.weight) {
      return Status::corrupt("btree: the map of free pages comes back to itself");
    }
    ref = next;
  }
  Result<std::vector<ExtentUse>> decoded = decode_space(as_bytes(bytes), pool.site().extent_pages);
  if (!decoded) return decoded.error();
  uses = std::move(*decoded);
  return Status::ok();
}

// Of two files for the same places the younger counts: the other is a leftover.
Result<std::vector<ExtentUse>> list_extents(const ExtentSite& site) {
  const Result<std::vector<DirectoryEntry>> entries = site.os.list(site.directory);
  if (!entries) return entries.error();
  std::map<uint64_t, ExtentUse> by_slot;
  for (const DirectoryEntry& entry : *entries) {
    const uint64_t number = extent_number(entry.name);
    if (number == 0) continue;
    const Result<ExtentHead> head = describe_extent(site.os, site.directory + "/" + entry.name);
    const bool fits = head && head->number == number && head->slot < kSlotsMax &&
                      head->page_bytes == site.page_bytes &&
                      head->extent_pages == site.extent_pages;
    if (!fits) continue;
    ExtentUse& use = by_slot[head->slot];
    if (use.number > number) continue;
    use.slot = head->slot;
    use.number = number;
    use.live.resize(site.extent_pages);
  }
  std::vector<ExtentUse> uses;
  for (auto& [slot, use] : by_slot) uses.push_back(std::move(use));
  return uses;
}

// ---- opening

Status Space::open(const std::vector<ExtentUse>& extents, OpenMode mode) {
  const uint32_t pages = pool_.site().extent_pages;
  for (const ExtentUse& use : extents) {
    const bool is_empty = use.live.find(1, pages, true) == pages;
    Result<std::shared_ptr<Extent>> file =
        Extent::open(pool_.site(), pool_.cache(), use.number, mode);
    if (!file && is_empty && file.code() == Code::kNotFound) continue;
    if (!file) return file.error();
    if (states_.size() <= use.slot) states_.resize(use.slot + 1);
    State& state = states_[use.slot];
    state.file = std::move(*file);
    state.is_frozen = use.is_frozen;
    state.live = use.live;
    state.used = use.live;
    for (Bits& rooted : state.rooted) rooted.resize(pages);
    state.used.set(0);
    state.live_count = use.live.count();
    state.length = std::max<uint32_t>(1, use.live.end());
    state.used_count = state.live_count;
    const Result<uint64_t> bytes = state.file->file_bytes();
    if (!bytes) return bytes.error();
    const uint64_t length = round_up(*bytes, pool_.site().page_bytes) / pool_.site().page_bytes;
    state.length = static_cast<uint32_t>(std::clamp<uint64_t>(length, state.length, pages));
    set_next_extent(use.number + 1);
  }
  share();
  return Status::ok();
}

Status Space::adopt(const Stretches& stretches) {
  for (const Stretch& stretch : stretches) {
    const uint64_t slot = pool_.slot_of(stretch.place);
    const uint32_t index = pool_.index_of(stretch.place);
    const bool is_there = slot < states_.size() && states_[slot].file != nullptr &&
                          index + stretch.units <= pool_.site().extent_pages;
    const bool is_free = is_there && states_[slot].used.find(index, index + stretch.units, true) ==
                                         index + stretch.units;
    if (!is_free) return Status::corrupt("btree: the map of free pages does not go with its root");
    mark_used(stretch, true);
  }
  return Status::ok();
}

void Space::keep(const Stretches& stretches, uint64_t generation) {
  Stretches fresh;  // What is in use anyway is not ours to let go of.
  for (const Stretch& stretch : stretches) {
    const uint64_t slot = pool_.slot_of(stretch.place);
    if (slot >= states_.size() || states_[slot].file == nullptr) continue;
    const uint32_t index = pool_.index_of(stretch.place);
    for (uint32_t i = 0; i < stretch.units && index + i < pool_.site().extent_pages; ++i) {
      states_[slot].rooted[generation & 1].set(index + i);
      if (!states_[slot].used.has(index + i)) fresh.push_back({stretch.place + i, 1});
    }
  }
  for (const Stretch& stretch : fresh) mark_used(stretch, true);
  if (!fresh.empty()) waiting_.push_back({0, std::move(fresh)});
}

void Space::share() {
  auto extents = std::make_shared<Extents>();
  for (const State& state : states_) extents->push_back(state.file);
  extents_ = std::move(extents);
}

// ---- a change

void Space::begin() {
  check(allocated_.empty() && freed_.empty());
  run_slot_ = 0;
  run_begin_ = run_end_ = 1;
  const uint64_t all = extent_count() * uint64_t{pool_.site().extent_pages};
  uint64_t length = 0;
  for (const State& state : states_) length += state.file == nullptr ? 0 : state.length;
  // What lies behind the end of files is free, but not yet there.
  const bool is_half_empty = 2 * used_pages() < std::min(all, length);
  run_pages_min_ = is_half_empty ? 1 : kRunPages;
}

// The next free stretch, at or after where the last one ended.
bool Space::next_run(uint32_t units) {
  const uint32_t pages = pool_.site().extent_pages;
  for (; run_slot_ < states_.size(); ++run_slot_, run_end_ = 1) {
    const State& state = states_[run_slot_];
    if (!may_allocate(state) || state.used_count + 1 >= pages) continue;
    while (run_end_ < pages) {
      run_begin_ = state.used.find(run_end_, pages, false);
      run_end_ = state.used.find(run_begin_, pages, true);
      const uint32_t found = run_end_ - run_begin_;
      const bool is_tail = run_end_ == pages;
      if (found >= units && (is_tail || found >= run_pages_min_)) return true;
    }
  }
  return false;
}

Status Space::add_extent() {
  uint64_t slot = 0;
  while (slot < states_.size() && states_[slot].file != nullptr) ++slot;
  if (slot >= kSlotsMax) return {Code::kTooLarge, "btree: no more extents"};
  Result<std::shared_ptr<Extent>> made =
      Extent::create(pool_.site(), pool_.cache(), next_extent_++, static_cast<uint32_t>(slot));
  if (!made) return made.error();
  if (slot == states_.size()) states_.emplace_back();
  State& state = states_[slot];
  state = State();
  state.file = std::move(*made);
  state.used.resize(pool_.site().extent_pages);
  state.used.set(0);
  state.live.resize(pool_.site().extent_pages);
  for (Bits& rooted : state.rooted) rooted.resize(pool_.site().extent_pages);
  state.is_written = true;
  made_files_ = true;
  share();
  run_slot_ = slot;
  run_begin_ = run_end_ = 1;
  return Status::ok();
}

Result<uint64_t> Space::allocate(uint32_t units) {
  check(units != 0 && units < pool_.site().extent_pages);
  const bool is_current = run_slot_ < states_.size() && run_end_ - run_begin_ >= units;
  if (!is_current && !next_run(units)) {
    if (Status status = add_extent(); !status) return status;
    const bool found = next_run(units);
    check(found);
  }
  const uint64_t place = pool_.place_at(run_slot_, run_begin_);
  run_begin_ += units;
  allocated_.push_back({place, units});
  mark_used(allocated_.back(), true);
  return place;
}

// What a damaged tree frees twice is free once: so only what changes counts.
void Space::mark_used(const Stretch& stretch, bool is_used) {
  State& state = states_[pool_.slot_of(stretch.place)];
  const uint32_t index = pool_.index_of(stretch.place);
  for (uint32_t i = index; i < index + stretch.units; ++i) {
    if (state.used.has(i) == is_used) continue;
    is_used ? state.used.set(i) : state.used.clear(i);
    state.used_count += is_used ? 1 : uint32_t{0} - 1;
  }
  if (!is_used) return;
  state.is_written = true;
  state.length = std::max(state.length, index + stretch.units);
}

void Space::mark_live(const Stretch& stretch, bool is_live) {
  State& state = states_[pool_.slot_of(stretch.place)];
  const uint32_t index = pool_.index_of(stretch.place);
  for (uint32_t i = index; i < index + stretch.units; ++i) {
    if (state.live.has(i) == is_live) continue;
    is_live ? state.live.set(i) : state.live.clear(i);
    state.live_count += is_live ? 1 : uint32_t{0} - 1;
  }
}

void Space::apply() {
  for (const Stretch& stretch : allocated_) mark_live(stretch, true);
  for (const Stretch& stretch : freed_) {
    if (!is_live(stretch.place)) continue;
    mark_live(stretch, false);
    replaced_.push_back(stretch);
  }
}

void Space::take_back(size_t count) {
  for (; allocated_.size() > count; allocated_.pop_back()) {
    mark_used(allocated_.back(), false);
    pool_.drop_dirty(allocated_.back().place);
  }
  run_end_ = run_begin_;  // Look for what is free anew.
}

void Space::settle(uint64_t n) {
  if (!freed_.empty()) waiting_.push_back({n, std::move(freed_)});
  if (!limbo_.empty()) waiting_.push_back({n, std::move(limbo_)});
  limbo_.clear();
  freed_.clear();
  allocated_.clear();
  replaced_.clear();
}

void Space::revert(bool is_written) {
  for (const Stretch& stretch : replaced_) mark_live(stretch, true);
  for (const Stretch& stretch : allocated_) {
    if (is_live(stretch.place)) mark_live(stretch, false);
    if (is_written)
      limbo_.push_back(stretch);
    else
      reuse(stretch);
  }
  allocated_.clear();
  freed_.clear();
  replaced_.clear();
}

// ---- what becomes free

void Space::reuse(const Stretch& stretch) {
  mark_used(stretch, false);
  pool_.drop_dirty(stretch.place);
  const Extent& file = *states_[pool_.slot_of(stretch.place)].file;
  const uint32_t index = pool_.index_of(stretch.place);
  for (uint32_t i = 0; i < stretch.units; ++i) file.forget(index + i);
}

void Space::note_root(uint64_t generation, const Stretches& apart) {
  for (State& state : states_) {
    if (state.file != nullptr) state.rooted[generation & 1] = state.live;
  }
  for (const Stretch& stretch : apart) {
    Bits& rooted = states_[pool_.slot_of(stretch.place)].rooted[generation & 1];
    const uint32_t index = pool_.index_of(stretch.place);
    for (uint32_t i = index; i < index + stretch.units; ++i) rooted.set(i);
  }
}

bool Space::is_rooted(const Stretch& stretch) const {
  const State& state = states_[pool_.slot_of(stretch.place)];
  const uint32_t begin = pool_.index_of(stretch.place);
  const uint32_t end = begin + stretch.units;
  return state.rooted[0].find(begin, end, true) != end ||
         state.rooted[1].find(begin, end, true) != end;
}

void Space::release(uint64_t read) {
  for (Waiting& one : waiting_) {
    if (one.change > read) break;
    std::erase_if(one.stretches, [&](const Stretch& stretch) {
      const bool is_free = !is_rooted(stretch);
      if (is_free) reuse(stretch);
      return is_free;
    });
  }
  std::erase_if(waiting_, [](const Waiting& one) { return one.stretches.empty(); });
}

uint64_t Space::waiting_pages() const {
  uint64_t pages = 0;
  for (const Waiting& one : waiting_) {
    for (const Stretch& stretch : one.stretches) pages += stretch.units;
  }
  return pages;
}

void Space::trim() {
  bool any_gone = false;
  for (State& state : states_) {
    if (state.file == nullptr) continue;
    if (state.used_count == 0) {
      if (state.is_chosen) --chosen_count_;
      state.file->drop();
      state = State();
      any_gone = true;
      continue;
    }
    if (state.is_frozen || state.is_closed) continue;
    uint32_t end = state.length;
    while (end > 1 && !state.used.has(end - 1)) --end;
    if (state.length - end < kTrimPages || state.length - end < end / 8) continue;
    const Status cut = state.file->resize(end);
    if (cut) state.length = end;
  }
  if (any_gone) share();
}

// ---- what there is

std::vector<ExtentUse> Space::uses() const {
  std::vector<ExtentUse> uses;
  for (size_t slot = 0; slot < states_.size(); ++slot) {
    const State& state = states_[slot];
    if (state.file == nullptr) continue;
    uses.push_back({slot, state.file->number(), state.is_frozen, state.live});
  }
  return uses;
}

bool Space::is_live(uint64_t place) const {
  return states_[pool_.slot_of(place)].live.has(pool_.index_of(place));
}

bool Space::has(const Stretch& stretch) const {
  const uint64_t slot = pool_.slot_of(stretch.place);
  const uint32_t index = pool_.index_of(stretch.place);
  return slot < states_.size() && states_[slot].file != nullptr && index != 0 &&
         index + stretch.units <= pool_.site().extent_pages;
}

uint64_t Space::disk_bytes() const {
  uint64_t pages = 0;
  for (const State& state : states_) pages += state.file == nullptr ? 0 : state.length;
  return pages * pool_.site().page_bytes;
}

uint64_t Space::live_pages() const {
  uint64_t pages = 0;
  for (const State& state : states_) pages += state.live_count;
  return pages;
}

uint64_t Space::used_pages() const {
  uint64_t pages = 0;
  for (const State& state : states_) pages += state.used_count;
  return pages;
}

size_t Space::extent_count() const {
  return static_cast<size_t>(std::count_if(
      states_.begin(), states_.end(), [](const State& state) { return state.file != nullptr; }));
}

size_t Space::frozen_count() const {
  return static_cast<size_t>(std::count_if(states_.begin(), states_.end(),
                                           [](const State& state) { return state.is_frozen; }));
}

// ---- extents to be emptied

// The emptiest first, while the others have room for what they hold and half of all is free.
void Space::choose_sparse() {
  if (any_chosen()) return;
  const uint64_t pages = pool_.site().extent_pages;
  std::vector<State*> sparse;
  uint64_t length = 0;
  for (State& state : states_) {
    if (!may_allocate(state)) continue;
    length += state.length;
    if (state.live_count < state.length / kSparseShare && state.used_count == state.live_count) {
      sparse.push_back(&state);
    }
  }
  if (2 * used_pages() > length || extent_count() < 2) return;
  std::sort(sparse.begin(), sparse.end(),
            [](const State* a, const State* b) { return a->live_count < b->live_count; });
  uint64_t room = extent_count() * (pages - 1) - used_pages();
  for (State* const state : sparse) {
    const uint64_t own_room = pages - 1 - state->used_count;
    if (room < own_room + 2 * state->live_count || chosen_count_ + 1 == extent_count()) break;
    room -= own_room + state->live_count;
    state->is_chosen = true;
    ++chosen_count_;
  }
}

void Space::choose_all() {
  choose_none();
  for (State& state : states_) {
    if (state.file == nullptr || state.is_frozen) continue;
    state.is_chosen = true;
    ++chosen_count_;
  }
}

void Space::choose_none() {
  for (State& state : states_) state.is_chosen = false;
  chosen_count_ = 0;
}

bool Space::is_chosen(uint64_t place) const {
  const uint64_t slot = pool_.slot_of(place);
  return slot < states_.size() && states_[slot].is_chosen;
}

uint64_t Space::chosen_bytes() const {
  uint64_t pages = 0;
  for (const State& state : states_) pages += state.is_chosen ? state.live_count : 0;
  return pages * pool_.site().page_bytes;
}

std::vector<std::string> Space::freeze() {
  std::vector<std::string> paths;
  for (State& state : states_) {
    if (state.file == nullptr) continue;
    state.is_frozen = true;
    paths.push_back(state.file->path());
  }
  return paths;
}

// ---- files

// An extent whose sync failed is never written again.
Status Space::sync() {
  for (State& state : states_) {
    if (state.file == nullptr || !state.is_written) continue;
    if (Status status = state.file->sync(); !status) {
      state.is_closed = true;
      state.is_written = false;
      return status;
    }
    state.is_written = false;
  }
  if (!made_files_) return Status::ok();
  Status status = pool_.site().os.sync_directory(pool_.site().directory);
  if (status) made_files_ = false;
  return status;
}

}  // namespace varve::btree
