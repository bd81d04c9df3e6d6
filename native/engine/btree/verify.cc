#include "engine/btree/verify.h"

#include <algorithm>

#include "engine/btree/tree_writer.h"

namespace varve::btree {
namespace {

class Verifier {
 public:
  Verifier(const Pool& pool, const Image& image, const std::vector<ExtentUse>& uses,
           std::vector<VerifyProblem>& problems)
      : pool_(pool), image_(image), problems_(problems) {
    for (const ExtentUse& use : uses) {
      if (reached_.size() <= use.slot) {
        reached_.resize(use.slot + 1);
        live_.resize(use.slot + 1, nullptr);
      }
      reached_[use.slot].resize(pool.site().extent_pages);
      live_[use.slot] = &use.live;
    }
  }

  Status run() {
    if (Status status = tree(image_.current, TreeKind::kCurrent); !status) return status;
    if (Status status = tree(image_.history, TreeKind::kHistory); !status) return status;
    hold_against_space();
    return Status::ok();
  }

 private:
  std::string path_of(uint64_t place) const {
    const uint64_t slot = pool_.slot_of(place);
    const bool is_there = slot < image_.extents->size() && (*image_.extents)[slot] != nullptr;
    return is_there ? (*image_.extents)[slot]->path() : pool_.site().directory;
  }
  void add(uint64_t place, std::string what) {
    problems_.push_back({path_of(place), uint64_t{pool_.index_of(place)} * pool_.site().page_bytes,
                         std::move(what)});
  }

  // Damage is a problem; that the machine cannot read is an error. True: the page is there.
  Result<bool> read(const PageRef& ref, uint32_t kind, std::string& page) {
    const Status status = pool_.read(*image_.extents, ref, kind, page);
    if (status) return true;
    if (status.code() != Code::kCorrupt) return status.copy();
    any_unread_ = true;
    add(ref.place, status.message());
    return false;
  }

  void reach(const PageRef& ref) {
    const uint64_t slot = pool_.slot_of(ref.place);
    const uint32_t index = pool_.index_of(ref.place);
    if (slot >= live_.size() || live_[slot] == nullptr) {
      return add(ref.place, "a page in an extent that the map of free pages does not know");
    }
    for (uint32_t i = index; i < index + ref.units && i < pool_.site().extent_pages; ++i) {
      if (reached_[slot].has(i)) add(ref.place, "a page that two others refer to");
      if (!live_[slot]->has(i)) add(ref.place, "a page in use that is said to be free");
      reached_[slot].set(i);
    }
  }

  Status tree(const TreeRoot& root, TreeKind kind) {
    kind_ = kind;
    entry_count_ = 0;
    const bool was_whole = !any_unread_;
    any_last_ = false;
    if (root.height != 0) {
      if (Status status = node(root.ref, root.height - 1, std::nullopt); !status) return status;
    }
    if (was_whole && !any_unread_ && entry_count_ != root.entry_count) {
      problems_.push_back({pool_.site().directory, 0,
                           "a tree of " + std::to_string(entry_count_) + " entries that says " +
                               std::to_string(root.entry_count)});
    }
    return Status::ok();
  }

  Status node(const PageRef& ref, uint32_t level, const Bound& high) {
    std::string page;
    const Result<bool> is_there = read(ref, node_kind(kind_, level), page);
    if (!is_there) return is_there.error();
    if (!*is_there) return Status::ok();
    reach(ref);
    const NodeView view(reinterpret_cast<const uint8_t*>(page.data()));
    return level == 0 ? leaf(ref, view, high) : inner(ref, view, level, high);
  }

  Status inner(const PageRef& ref, const NodeView& view, uint32_t level, const Bound& high) {
    std::string key;
    std::string next;
    for (uint32_t i = 0; i < view.count(); ++i) {
      Bound child_high = high;
      if (i + 1 < view.count()) {
        view.copy_key(i, key);
        view.copy_key(i + 1, next);
        if (key >= next) add(ref.place, "an inner node whose keys do not ascend");
        child_high = as_bytes(next);
      }
      if (Status status = node(view.child(i), level - 1, child_high); !status) return status;
    }
    return Status::ok();
  }

  Status leaf(const PageRef& ref, const NodeView& view, const Bound& high) {
    std::string key;
    for (uint32_t i = 0; i < view.count(); ++i) {
      view.copy_key(i, key);
      const bool ascends = !any_last_ || last_ < key;
      if (!ascends || !is_below(as_bytes(key), high))
        add(ref.place, "a leaf whose keys do not ascend");
      last_ = key;
      any_last_ = true;
      ++entry_count_;
      if (Status status = row(ref, key, view.payload(i)); !status) return status;
    }
    return Status::ok();
  }

  Status row(const PageRef& leaf, const std::string& key, Bytes payload) {
    Edit edit;
    decode_row(payload, edit);
    if (kind_ == TreeKind::kHistory) {
      std::string own;
      uint64_t commit = 0;
      const bool is_key = read_history_key(as_bytes(key), own, commit);
      if (!is_key || commit != edit.commit) add(leaf.place, "a key in history that makes no sense");
    }
    if (edit.commit > image_.absorbed) add(leaf.place, "an entry of a commit that is not absorbed");
    return (edit.flags & kFlagSeparateValue) != 0 ? value(leaf, edit) : Status::ok();
  }

  Status value(const PageRef& leaf, const Edit& edit) {
    const uint64_t size = load<uint64_t>(edit.value.data());
    uint64_t found = 0;
    std::string page;
    for (PageRef ref = read_reference(edit.value.data() + 8); ref.any();) {
      const Result<bool> is_there = read(ref, kind_of(PageType::kValue), page);
      if (!is_there) return is_there.error();
      if (!*is_there) return Status::ok();
      reach(ref);
      const uint8_t* const at = reinterpret_cast<const uint8_t*>(page.data());
      found += piece_bytes(at).size();
      const PageRef next = next_piece(at);
      if (next.any() && next.weight >= ref.weight) break;
      ref = next;
    }
    if (found != size) add(leaf.place, "a value of another size than its entry says");
    return Status::ok();
  }

  // What lies behind a page that cannot be read is in use, and nobody could be asked who has it.
  void hold_against_space() {
    if (any_unread_) return;
    for (uint64_t slot = 0; slot < live_.size(); ++slot) {
      if (live_[slot] == nullptr) continue;
      const uint32_t pages = pool_.site().extent_pages;
      for (uint32_t i = 1; (i = live_[slot]->find(i, pages, true)) < pages; ++i) {
        if (!reached_[slot].has(i)) {
          add(pool_.place_at(slot, i),
              "a page that is said to be in use, and nothing refers to it");
        }
      }
    }
  }

  const Pool& pool_;
  const Image& image_;
  std::vector<VerifyProblem>& problems_;
  std::vector<Bits> reached_;
  std::vector<const Bits*> live_;
  TreeKind kind_ = TreeKind::kCurrent;
  std::string last_;
  bool any_last_ = false;
  bool any_unread_ = false;
  uint64_t entry_count_ = 0;
};

}  // namespace

Status verify_image(const Pool& pool, const Image& image, const std::vector<ExtentUse>& uses,
                    std::vector<VerifyProblem>& problems) {
  return Verifier(pool, image, uses, problems).run();
}

}  // namespace varve::btree
