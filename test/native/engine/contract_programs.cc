// Contract: random programs of everything an engine can be asked, each from a seed, against the
// oracle. A failure names its seed and step: core_tests contract --seed=N --seeds=1 runs it again
// as its first program.
#include <algorithm>

#include "base/random.h"
#include "engine/compare.h"
#include "engine/contract.h"

namespace varve::test {

namespace {

constexpr uint64_t kProgramsPerSeed = 2;
constexpr int kStepCount = 40;

class Program {
 public:
  Program(Subject& subject, uint64_t seed)
      : subject_(subject), random_(seed), key_count_(5 + random_.below(120)) {
    if (random_.one_in(3)) retention_.horizon = 0;
  }

  Status run() {
    for (step_ = 0; step_ < kStepCount; ++step_) {
      if (Status status = act(); !status) return said(status);
      if (Status status = look(); !status) return said(status);
    }
    pins_.clear();
    if (Status status = subject_.engine->compact({}, retention_); !status) return said(status);
    return said(same(subject_, oracle_, retention_));
  }

 private:
  struct Pin {
    std::shared_ptr<const EngineVersion> version;
    Retention retention;
  };

  Status said(const Status& status) const {
    if (status) return Status::ok();
    return {status.code(), "step " + std::to_string(step_) + ": " + status.message()};
  }

  // Short keys of few letters, so that they are prefixes and neighbours of one another.
  std::string key() {
    static constexpr char kLetters[] = {'\0', 'a', 'b', 'k', '\xff'};
    Random letters(random_.below(key_count_) * 7919 + 17);
    std::string key;
    for (uint64_t size = letters.below(5); size > 0; --size) key += kLetters[letters.below(5)];
    return key;
  }
  Bounds bounds() { return {random_.one_in(3) ? "" : key(), random_.one_in(3) ? "" : key()}; }

  void write() {
    for (uint64_t commits = 1 + random_.below(12); commits > 0; --commits) {
      oracle_.begin_commit();
      for (uint64_t edits = random_.below(8); edits > 0; --edits) {
        const uint64_t kind = random_.below(24);
        const size_t size = random_.one_in(40) ? 3000 : random_.below(40);
        if (kind == 0)
          oracle_.delete_range(key(), random_.one_in(6) ? "" : key());
        else if (kind < 7)
          oracle_.remove(key());
        else
          oracle_.put(key(), std::string(size, static_cast<char>('a' + kind)), 0,
                      random_.below(3) * 1000);
      }
    }
  }

  void retain() {
    const Promise promise(retention_, oracle_.absorbed());
    const std::vector<uint64_t>& views = promise.views();
    std::vector<uint64_t>& held = retention_.held;
    if (random_.one_in(2)) {
      held.push_back(random_.one_in(2) ? oracle_.commit() : views[random_.below(views.size())]);
      std::sort(held.begin(), held.end());
    } else if (!held.empty()) {
      held.erase(held.begin() + static_cast<ptrdiff_t>(random_.below(held.size())));
    }
    if (retention_.horizon == UINT64_MAX) return;
    const uint64_t room = oracle_.absorbed() - promise.horizon() + 1;
    retention_.horizon = promise.horizon() + random_.below(room);
  }

  Status maintain() {
    const Result<Progress> progress =
        subject_.engine->maintain(uint64_t{1} << random_.below(18), retention_);
    return progress ? Status::ok() : progress.error();
  }

  Status act() {
    switch (random_.below(16)) {
      case 0: return subject_.engine->compact({}, retention_);
      case 1: pins_.clear(); return subject_.reopen(subject_);
      case 2: pins_.push_back({subject_.engine->pin(), retention_}); return Status::ok();
      case 3:
        if (!pins_.empty()) pins_.erase(pins_.begin());
        return Status::ok();
      case 4: subject_.engine->set_memory(random_.below(1 << 16)); return Status::ok();
      case 5: return verified(*subject_.engine);
      case 6:
      case 7: retain(); return Status::ok();
      case 8:
      case 9:
      case 10: return maintain();
      default: write(); return oracle_.absorb_into(*subject_.engine, retention_);
    }
  }

  Status look_at(const EngineVersion& version, const Retention& retention) {
    const Compare compare(subject_, version, oracle_);
    const Promise promise(retention, version.absorbed());
    const std::vector<uint64_t>& views = promise.views();
    const uint64_t view = random_.one_in(3) ? UINT64_MAX : views[random_.below(views.size())];
    for (int i = 0; i < 6; ++i) {
      if (Status status = compare.get(key(), view, random_.one_in(2)); !status) return status;
    }
    if (Status status = compare.scans(bounds(), view); !status) return status;
    const Direction way = random_.one_in(2) ? Direction::kForward : Direction::kReverse;
    if (Status status = compare.seeks(bounds(), view, way, {key(), key(), key()}); !status) {
      return status;
    }
    const uint64_t from = promise.horizon() + random_.below(10);
    const uint64_t to = random_.one_in(2) ? UINT64_MAX : from + random_.below(20);
    return compare.versions(bounds(), from, to);
  }

  Status look() {
    const Reading reading(subject_);
    const EngineVersion& version = subject_.engine->version();
    if (version.absorbed() != oracle_.absorbed()) return Status::invalid("absorbed differs");
    if (Status status = look_at(version, retention_); !status) return status;
    for (const Pin& pin : pins_) {
      Status status = look_at(*pin.version, pin.retention);
      if (!status) return {status.code(), "pinned: " + status.message()};
    }
    return Status::ok();
  }

  Subject& subject_;
  Random random_;
  const uint64_t key_count_;
  Oracle oracle_;
  Retention retention_;
  std::vector<Pin> pins_;
  int step_ = 0;
};

}  // namespace

void EngineContract::add_programs() const {
  const Case programs(
      "random programs are answered as the oracle answers them",
      [open = open_] {
        for (uint64_t i = 0; i < seed_count() * kProgramsPerSeed; ++i) {
          Subject subject = open();
          const Status status = Program(subject, seed() + i).run();
          if (status) continue;
          expect_ok(
              {status.code(), "program " + std::to_string(seed() + i) + ", " + status.message()});
        }
      },
      file_);
}

}  // namespace varve::test
