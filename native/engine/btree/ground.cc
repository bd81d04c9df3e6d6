#include "engine/btree/ground.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace varve::btree {
namespace {

constexpr uint32_t kPageBytesStandard = 4096;
constexpr uint64_t kExtentPagesMin = 64;
constexpr uint64_t kExtentPagesMax = uint64_t{1} << 16;
constexpr int kSpaceTriesMax = 4;

std::string text_of(uint64_t number) { return std::to_string(number); }

}  // namespace

Ground::~Ground() = default;

Result<std::unique_ptr<Ground>> Ground::open(Os& os, Manifest& manifest, Cache& cache,
                                             const BtreeOptions& options) {
  std::unique_ptr<Ground> ground(new Ground(os, manifest, cache, options));
  if (Status status = ground->open_files(); !status) return status;
  return ground;
}

void Ground::make_pool(uint32_t page_bytes, uint32_t extent_pages) {
  ExtentSite site{os_, options_.directory, manifest_.state().identity, page_bytes, extent_pages};
  pool_ = std::make_shared<Pool>(site, cache_, options_.writing);
  space_ = std::make_unique<Space>(*pool_);
}

void Ground::note_root(uint64_t generation) {
  Stretches apart = space_places_;
  apart.insert(apart.end(), facts_places_.begin(), facts_places_.end());
  space_->note_root(generation, apart);
}

// Whether a damage is one to do without.
bool Ground::note_lost(const Status& status, const std::string& path) {
  const bool is_damage = status.code() == Code::kCorrupt || status.code() == Code::kNotFound;
  if (!is_damage || options_.lost == nullptr) return false;
  options_.lost->push_back({path, 0, status.message()});
  return true;
}

Status Ground::open_files() {
  const OpenMode mode = options_.read_only ? OpenMode::kRead : OpenMode::kWrite;
  Result<std::unique_ptr<RootFile>> roots = RootFile::open(os_, options_.directory, mode);
  const bool is_missing = roots.code() == Code::kNotFound;
  if (!roots && !is_missing) return roots.error();
  if (is_missing && manifest_.state().absorbed != 0) {
    Status missing =
        Status::corrupt("btree: " + options_.directory + "/" + kRootsName + " is missing");
    if (!note_lost(missing, options_.directory)) return missing;
  }
  if (roots) roots_ = std::move(*roots);
  std::optional<Root> root;
  if (roots_) {
    Result<std::optional<Root>> chosen = choose_root();
    if (!chosen && !note_lost(chosen.error(), roots_->path())) return chosen.error();
    if (chosen) root = *chosen;
  }
  if (!root) return begin_empty();
  Status loaded = load(*root);
  if (loaded || !note_lost(loaded, roots_->path())) return loaded;
  return begin_empty();
}

// Nothing was ever absorbed, or nothing is left of it.
Status Ground::begin_empty() {
  const uint32_t page_bytes = options_.page_bytes != 0 ? options_.page_bytes : kPageBytesStandard;
  const uint64_t pages =
      std::clamp<uint64_t>(options_.extent_bytes / page_bytes, kExtentPagesMin, kExtentPagesMax);
  make_pool(page_bytes, static_cast<uint32_t>(std::bit_floor(pages)));
  image_ = Image();
  image_.absorbed = manifest_.state().absorbed;
  image_.time_ms = manifest_.state().time_ms;
  rested_absorbed_ = image_.absorbed;
  rested_facts_ = image_.facts;
  if (options_.read_only) return Status::ok();
  if (Status status = remove_leftovers({}); !status) return status;
  if (roots_) return Status::ok();
  Result<std::unique_ptr<RootFile>> made = RootFile::create(os_, options_.directory);
  if (!made) return made.error();
  roots_ = std::move(*made);
  return Status::ok();
}

// None, where nothing was ever absorbed.
Result<std::optional<Root>> Ground::choose_root() {
  const ManifestState& state = manifest_.state();
  std::optional<Root> best;
  for (uint64_t place = 0; place < 2; ++place) {
    const Result<Root> root = roots_->read(place);
    if (!root && root.code() != Code::kCorrupt) return root.error();
    if (!root || root->identity != state.identity || root->absorbed != state.absorbed) continue;
    if (!best || best->generation < root->generation) best = *root;
  }
  if (best || state.absorbed == 0) return best;
  return Status::corrupt("btree: " + roots_->path() + " has no whole root of commit " +
                         text_of(state.absorbed));
}

// Where nothing says which pages are in use, what is read needs only the files.
Status Ground::find_extents(std::vector<ExtentUse>& uses) {
  Result<std::vector<ExtentUse>> found = list_extents(pool_->site());
  if (!found) return found.error();
  uses = std::move(*found);
  return Status::ok();
}

