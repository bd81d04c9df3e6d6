#include "world.h"

#include <algorithm>
#include <cstdio>

#include "store/engines.h"
#include "store/feed.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr uint64_t kKeyCount = 200;
constexpr size_t kHeldMax = 4;
constexpr uint64_t kNobody = 0;        // No listener has this number.
constexpr uint64_t kJumpMsMax = 4000;  // Of the clock, either way.
constexpr EngineKind kKinds[] = {EngineKind::kLsm, EngineKind::kMemory, EngineKind::kBitcask,
                                 EngineKind::kBtree};

void apply(const Change& change, Contents& contents) {
  switch (change.kind) {
    case Change::kPut: contents[change.key] = change.value; break;
    case Change::kErase: contents.erase(change.key); break;
    case Change::kEraseRange:
      contents.erase(contents.lower_bound(change.key), contents.lower_bound(change.value));
      break;
  }
}

StoreOptions options_of(EngineKind engine, bool converts, uint64_t seed) {
  StoreOptions options;
  options.directory = "/data/store";
  options.engine = engine;
  // What is held back for snapshots has to have room too where all data is in memory.
  const bool is_roomy = converts || engine == EngineKind::kMemory;
  options.memory_bytes = uint64_t{is_roomy ? 4u : 1u} << 20;
  options.segment_bytes = (uint64_t{16} << 10) << (seed % 3);
  options.table_bytes = (uint64_t{16} << 10) << (seed % 4);
  options.block_bytes = seed % 2 == 0 ? 512 : 4096;
  options.thread_count = 2 + static_cast<uint32_t>(seed % 3);
  options.compaction = static_cast<CompactionStyle>(seed / 7 % 3);
  options.page_writes = static_cast<PageWrites>(seed / 3 % 3);
  options.eviction = static_cast<Eviction>(seed / 5 % 3);
  options.compressed_levels = seed % 5 == 0 ? 0x7f : seed % 5 == 1 ? 0x7e : 0;
  options.large_value_bytes = uint64_t{50} << (seed / 4 % 5);
  if (seed % 4 == 0) options.large_value_bytes = uint64_t{64} << 10;
  options.holder = "the simulation";
  return options;
}

// Those of the program, without the system's own.
KeyRange all_keys() { return {as_bytes(std::string_view("\x02")), {}}; }

Result<Contents> contents_of(const Store::View& view, const KeyRange& range, Direction direction,
                             std::vector<std::string>& keys) {
  Contents found;
  const std::unique_ptr<EngineCursor> cursor = view.scan(range, direction);
  for (; cursor->valid(); cursor->next()) {
    keys.emplace_back(as_text(cursor->edit().key));
    std::string room;
    const Result<Bytes> value = view.value(cursor->edit(), room);
    if (!value) return value.error();
    found[keys.back()] = std::string(as_text(*value));
  }
  if (Status status = cursor->status(); !status) return status;
  return found;
}

// As a walk that wants values alone has them.
Status expect_values(const Store::View& view, const KeyRange& range, const Contents& contents) {
  std::vector<Bytes> values(7);
  auto at = contents.begin();
  const std::unique_ptr<EngineCursor> cursor = view.scan(range, Direction::kForward);
  for (; cursor->valid(); cursor->next()) {
    const size_t count = cursor->take_values({}, values);
    for (size_t i = 0; i < count; ++i) {
      require(at != contents.end());
      expect(as_text(values[i]) == at->second);
      if (i + 1 < count) ++at;
    }
    require(at != contents.end());
    expect(as_text(cursor->edit().key) == at->first);
    ++at;
  }
  if (Status status = cursor->status(); !status) return status;
  expect(at == contents.end());
  return Status::ok();
}

}  // namespace

