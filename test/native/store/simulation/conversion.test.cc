// Each engine into each other on a simulated machine, among commits, flushes, merges, holds and
// reads: what is seen stays what the model says, at every commit that is held or kept.
#include "test.h"
#include "world.h"

namespace varve::test {
namespace {

constexpr EngineKind kKinds[] = {EngineKind::kLsm, EngineKind::kMemory, EngineKind::kBitcask,
                                 EngineKind::kBtree};
constexpr int kStepsMax = 2000;

// One after the other, and a reopening between two.
void through_all(World& world, EngineKind from, EngineKind to) {
  expect_ok(world.open());
  if (!world.is_open()) return;
  expect(world.store().engine_kind() == from);
  for (int i = 0; i < 150; ++i) world.step();
  // One of its own accord may be under way.
  world.finish_conversion(kStepsMax);
  if (world.store().engine_kind() != from) expect_ok(world.store().convert(from));
  expect_ok(world.store().flush());
  const Result<uint64_t> begun = world.store().begin_conversion(to);
  expect_ok(begun.error());
  if (!begun) return;
  ConversionState state = world.store().conversion(*begun);
  for (int i = 0; i < kStepsMax && !state.is_over(); ++i) {
    expect_ok(world.commit_some());
    world.os().run(1);
    if (i % 8 == 0) world.check_reads();
    state = world.store().conversion(*begun);
  }
  state = world.store().conversion(*begun);
  expect(state.phase == ConversionPhase::kDone && state.message.empty());
  expect(world.store().engine_kind() == to);
  world.check_everything();
  world.check_past();
  world.check_feed();
  for (int i = 0; i < 100; ++i) world.step();
  world.finish_conversion(kStepsMax);
  world.check_everything();
  expect_ok(world.close());
  expect_ok(world.open());
  if (world.is_open()) expect_ok(world.close());
}

const Case all("each engine becomes each other while commits, snapshots and feeds go on", [] {
  const uint64_t rounds = 1 + seed_count() / 20;
  for (uint64_t i = 0; i < rounds; ++i) {
    for (const EngineKind from : kKinds) {
      for (const EngineKind to : kKinds) {
        if (from == to) continue;
        const int before = failure_count();
        {
          World world(seed() + i, from);
          through_all(world, from, to);
        }
        if (failure_count() == before) continue;
        std::fprintf(stderr, "  from %s to %s: it was seed %llu\n", name_of(from), name_of(to),
                     static_cast<unsigned long long>(seed() + i));
        return;
      }
    }
  }
});

// Down at any call from the first of the conversion on: what opens again is the one engine or the
// other, whole, and has nothing of the other.
void power_fails(World& world, EngineKind to) {
  for (int round = 0; round < 3; ++round) {
    do {
      if (world.is_open()) world.restart();
      const Status status = world.open();
      if (!world.os().is_down()) expect_ok(status);
      if (!world.os().is_down() && !status) return;
    } while (world.os().is_down());
    for (int i = 0; i < 60; ++i) world.step();
    expect_ok(world.store().flush());
    world.finish_conversion(kStepsMax);
    const Result<uint64_t> begun = world.store().begin_conversion(to);
    world.os().go_down_at_call(1 + world.random().below(150));
    for (int i = 0; i < 300 && !world.os().is_down(); ++i) {
      const Status refused = world.commit_some();
      (void)refused;  // The machine may be down.
      world.os().run(1);
    }
    if (begun && *begun != 0 && !world.os().is_down()) world.finish_conversion(kStepsMax);
    world.restart();
  }
  expect_ok(world.open());
  if (world.is_open()) expect_ok(world.close());
}

const Case power("a loss of power at any call leaves one engine whole, and nothing of the other",
                 [] {
                   for (uint64_t i = 0; i < seed_count(); ++i) {
                     const EngineKind from = kKinds[i % 4];
                     const EngineKind to = kKinds[(i + 1 + i / 4 % 3) % 4];
                     const int before = failure_count();
                     {
                       World world(seed() + i, from);
                       power_fails(world, to);
                     }
                     if (failure_count() == before) continue;
                     std::fprintf(stderr, "  from %s to %s: it was seed %llu\n", name_of(from),
                                  name_of(to), static_cast<unsigned long long>(seed() + i));
                     return;
                   }
                 });

}  // namespace
}  // namespace varve::test