Status Ground::load(const Root& root) {
  if (options_.page_bytes != 0 && options_.page_bytes != root.page_bytes) {
    return Status::invalid("`pageSize` is " + text_of(options_.page_bytes) +
                           ", but the store was made with " + text_of(root.page_bytes));
  }
  make_pool(root.page_bytes, root.extent_pages);
  std::vector<ExtentUse> uses;
  Status status = read_space(*pool_, root.space, uses, space_places_);
  if (!status && options_.read_only && note_lost(status, roots_->path())) {
    space_places_.clear();
    status = find_extents(uses);
  }
  if (!status) return status;
  const OpenMode mode = options_.read_only ? OpenMode::kRead : OpenMode::kWrite;
  status = space_->open(uses, mode);
  if (status.code() == Code::kNotFound) return Status::corrupt(status.message());
  if (!status) return status;
  space_->set_next_extent(root.next_extent);
  image_.current = root.current;
  image_.history = root.history;
  image_.absorbed = root.absorbed;
  image_.time_ms = root.time_ms;
  image_.extents = space_->extents();
  if (root.facts.any()) {
    std::string bytes;
    status =
        read_pieces(*pool_, *image_.extents, root.facts, PageType::kFacts, &bytes, &facts_places_);
    if (!status) return status;
    Result<Facts> facts = decode_facts(as_bytes(bytes));
    if (!facts) return facts.error();
    image_.facts = std::make_shared<const Facts>(std::move(*facts));
  }
  rested_facts_ = image_.facts;
  root_ = root;
  rested_absorbed_ = root.absorbed;
  if (Status adopted = space_->adopt(space_places_); !adopted) return adopted;
  if (Status adopted = space_->adopt(facts_places_); !adopted) return adopted;
  note_root(root.generation);
  if (options_.read_only) return Status::ok();
  std::vector<uint64_t> known;
  for (const ExtentUse& use : space_->uses()) known.push_back(use.number);
  if (Status kept = keep_other(root, known); !kept) return kept;
  return remove_leftovers(known);
}

// What the other root needs stays until it is written over, if it could still count: the one that
// was chosen may be lost with the power, where its own sync has failed before.
Status Ground::keep_other(const Root& root, std::vector<uint64_t>& known) {
  const Result<Root> other = roots_->read(root.generation + 1);
  const bool counts = other && other->identity == root.identity &&
                      other->absorbed == root.absorbed && other->page_bytes == root.page_bytes &&
                      other->extent_pages == root.extent_pages;
  if (!counts) return Status::ok();
  std::vector<ExtentUse> uses;
  Stretches places;
  const bool is_whole = static_cast<bool>(read_space(*pool_, other->space, uses, places));
  if (!is_whole) return Status::ok();  // It could not count.
  for (const ExtentUse& use : uses) {
    known.push_back(use.number);
    const Extents& extents = *space_->extents();
    const bool is_same = use.slot < extents.size() && extents[use.slot] != nullptr &&
                         extents[use.slot]->number() == use.number;
    const uint32_t pages = pool_->site().extent_pages;
    for (uint32_t i = 1; is_same && (i = use.live.find(i, pages, true)) < pages; ++i) {
      places.push_back({pool_->place_at(use.slot, i), 1});
    }
  }
  if (other->facts.any()) {
    const Status read =
        read_pieces(*pool_, *space_->extents(), other->facts, PageType::kFacts, nullptr, &places);
    (void)read;  // What could be read of it is kept.
  }
  space_->keep(places, other->generation);
  return Status::ok();
}

Status Ground::remove_leftovers(const std::vector<uint64_t>& known) {
  const Result<std::vector<DirectoryEntry>> entries = os_.list(options_.directory);
  if (!entries) return entries.error();
  for (const DirectoryEntry& entry : *entries) {
    const uint64_t number = extent_number(entry.name);
    if (number == 0) continue;
    space_->set_next_extent(number + 1);
    if (std::find(known.begin(), known.end(), number) != known.end()) continue;
    const Status removed = os_.remove(options_.directory + "/" + entry.name);
    (void)removed;  // Its number is not used again, so it is in nobody's way.
  }
  return Status::ok();
}

// ---- a change

Status Ground::error() const {
  return failure_code_ == Code::kOk ? Status::ok() : Status(failure_code_, failure_);
}

void Ground::fail(const Status& status) {
  failure_code_ = status.code();
  failure_ = "btree: nothing is written any more after a failure: " + status.message();
}

bool Ground::may_change(uint64_t commit) const {
  return uncertain_commit_ == 0 || uncertain_commit_ == commit;
}

