// What is saved of a damaged B+tree: everything but what lay in the damaged page.
#include "engine/btree/salvage.h"

#include <map>

#include "engine/btree/btree_subject.h"
#include "engine/btree/extent.h"
#include "engine/btree/root.h"

using namespace varve;
using namespace varve::test;

namespace {

constexpr uint64_t kPageBytes = 512;
constexpr size_t kLeafRowsMax = 24;

struct Saved {
  std::map<std::string, std::string> rows;
  std::vector<VerifyProblem> lost;
};

class Wreck {
 public:
  Wreck() : subject_(open_btree_subject()) {
    for (int run = 0; run < 6; ++run) {
      oracle_.begin_commit();
      for (int i = 0; i < 200; ++i) {
        oracle_.put("key" + std::to_string(1000 + (i * 7 + run * 31) % 300),
                    std::string(20, static_cast<char>('a' + run)));
      }
      oracle_.put("large" + std::to_string(run), std::string(1500, 'l'));
      oracle_.remove("key1007");
      expect_ok(oracle_.absorb_into(*subject_.engine));
    }
    oracle_.begin_commit();
    oracle_.delete_range("key1100", "key1120");
    expect_ok(oracle_.absorb_into(*subject_.engine));
    commit_ = oracle_.commit();
    identity_ = btree_ground(subject_).manifest->state().identity;
    subject_.shut();
    for (const Line& line : oracle_.scan({}, commit_)) whole_[line.key] = line.value;
  }
  const std::string& directory() const { return btree_ground(subject_).options.directory; }
  const std::map<std::string, std::string>& whole() const { return whole_; }

  void flip(const std::string& name, uint64_t offset) {
    const auto file = native_os().open(directory() + "/" + name, OpenMode::kWrite);
    require(static_cast<bool>(file));
    uint8_t byte = 0;
    require(static_cast<bool>((*file)->read_at(offset, MutableBytes(&byte, 1))));
    byte ^= 4;
    expect_ok((*file)->write_at(offset, Bytes(&byte, 1)));
  }
  std::map<std::string, uint64_t> extents() const {
    std::map<std::string, uint64_t> found;
    const auto entries = native_os().list(directory());
    for (const DirectoryEntry& entry : *entries) {
      if (btree::extent_number(entry.name) == 0) continue;
      const auto file = native_os().open(directory() + "/" + entry.name, OpenMode::kRead);
      found[entry.name] = *(*file)->size();
    }
    return found;
  }
  Saved salvage() {
    Saved saved;
    const btree::SaveRow save = [&](const Edit& edit, Bytes value) {
      saved.rows[std::string(as_text(edit.key))] = std::string(as_text(value));
      return Status::ok();
    };
    expect_ok(
        btree::salvage_btree(native_os(), directory(), {identity_, commit_}, save, saved.lost));
    return saved;
  }

 private:
  Subject subject_;
  Oracle oracle_;
  uint64_t commit_ = 0;
  std::array<uint8_t, 16> identity_ = {};
  std::map<std::string, std::string> whole_;
};

}  // namespace

static const Case all_whole(
    "of a B+tree that is whole everything is saved, and nothing that was deleted", [] {
      Wreck wreck;
      const Saved saved = wreck.salvage();
      expect(saved.lost.empty());
      expect(saved.rows == wreck.whole());
    });

static const Case one_page("a damaged page of a B+tree loses itself alone in a salvage", [] {
  Wreck wreck;
  size_t hit = 0;
  for (const auto& [name, size] : wreck.extents()) {
    for (uint64_t page = 1; page < size / kPageBytes; page += 2) {
      wreck.flip(name, page * kPageBytes + 70);
      const Saved saved = wreck.salvage();
      size_t missing = 0;
      for (const auto& [key, value] : wreck.whole()) {
        const auto found = saved.rows.find(key);
        missing += found == saved.rows.end() ? 1 : 0;
        if (found != saved.rows.end() && !saved.lost.empty()) continue;
        if (found != saved.rows.end()) expect(found->second == value);
      }
      expect(missing <= kLeafRowsMax && (missing == 0 || !saved.lost.empty()));
      hit += saved.lost.empty() ? 0 : 1;
      wreck.flip(name, page * kPageBytes + 70);
    }
  }
  expect(hit > 10);
});

static const Case no_roots(
    "where both roots are lost every page is looked at, and of each key the newest is saved", [] {
      Wreck wreck;
      wreck.flip(btree::kRootsName, 100);
      wreck.flip(btree::kRootsName, btree::kRootStep + 100);
      const Saved saved = wreck.salvage();
      expect(!saved.lost.empty());
      for (const auto& [key, value] : wreck.whole()) {
        const auto found = saved.rows.find(key);
        expect(found != saved.rows.end() && found->second == value);
      }
    });