World::World(uint64_t seed, EngineKind engine) : random_(seed ^ 0x5eed), os_(seed), history_(1) {
  static constexpr EngineKind kEngines[] = {EngineKind::kMemory,  EngineKind::kLsm,
                                            EngineKind::kLsm,     EngineKind::kBitcask,
                                            EngineKind::kBitcask, EngineKind::kBtree,
                                            EngineKind::kBtree};
  const bool is_asked = engine != EngineKind::kAny;
  engine_ = is_asked ? engine : kEngines[random_.below(std::size(kEngines))];
  converts_ = random_.one_in(3) || is_asked;
  follows_ = is_asked || !random_.one_in(3);
  const uint64_t keep = random_.below(5);
  if (keep == 0) policy_ = {Keep::kAge, 2000 + random_.below(20000)};
  if (keep == 1) policy_ = {Keep::kCommits, random_.below(50)};
  if (keep == 2 && engine_ != EngineKind::kMemory && !converts_) policy_ = {Keep::kForever, 0};
  expect_ok(os_.create_directory("/data"));
  expect_ok(os_.sync_directory("/"));
}

World::~World() { drop(); }

Contents World::contents_after(size_t count) const {
  Contents contents;
  for (size_t i = 0; i < count; ++i) {
    for (const Change& change : history_[i].changes) apply(change, contents);
  }
  return contents;
}

// ---- opening and closing

Status World::open() {
  StoreOptions options = options_of(engine_, converts_, random_.below(1000));
  // Which one it has was decided by whether a conversion got to its end.
  if (converts_ && history_.size() > 1) options.engine = EngineKind::kAny;
  if (follows_) options.feed.bytes = UINT64_MAX;
  // What the store was made with it keeps; saying it again is no change.
  if (history_.size() == 1 || random_.one_in(2)) options.history = policy_;
  const uint64_t faults = os_.failed_count();
  Result<std::shared_ptr<Store>> opened = Store::open(os_, options);
  if (!opened) return opened.error();
  store_ = std::move(*opened);
  engine_ = store_->engine_kind();
  reader_ = std::make_unique<Store::Reader>(*store_);

  const uint64_t visible = store_->visible();
  expect(visible >= durable_);
  const auto last = std::find_if(history_.begin(), history_.end(),
                                 [&](const Commit& commit) { return commit.number == visible; });
  expect(last != history_.end());
  if (last == history_.end()) return Status::corrupt("the store shows a commit that never was");
  history_.erase(last + 1, history_.end());
  contents_ = contents_after(history_.size());
  if (os_.failed_count() == faults) check_files();
  check_everything();
  check_past();
  check_feed();
  return Status::ok();
}

// There is nothing of an engine that the store has not.
void World::check_files() {
  const Result<std::vector<DirectoryEntry>> entries = os_.list("/data/store");
  if (!entries) return;
  for (const DirectoryEntry& entry : *entries) {
    for (const EngineKind kind : kKinds) {
      expect(kind == store_->engine_kind() || !is_file_of(kind, entry.name));
    }
  }
}

void World::release_all() {
  for (const Held& held : held_) store_->release(held.commit);
  held_.clear();
}

Status World::close() {
  release_all();
  reader_.reset();
  Status status = store_->close();
  note_durable();
  store_.reset();
  return status;
}

void World::drop() {
  if (!store_) return;
  release_all();
  note_durable();
  reader_.reset();
  store_.reset();
}

void World::restart() {
  if (store_) note_durable();
  os_.go_down_at_call(0);
  drop();
  os_.restart();
}

void World::note_durable() { durable_ = std::max(durable_, store_->through(Durability::kDisk)); }

// ---- the program

std::string World::some_key() { return "key" + std::to_string(random_.below(kKeyCount)); }

Change World::some_change() {
  const uint64_t choice = random_.below(20);
  if (choice == 0) {
    std::string begin = some_key();
    std::string end = some_key();
    if (end < begin) std::swap(begin, end);
    if (random_.one_in(2)) end = begin + "~";
    return {Change::kEraseRange, begin, end};
  }
  if (choice < 4) return {Change::kErase, some_key(), {}};
  const size_t size = random_.one_in(10) ? random_.below(4000) : random_.below(200);
  return {Change::kPut, some_key(),
          std::to_string(number_max_) + std::string(size, static_cast<char>('a' + size % 26))};
}