Result<WriteSite> Ground::begin(uint64_t commit, uint64_t oldest_read) {
  if (Status status = error(); !status) return status;
  space_->release(oldest_read);
  space_->trim();
  space_->begin();
  commit_ = commit;
  return site();
}

void Ground::abandon() {
  pool_->abandon();
  space_->revert(false);
}

Status Ground::settle(Image& image) {
  image.change = image_.change + 1;
  image.extents = space_->extents();
  space_->apply();
  space_->settle(image.change);
  image_ = image;
  return Status::ok();
}

// What the map of free pages takes may need one more extent, which is in the map, too.
Status Ground::write_space(Metadata& made) {
  for (int i = 0; i < kSpaceTriesMax; ++i) {
    const std::shared_ptr<const Extents> extents = space_->extents();
    const size_t allocated = space_->allocated_count();
    const std::string bytes = encode_space(space_->uses(), pool_->site().extent_pages);
    made.space.clear();
    const Result<PageRef> ref =
        write_pieces(site(), PageType::kSpace, as_bytes(bytes), &made.space);
    if (!ref) return ref.error();
    if (extents == space_->extents()) {
      made.root.space = *ref;
      return pool_->flush(*extents);
    }
    pool_->abandon();
    space_->take_back(allocated);
  }
  return Status::io("btree: the map of free pages finds no place");
}

Status Ground::write_facts(const Image& image, Metadata& made) {
  made.facts = facts_places_;
  const bool must_move =
      std::any_of(facts_places_.begin(), facts_places_.end(),
                  [&](const Stretch& stretch) { return space_->is_chosen(stretch.place); });
  if (image.facts == rested_facts_ && !must_move) return Status::ok();
  for (const Stretch& stretch : facts_places_) space_->free(stretch.place, stretch.units);
  made.facts.clear();
  made.root.facts = PageRef();
  if (image.facts->all.empty()) return Status::ok();
  const std::string bytes = encode_facts(*image.facts);
  const Result<PageRef> ref = write_pieces(site(), PageType::kFacts, as_bytes(bytes), &made.facts);
  if (!ref) return ref.error();
  made.root.facts = *ref;
  return pool_->flush(*space_->extents());
}

Status Ground::write_metadata(const Image& image, Metadata& made) {
  Root& root = made.root;
  root = root_;
  root.identity = manifest_.state().identity;
  root.generation = root_.generation + 1;
  root.absorbed = image.absorbed;
  root.time_ms = image.time_ms;
  root.page_bytes = pool_->site().page_bytes;
  root.extent_pages = pool_->site().extent_pages;
  root.current = image.current;
  root.history = image.history;
  if (Status status = pool_->flush(*space_->extents()); !status) return status;
  if (Status status = write_facts(image, made); !status) return status;
  for (const Stretch& stretch : space_places_) space_->free(stretch.place, stretch.units);
  if (Status status = write_space(made); !status) return status;
  root.next_extent = space_->next_extent();
  return Status::ok();
}

// From here on the disk may say either.
Status Ground::publish(const Root& root, const Image& image) {
  if (Status status = roots_->write(root); !status) return status;
  root_bytes_ += kRootBytes;
  if (image.absorbed == rested_absorbed_ && uncertain_commit_ == 0) return Status::ok();
  ManifestEdit edit;
  edit.absorbed = image.absorbed;
  if (image.time_ms != 0) edit.time_ms = image.time_ms;
  uncertain_commit_ = image.absorbed;
  Status status = manifest_.append(edit);
  if (status) uncertain_commit_ = 0;
  return status;
}

// What was written before a sync that failed is written anew, elsewhere, by whoever tries again;
// but nobody has any more what was dirty before.
Status Ground::give_up(const Status& status, bool may_pass, bool is_written) {
  pool_->abandon();
  space_->revert(is_written);
  if (!may_pass || status.code() != Code::kNoSpace) fail(status);
  return status.copy();
}

Status Ground::rest(Image& image) {
  image.change = image_.change + 1;
  Metadata made;
  space_->apply();
  Status status = write_metadata(image, made);
  if (status) status = pool_->write_dirty(*space_->extents(), 0);
  if (!status) return give_up(status, true, false);
  status = space_->sync();
  if (!status) return give_up(status, options_.writing == Writing::kThrough, false);
  status = publish(made.root, image);
  if (!status) return give_up(status, true, true);
  space_->settle(image.change);
  facts_places_ = std::move(made.facts);
  space_places_ = std::move(made.space);
  newest_root_ = image.change;
  root_ = made.root;
  note_root(root_.generation);
  rested_absorbed_ = image.absorbed;
  rested_facts_ = image.facts;
  image.extents = space_->extents();
  image_ = image;
  return Status::ok();
}

}  // namespace varve::btree
