// A store on a machine that goes wrong, by seed: it loses power at any call, over and over; a call
// fails; the disk is full. `core_tests simulation --seeds=10000` is the long run.
#include "test.h"
#include "world.h"

namespace varve::test {
namespace {

constexpr uint64_t kRounds = 4;

// Opens; a machine that goes down while it opens is started again.
void open_again(World& world) {
  while (true) {
    const Status status = world.open();
    if (!world.os().is_down()) {
      expect_ok(status);
      return;
    }
    world.restart();
  }
}

void power_fails(World& world) {
  for (uint64_t round = 0; round < kRounds; ++round) {
    const bool is_calm = world.random().one_in(4);
    // Now and then while it is still opening.
    if (!is_calm && world.random().one_in(3))
      world.os().go_down_at_call(1 + world.random().below(60));
    open_again(world);
    if (!world.is_open()) return;
    if (is_calm) {
      for (int i = 0; i < 100; ++i) world.step();
      expect_ok(world.store().flush());  // So that nothing of the log is left.
      expect_ok(world.close());
      continue;
    }
    world.os().go_down_at_call(1 + world.random().below(round % 2 == 0 ? 2000 : 200));
    for (uint64_t i = 0; i < 400 && !world.os().is_down(); ++i) world.step();
    world.restart();
  }
  open_again(world);
  if (world.is_open()) expect_ok(world.close());
}

void call_fails(World& world) {
  for (uint64_t round = 0; round < kRounds; ++round) {
    // A call that fails while it opens may fail the open, and the next one is none the worse.
    Status status = world.open();
    world.os().heal();
    if (!status) status = world.open();
    expect_ok(status);
    if (!world.is_open()) return;
    const Code code = world.random().one_in(3) ? Code::kNoSpace : Code::kIo;
    world.os().fail_call(1 + world.random().below(600), code, 1 + world.random().below(3));
    for (int i = 0; i < 200; ++i) world.step();
    if (world.random().one_in(2))
      world.restart();
    else
      world.drop();
    if (world.random().one_in(2)) world.os().fail_call(1 + world.random().below(40), Code::kIo);
  }
}

void disk_is_full(World& world) {
  const auto some_kib = [&](uint64_t from, uint64_t below) {
    return (from + world.random().below(below)) << 10;
  };
  world.os().set_capacity(some_kib(200, 600));
  for (uint64_t round = 0; round < kRounds; ++round) {
    const Status opened = world.open();
    if (!opened) {
      expect(opened.code() == Code::kNoSpace);
      world.os().set_capacity(UINT64_MAX);
      continue;
    }
    for (int i = 0; i < 200; ++i) world.step();
    world.check_everything();
    expect_ok(world.store().error());
    world.os().set_capacity(UINT64_MAX);
    Status status(Code::kBusy, "not tried yet");
    for (int i = 0; i < 100 && !status; ++i) {
      world.os().run(1000);
      status = world.commit_some();
    }
    expect_ok(status);
    world.check_everything();
    expect_ok(world.close());
    world.os().set_capacity(some_kib(400, 800));
  }
}

void nothing_fails(World& world) {
  for (uint64_t round = 0; round < kRounds; ++round) {
    expect_ok(world.open());
    if (!world.is_open()) return;
    for (int i = 0; i < 150; ++i) world.step();
    world.check_everything();
    expect_ok(world.close());
  }
}

const Case power("after a loss of power at any call the store is a prefix of its commits",
                 [] { for_each_seed("power fails", power_fails); });
const Case call("after a failed call reads go on, and the next open loses nothing durable",
                [] { for_each_seed("a call fails", call_fails); });
const Case full("a full disk refuses commits whole, and they go on when it has room again",
                [] { for_each_seed("the disk is full", disk_is_full); });
const Case calm("what was written is there through every reopening",
                [] { for_each_seed("nothing fails", nothing_fails); });

}  // namespace
}  // namespace varve::test
