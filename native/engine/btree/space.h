// engine/btree/space.h — which pages of which extents are in use, and where new ones go.
//
// Two bits a page. *live*: the newest version has it; that is what a root says, and what is not
// live in a root is free after an opening. *used*: nobody may write there: live, or of an older
// version that is still read, or of a root that the disk still has.
//
//     allocate ──▶ used ──▶ live ──▶ replaced by change n: not live, used until no version before n
//                                    is read, and neither root on the disk has it ──▶ free
//
// New pages go to the lowest places that are free, so that one change writes ascending places and
// the last extents empty by themselves. While less than half of all is free only stretches of some
// pages are taken, so that writes stay long; what is scattered is gathered by moving what lives in
// nearly empty extents.
//
// Invariants
//   - nothing is allocated in an extent that is frozen, being emptied, or whose sync failed.
//   - an extent goes when nothing in it is used, and its number is never used again.
// Threads: whoever changes the tree; the table of extents is shared with versions.
// Bytes: FORMAT.md
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "engine/btree/extent.h"
#include "engine/btree/pool.h"

namespace varve::btree {

class Bits {
 public:
  void resize(uint32_t count) { words_.resize((count + 63) / 64); }
  bool has(uint32_t i) const { return (words_[i / 64] >> (i % 64) & 1) != 0; }
  void set(uint32_t i) { words_[i / 64] |= uint64_t{1} << (i % 64); }
  void clear(uint32_t i) { words_[i / 64] &= ~(uint64_t{1} << (i % 64)); }
  // The first at or after `from` that is set, or not; `end` if none.
  uint32_t find(uint32_t from, uint32_t end, bool is_set) const;
  uint32_t end() const;  // Behind the last that is set.
  uint32_t count() const;
  std::vector<uint64_t>& words() { return words_; }
  const std::vector<uint64_t>& words() const { return words_; }

 private:
  std::vector<uint64_t> words_;
};

// Pages side by side.
struct Stretch {
  uint64_t place = 0;
  uint32_t units = 0;
};
using Stretches = std::vector<Stretch>;

// What a root says of an extent.
struct ExtentUse {
  uint64_t slot = 0;
  uint64_t number = 0;
  bool is_frozen = false;
  Bits live;
};
std::string encode_space(const std::vector<ExtentUse>& extents, uint32_t extent_pages);
Result<std::vector<ExtentUse>> decode_space(Bytes bytes, uint32_t extent_pages);

// What a root says; `places`: where that lies.
Status read_space(const Pool& pool, const PageRef& first, std::vector<ExtentUse>& uses,
                  Stretches& places);
// The extents that a directory has, whatever of them is in use.
Result<std::vector<ExtentUse>> list_extents(const ExtentSite& site);

class Space {
 public:
  explicit Space(Pool& pool) : pool_(pool) {}

  // ---- opening
  Status open(const std::vector<ExtentUse>& extents, OpenMode mode);
  // Pages that a root needs, and no tree has.
  Status adopt(const Stretches& stretches);
  // Pages of a root of that generation that the newest version may not have.
  void keep(const Stretches& stretches, uint64_t generation);
  void set_next_extent(uint64_t number) { next_extent_ = std::max(next_extent_, number); }

  // ---- a change
  void begin();  // Allocates from the lowest places on again.
  Result<uint64_t> allocate(uint32_t units);
  void free(uint64_t place, uint32_t units) { freed_.push_back({place, units}); }
  // What was allocated is live, what was freed is not; settle() or revert() says for good. What is
  // allocated from then on is of no tree: a root needs it, and never says so.
  void apply();
  size_t allocated_count() const { return allocated_.size(); }
  void take_back(size_t count);  // What was allocated since there were so many.
  void settle(uint64_t n);       // Change n is what the newest version shows.
  // As it was. `is_written`: a root may name what was allocated.
  void revert(bool is_written);

  // ---- what becomes free
  // The disk has a root of all that is live, which itself lies in `apart`: where the older one of
  // the two was.
  void note_root(uint64_t generation, const Stretches& apart);
  // No version before change `read` is read: what no root has is free.
  void release(uint64_t read);
  uint64_t waiting_pages() const;  // Freed, and not yet free.
  // Gives back extents that are empty, and what is free at the end of files.
  void trim();

  // ---- what there is
  const std::shared_ptr<const Extents>& extents() const { return extents_; }
  std::vector<ExtentUse> uses() const;
  uint64_t next_extent() const { return next_extent_; }
  bool is_live(uint64_t place) const;
  bool has(const Stretch& stretch) const;  // Whether such pages can be.
  uint64_t disk_bytes() const;
  uint64_t live_pages() const;
  uint64_t used_pages() const;
  size_t extent_count() const;
  size_t frozen_count() const;

  // ---- extents to be emptied
  // Those that are nearly empty, if others have room for what is in them.
  void choose_sparse();
  void choose_all();  // But what is frozen.
  void choose_none();
  bool any_chosen() const { return chosen_count_ != 0; }
  bool is_chosen(uint64_t place) const;
  uint64_t chosen_bytes() const;  // Live in them.
  // Marks all that there is: never written nor reused from now on. Their paths.
  std::vector<std::string> freeze();

  // ---- files
  Status sync();  // What was written since the last, and the directory if extents were made.

 private:
  struct State {
    std::shared_ptr<Extent> file;
    Bits used;
    Bits live;
    Bits rooted[2];  // By the two roots that the disk has, in the places that those have there.
    uint32_t used_count = 0;
    uint32_t live_count = 0;
    uint32_t length = 1;  // Pages of the file, about.
    bool is_frozen = false;
    bool is_chosen = false;
    bool is_closed = false;  // A sync of it failed.
    bool is_written = false;
  };
  struct Waiting {
    uint64_t change;
    Stretches stretches;
  };
  bool may_allocate(const State& state) const {
    return state.file != nullptr && !state.is_frozen && !state.is_chosen && !state.is_closed;
  }
  bool next_run(uint32_t units);
  Status add_extent();
  void mark_used(const Stretch& stretch, bool is_used);
  void mark_live(const Stretch& stretch, bool is_live);
  void share();  // The table, after it changed.
  bool is_rooted(const Stretch& stretch) const;
  void reuse(const Stretch& stretch);

  Pool& pool_;
  std::vector<State> states_;  // By slot.
  std::shared_ptr<const Extents> extents_ = std::make_shared<const Extents>();
  uint64_t next_extent_ = 1;
  size_t chosen_count_ = 0;
  bool made_files_ = false;
  std::deque<Waiting> waiting_;  // By change.

  // Of the change under way.
  uint64_t run_slot_ = 0;
  uint32_t run_begin_ = 0, run_end_ = 0;
  uint32_t run_pages_min_ = 1;
  Stretches allocated_, freed_;
  Stretches replaced_;  // Of what was freed: live before.
  Stretches limbo_;     // Allocated by changes that failed when a root may have named it.
};

}  // namespace varve::btree