Status World::commit_some() {
  std::vector<Change> changes(1 + (random_.one_in(3) ? random_.below(20) : random_.below(2)));
  Batch batch(store_->hash_seed());
  for (Change& change : changes) {
    change = some_change();
    if (change.kind == Change::kPut) batch.put(as_bytes(change.key), as_bytes(change.value));
    if (change.kind == Change::kErase) batch.erase(as_bytes(change.key));
    if (change.kind == Change::kEraseRange) {
      batch.erase_range(as_bytes(change.key), as_bytes(change.value));
    }
  }
  const uint64_t before = store_->visible();
  const Result<uint64_t> commit = store_->commit(batch);
  if (!commit) {
    expect(store_->visible() == before);
    return commit.error();
  }
  if (*commit == before) return Status::ok();  // A range of nothing is no change.
  expect(*commit > number_max_);
  number_max_ = *commit;
  for (const Change& change : changes) apply(change, contents_);
  history_.push_back({*commit, std::move(changes)});
  return Status::ok();
}

void World::step() {
  const uint64_t choice = random_.below(100);
  Status refused;
  if (choice < 60)
    refused = commit_some();
  else if (choice < 70)
    os_.run(random_.below(8));
  else if (choice < 73)
    store_->request(Durability::kDisk);
  else if (choice < 75)
    store_->request(Durability::kDisk, kNobody);
  else if (choice < 78)
    refused = store_->wait_for(Durability::kDisk);
  else if (choice < 80)
    refused = store_->wait_for(Durability::kOs);
  else if (choice < 82)
    refused = store_->flush();
  else if (choice == 82 && random_.one_in(4))
    refused = store_->compact();
  else if (choice < 88)
    hold_or_release();
  else if (choice == 88)
    os_.jump_wall_clock(static_cast<int64_t>(random_.below(2 * kJumpMsMax)) -
                        static_cast<int64_t>(kJumpMsMax));
  else if (choice == 90 && converts_)
    convert_or_abort();
  else if (choice == 89 && random_.one_in(2))
    check_past();
  else if (choice == 89)
    check_feed();
  else
    check_reads();
  (void)refused;  // Under faults; what was refused must then not be there, which every open checks.
  note_durable();
}

// Now and then while another is under way, or to where it is already.
void World::convert_or_abort() {
  const ConversionState newest = store_->conversion();
  if (!newest.is_over() && random_.one_in(4)) return store_->abort_conversion(newest.number);
  const EngineKind to = kKinds[random_.below(std::size(kKinds))];
  const EngineKind now = store_->engine_kind();
  const Result<uint64_t> begun = store_->begin_conversion(to);
  if (begun) return expect((*begun == 0) == (now == to) && newest.is_over());
  if (begun.code() == Code::kBusy) expect(!newest.is_over());
}

ConversionState World::finish_conversion(int steps_max) {
  for (int i = 0; i < steps_max && !store_->conversion().is_over(); ++i) step();
  for (int i = 0; i < steps_max && !store_->conversion().is_over(); ++i) os_.run(20);
  return store_->conversion();
}

void World::hold_or_release() {
  if (!held_.empty() && (held_.size() >= kHeldMax || random_.one_in(2))) {
    const size_t index = random_.below(held_.size());
    store_->release(held_[index].commit);
    held_.erase(held_.begin() + static_cast<ptrdiff_t>(index));
    return;
  }
  held_.push_back({store_->hold(), contents_});
}

// ---- judging

