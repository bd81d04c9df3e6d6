#include "engine/btree/btree_subject.h"

namespace varve::test {

Status crash_btree(Subject& subject) {
  BtreeGround& ground = btree_ground(subject);
  subject.shut();
  ground.manifest.reset();
  ground.cache = std::make_unique<Cache>(ground.epochs, ground.cache_bytes, ground.eviction);
  Result<std::unique_ptr<Manifest>> manifest = Manifest::open(ground.os, ground.options.directory);
  if (!manifest) return manifest.error();
  ground.manifest = std::move(*manifest);
  Result<std::unique_ptr<Engine>> engine =
      open_btree(ground.os, *ground.manifest, *ground.cache, ground.epochs, ground.options);
  if (!engine) return engine.error();
  subject.engine = std::move(*engine);
  return Status::ok();
}

namespace {

// Without a log what was absorbed must come to rest first.
Status open_again(Subject& subject) {
  if (subject.engine) {
    if (Status status = subject.engine->rest(Rest::kAll); !status) return status;
  }
  return crash_btree(subject);
}

}  // namespace

Subject open_btree_subject(btree::Writing writing, Eviction eviction) {
  auto ground = std::make_shared<BtreeGround>();
  BtreeOptions& options = ground->options;
  options.directory = scratch_directory();
  options.page_bytes = 512;
  options.extent_bytes = 512 * 256;
  options.writing = writing;
  options.large_value_bytes = 20'000;
  options.log_bytes_max = 200'000;
  ground->eviction = eviction;
  ManifestState state;
  state.engine = 4;
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
