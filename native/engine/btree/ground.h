// engine/btree/ground.h — what both trees stand on: pages, the space for them, and the roots; how a
// change becomes part of it, and durable.
//
//     begin() ─▶ trees are written ─▶ settle(image)          in memory: dirty pages wait
//                                 └─▶ rest(image)  ─▶ pages synced ─▶ root synced ─▶ manifest
//                                 └─▶ abandon()              as it was
//
// Which root counts is the manifest's to say: the newest whose last commit is its `absorbed`. A
// change that fails after its root may have reached the disk leaves its pages alone, until another
// root has taken that one's place; and where the manifest may say more than is known here, nothing
// but the run that it may know of changes anything.
//
// Threads: whoever changes the trees, one at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/btree/btree.h"
#include "engine/btree/root.h"
#include "engine/btree/space.h"
#include "engine/btree/tree_writer.h"
#include "engine/btree/version.h"

namespace varve::btree {

class Ground {
 public:
  static Result<std::unique_ptr<Ground>> open(Os& os, Manifest& manifest, Cache& cache,
                                              const BtreeOptions& options);
  ~Ground();

  const Image& image() const { return image_; }  // The newest.
  const std::shared_ptr<Pool>& pool() const { return pool_; }
  const Space& space() const { return *space_; }
  Space& space() { return *space_; }
  uint64_t rested() const { return rested_absorbed_; }
  // Whether something is not on the disk yet.
  bool is_ahead() const { return image_.change != newest_root_; }
  uint64_t root_bytes_written() const { return root_bytes_; }
  const Root& root() const { return root_; }  // That counts on the disk.
  Status error() const;                       // Nothing can be changed any more,
  void fail(const Status& status);            // from now on.

  // A change begins: the site to write pages with, up to that commit. `oldest_read`: the change
  // of the oldest version that somebody reads.
  Result<WriteSite> begin(uint64_t commit, uint64_t oldest_read);
  // It ends as the newest image, whose `change` and `extents` are filled in.
  Status settle(Image& image);
  // The same, durable when this returns.
  Status rest(Image& image);
  void abandon();
  // Where a root was lost in a failure that may pass, only the same run may follow.
  bool may_change(uint64_t commit) const;

 private:
  Ground(Os& os, Manifest& manifest, Cache& cache, const BtreeOptions& options)
      : os_(os), manifest_(manifest), cache_(cache), options_(options) {}
  Status open_files();
  Status begin_empty();
  Result<std::optional<Root>> choose_root();
  Status load(const Root& root);
  Status find_extents(std::vector<ExtentUse>& uses);
  Status keep_other(const Root& root, std::vector<uint64_t>& known);
  void note_root(uint64_t generation);
  Status remove_leftovers(const std::vector<uint64_t>& known);
  void make_pool(uint32_t page_bytes, uint32_t extent_pages);
  struct Metadata {  // Of a root that is being written, and where it lies.
    Root root;
    Stretches facts, space;
  };
  Status write_metadata(const Image& image, Metadata& made);
  Status write_facts(const Image& image, Metadata& made);
  Status write_space(Metadata& made);
  Status publish(const Root& root, const Image& image);
  Status give_up(const Status& status, bool may_pass, bool is_written);
  bool note_lost(const Status& status, const std::string& path);
  WriteSite site() { return {*pool_, *space_, commit_, nullptr}; }

  Os& os_;
  Manifest& manifest_;
  Cache& cache_;
  const BtreeOptions options_;
  std::shared_ptr<Pool> pool_;
  std::unique_ptr<Space> space_;
  std::unique_ptr<RootFile> roots_;  // Null while a store that is only read has none.
  Image image_;
  Root root_;
  std::shared_ptr<const Facts> rested_facts_;
  Stretches facts_places_, space_places_;  // Of that root.
  uint64_t rested_absorbed_ = 0;
  uint64_t newest_root_ = 1;  // The change that the newest root is of.
  uint64_t commit_ = 0;
  uint64_t root_bytes_ = 0;        // Written.
  uint64_t uncertain_commit_ = 0;  // The manifest may name it; 0: it is as it is known here.
  Code failure_code_ = Code::kOk;
  std::string failure_;
};

}  // namespace varve::btree