void World::check_range(const Contents& contents, uint64_t commit) {
  std::string begin = some_key();
  std::string end = some_key();
  if (end < begin) std::swap(begin, end);
  const Direction direction = random_.one_in(2) ? Direction::kForward : Direction::kReverse;
  const Store::View view(*reader_, commit);
  std::vector<std::string> keys;
  const uint64_t faults = os_.failed_count();
  const Result<Contents> read =
      contents_of(view, {as_bytes(begin), as_bytes(end)}, direction, keys);
  if (!read) {
    if (os_.failed_count() == faults) expect_ok(read.error());
    return;
  }
  const Contents& found = *read;
  expect(found == Contents(contents.lower_bound(begin), contents.lower_bound(end)));
  if (direction == Direction::kReverse) std::reverse(keys.begin(), keys.end());
  expect(std::is_sorted(keys.begin(), keys.end()) && keys.size() == found.size());
}

void World::check_reads() {
  const Held now{UINT64_MAX, contents_};
  const Held& held = held_.empty() || random_.one_in(2) ? now : held_[random_.below(held_.size())];
  check_range(held.contents, held.commit);
  const Store::View view(*reader_, held.commit);
  for (int i = 0; i < 10; ++i) {
    const std::string key = some_key();
    const uint64_t faults = os_.failed_count();
    Lookup found;
    if (Status status = view.get(as_bytes(key), true, found); !status) {
      if (os_.failed_count() == faults) expect_ok(status);
      continue;
    }
    check_answer(held.contents, view, key, found);
  }
  check_many(held.contents, view);
}

void World::check_answer(const Contents& contents, const Store::View& view, const std::string& key,
                         const Lookup& found) {
  const auto wanted = contents.find(key);
  const bool is_there = found.found == Found::kPut;
  expect(is_there == (wanted != contents.end()));
  if (!is_there || wanted == contents.end()) return;
  std::string room;
  const uint64_t faults = os_.failed_count();
  const Result<Bytes> value = view.value(found.edit, room);
  if (value) expect(as_text(*value) == wanted->second);
  if (!value && os_.failed_count() == faults) expect_ok(value.error());
}

void World::check_many(const Contents& contents, const Store::View& view) {
  std::vector<std::string> keys(1 + random_.below(60));
  std::vector<PointQuery> queries(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    keys[i] = some_key();
    queries[i].key = as_bytes(keys[i]);
  }
  const uint64_t faults = os_.failed_count();
  if (Status status = view.get_many(queries); !status) {
    if (os_.failed_count() == faults) expect_ok(status);
    return;
  }
  for (size_t i = 0; i < keys.size(); ++i) check_answer(contents, view, keys[i], queries[i].answer);
}

void World::check_everything() {
  const Store::View view(*reader_);
  std::vector<std::string> keys;
  const uint64_t faults = os_.failed_count();
  const Result<Contents> found = contents_of(view, all_keys(), Direction::kForward, keys);
  const Status walked = expect_values(view, all_keys(), contents_);
  std::vector<VerifyProblem> problems;
  const Status verified = store_->verify(problems);
  if (os_.failed_count() != faults) return;  // A read was refused: nothing is known.
  expect_ok(found.error());
  expect_ok(walked);
  if (found) expect(*found == contents_);
  expect_ok(verified);
  expect(problems.empty());
}

void World::check_past() {
  const uint64_t horizon = store_->horizon();
  const uint64_t newest = store_->visible();
  if (policy_.keep == Keep::kForever) expect(horizon == 0);
  if (policy_.keep == Keep::kCommits) expect(horizon + policy_.amount <= newest || horizon == 0);
  expect(store_->hold(newest + 1).code() == Code::kInvalid);
  if (horizon > 0 && held_.empty()) {
    const uint64_t gone = random_.below(horizon);
    if (policy_.keep != Keep::kNone) expect(store_->hold(gone).code() == Code::kTruncated);
  }
  const size_t index = random_.below(history_.size());
  const uint64_t commit = history_[index].number;
  if (commit < horizon) return;
  // Without history what was once superseded may be gone, or may not be yet.
  if (Status status = store_->hold(commit); !status) {
    expect(policy_.keep == Keep::kNone && status.code() == Code::kTruncated);
    return;
  }
  const uint64_t faults = os_.failed_count();
  {
    const Store::View view(*reader_, commit);
    std::vector<std::string> keys;
    const Result<Contents> found = contents_of(view, all_keys(), Direction::kForward, keys);
    if (found) expect(*found == contents_after(index + 1));
    const Status walked = expect_values(view, all_keys(), contents_after(index + 1));
    if (!walked && os_.failed_count() == faults) expect_ok(walked);
    if (!found && os_.failed_count() == faults) expect_ok(found.error());
  }
  store_->release(commit);
  check_versions(some_key());
}

