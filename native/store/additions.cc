#include "store/additions.h"

#include "pure/codec/number.h"

namespace varve {
namespace {

constexpr int kTriesMax = 100;  // Of which each but the last has seen a flush go by.

}  // namespace

Status read_sum(const Store::View& view, Bytes key, Bytes by, std::string& sum) {
  Lookup there;
  if (Status status = view.get(key, true, there); !status) return status;
  if (there.found != Found::kPut) return add_numbers({}, by, sum);
  std::string room;
  const Result<Bytes> value = view.value(there.edit, room);
  return value ? add_numbers(*value, by, sum) : value.error();
}

Status add_to(const Store::View& view, Batch& batch, Bytes key, Bytes by) {
  std::string sum;
  if (Status status = read_sum(view, key, by, sum); !status) return status;
  if (Status status = batch.fits(key.size() + sum.size()); !status) return status;
  batch.add_to(key, by, as_bytes(sum), view.commit());
  return Status::ok();
}

// From here until the lock is let go of, every addition stands for what is there.
Status Store::settle_additions(Batch& batch, Lock& held) {
  uint64_t room_bytes = batch.body_bytes();
  for (int tries = 0; tries < kTriesMax; ++tries) {
    const Result<bool> is_known = renew_additions(batch, held);
    if (!is_known) return is_known.error();
    if (*is_known && batch.body_bytes() <= room_bytes) return Status::ok();
    if (!*is_known) {
      held.unlock();
      Status status = read_additions_again(batch);
      held.lock();
      if (!status) return status;
      if (Status writable = check_writable(held); !writable) return writable;
    }
    room_bytes = batch.body_bytes();
    if (Status status = make_room(batch, held); !status) return status;
  }
  return {Code::kBusy, "store: what is added to came to rest faster than it could be read"};
}

// False when it takes the disk to know what is there.
Result<bool> Store::renew_additions(Batch& batch, const Lock& held) const {
  bool any_newer = false;
  for (const Batch::Item& item : batch.items()) {
    if (item.addition == 0) continue;
    Batch::Addition& addition = batch.addition(item);
    if (addition.since >= visible()) continue;
    const Bytes key = batch.edit(item).key;
    const Lookup newest = newest_in_memtables(key, item.hash, held);
    if (newest.found != Found::kAbsent && newest.edit.commit > addition.since) {
      const Bytes there = newest.found == Found::kPut ? newest.edit.value : Bytes();
      Status status = add_numbers(there, as_bytes(addition.by), addition.sum);
      if (!status) return status;
      any_newer = true;
    } else if (addition.since < flushed_through_) {
      return false;
    }
    addition.since = visible();
  }
  if (any_newer) batch.sum_anew();
  return true;
}

Status Store::read_additions_again(Batch& batch) {
  const uint64_t commit = hold();
  Status status = Status::ok();
  for (const Batch::Item& item : batch.items()) {
    if (item.addition == 0 || !status) continue;
    Batch::Addition& addition = batch.addition(item);
    bool found = false;
    std::string there;
    status = get_apart(batch.edit(item).key, commit, found, there);
    if (status) status = add_numbers(as_bytes(there), as_bytes(addition.by), addition.sum);
    addition.since = commit;
  }
  release(commit);
  if (status) batch.sum_anew();
  return status;
}

}  // namespace varve
