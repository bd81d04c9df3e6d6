#include "engine/btree/btree.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>

#include "base/check.h"
#include "engine/btree/ground.h"
#include "engine/btree/merging.h"
#include "engine/btree/verify.h"
#include "engine/btree/version.h"
#include "engine/range_facts.h"

namespace varve {
namespace {

using btree::Alive;
using btree::BtreeVersion;
using btree::Facts;
using btree::Ground;
using btree::Image;
using btree::Merging;
using btree::PageRef;
using btree::TreeKind;
using btree::WriteSite;
using btree::Writing;
using Lock = std::unique_lock<std::mutex>;
using VersionPointer = std::shared_ptr<const BtreeVersion>;

constexpr uint64_t kEditLogBytes = 64;         // What the log adds to an edit, about.
constexpr uint64_t kBehindNs = 1'000'000'000;  // Until dirty pages are written by maintenance.
constexpr uint64_t kDirtyShare = 4;            // Of the cache's budget: more is written at once.
constexpr uint64_t kCompactBytes = uint64_t{8} << 20;  // Of pages, before others get their turn.
constexpr uint64_t kPrunedShare = 8;  // History is looked through when so much of it may go.
constexpr uint64_t kWaitingShare =
    3;                             // Of all that is in use, freed and not yet free: it is hastened.
constexpr int kSettlingRoots = 3;  // Until what was freed is free on the disk, too.

class Btree final : public Engine {
 public:
  Btree(Os& os, Cache& cache, EpochDomain& epochs, const BtreeOptions& options)
      : os_(os), cache_(cache), epochs_(epochs), options_(options), turn_(os.gate()) {}
  ~Btree() override;

  Status open(Manifest& manifest);
  Status absorb(Run& run, const Retention& retention) override;
  uint64_t rested() const override { return rested_.load(std::memory_order_acquire); }
  Status rest(Rest how) override;
  const EngineVersion& version() const override {
    return *published_.load(std::memory_order_acquire);
  }
  std::shared_ptr<const EngineVersion> pin() const override { return latest(); }
  Result<Progress> maintain(uint64_t budget_bytes, const Retention& retention) override;
  Status compact(const KeyRange& range, const Retention& retention) override;
  Status checkpoint(const std::function<Status(Bytes)>& sink) override;
  Result<std::vector<std::string>> freeze() override;
  Status verify(std::vector<VerifyProblem>& problems) override;
  EngineStats stats() const override;
  void set_memory(uint64_t cache_bytes) override { cache_.set_budget(cache_bytes); }
  Status close() override;

 private:
  // Maintenance goes through both trees, in several calls.
  struct Pass {
    uint64_t absorbed = 0;  // When it began,
    Retention retention;    // and what was asked for then.
    Merging::Walk walk;
    uint64_t horizon = UINT64_MAX;  // The lowest of it.

    bool covers(uint64_t commit, const Retention& asked) const {
      return absorbed == commit && retention == asked;
    }
  };
  VersionPointer latest() const {
    const Lock held(pin_mutex_);
    return version_;
  }
  void publish(const Lock& held, Image image);
  Result<WriteSite> begin(uint64_t commit, const Lock& held);
  Status end(Image image, const Lock& held);
  Status take(Run& run, const Retention& retention, Image& next, const Lock& held);
  Status clear_doubt(uint64_t commit, const Lock& held);
  void write_behind(const Lock& held);
  uint64_t dirty_bytes_max() const { return cache_.budget_bytes() / kDirtyShare; }
  Status rest_now(const Lock& held);
  bool is_pass_due(const Retention& retention) const;
  Result<Progress> step_pass(uint64_t budget_bytes, const Retention& retention, const Lock& held);
  Status end_part(Pass& pass, Facts& facts);
  Result<Progress> step_moving(uint64_t budget_bytes, const Retention& retention, const Lock& held);
  Result<Progress> step_behind(uint64_t budget_bytes, const Lock& held);
  Result<Progress> step_settling(const Lock& held);
  Result<Progress> note_damage(const Status& status);
  Status walk(Merging::Walk& walk, const Facts& facts, const Retention& retention, Image& next,
              bool& any_change, const Lock& held);
  Status compact_tree(TreeKind kind, const Retention& retention);
  Status work_off(const Retention& retention);
  Status settle_roots();
  void note_stats(const Lock& held);
  Lock turn();

