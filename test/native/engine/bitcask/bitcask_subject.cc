#include "engine/bitcask/bitcask_subject.h"

namespace varve::test {

namespace {

constexpr uint64_t kCacheBytes = uint64_t{8} << 20;

Status open_again(Subject& subject) {
  BitcaskGround& ground = bitcask_ground_of(subject);
  subject.shut();
  ground.manifest.reset();
  ground.cache = std::make_unique<Cache>(ground.epochs, kCacheBytes);
  Result<std::unique_ptr<Manifest>> manifest = Manifest::open(ground.os, ground.options.directory);
  if (!manifest) return manifest.error();
  ground.manifest = std::move(*manifest);
  Result<std::unique_ptr<Engine>> engine =
      open_bitcask(ground.os, *ground.manifest, *ground.cache, ground.epochs, ground.options);
  if (!engine) return engine.error();
  subject.engine = std::move(*engine);
  return Status::ok();
}

}  // namespace

Subject open_bitcask_subject(uint64_t large_value_bytes) {
  auto ground = std::make_shared<BitcaskGround>();
  BitcaskOptions& options = ground->options;
  options.directory = scratch_directory();
  options.large_value_bytes = large_value_bytes;
  options.file_bytes = 4096;
  options.dead_bytes_min = 2048;
  options.small_count = 4;
  options.ahead_min = 64;
  ManifestState state;
  state.engine = 3;
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
