#include "engine/lsm/picking.h"

#include <algorithm>

#include "engine/lsm/keeping.h"

namespace varve {
namespace {

constexpr size_t kGrowth = 10;  // Of a level over the one above it.
constexpr uint64_t kOutgrownPercent = 200;

// From the smallest key to behind the largest; an empty end is the end of the keyspace.
struct Span {
  std::string begin;
  std::string end;
  bool unbounded = false;

  explicit Span(const CompactionInput& input) {
    bool first = true;
    for (const LsmVersion::Tables& tables : input.sources) {
      for (const auto& table : tables) {
        begin = first ? table->info().smallest : std::min(begin, table->info().smallest);
        end = std::max(end, table->info().largest + '\0');
        unbounded = unbounded || table->info().unbounded;
        first = false;
      }
    }
    if (unbounded) end.clear();
  }
  KeyRange range() const { return {as_bytes(begin), as_bytes(end)}; }
  bool meets(const Span& other) const {
    return (other.unbounded || begin < other.end) && (unbounded || other.begin < end);
  }
};

bool is_damaged(const LsmRun& run) {
  return std::any_of(run.tables.begin(), run.tables.end(),
                     [](const auto& table) { return table->is_damaged(); });
}

}  // namespace

uint64_t views_within(const Retention& retention, const TableInfo& info) {
  const auto& held = retention.held;
  const auto first = std::lower_bound(held.begin(), held.end(), info.commit_first);
  const auto behind = std::lower_bound(first, held.end(), info.superseded_last);
  return static_cast<uint64_t>(behind - first);
}

uint64_t Picker::target_bytes(size_t level) const {
  uint64_t bytes = options_.level1_bytes;
  for (size_t i = 1; i < level; ++i) bytes *= kGrowth;
  return bytes;
}

Picker::Runs Picker::runs_of(size_t level) const {
  const std::vector<LsmRun>& runs = version_.runs();
  Runs found;
  while (found.begin < runs.size() && runs[found.begin].level < level) ++found.begin;
  found.end = found.begin;
  while (found.end < runs.size() && runs[found.end].level == level) ++found.end;
  return found;
}

uint64_t Picker::bytes_of(Runs runs) const {
  uint64_t bytes = 0;
  for (size_t i = runs.begin; i < runs.end; ++i) bytes += version_.runs()[i].bytes;
  return bytes;
}

const Table* Picker::damaged(const CompactionInput& input) {
  for (const LsmVersion::Tables& tables : input.sources) {
    for (const auto& table : tables) {
      if (table->is_damaged()) return table.get();
    }
  }
  return nullptr;
}

std::vector<Picker::Runs> Picker::mergeable(Runs runs) const {
  std::vector<Runs> found;
  for (size_t begin = runs.begin; begin < runs.end;) {
    size_t end = begin;
    while (end < runs.end && !is_damaged(version_.runs()[end])) ++end;
    if (end > begin) found.push_back({begin, end});
    begin = end + 1;
  }
  return found;
}

size_t Picker::mergeable_count_max(Runs runs) const {
  size_t most = 0;
  for (const Runs some : mergeable(runs)) most = std::max(most, some.end - some.begin);
  return most;
}

bool Picker::is_free(const CompactionInput& input) const {
  return damaged(input) == nullptr && is_untouched(input);
}

// By what is under way.
bool Picker::is_untouched(const CompactionInput& input) const {
  const Span span(input);
  for (const CompactionInput* other : under_way_) {
    if (other->target_level == input.target_level && span.meets(Span(*other))) return false;
    for (const LsmVersion::Tables& busy : other->sources) {
      for (const LsmVersion::Tables& tables : input.sources) {
        const bool shared = std::any_of(tables.begin(), tables.end(), [&](const auto& table) {
          return std::find(busy.begin(), busy.end(), table) != busy.end();
        });
        if (shared) return false;
      }
    }
  }
  return true;
}

// `behind`: the first run behind those that are merged.
bool Picker::is_bottom(const CompactionInput& input, size_t behind) const {
  const Span span(input);
  const std::vector<LsmRun>& runs = version_.runs();
  return std::all_of(runs.begin() + static_cast<ptrdiff_t>(behind), runs.end(),
                     [&](const LsmRun& run) { return run.overlapping(span.range()).empty(); });
}

// All of some runs, as one run.
std::optional<CompactionInput> Picker::whole(Runs runs, size_t target_level) const {
  CompactionInput input;
  input.target_level = target_level;
  for (size_t i = runs.begin; i < runs.end; ++i) {
    input.sources.push_back(version_.runs()[i].tables);
  }
  if (input.sources.empty() || !is_free(input)) return std::nullopt;
  input.bottom = is_bottom(input, runs.end);
  return input;
}

CompactionInput Picker::everything() const {
  CompactionInput input;
  const std::vector<LsmRun>& runs = version_.runs();
  uint64_t bytes = 0;
  for (const LsmRun& run : runs) {
    input.sources.push_back(run.tables);
    bytes += run.bytes;
  }
  input.bottom = true;
  input.fills_cache = true;
  input.target_level = runs.empty() ? 1 : std::max<size_t>(runs.back().level, 1);
  while (input.target_level + 1 < kLevelCount && bytes > target_bytes(input.target_level)) {
    ++input.target_level;
  }
  return input;
}

CompactionInput Picker::all_history() const {
  CompactionInput input;
  input.target_level = kHistoryLevel;
  for (const LsmRun& run : version_.history()) input.sources.push_back(run.tables);
  return input;
}

std::optional<CompactionInput> Picker::pick(const std::string (&resume)[kLevelCount],
                                            const Retention& retention) const {
  const ValueFiles& values = version_.values();
  const bool much = values.dead_bytes() * 100 > values.payload_bytes() * kWastefulPercent;
  const bool many = mergeable_history().size() >= options_.level0_count_max;
  std::optional<CompactionInput> input = pick_forgotten(retention);
  if (input) return input;
  if (much) input = pick_wasteful(kWastefulPercent);
  if (!input && many) input = pick_history();
  if (!input) input = pick_by_style(resume);
  if (!input) input = pick_wasteful(kWastefulPercent);
  if (!input) input = pick_small_tables();
  if (!input) input = pick_history();
  if (!input) input = pick_behind(retention);
  if (!input || input->is_moved) return input;
  input->emptied = wasteful(kWastefulPercent);
  input->emptied.merge(gathered(*input));
  return input;
}

// ---- what is small becomes one

namespace {

// How many of some sizes, the smallest first, may become one without any of them being written for
// little: the largest of them is at most twice all others.
size_t worth_gathering(const std::vector<uint64_t>& ascending) {
  size_t count = 0;
  uint64_t before = 0;
  for (size_t i = 0; i < ascending.size(); ++i) {
    if (i > 0 && ascending[i] <= 2 * before) count = i + 1;
    before += ascending[i];
  }
  return count;
}

}  // namespace

// Of the value files that nothing but these tables uses. What others use would only be half
// emptied.
ValueFiles::Shares Picker::gathered(const CompactionInput& input) const {
  std::map<uint64_t, uint64_t> uses;
  for (const LsmVersion::Tables& tables : input.sources) {
    for (const auto& table : tables) {
      for (const ValueUse& use : table->info().value_uses) uses[use.file] += use.count;
    }
  }
  std::vector<std::pair<uint64_t, uint64_t>> small;  // Bytes, and number.
  const ValueFiles::Shares& shares = version_.values().shares();
  for (const auto& [number, count] : uses) {
    const auto share = shares.find(number);
    if (share == shares.end() || share->second.live_count != count) continue;
    const uint64_t bytes = share->second.file->info().payload_bytes();
    const bool is_small = bytes < options_.value_file_bytes / kSmallValuesShare;
    if (is_small && !share->second.file->is_damaged()) small.emplace_back(bytes, number);
  }
  std::sort(small.begin(), small.end());
  std::vector<uint64_t> sizes;
  for (const auto& [bytes, number] : small) sizes.push_back(bytes);
  ValueFiles::Shares found;
  for (size_t i = 0; i < worth_gathering(sizes); ++i) found.insert(*shares.find(small[i].second));
  return found;
}

namespace {

LsmVersion::Tables some_of(const LsmVersion::Tables& tables, size_t begin, size_t end) {
  return {tables.begin() + static_cast<ptrdiff_t>(begin),
          tables.begin() + static_cast<ptrdiff_t>(end)};
}

}  // namespace

// A merge of tables of one run that keep their place in the order: with nothing, or as neighbours
// that become one.
std::optional<CompactionInput> Picker::in_place(const LsmRun& run,
                                                LsmVersion::Tables tables) const {
  CompactionInput input;
  input.sources = {std::move(tables)};
  input.target_level = run.level;
  input.joins_run = run.number;
  if (!is_free(input)) return std::nullopt;
  const std::vector<LsmRun>& runs = version_.runs();
  const auto behind = std::find_if(runs.begin(), runs.end(),
                                   [&](const LsmRun& other) { return other.number == run.number; });
  const bool is_current = behind != runs.end();
  input.bottom = is_current && is_bottom(input, static_cast<size_t>(behind - runs.begin()) + 1);
  return input;
}

std::optional<CompactionInput> Picker::pick_small_tables() const {
  const std::vector<LsmRun>& runs = version_.runs();
  for (size_t i = 0; i < runs.size(); ++i) {
    const LsmVersion::Tables& tables = runs[i].tables;
    for (size_t begin = 0; begin < tables.size();) {
      size_t end = begin;
      std::vector<uint64_t> sizes;
      for (; end < tables.size() && end - begin < kSmallTablesMax; ++end) {
        sizes.push_back(tables[end]->info().file_bytes);
        const bool is_large = sizes.back() >= options_.table_bytes / kSmallTableShare;
        if (is_large || tables[end]->is_damaged()) break;
      }
      sizes.resize(end - begin);
      const auto largest = std::max_element(sizes.begin(), sizes.end());
      const size_t behind_largest = begin + static_cast<size_t>(largest - sizes.begin()) + 1;
      std::sort(sizes.begin(), sizes.end());
      const bool is_enough = end - begin >= kSmallTablesMin;
      if (is_enough && worth_gathering(sizes) == sizes.size()) {
        if (auto input = in_place(runs[i], some_of(tables, begin, end))) return input;
      }
      begin = is_enough ? behind_largest : end + 1;
    }
  }
  return std::nullopt;
}

ValueFiles::Shares Picker::wasteful(uint64_t dead_percent) const {
  ValueFiles::Shares found;
  for (const auto& [number, share] : version_.values().shares()) {
    if (share.is_wasteful(dead_percent)) found.emplace(number, share);
  }
  return found;
}

std::optional<CompactionInput> Picker::pick_wasteful(uint64_t dead_percent) const {
  const ValueFiles::Shares emptied = wasteful(dead_percent);
  if (emptied.empty()) return std::nullopt;
  for (const std::vector<LsmRun>* const runs : {&version_.runs(), &version_.history()}) {
    for (const LsmRun& run : *runs) {
      for (const auto& table : run.tables) {
        const std::vector<ValueUse>& uses = table->info().value_uses;
        const bool is_meant = std::any_of(uses.begin(), uses.end(), [&](const ValueUse& use) {
          return emptied.contains(use.file);
        });
        if (!is_meant) continue;
        std::optional<CompactionInput> input = in_place(run, {table});
        if (input) input->emptied = emptied;
        if (input) return input;
      }
    }
  }
  return std::nullopt;
}

std::optional<CompactionInput> Picker::pick_by_style(
    const std::string (&resume)[kLevelCount]) const {
  switch (options_.compaction) {
    case CompactionStyle::kLeveled: return pick_leveled(resume);
    case CompactionStyle::kTiered: return pick_tiered();
    case CompactionStyle::kUniversal: return pick_universal();
  }
  return std::nullopt;
}

// ---- leveled

// Some of a level, newest first, and what they overlap on the next.
CompactionInput Picker::down(size_t level, std::vector<LsmVersion::Tables> sources) const {
  CompactionInput input;
  input.target_level = level + 1;
  input.joins_level = true;
  input.sources = std::move(sources);
  const Runs next = runs_of(level + 1);
  if (next.begin != next.end) {
    LsmVersion::Tables below = version_.runs()[next.begin].overlapping(Span(input).range());
    if (!below.empty()) input.sources.push_back(std::move(below));
  }
  input.bottom = is_bottom(input, std::min(next.begin + 1, next.end));
  return input;
}

// Whether a merge would write what it reads: tables that share no keys, for a level that is
// compressed no otherwise, of which nothing is dropped at the bottom.
bool Picker::may_move(const CompactionInput& input, size_t from) const {
  const uint32_t differing = options_.compressed_levels ^ options_.compressed_levels >> 1;
  if ((differing >> from & 1) != 0) return false;
  std::vector<const TableInfo*> infos;
  for (const LsmVersion::Tables& tables : input.sources) {
    for (const auto& table : tables) infos.push_back(&table->info());
  }
  std::sort(infos.begin(), infos.end(),
            [](const TableInfo* a, const TableInfo* b) { return a->smallest < b->smallest; });
  for (size_t i = 0; i < infos.size(); ++i) {
    const bool deletes = infos[i]->delete_count != 0 || infos[i]->range_deletion_count != 0;
    if (infos[i]->unbounded || (input.bottom && deletes)) return false;
    if (i > 0 && infos[i]->smallest <= infos[i - 1]->largest) return false;
  }
  return true;
}

std::optional<CompactionInput> Picker::pick_leveled(
    const std::string (&resume)[kLevelCount]) const {
  // What another style left: a level below the first that has several runs.
  for (size_t level = 1; level < kLevelCount; ++level) {
    const Runs runs = runs_of(level);
    if (runs.end - runs.begin >= 2 && !has_damage(runs)) return whole(runs, level);
  }
  std::vector<std::pair<double, size_t>> levels;  // Fullest first.
  const size_t count = mergeable_count_max(runs_of(0));
  if (count >= options_.level0_count) {
    levels.emplace_back(static_cast<double>(count) / options_.level0_count, 0);
  }
  for (size_t level = 1; level + 1 < kLevelCount; ++level) {
    const double fullness =
        static_cast<double>(bytes_of(runs_of(level))) / static_cast<double>(target_bytes(level));
    if (fullness > 1) levels.emplace_back(fullness, level);
  }
  std::sort(levels.rbegin(), levels.rend());
  for (const auto& [fullness, level] : levels) {
    std::optional<CompactionInput> input =
        level == 0 ? pick_level0() : pick_from_level(level, resume[level]);
    if (input) return input;
  }
  return std::nullopt;
}

// The oldest runs go down; what may not pass a damaged table is merged in its place.
std::optional<CompactionInput> Picker::pick_level0() const {
  const Runs all = runs_of(0);
  for (const Runs runs : mergeable(all)) {
    if (runs.end - runs.begin < options_.level0_count) continue;
    std::vector<LsmVersion::Tables> sources;
    for (size_t i = runs.begin; i < runs.end; ++i) sources.push_back(version_.runs()[i].tables);
    std::optional<CompactionInput> input = down(0, std::move(sources));
    const bool may_pass = runs.end == all.end && damaged(*input) == nullptr;
    if (!may_pass) input = pick_alike(runs);
    if (!input || !is_free(*input)) continue;
    input->is_moved = may_pass && may_move(*input, 0);
    return input;
  }
  return std::nullopt;
}

// Round robin, past what is busy. From a level of several runs, which only damage leaves so,
// nothing may go down past the older ones.
std::optional<CompactionInput> Picker::pick_from_level(size_t level,
                                                       const std::string& resume) const {
  const Runs runs = runs_of(level);
  if (runs.end - runs.begin != 1) return std::nullopt;
  const LsmVersion::Tables& tables = version_.runs()[runs.begin].tables;
  const auto from = std::find_if(tables.begin(), tables.end(), [&](const auto& table) {
    return table->info().smallest > resume;
  });
  const size_t start = static_cast<size_t>(from - tables.begin());
  for (size_t i = 0; i < tables.size(); ++i) {
    CompactionInput input = down(level, {{tables[(start + i) % tables.size()]}});
    if (!is_free(input)) continue;
    input.is_moved = may_move(input, level);
    return input;
  }
  return std::nullopt;
}

// ---- tiered and universal

std::optional<CompactionInput> Picker::pick_tiered() const {
  for (size_t level = 0; level < kLevelCount; ++level) {
    const Runs all = runs_of(level);
    for (const Runs runs : mergeable(all)) {
      if (runs.end - runs.begin < options_.level0_count) continue;
      const bool may_pass = runs.end == all.end;
      auto input = may_pass ? whole(runs, std::min(level + 1, kLevelCount - 1)) : pick_alike(runs);
      if (input) return input;
    }
  }
  return std::nullopt;
}

std::optional<CompactionInput> Picker::pick_universal() const {
  for (const Runs runs : mergeable(all_runs())) {
    if (runs.end - runs.begin < options_.level0_count) continue;
    const size_t last = runs.end - 1;
    const bool is_outgrown =
        bytes_of({runs.begin, last}) * 100 >= version_.runs()[last].bytes * kOutgrownPercent;
    auto input = is_outgrown ? whole(runs, version_.runs()[last].level) : pick_alike(runs);
    if (input) return input;
  }
  return std::nullopt;
}

namespace {

// How many of some runs become one, the newest first: as many as are of like size, or, where sizes
// do not suit, as are too many.
size_t alike(const std::vector<const LsmRun*>& runs, size_t count_wanted) {
  size_t count = 1;
  for (uint64_t bytes = runs[0]->bytes;
       count < runs.size() && runs[count]->bytes <= bytes + bytes / 5; ++count) {
    bytes += runs[count]->bytes;
  }
  if (count < 2) count = std::max<size_t>(2, runs.size() + 2 - count_wanted);
  return std::min(count, runs.size());
}

}  // namespace

// The outcome takes the level of its oldest source, so that the order of the runs stays theirs.
std::optional<CompactionInput> Picker::pick_alike(Runs runs) const {
  const std::vector<LsmRun>& all = version_.runs();
  std::vector<const LsmRun*> some;
  for (size_t i = runs.begin; i < runs.end; ++i) some.push_back(&all[i]);
  const size_t end = runs.begin + alike(some, options_.level0_count);
  return whole({runs.begin, end}, all[end - 1].level);
}

// ---- history

std::vector<const LsmRun*> Picker::mergeable_history() const {
  uint64_t bytes = 0;
  for (const LsmRun& run : version_.history()) bytes += run.bytes;
  const uint64_t large = std::max(options_.level1_bytes, bytes / kHistoryShare);
  std::vector<const LsmRun*> found;
  for (const LsmRun& run : version_.history()) {
    if (run.bytes < large && !is_damaged(run)) found.push_back(&run);
  }
  return found;
}

std::optional<CompactionInput> Picker::pick_history() const {
  const std::vector<const LsmRun*> runs = mergeable_history();
  if (runs.size() < options_.level0_count) return std::nullopt;
  CompactionInput input;
  input.target_level = kHistoryLevel;
  for (size_t i = 0; i < alike(runs, options_.level0_count); ++i) {
    input.sources.push_back(runs[i]->tables);
  }
  if (!is_free(input)) return std::nullopt;
  return input;
}

// All tables of history that no view is promised to see.
std::optional<CompactionInput> Picker::pick_forgotten(const Retention& retention) const {
  CompactionInput input;
  input.target_level = kHistoryLevel;
  input.is_forgotten = true;
  for (const LsmRun& run : version_.history()) {
    for (const auto& table : run.tables) {
      const TableInfo& info = table->info();
      if (retention.asks_for(info.commit_first, info.superseded_last)) continue;
      CompactionInput one = input;
      one.sources = {{table}};
      if (is_untouched(one)) input.sources.push_back({table});
    }
  }
  if (input.sources.empty()) return std::nullopt;
  return input;
}

// A table that only snapshots keep, and no more than half of those it was written for.
std::optional<CompactionInput> Picker::pick_behind(const Retention& retention) const {
  for (const LsmRun& run : version_.history()) {
    for (const auto& table : run.tables) {
      const bool is_behind = table->info().superseded_last <= retention.horizon;
      if (!is_behind || views_within(retention, table->info()) > table->views() / 2) continue;
      if (auto input = in_place(run, {table})) return input;
    }
  }
  return std::nullopt;
}

// ---- how far behind

// What of a level is above its size, and may go down.
uint64_t Picker::excess_bytes(size_t level) const {
  const Runs runs = runs_of(level);
  const uint64_t bytes = bytes_of(runs);
  if (level + 1 >= kLevelCount || bytes <= target_bytes(level)) return 0;
  const uint64_t excess = bytes - target_bytes(level);
  if (!has_damage(all_runs())) return excess;
  if (runs.end - runs.begin != 1) return 0;
  uint64_t movable = 0;
  for (const auto& table : version_.runs()[runs.begin].tables) {
    if (damaged(down(level, {{table}})) == nullptr) movable += table->info().file_bytes;
  }
  return std::min(excess, movable);
}

uint64_t Picker::debt_bytes() const {
  uint64_t debt = 0;
  const bool is_universal = options_.compaction == CompactionStyle::kUniversal;
  for (size_t level = 0; level < (is_universal ? 1 : kLevelCount); ++level) {
    const bool by_count = level == 0 || options_.compaction == CompactionStyle::kTiered;
    if (!by_count) {
      debt += excess_bytes(level);
      continue;
    }
    for (Runs runs : mergeable(is_universal ? all_runs() : runs_of(level))) {
      if (runs.end - runs.begin < options_.level0_count) continue;
      if (is_universal) --runs.end;
      debt += bytes_of(runs);
    }
  }
  return debt;
}

bool Picker::stop_writes() const {
  const bool is_universal = options_.compaction == CompactionStyle::kUniversal;
  return mergeable_count_max(is_universal ? all_runs() : runs_of(0)) >= options_.level0_count_max;
}

}  // namespace varve
