#include "engine/lsm/lsm_subject.h"

namespace varve::test {

namespace {

constexpr uint64_t kCacheBytes = uint64_t{8} << 20;

Status open_again(Subject& subject) {
  LsmGround& ground = ground_of(subject);
  subject.shut();
  ground.manifest.reset();
  ground.cache = std::make_unique<Cache>(ground.epochs, kCacheBytes);
  Result<std::unique_ptr<Manifest>> manifest = Manifest::open(ground.os, ground.options.directory);
  if (!manifest) return manifest.error();
  ground.manifest = std::move(*manifest);
  Result<std::unique_ptr<Engine>> engine =
      open_lsm(ground.os, *ground.manifest, *ground.cache, ground.epochs, ground.options);
  if (!engine) return engine.error();
  subject.engine = std::move(*engine);
  return Status::ok();
}

}  // namespace

Subject open_lsm_subject(CompactionStyle compaction, uint64_t large_value_bytes) {
  auto ground = std::make_shared<LsmGround>();
  LsmOptions& options = ground->options;
  options.compaction = compaction;
  options.directory = scratch_directory();
  options.block_bytes = 256;
  options.table_bytes = 2048;
  options.level1_bytes = 4096;
  options.large_value_bytes = large_value_bytes;
  options.value_file_bytes = 4096;
  options.level0_count = 3;
  options.level0_count_max = 6;
  ManifestState state;
  state.engine = 1;
  state.hash_seed = 0x5eed;
  require(static_cast<bool>(Manifest::create(ground->os, options.directory, state)));
  Subject subject;
  subject.epochs = &ground->epochs;
  subject.hash_seed = state.hash_seed;
  subject.rests_on_disk = true;
  subject.ground = std::move(ground);
  subject.reopen = open_again;
  const Status opened = open_again(subject);
  expect_ok(opened);
  require(static_cast<bool>(opened));
  return subject;
}

}  // namespace varve::test
