#include "engine/btree/salvage.h"

#include <algorithm>

#include "engine/btree/facts.h"
#include "engine/btree/root.h"
#include "engine/btree/space.h"
#include "engine/btree/tree_writer.h"

namespace varve::btree {
namespace {

constexpr uint64_t kCacheBytes = uint64_t{1} << 20;

// The best root: of that commit, or of the last one there is.
std::optional<Root> find_root(Os& os, const std::string& directory,
                              std::optional<uint64_t> absorbed) {
  const Result<std::unique_ptr<RootFile>> file = RootFile::open(os, directory, OpenMode::kRead);
  if (!file) return std::nullopt;
  std::optional<Root> best;
  for (uint64_t place = 0; place < 2; ++place) {
    const Result<Root> root = (*file)->read(place);
    if (!root || (absorbed && root->absorbed != *absorbed)) continue;
    if (!best || best->generation < root->generation) best = *root;
  }
  return best;
}

// Of pages and extents, where no root says it: as the first extent does.
std::optional<Root> sizes_of_extents(Os& os, const std::string& directory) {
  const Result<std::vector<DirectoryEntry>> entries = os.list(directory);
  if (!entries) return std::nullopt;
  for (const DirectoryEntry& entry : *entries) {
    if (extent_number(entry.name) == 0) continue;
    const Result<ExtentHead> head = describe_extent(os, directory + "/" + entry.name);
    if (!head) continue;
    Root root;
    root.identity = head->identity;
    root.page_bytes = head->page_bytes;
    root.extent_pages = head->extent_pages;
    return root;
  }
  return std::nullopt;
}

class Salvage {
 public:
  Salvage(Os& os, const std::string& directory, const Root& root, const SaveRow& save,
          std::vector<VerifyProblem>& lost)
      : cache_(epochs_, kCacheBytes),
        site_{os, directory, root.identity, root.page_bytes, root.extent_pages},
        pool_(site_, cache_, Writing::kThrough),
        save_(save),
        lost_(lost) {}

  Status run(const Root& root) {
    std::vector<ExtentUse> uses;
    Stretches places;
    Status mapped = Status::corrupt("btree: no root is whole, so nothing says which pages count");
    if (root.space.any()) mapped = read_space(pool_, root.space, uses, places);
    if (mapped) {
      open_extents(uses);
      read_facts(root);
      return each_live_page(uses);
    }
    lose(site_.directory, 0, mapped.message());
    Result<std::vector<ExtentUse>> found = list_extents(site_);
    if (!found) return found.error();
    open_extents(*found);
    read_facts(root);
    return each_page_by_age();
  }

 private:
  struct Place {  // Of a leaf that may count.
    uint64_t commit;
    uint64_t slot;
    uint32_t index;
  };

  void lose(const std::string& file, uint64_t offset, std::string what) {
    lost_.push_back({file, offset, std::move(what)});
  }

  void open_extents(const std::vector<ExtentUse>& uses) {
    for (const ExtentUse& use : uses) {
      Result<std::shared_ptr<Extent>> extent =
          Extent::open(site_, cache_, use.number, OpenMode::kRead);
      if (!extent) lose(extent_path(site_.directory, use.number), 0, extent.error().message());
      if (!extent) continue;
      if (extents_.size() <= use.slot) extents_.resize(use.slot + 1);
      extents_[use.slot] = std::move(*extent);
    }
  }

  void read_facts(const Root& root) {
    if (!root.facts.any()) return;
    std::string bytes;
    Status status = read_pieces(pool_, extents_, root.facts, PageType::kFacts, &bytes, nullptr);
    if (status) {
      Result<Facts> facts = decode_facts(as_bytes(bytes));
      if (facts) facts_ = std::move(*facts);
      status = facts.error();
    }
    if (!status) lose(site_.directory, 0, status.message());
  }

  // A page, or null with what is wrong with it; `units` says where the next one may begin.
  const uint8_t* read(const Extent& extent, uint32_t index, uint32_t& units, const char*& wrong) {
    units = 1;
    wrong = nullptr;
    page_.resize(site_.page_bytes);
    const auto fill = [&](size_t size) {
      page_.resize(size);
      const MutableBytes into(reinterpret_cast<uint8_t*>(page_.data()), size);
      if (!extent.read(index, into)) wrong = "cannot be read";
      return wrong == nullptr;
    };
    if (!fill(site_.page_bytes)) return nullptr;
    const uint32_t said = head_of(reinterpret_cast<const uint8_t*>(page_.data())).units;
    const bool is_possible = said != 0 && said <= site_.extent_pages - index;
    if (is_possible && said > 1 && !fill(size_t{said} * site_.page_bytes)) return nullptr;
    wrong = is_possible ? read_page(as_bytes(page_), place_seed(extent.number(), index))
                        : "has a wrong checksum";
    if (wrong != nullptr) return nullptr;
    units = said;
    return reinterpret_cast<const uint8_t*>(page_.data());
  }