void World::check_feed() {
  if (!follows_) return;
  size_t index = random_.below(history_.size());
  const uint64_t from = history_[index].number;
  const bool durable = random_.one_in(3);
  const uint64_t faults = os_.failed_count();
  const Result<std::unique_ptr<Feed>> feed = Feed::open(*store_, all_keys(), from, durable);
  expect(static_cast<bool>(feed));
  if (!feed) return;
  Contents contents = contents_after(index + 1);
  while (true) {
    const Result<bool> more = (*feed)->poll();
    if (!more) {
      if (os_.failed_count() == faults && store_->error()) expect_ok(more.error());
      return;
    }
    if (!*more) break;
    for (; !(*feed)->empty(); (*feed)->pop()) {
      const FeedCommit& commit = (*feed)->front();
      ++index;
      expect(index < history_.size() && commit.commit == history_[index].number);
      if (index == history_.size()) return;
      for (const LogEdit& edit : commit.edits) {
        const bool is_put = edit.kind == LogEditKind::kPut;
        const bool is_range = edit.kind == LogEditKind::kRangeDeletion;
        const auto kind = is_put ? Change::kPut : is_range ? Change::kEraseRange : Change::kErase;
        apply({kind, std::string(as_text(edit.key)), std::string(as_text(edit.value))}, contents);
      }
      if (index % 8 == 0) expect(contents == contents_after(index + 1));
    }
  }
  expect(contents == contents_after(index + 1));
  const uint64_t durable_through = store_->through(Durability::kDisk);
  const uint64_t last = durable ? std::min(durable_through, store_->visible()) : store_->visible();
  expect(history_[index].number == std::max(last, from));
}

// Every version of a key above the horizon, newest first.
void World::check_versions(const std::string& key) {
  const uint64_t faults = os_.failed_count();
  const uint64_t horizon = store_->horizon();
  const Store::View view(*reader_);
  uint64_t below = UINT64_MAX;
  for (size_t count = history_.size(); count > 1; --count) {
    const Commit& commit = history_[count - 1];
    if (commit.number <= horizon) return;
    const auto touches = [&](const Change& change) {
      if (change.kind != Change::kEraseRange) return change.key == key;
      return change.key <= key && key < change.value;
    };
    if (std::none_of(commit.changes.begin(), commit.changes.end(), touches)) continue;
    Lookup found;
    if (Status status = view.version_below(as_bytes(key), below, found); !status) {
      if (os_.failed_count() == faults) expect_ok(status);
      return;
    }
    expect(found.found != Found::kAbsent && found.edit.commit == commit.number);
    check_answer(contents_after(count), view, key, found);
    below = commit.number;
  }
}

void for_each_seed(const char* name, void (*body)(World& world)) {
  for (uint64_t i = 0; i < seed_count(); ++i) {
    const uint64_t chosen = seed() + i;
    const int before = failure_count();
    {
      World world(chosen);
      body(world);
    }
    if (failure_count() == before) continue;
    std::fprintf(stderr, "  %s: it was seed %llu (--seed=%llu --seeds=1)\n", name,
                 static_cast<unsigned long long>(chosen), static_cast<unsigned long long>(chosen));
    return;
  }
}

}  // namespace varve::test
