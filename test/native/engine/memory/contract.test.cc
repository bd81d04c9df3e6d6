// The memory engine against the contract that every engine keeps: opened again, it begins with the
// stream of its checkpoint.
#include <cstring>

#include "engine/contract.h"
#include "engine/memory/memory.h"

using namespace varve;
using namespace varve::test;

namespace {

struct Ground {
  EpochDomain epochs;
};

Status reopen(Subject& subject) {
  std::string stream;
  Status written = subject.engine->checkpoint([&](Bytes bytes) {
    append(stream, bytes);
    return Status::ok();
  });
  if (!written) return written;
  subject.shut();
  const StreamSource source = [&stream, at = size_t{0}](MutableBytes into) mutable {
    const size_t size = std::min(into.size(), stream.size() - at);
    std::memcpy(into.data(), stream.data() + at, size);
    at += size;
    return Result<size_t>(size);
  };
  Result<std::unique_ptr<Engine>> engine = open_memory_engine(*subject.epochs, {}, &source);
  if (!engine) return engine.error();
  subject.engine = std::move(*engine);
  return Status::ok();
}

Subject open_memory_subject() {
  auto ground = std::make_shared<Ground>();
  Subject subject;
  subject.epochs = &ground->epochs;
  subject.ground = std::move(ground);
  subject.reopen = reopen;
  Result<std::unique_ptr<Engine>> engine = open_memory_engine(*subject.epochs, {});
  require(static_cast<bool>(engine));
  subject.engine = std::move(*engine);
  return subject;
}

}  // namespace

static const EngineContract contract("memory", open_memory_subject);
