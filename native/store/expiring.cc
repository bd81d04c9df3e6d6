// store/expiring.cc — what the waist knows of expiry: that values may have one, and who sweeps
// them; and who else works on the store in the background.
#include "store/store.h"

namespace varve {

// Before the first value with an expiry is put, the manifest says that there are such: a store
// without any pays nothing for looking.
Status Store::note_expiry(const Lock& held) {
  if (may_expire_.load(std::memory_order_relaxed)) return Status::ok();
  ManifestEdit edit;
  edit.may_expire = true;
  if (Status status = note(edit, held); !status) return status;
  may_expire_.store(true);
  return Status::ok();
}

void Store::start_sweeper(std::function<Step()> step) {
  const Lock held(sweeper_mutex_);
  if (sweeper_ || closed_.load() || options_.read_only) return;
  sweeper_ = os_.start("varve-sweep", std::move(step));
}

void Store::wake_sweeper() {
  const Lock held(sweeper_mutex_);
  if (sweeper_) sweeper_->wake();
}

// Whoever sweeps ends with the step that it is in.
void Store::stop_sweeper() {
  std::unique_ptr<Worker> ended;
  {
    const Lock held(sweeper_mutex_);
    ended = std::move(sweeper_);
  }
}

void* Store::resident(const std::function<Resident(Os&, Store&)>& make) {
  const Lock held(resident_mutex_);
  if (!resident_ && !closed_.load()) resident_ = make(os_, *this);
  return resident_.get();
}

void Store::end_resident() {
  Resident ended;
  {
    const Lock held(resident_mutex_);
    ended = std::move(resident_);
  }
}

}  // namespace varve
