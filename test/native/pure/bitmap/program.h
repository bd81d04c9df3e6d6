// test/native/pure/bitmap/program.h — a bitmap that changes by chance, against std::set: a program
// that runs over any filling of blocks.
#pragma once

#include <algorithm>
#include <functional>

#include "model.h"

namespace varve::test::bitmaps {

inline constexpr uint64_t kUniverse = 400000;

inline std::vector<uint64_t> random_members(Random& random) {
  std::vector<uint64_t> members(random.below(random.one_in(4) ? 9000 : 200));
  const uint64_t base = random.below(kUniverse);
  for (uint64_t& member : members) member = std::min(base + random.below(90000), kUniverse - 1);
  if (random.one_in(2)) std::sort(members.begin(), members.end());
  return members;
}

inline void change_one(Random& random, Bitmap& bitmap, Model& model) {
  const bool near = !model.empty() && random.one_in(2);
  const uint64_t near_to = near ? *model.lower_bound(random.below(*model.rbegin() + 1)) : 0;
  const uint64_t member = near ? near_to + random.below(3) : random.below(kUniverse);
  if (random.one_in(2)) {
    expect(bitmap.add(member) == model.insert(member).second);
  } else {
    expect(bitmap.remove(member) == (model.erase(member) == 1));
  }
}

inline void change_range(Random& random, Bitmap& bitmap, Model& model) {
  const uint64_t first = random.below(kUniverse);
  const uint64_t last =
      std::min(first + random.below(random.one_in(3) ? 150000 : 3000), kUniverse - 1);
  const uint64_t kind = random.below(3);
  if (kind == 0) bitmap.add_range(first, last);
  if (kind == 1) bitmap.remove_range(first, last);
  if (kind == 2) bitmap.flip_range(first, last);
  for (uint64_t member = first; member <= last; ++member) {
    const bool was = model.contains(member);
    if (kind == 0 || (kind == 2 && !was)) model.insert(member);
    if (kind == 1 || (kind == 2 && was)) model.erase(member);
  }
}

inline void change_many(Random& random, Bitmap& bitmap, Model& model) {
  const std::vector<uint64_t> members = random_members(random);
  const size_t before = model.size();
  if (random.one_in(3)) {
    for (const uint64_t member : members) model.erase(member);
    expect(bitmap.remove_many(std::span<const uint64_t>(members)) == before - model.size());
  } else if (random.one_in(2)) {
    model.insert(members.begin(), members.end());
    expect(bitmap.add_many(std::span<const uint64_t>(members)) == model.size() - before);
  } else {
    const std::vector<uint32_t> narrow(members.begin(), members.end());
    model.insert(members.begin(), members.end());
    expect(bitmap.add_many(std::span<const uint32_t>(narrow)) == model.size() - before);
  }
}

inline void ask(Random& random, const Bitmap& bitmap, const Model& model) {
  const std::vector<uint64_t> sorted(model.begin(), model.end());
  for (int round = 0; round < 20; ++round) {
    const uint64_t probe = random.below(kUniverse + 10);
    const auto above = model.lower_bound(probe);
    const auto beyond = model.upper_bound(probe);
    expect(bitmap.has(probe) == model.contains(probe));
    expect(bitmap.next(probe) ==
           (above == model.end() ? std::nullopt : std::optional<uint64_t>(*above)));
    expect(bitmap.previous(probe) ==
           (beyond == model.begin() ? std::nullopt : std::optional<uint64_t>(*std::prev(beyond))));
    const uint64_t rank = static_cast<uint64_t>(
        std::upper_bound(sorted.begin(), sorted.end(), probe) - sorted.begin());
    expect(bitmap.rank(probe) == rank);
    const uint64_t index = random.below(sorted.size() + 2);
    expect(bitmap.select(index) ==
           (index < sorted.size() ? std::optional<uint64_t>(sorted[index]) : std::nullopt));
  }
  const size_t from = random.below(sorted.size() + 1);
  const uint64_t start = from < sorted.size() ? sorted[from] : kUniverse;
  std::vector<uint64_t> listed(1000);
  listed.resize(bitmap.list_up(start, listed.data(), listed.size()));
  expect(listed.size() == std::min<size_t>(1000, sorted.size() - from));
  expect(std::equal(listed.begin(), listed.end(), sorted.begin() + static_cast<ptrdiff_t>(from)));
  listed.resize(1000);
  listed.resize(bitmap.list_down(start, listed.data(), listed.size()));
  const size_t below = from < sorted.size() ? from + 1 : from;
  expect(listed.size() == std::min<size_t>(1000, below));
  expect(std::equal(listed.begin(), listed.end(),
                    sorted.rbegin() + static_cast<ptrdiff_t>(sorted.size() - below)));
}

// Between its steps whoever lends the blocks may bring them to rest.
inline void live(uint64_t seed, Blocks& blocks, const std::function<void()>& rest = [] {}) {
  Random random(seed);
  Model model = random_model(random, kUniverse);
  Bitmap bitmap = bitmap_of(model, blocks);
  for (int step = 0; step < 25; ++step) {
    const uint64_t kind = random.below(8);
    if (kind < 3) {
      for (int round = 0; round < 200; ++round) change_one(random, bitmap, model);
    } else if (kind < 5) {
      change_range(random, bitmap, model);
    } else if (kind < 7) {
      change_many(random, bitmap, model);
    } else {
      bitmap.optimise();
    }
    rest();
    ask(random, bitmap, model);
    rest();
  }
  expect(holds(bitmap, model));
}

}  // namespace varve::test::bitmaps
