// The tree against a look at every entry: in worlds of every kind, as it is built, changed and emptied.
#include "pure/geo/tree.h"

#include <memory>
#include <string>

#include "../blocks/moving.h"
#include "program.h"
#include "pure/geo/nearest.h"

namespace varve::geo::test {
namespace {

using varve::test::Case;
using varve::test::MovingBlocks;

const Case same_answers(
    "a tree in any world answers what a look at every entry does, as it grows and shrinks", [] {
      const uint64_t programs = std::min<uint64_t>(varve::test::seed_count(), 40);
      for (uint64_t i = 0; i < programs; ++i) {
        Random random(varve::test::seed() * 1000 + i);
        for (const World world : kWorlds) {
          for (const Holds holds : {Holds::kPoints, Holds::kBoxes}) {
            if (random.one_in(2)) continue;
            const bool is_large = random.one_in(8);
            if (random.one_in(2)) {
              MemoryBlocks blocks;
              run_program(blocks, world, holds, random, is_large ? 6000 : 500);
              expect(blocks.used_bytes() == 0);
            } else {
              MovingBlocks blocks;
              run_program(blocks, world, holds, random, is_large ? 3000 : 300);
            }
          }
        }
      }
    });

const Case replaced("an entry with the id and the cell of another one replaces it", [] {
  MemoryBlocks blocks;
  Tree tree(blocks, Holds::kPoints);
  expect(tree.insert({7, box_of({50, 10})}));
  expect(!tree.insert({7, box_of({50, 10.00000000001})}));
  expect(tree.insert({7, box_of({50, 10.1})}));
  expect(tree.state().count == 2);
  std::vector<Match> found;
  tree.near({50, 10.00000000001}, 1, {}, found);
  expect(found == std::vector<Match>{{7, 0}});
  expect(tree.remove({7, box_of({50, 10})}) && !tree.remove({7, box_of({50, 10})}));
});

const Case sorted_order("bulk loading and inserting one by one keep the same entries in order", [] {
  Random random(varve::test::seed());
  MemoryBlocks blocks;
  Tree one_by_one(blocks, Holds::kPoints);
  Tree in_bulk(blocks, Holds::kPoints);
  Stored many;
  for (uint64_t id = 0; id < 5000; ++id) {
    const Entry entry =
        entry_in(id % 2 ? World::kCity : World::kUniform, Holds::kPoints, random, id);
    many.add(entry);
    one_by_one.insert(entry);
  }
  in_bulk.insert_many(many.columns());
  std::vector<uint64_t> ids[2];
  const Tree* trees[] = {&one_by_one, &in_bulk};
  for (int i = 0; i < 2; ++i) {
    trees[i]->each([&](const EntryKey&, const Entry& entry) {
      ids[i].push_back(entry.id);
      return true;
    });
  }
  expect(ids[0].size() == 5000 && ids[0] == ids[1]);
});

using Placed = std::tuple<uint64_t, uint64_t, double, double>;

std::vector<Placed> all_of(const Tree& tree) {
  std::vector<Placed> all;
  tree.each([&](const EntryKey& key, const Entry& entry) {
    all.emplace_back(key.cell, key.id, entry.box.south, entry.box.west);
    return true;
  });
  return all;
}

// Of entries that are repeated, which differ by less than their cell, the last one counts.
const Case loaded("points of any world that are loaded at once are those that came one by one", [] {
  Random random(varve::test::seed());
  for (const World world : kWorlds) {
    for (const uint64_t count : {1, 1023, 1024, 1025, 20'000}) {
      MemoryBlocks blocks;
      Tree in_bulk(blocks, Holds::kPoints);
      Stored many;
      std::map<EntryKey, Entry> expected;
      for (uint64_t i = 0; i < count; ++i) {
        Entry entry = entry_in(world, Holds::kPoints, random, random.below(count / 2 + 1));
        many.add(entry);
        expected.insert_or_assign(key_of(entry), entry);
      }
      expect(in_bulk.insert_many(many.columns()) == expected.size());
      std::vector<Placed> wanted;
      for (const auto& [key, entry] : expected) {
        wanted.emplace_back(key.cell, key.id, entry.box.south, entry.box.west);
      }
      std::vector<Placed> made = all_of(in_bulk);
      std::ranges::sort(made);  // A leaf is in no order.
      expect(made == wanted);
      expect_whole(in_bulk, blocks);
    }
  }
});

// Few beside what is there go to their leaves, many of a leaf at a time; some split it, some replace
// what it has, some come twice.
const Case few_at_once("few that are inserted at once into many are those that came one by one",
                       [] {
                         Random random(varve::test::seed());
                         for (const World world : kWorlds) {
                           for (const Holds holds : {Holds::kPoints, Holds::kBoxes}) {
                             MovingBlocks blocks;
                             Tree tree(blocks, holds);
                             std::map<EntryKey, Entry> expected;
                             std::vector<Entry> given;
                             for (const size_t size : {6000, 50, 100, 200, 400, 800}) {
                               Stored many;
                               const uint64_t before = expected.size();
                               for (size_t i = 0; i < size; ++i) {
                                 const bool comes_again = !given.empty() && random.one_in(8);
                                 given.push_back(
                                     comes_again ? given[random.below(given.size())]
                                                 : entry_in(world, holds, random, given.size()));
                                 many.add(given.back());
                                 expected.insert_or_assign(key_of(given.back()), given.back());
                               }
                               expect(tree.insert_many(many.columns()) == expected.size() - before);
                               expect_whole(tree, blocks);
                             }
                             auto wanted = expected.begin();
                             tree.each([&](const EntryKey& key, const Entry& entry) {
                               expect(wanted->first == key && wanted->second.box == entry.box);
                               return ++wanted != expected.end();
                             });
                             expect(wanted == expected.end());
                             tree.clear();
                           }
                         }
                       });

// What a distance may be spread like: evenly, in a heap with one far away, all the same, too small to be
// divided by, or a few that come again and again.
double spread(int kind, Random& random) {
  const double even = between(random, 0, 1);
  switch (kind) {
    case 0:
      return even;
    case 1:
      return random.one_in(200) ? even : even * 1e-12;
    case 2:
      return 0.25;
    case 3:
      return even * 1e-310;
    default:
      return static_cast<double>(random.below(5));
  }
}

const Case by_distance("what is found is in order of distance, then of id, however it is spread",
                       [] {
                         Random random(varve::test::seed());
                         for (int run = 0; run < 200; ++run) {
                           std::vector<Match> found;
                           const size_t begin = random.below(3);  // Of another query.
                           const size_t count = random.below(random.one_in(8) ? 5000 : 100);
                           for (size_t i = 0; i < begin + count; ++i) {
                             found.push_back({random.below(1000), spread(run % 5, random)});
                           }
                           std::vector<Match> wanted = found;
                           std::sort(wanted.begin() + static_cast<std::ptrdiff_t>(begin),
                                     wanted.end(), is_nearer);
                           sort_by_distance(found, begin);
                           expect(found == wanted);
                         }
                       });

const Case small("a point takes at most 30 bytes after a bulk load, and 50 after inserts", [] {
  Random random(varve::test::seed());
  constexpr uint64_t kCount = 200'000;
  Stored many;
  MemoryBlocks inserted_blocks;
  Tree inserted(inserted_blocks, Holds::kPoints);
  for (uint64_t id = 0; id < kCount; ++id) {
    const Entry entry = entry_in(World::kUniform, Holds::kPoints, random, id);
    many.add(entry);
    inserted.insert(entry);
  }
  MemoryBlocks loaded_blocks;
  Tree loaded(loaded_blocks, Holds::kPoints);
  loaded.insert_many(many.columns());
  expect(loaded_blocks.slab_bytes() < 30 * kCount);
  expect(inserted_blocks.slab_bytes() < 50 * kCount);
});

}  // namespace
}  // namespace varve::geo::test
