#include "store/additions.h"

#include <algorithm>

#include "pure/codec/number.h"

namespace varve {
namespace {

constexpr int kTriesMax = 100;  // Of which each but the last has seen a flush go by.

}  // namespace

Status read_sum(const Store::View& view, Bytes key, Bytes by, Sum& sum) {
  Lookup there;
  if (Status status = view.get(key, true, there); !status) return status;
  if (there.found != Found::kPut) return add_numbers({}, by, sum.value);
  std::string room;
  const Result<Bytes> value = view.value(there.edit, room);
  sum.expires_ms = there.edit.expires_ms;
  return value ? add_numbers(*value, by, sum.value) : value.error();
}

Status add_to(const Store::View& view, Batch& batch, Bytes key, Bytes by) {
  Sum sum;
  if (Status status = read_sum(view, key, by, sum); !status) return status;
  if (Status status = batch.fits(key.size() + sum.value.size()); !status) return status;
  batch.add_to(key, by, as_bytes(sum.value), view.commit(), sum.expires_ms);
  return Status::ok();
}

// From here until the lock is let go of, every addition stands for what is there, and there is room
// for a commit: of the same batch, or of one that comes in its place.
Status Store::settle_additions(Batch& batch, const Batch& needs_room, Lock& held) {
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
    if (Status status = make_room(needs_room, held); !status) return status;
  }
  return {Code::kBusy, "store: what is added to came to rest faster than it could be read"};
}

// False when it takes the disk to know what is there.
Result<bool> Store::renew_additions(Batch& batch, const Lock& held) const {
  bool any_newer = false;
  for (const Batch::Item& item : batch.items()) {
    if (item.addition == 0) continue;
    Batch::Addition& addition = batch.addition(item);
    const LogEdit edit = batch.edit(item);
    Lookup newest;
    if (addition.since < visible()) newest = newest_in_memtables(edit.key, item.hash, held);
    const bool is_newer = newest.found != Found::kAbsent && newest.edit.commit > addition.since;
    if (!is_newer && addition.since < std::min(visible(), flushed_through_)) return false;
    addition.since = visible();
    const uint64_t expires_ms = is_newer ? newest.edit.expires_ms : edit.expires_ms;
    const bool is_expired = expires_ms != 0 && expires_ms <= now_ms();
    if (!is_newer && !is_expired) continue;
    const bool is_there = newest.found == Found::kPut && !is_expired;
    const Bytes there = is_there ? newest.edit.value : Bytes();
    Status status = add_numbers(there, as_bytes(addition.by), addition.sum);
    if (!status) return status;
    addition.expires_ms = is_there ? expires_ms : 0;
    any_newer = true;
  }
  if (any_newer) batch.sum_anew();
  return true;
}

Status Store::read_additions_again(Batch& batch) {
  const Result<std::unique_ptr<Reader>> reader = Reader::take(*this);
  if (!reader) return reader.error();
  const View view(**reader);
  for (const Batch::Item& item : batch.items()) {
    if (item.addition == 0) continue;
    Batch::Addition& addition = batch.addition(item);
    Sum sum;
    Status status = read_sum(view, batch.edit(item).key, as_bytes(addition.by), sum);
    if (!status) return status;
    addition.sum = std::move(sum.value);
    addition.expires_ms = sum.expires_ms;
    addition.since = view.commit();
  }
  batch.sum_anew();
  return Status::ok();
}

}  // namespace varve