  Os& os_;
  Cache& cache_;
  EpochDomain& epochs_;
  const BtreeOptions options_;
  std::atomic<const BtreeVersion*> published_{nullptr};
  std::atomic<uint64_t> rested_{0}, absorbed_bytes_{0}, root_bytes_{0};
  const std::shared_ptr<Alive> alive_ = std::make_shared<Alive>();

  mutable std::mutex pin_mutex_;  // Guards what follows.
  VersionPointer version_;
  EngineStats stats_;  // As the last change left it.

  const std::unique_ptr<Gate> turn_;  // Opened when a run was absorbed.
  std::atomic<int> waiting_{0};       // Runs that wait to be.
  std::mutex compact_mutex_;          // Held by who compacts. Taken before mutex_.

  mutable std::mutex mutex_;  // Held by whoever changes the trees; guards everything below.
  std::unique_ptr<Ground> ground_;
  bool is_closed_ = false;
  bool is_compacting_ = false;
  std::optional<Pass> pass_;    // Under way.
  std::optional<Pass> passed_;  // The last whole one.
  Merging::Walk moving_;        // Of extents that are being emptied.
  bool is_moving_ = false;
  int settling_ = 0;               // Roots that are still to come, so that what was freed can go.
  bool is_much_waiting_ = false;   // Freed by runs since the last of those.
  uint64_t since_rest_bytes_ = 0;  // Of log, about, that an opening would replay.
  uint64_t dirty_since_ns_ = 0;
  std::vector<VerifyProblem> damaged_;
};

Btree::~Btree() {
  const Status status = close();
  (void)status;  // It has none to tell.
}

Status Btree::open(Manifest& manifest) {
  const Lock held(mutex_);
  Result<std::unique_ptr<Ground>> ground = Ground::open(os_, manifest, cache_, options_);
  if (!ground) return ground.error();
  ground_ = std::move(*ground);
  publish(held, ground_->image());
  return Status::ok();
}

// Whoever still reads goes on until it leaves; whoever comes later is told.
Status Btree::close() {
  const Lock compacting(compact_mutex_);
  const Lock held(mutex_);
  if (is_closed_ || !ground_) return Status::ok();
  is_closed_ = true;
  Image closed;
  closed.is_closed = true;
  closed.absorbed = ground_->image().absorbed;
  closed.change = UINT64_MAX;
  publish(held, std::move(closed));
  ground_.reset();
  return Status::ok();
}

void Btree::publish(const Lock& held, Image image) {
  check(held.owns_lock());
  auto next = std::make_shared<const BtreeVersion>(std::move(image), ground_->pool(), alive_,
                                                   options_.large_value_bytes);
  rested_.store(ground_->rested(), std::memory_order_release);
  root_bytes_.store(ground_->root_bytes_written(), std::memory_order_relaxed);
  note_stats(held);
  VersionPointer old;
  {
    const Lock pin_held(pin_mutex_);
    old = std::exchange(version_, next);
    published_.store(version_.get(), std::memory_order_seq_cst);
  }
  if (old == nullptr) return;
  epochs_.retire([held_until_then = std::move(old)]() mutable { held_until_then.reset(); });
  epochs_.collect();
}

// ---- changes

// A new page is in memory if the one that it takes the place of was.
Result<WriteSite> Btree::begin(uint64_t commit, const Lock& held) {
  check(held.owns_lock());
  if (is_closed_) return Status(Code::kClosed, "btree: closed");
  epochs_.collect();
  Result<WriteSite> site = ground_->begin(commit, alive_->oldest());
  if (!site) return site;
  site->on_node = [this](const PageRef& made, uint64_t replaced, Bytes page) {
    EpochDomain::Slot* const slot = epochs_.take_slot();
    if (slot == nullptr) return;  // As many read as may: then it is read when it is needed.
    {
      const EpochDomain::Guard guard(epochs_, *slot);
      const btree::Extents& extents = *ground_->space().extents();
      const bool is_inner = btree::head_of(page.data()).level != 0;
      const bool was_there = replaced != 0 && ground_->pool()->is_cached(extents, replaced);
      if (is_inner || was_there) ground_->pool()->warm(extents, made, page);
    }
    epochs_.give_back(slot);
  };
  return site;
}

Status Btree::end(Image image, const Lock& held) {
  const bool is_through = options_.writing == Writing::kThrough;
  if (!ground_->is_ahead()) dirty_since_ns_ = os_.now_ns();
  Status status = is_through ? ground_->rest(image) : ground_->settle(image);
  if (!status) return status;
  publish(held, std::move(image));
  if (!is_through) write_behind(held);
  return Status::ok();
}

// Dirty pages that are too many go to the disk; and all, when the log becomes long. The run is
// taken in, whatever comes of that: a full disk makes writers wait, anything else shows at the next
// change.
void Btree::write_behind(const Lock& held) {
  Status status;
  if (since_rest_bytes_ > options_.log_bytes_max) {
    status = rest_now(held);
  } else if (ground_->pool()->dirty_bytes() > dirty_bytes_max()) {
    status = ground_->pool()->write_dirty(*ground_->image().extents, dirty_bytes_max() / 2);
    note_stats(held);
  }
  if (!status && status.code() != Code::kNoSpace) ground_->fail(status);
}

Status Btree::rest_now(const Lock& held) {
  const Result<WriteSite> site = begin(ground_->image().absorbed, held);
  if (!site) return site.error();
  Image image = ground_->image();
  if (Status status = ground_->rest(image); !status) return status;
  since_rest_bytes_ = 0;
  publish(held, std::move(image));
  return Status::ok();
}

Status Btree::rest(Rest) {
  const Lock held(mutex_);
  if (is_closed_) return {Code::kClosed, "btree: closed"};
  return ground_->is_ahead() ? rest_now(held) : Status::ok();
}

Status Btree::take(Run& run, const Retention& retention, Image& next, const Lock& held) {
  const Result<WriteSite> site = begin(run.commit_last, held);
  if (!site) return site.error();
  Facts facts = *next.facts;
  add_range_facts(facts.all, run.range_deletions);
  Merging merging(*site, next, facts, retention);
  Status status = run.edits == nullptr ? Status::ok() : merging.absorb(*run.edits);
  if (status) status = merging.finish();
  if (!status) {
    ground_->abandon();
    return status;
  }
  if (!run.range_deletions.empty()) next.facts = std::make_shared<const Facts>(std::move(facts));
  if (run.commit_last == next.absorbed)
    pass_ = passed_ = std::nullopt;  // They counted it as absorbed.
  next.current = merging.current();
  next.history = merging.history();
  if (options_.writing != Writing::kThrough) {
    since_rest_bytes_ += merging.taken_bytes() + run.edit_count_hint * kEditLogBytes;
  }
  absorbed_bytes_.fetch_add(merging.taken_bytes(), std::memory_order_relaxed);
  return Status::ok();
}

// What the manifest may name is this run, tried again, or what is in memory already and was on its
// way to the disk: that goes there first.
Status Btree::clear_doubt(uint64_t commit, const Lock& held) {
  if (ground_->may_change(commit)) return Status::ok();
  if (ground_->may_change(ground_->image().absorbed)) return rest_now(held);
  return Status::io("btree: the manifest may name another run than this one");
}

Status Btree::absorb(Run& run, const Retention& retention) {
  struct Waits {
    explicit Waits(Btree& engine) : engine_(engine) { engine.waiting_.fetch_add(1); }
    ~Waits() {
      engine_.waiting_.fetch_sub(1);
      engine_.turn_->open();
    }
    Btree& engine_;
  } const waits(*this);
  const Lock held(mutex_);
  if (is_closed_) return {Code::kClosed, "btree: closed"};
  if (run.commit_last < ground_->image().absorbed) {
    return Status::invalid("btree: a run older than what is absorbed");
  }
  if (Status status = clear_doubt(run.commit_last, held); !status) return status;
  Image next = ground_->image();
  const uint64_t taken_before = absorbed_bytes_.load();
  if (Status status = take(run, retention, next, held); !status) return status;
  next.absorbed = run.commit_last;
  if (run.time_ms_last != 0) next.time_ms = run.time_ms_last;
  Status status = end(std::move(next), held);
  if (!status) absorbed_bytes_.store(taken_before);
  const btree::Space& space = ground_->space();
  const bool is_much = space.waiting_pages() > space.used_pages() / kWaitingShare;
  if (is_much && options_.writing == Writing::kThrough) is_much_waiting_ = true;
  return status;
}

// ---- maintenance

// Whether enough of history may go, or something lies beneath a range deletion.
bool Btree::is_pass_due(const Retention& retention) const {
  const Image& image = ground_->image();
  const auto is_open = [&](const btree::Fact& fact) {
    return !fact.is_done || fact.commit <= retention.horizon;
  };
  if (std::any_of(image.facts->all.begin(), image.facts->all.end(), is_open)) return true;
  const uint64_t oldest = image.history.ref.oldest;
  if (image.history.height == 0 || oldest > retention.horizon) return false;
  const uint64_t horizon = std::min(retention.horizon, image.absorbed);
  const uint64_t past = horizon - std::min(oldest, horizon);
  return past >= (image.absorbed - std::min(oldest, image.absorbed)) / kPrunedShare;
}

Status Btree::walk(Merging::Walk& walk, const Facts& facts, const Retention& retention, Image& next,
                   bool& any_change, const Lock& held) {
  const Result<WriteSite> site = begin(next.absorbed, held);
  if (!site) return site.error();
  Merging merging(*site, next, facts, retention);
  Status status = merging.walk(walk);
  if (status) status = merging.finish();
  any_change = merging.any_change();
  if (!status || !any_change) ground_->abandon();
  if (!status) return status;
  next.current = merging.current();
  next.history = merging.history();
  return Status::ok();
}

// What cannot be read is left alone from now on, and so is everything that would have to go through
// it.
Result<Progress> Btree::note_damage(const Status& status) {
  if (status.code() != Code::kCorrupt) return status.copy();
  const Lock pin_held(pin_mutex_);
  damaged_.push_back({options_.directory, 0, status.message()});
  stats_.damaged = damaged_;
  stats_.debt_bytes = 0;
  pass_.reset();
  ground_->space().choose_none();
  is_moving_ = false;
  return Progress::kIdle;
}

// The facts of a pass that has been through current hide nothing any more; at the end of all those
// go that the horizon has passed.
Status Btree::end_part(Pass& pass, Facts& facts) {
  if (pass.walk.kind == TreeKind::kCurrent) {
    for (btree::Fact& fact : facts.all) {
      if (fact.commit <= pass.absorbed) fact.is_done = true;
    }
    pass.walk.kind = TreeKind::kHistory;
    return Status::ok();
  }
  std::erase_if(facts.all, [&](const btree::Fact& fact) {
    return fact.is_done && fact.commit <= pass.horizon;
  });
  passed_ = std::exchange(pass_, std::nullopt);
  return Status::ok();
}

Result<Progress> Btree::step_pass(uint64_t budget_bytes, const Retention& retention,
                                  const Lock& held) {
  Image next = ground_->image();
  if (!pass_) pass_ = Pass{next.absorbed, retention, {}};
  pass_->horizon = std::min(pass_->horizon, retention.horizon);
  pass_->walk.budget_bytes = budget_bytes;
  bool any_change = false;
  Status status = walk(pass_->walk, *next.facts, retention, next, any_change, held);
  if (!status) return note_damage(status);
  if (pass_->walk.is_whole) {
    Facts facts = *next.facts;
    const size_t count = facts.all.size();
    const bool was_current = pass_->walk.kind == TreeKind::kCurrent;
    if (status = end_part(*pass_, facts); !status) return status;
    if (facts.all.size() != count || (was_current && count != 0)) {
      next.facts = std::make_shared<const Facts>(std::move(facts));
      if (!any_change) {
        const Result<WriteSite> site = begin(next.absorbed, held);
        if (!site) return site.error();
      }
      any_change = true;
    }
  }
  if (any_change) {
    if (status = end(std::move(next), held); !status) return status;
  }
  return Progress::kMore;
}

// Empties extents that are nearly empty, and then waits for the roots that still know them.
Result<Progress> Btree::step_moving(uint64_t budget_bytes, const Retention& retention,
                                    const Lock& held) {
  if (!is_moving_) {
    ground_->space().choose_sparse();
    if (!ground_->space().any_chosen()) return Progress::kIdle;
    is_moving_ = true;
    moving_ = {};
    moving_.is_moving = true;
  }
  Image next = ground_->image();
  moving_.budget_bytes = budget_bytes;
  bool any_change = false;
  Status status = walk(moving_, *next.facts, retention, next, any_change, held);
  if (!status) return note_damage(status);
  if (any_change) {
    if (status = end(std::move(next), held); !status) return status;
  }
  if (!moving_.is_whole) return Progress::kMore;
  if (moving_.kind == TreeKind::kCurrent) {
    moving_.kind = TreeKind::kHistory;
    return Progress::kMore;
  }
  is_moving_ = false;
  settling_ = kSettlingRoots;
  return Progress::kMore;
}

Result<Progress> Btree::step_behind(uint64_t budget_bytes, const Lock& held) {
  const bool is_behind = options_.writing == Writing::kBehind && ground_->is_ahead();
  if (!is_behind || os_.now_ns() - dirty_since_ns_ < kBehindNs) return Progress::kIdle;
  const uint64_t dirty = ground_->pool()->dirty_bytes();
  if (dirty > budget_bytes) {
    Status status = ground_->pool()->write_dirty(*ground_->image().extents, dirty - budget_bytes);
    if (!status) return status;
    return Progress::kMore;
  }
  if (Status status = rest_now(held); !status) return status;
  return Progress::kMore;
}

Result<Progress> Btree::maintain(uint64_t budget_bytes, const Retention& asked) {
  const Lock held(mutex_);
  if (is_closed_ || !ground_->may_change(ground_->image().absorbed)) return Progress::kIdle;
  const Result<Progress> behind = step_behind(budget_bytes, held);
  if (!behind) return behind.error();
  if (*behind == Progress::kMore || !damaged_.empty()) return *behind;
  const Retention retention = asked.at_rest(ground_->image().absorbed);
  const bool is_passed = passed_ && passed_->covers(ground_->image().absorbed, retention);
  if (pass_ || (!is_passed && is_pass_due(retention))) {
    return step_pass(budget_bytes, retention, held);
  }
  if (is_compacting_) return Progress::kIdle;
  if (settling_ == 0 && is_much_waiting_) settling_ = kSettlingRoots;
  if (settling_ > 0) return step_settling(held);
  return step_moving(budget_bytes, retention, held);
}

// Roots of what is there already, so that no root needs what was freed.
Result<Progress> Btree::step_settling(const Lock& held) {
  is_much_waiting_ = false;
  if (--settling_ == 0) ground_->space().choose_none();
  if (Status status = rest_now(held); !status) return status;
  return Progress::kMore;
}

// ---- the smallest form

// Runs go first.
Lock Btree::turn() {
  for (uint64_t ticket = turn_->ticket(); waiting_.load() != 0; ticket = turn_->ticket()) {
    turn_->wait(ticket, UINT64_MAX);
  }
  return Lock(mutex_);
}

// All of one tree, full pages in new extents, some megabytes at a time.
Status Btree::compact_tree(TreeKind kind, const Retention& asked) {
  Merging::Walk walk;
  walk.kind = kind;
  walk.is_everything = true;
  walk.is_moving = true;
  walk.budget_bytes = kCompactBytes;
  do {
    const Lock held = turn();
    if (is_closed_) return {Code::kClosed, "btree: closed"};
    Image next = ground_->image();
    const Retention retention = asked.at_rest(next.absorbed);
    bool any_change = false;
    Status status = this->walk(walk, *next.facts, retention, next, any_change, held);
    if (!status) return status;
    if (any_change) {
      if (status = end(std::move(next), held); !status) return status;
    }
  } while (!walk.is_whole);
  return Status::ok();
}

// What was freed is free, and what is empty gone, once two more roots are there.
Status Btree::settle_roots() {
  for (int i = 0; i < kSettlingRoots; ++i) {
    const Lock held = turn();
    if (is_closed_) return {Code::kClosed, "btree: closed"};
    if (!ground_->may_change(ground_->image().absorbed)) return Status::ok();
    if (Status status = rest_now(held); !status) return status;
  }
  return Status::ok();
}

// Range deletions first, so that what they hide is not copied.
Status Btree::work_off(const Retention& asked) {
  while (true) {
    const Lock held = turn();
    if (is_closed_) return {Code::kClosed, "btree: closed"};
    const Retention retention = asked.at_rest(ground_->image().absorbed);
    const bool is_done = passed_ || (!pass_ && !is_pass_due(retention));
    if (is_done) {
      ground_->space().choose_all();
      return Status::ok();
    }
    const Result<Progress> step = step_pass(kCompactBytes, retention, held);
    if (!step) return step.error();
    if (!damaged_.empty()) return Status::corrupt(damaged_.back().what);
  }
}

Status Btree::compact(const KeyRange&, const Retention& retention) {
  const Lock compacting(compact_mutex_);
  {
    const Lock held(mutex_);
    if (is_closed_) return {Code::kClosed, "btree: closed"};
    is_compacting_ = true;
    is_moving_ = false;
    settling_ = 0;
    pass_.reset();
    passed_.reset();
  }
  Status status = work_off(retention);
  if (status) status = compact_tree(TreeKind::kCurrent, retention);
  if (status) status = compact_tree(TreeKind::kHistory, retention);
  if (status) status = settle_roots();
  const Lock held(mutex_);
  is_compacting_ = false;
  if (is_closed_) return status;
  ground_->space().choose_none();
  note_stats(held);
  return status;
}

// ---- care

// The root that counts, and every extent from its first byte on.
Status Btree::checkpoint(const std::function<Status(Bytes)>& sink) {
  VersionPointer version;
  std::string head;
  {
    const Lock held(mutex_);
    if (is_closed_) return {Code::kClosed, "btree: closed"};
    if (ground_->is_ahead()) {
      if (Status status = rest_now(held); !status) return status;
    }
    version = latest();
    head = btree::encode_root(ground_->root());
  }
  if (Status status = sink(as_bytes(head)); !status) return status;
  std::string buffer(size_t{1} << 20, '\0');
  for (const auto& extent : *version->image().extents) {
    if (extent == nullptr) continue;
    for (uint64_t at = 0;;) {
      const Result<size_t> got = extent->read_some(
          at, MutableBytes(reinterpret_cast<uint8_t*>(buffer.data()), buffer.size()));
      if (!got) return got.error();
      if (*got == 0) break;
      if (Status status = sink(as_bytes(buffer).first(*got)); !status) return status;
      at += *got;
    }
  }
  return Status::ok();
}

// What comes from now on goes into new extents; that those are frozen is in the root.
Result<std::vector<std::string>> Btree::freeze() {
  const Lock held(mutex_);
  if (is_closed_) return Status(Code::kClosed, "btree: closed");
  std::vector<std::string> paths = ground_->space().freeze();
  if (Status status = rest_now(held); !status) return status;
  return paths;
}

Status Btree::verify(std::vector<VerifyProblem>& problems) {
  VersionPointer version;
  std::vector<btree::ExtentUse> uses;
  {
    const Lock held(mutex_);
    if (is_closed_) return {Code::kClosed, "btree: closed"};
    version = latest();
    uses = ground_->space().uses();
  }
  return btree::verify_image(version->pool(), version->image(), uses, problems);
}

void Btree::note_stats(const Lock& held) {
  check(held.owns_lock());
  const Image& image = ground_->image();
  const btree::Space& space = ground_->space();
  const uint64_t page_bytes = ground_->pool()->site().page_bytes;
  EngineStats stats;
  stats.disk_bytes = space.disk_bytes() + btree::kRootStep + btree::kRootBytes;
  stats.history_bytes = image.history.ref.weight * page_bytes;
  stats.entry_count = image.current.entry_count;
  stats.debt_bytes = is_moving_ ? space.chosen_bytes() : 0;
  const auto undone = std::count_if(image.facts->all.begin(), image.facts->all.end(),
                                    [](const btree::Fact& fact) { return !fact.is_done; });
  stats.stop_writes = static_cast<size_t>(undone) > btree::kFactsMax ||
                      ground_->pool()->dirty_bytes() > 2 * dirty_bytes_max();
  const bool is_waiting = options_.writing == Writing::kBehind && ground_->is_ahead();
  if (is_waiting) stats.wait_ns = kBehindNs;
  stats.damaged = damaged_;
  stats.detail = {{"pageBytes", page_bytes},
                  {"treeHeight", image.current.height},
                  {"treePages", image.current.ref.weight},
                  {"historyEntries", image.history.entry_count},
                  {"extents", space.extent_count()},
                  {"frozenExtents", space.frozen_count()},
                  {"freePages", stats.disk_bytes / page_bytes -
                                    std::min(space.used_pages(), stats.disk_bytes / page_bytes)},
                  {"rangeDeletions", image.facts->all.size()}};
  const Lock pin_held(pin_mutex_);
  stats_ = std::move(stats);
}

EngineStats Btree::stats() const {
  const VersionPointer version = latest();
  EngineStats stats;
  {
    const Lock held(pin_mutex_);
    stats = stats_;
  }
  const btree::Pool& pool = version->pool();
  stats.absorbed_bytes = absorbed_bytes_.load();
  stats.written_bytes = pool.written_bytes() + root_bytes_.load(std::memory_order_relaxed);
  stats.read_bytes = pool.read_bytes();
  stats.detail.emplace_back("dirtyBytes", pool.dirty_bytes());
  return stats;
}

}  // namespace

Result<std::unique_ptr<Engine>> open_btree(Os& os, Manifest& manifest, Cache& cache,
                                           EpochDomain& epochs, const BtreeOptions& options) {
  auto engine = std::make_unique<Btree>(os, cache, epochs, options);
  if (Status status = engine->open(manifest); !status) return status;
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace varve