  static bool is_current_leaf(const uint8_t* page) {
    const PageHead head = head_of(page);
    return head.type == PageType::kLeaf && head.tree == TreeKind::kCurrent;
  }

  Status each_live_page(const std::vector<ExtentUse>& uses) {
    for (const ExtentUse& use : uses) {
      if (use.slot >= extents_.size() || extents_[use.slot] == nullptr) continue;
      const Extent& extent = *extents_[use.slot];
      uint32_t units = 1;
      for (uint32_t i = 1; (i = use.live.find(i, site_.extent_pages, true)) < site_.extent_pages;
           i += units) {
        const char* wrong = nullptr;
        const uint8_t* const page = read(extent, i, units, wrong);
        if (page == nullptr) lose(extent.path(), extent.offset(i), std::string("a page ") + wrong);
        if (page == nullptr || !is_current_leaf(page)) continue;
        if (Status status = save_leaf(extent, i, page); !status) return status;
      }
    }
    return Status::ok();
  }

  // What is not whole is most likely no page at all: nothing was ever there.
  Status each_page_by_age() {
    std::vector<Place> places;
    for (uint64_t slot = 0; slot < extents_.size(); ++slot) {
      if (extents_[slot] == nullptr) continue;
      const Result<uint64_t> bytes = extents_[slot]->file_bytes();
      if (!bytes) return bytes.error();
      const uint64_t pages = std::min<uint64_t>(*bytes / site_.page_bytes, site_.extent_pages);
      uint32_t units = 1;
      for (uint32_t i = 1; i < pages; i += units) {
        const char* wrong = nullptr;
        const uint8_t* const page = read(*extents_[slot], i, units, wrong);
        if (page == nullptr || !is_current_leaf(page)) continue;
        places.push_back({head_of(page).commit, slot, i});
      }
    }
    std::stable_sort(places.begin(), places.end(),
                     [](const Place& a, const Place& b) { return a.commit < b.commit; });
    for (const Place& place : places) {
      uint32_t units = 1;
      const char* wrong = nullptr;
      const Extent& extent = *extents_[place.slot];
      const uint8_t* const page = read(extent, place.index, units, wrong);
      if (page == nullptr) continue;
      if (Status status = save_leaf(extent, place.index, page); !status) return status;
    }
    return Status::ok();
  }

  Status save_leaf(const Extent& extent, uint32_t index, const uint8_t* page) {
    const NodeView view(page);
    std::string key;
    std::string value;
    for (uint32_t i = 0; i < view.count(); ++i) {
      view.copy_key(i, key);
      Edit edit;
      decode_row(view.payload(i), edit);
      edit.key = as_bytes(key);
      if (facts_.ended_by(edit.key, edit.commit) != 0) continue;
      Status status;
      if ((edit.flags & kFlagSeparateValue) != 0) {
        value.clear();
        const PageRef ref = read_reference(edit.value.data() + 8);
        const uint64_t size = load<uint64_t>(edit.value.data());
        status = read_pieces(pool_, extents_, ref, PageType::kValue, &value, nullptr);
        if (status && value.size() != size) status = Status::corrupt("a value of another size");
        edit.value = as_bytes(value);
        edit.flags &= static_cast<uint8_t>(~kFlagSeparateValue);
      }
      if (status) status = save_(edit, edit.value);
      const bool is_loss = status.code() == Code::kCorrupt || status.code() == Code::kTooLarge;
      if (is_loss) lose(extent.path(), extent.offset(index), status.message());
      if (!status && !is_loss) return status;
    }
    return Status::ok();
  }

  EpochDomain epochs_;
  Cache cache_;
  const ExtentSite site_;
  Pool pool_;
  const SaveRow& save_;
  std::vector<VerifyProblem>& lost_;
  Extents extents_;
  Facts facts_;
  std::string page_;
};

}  // namespace

bool is_btree_file(const std::string& name) {
  return name == kRootsName || extent_number(name) != 0;
}

std::optional<BtreeOwner> describe_btree(Os& os, const std::string& directory) {
  std::optional<Root> root = find_root(os, directory, std::nullopt);
  if (!root) root = sizes_of_extents(os, directory);
  if (!root) return std::nullopt;
  return BtreeOwner{root->identity, root->absorbed};
}

Status salvage_btree(Os& os, const std::string& directory, const BtreeOwner& owner,
                     const SaveRow& save, std::vector<VerifyProblem>& lost) {
  std::optional<Root> root = find_root(os, directory, owner.absorbed);
  if (!root) root = sizes_of_extents(os, directory);
  if (!root || root->identity != owner.identity) {
    if (owner.absorbed != 0)
      lost.push_back({directory, 0, "btree: no root and no extent is whole"});
    return Status::ok();
  }
  return Salvage(os, directory, *root, save, lost).run(*root);
}

}  // namespace varve::btree
