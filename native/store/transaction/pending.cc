#include "store/transaction/pending.h"

#include <algorithm>

#include "store/key_intervals.h"

namespace varve {
namespace {

constexpr size_t kScannedMax = 16;  // So many edits are looked through one by one.
constexpr size_t kSlotsMin = 64;
constexpr size_t kKeptSlots = 1 << 12;  // A larger table is given back by clear().

}  // namespace

PendingEdits::PendingEdits(uint64_t hash_seed, uint64_t bytes_max) : batch_(hash_seed, bytes_max) {}

void PendingEdits::put(Bytes key, std::initializer_list<Bytes> value_parts, uint64_t expires_ms) {
  batch_.put(key, value_parts, expires_ms);
  added();
}

void PendingEdits::add_to(Bytes key, Bytes by, Bytes sum, uint64_t since, uint64_t expires_ms) {
  batch_.add_to(key, by, sum, since, expires_ms);
  added();
}

void PendingEdits::erase(Bytes key) {
  batch_.erase(key);
  added();
}

void PendingEdits::erase_range(Bytes begin, Bytes end) {
  batch_.erase_range(begin, end);
  older_.push_back(kNone);
  ranges_.push_back(static_cast<uint32_t>(older_.size() - 1));
}

void PendingEdits::clear() {
  if (slots_.size() > kKeptSlots) std::vector<uint32_t>().swap(slots_);
  batch_.clear();
  older_.clear();
  slots_.clear();
  ranges_.clear();
  order_.clear();
  is_ordered_ = false;
}

void PendingEdits::give_back_room() {
  batch_.give_back_room();
  std::vector<uint32_t>().swap(older_);
  std::vector<uint32_t>().swap(slots_);
  std::vector<uint32_t>().swap(ranges_);
}

Batch& PendingEdits::finished() {
  const bool is_distinct =
      std::all_of(older_.begin(), older_.end(), [](uint32_t older) { return older == kNone; });
  if (is_distinct) batch_.note_distinct();
  return batch_;
}

bool PendingEdits::is_point(uint32_t index) const {
  return batch_.items()[index].kind != LogEditKind::kRangeDeletion;
}

// The last edit of the batch is new, and a point.
void PendingEdits::added() {
  const auto index = static_cast<uint32_t>(batch_.size() - 1);
  const Batch::Item& item = batch_.items()[index];
  const Bytes key = batch_.edit(item).key;
  if (slots_.empty() && index < kScannedMax) {
    older_.push_back(kNone);
    for (uint32_t i = index; i-- > 0 && older_[index] == kNone;) {
      const Batch::Item& other = batch_.items()[i];
      const bool is_same = is_point(i) && other.hash == item.hash;
      if (is_same && equal(batch_.edit(other).key, key)) older_[index] = i;
    }
  } else {
    if (slots_.size() < batch_.size() * 2) grow();
    const size_t slot = slot_of(key, item.hash);
    older_.push_back(slots_[slot]);
    slots_[slot] = index;
  }
  if (is_ordered_ && older_[index] == kNone) order_.insert(index);
}

// Enters all edits that have their place in older_.
void PendingEdits::grow() {
  size_t size = kSlotsMin;
  while (size < batch_.size() * 4) size *= 2;
  slots_.assign(size, kNone);
  for (uint32_t i = 0; i < older_.size(); ++i) {
    if (!is_point(i)) continue;
    const Batch::Item& item = batch_.items()[i];
    slots_[slot_of(batch_.edit(item).key, item.hash)] = i;
  }
}

// Where the key is, or would be.
size_t PendingEdits::slot_of(Bytes key, uint64_t hash) const {
  size_t slot = hash & (slots_.size() - 1);
  for (; slots_[slot] != kNone; slot = (slot + 1) & (slots_.size() - 1)) {
    const Batch::Item& item = batch_.items()[slots_[slot]];
    if (item.hash == hash && equal(batch_.edit(item).key, key)) break;
  }
  return slot;
}

uint32_t PendingEdits::newest(Bytes key, uint64_t hash) const {
  if (!slots_.empty()) return slots_[slot_of(key, hash)];
  for (auto i = static_cast<uint32_t>(batch_.size()); i-- > 0;) {
    const Batch::Item& item = batch_.items()[i];
    if (item.hash == hash && is_point(i) && equal(batch_.edit(item).key, key)) return i;
  }
  return kNone;
}

uint32_t PendingEdits::deletion_over(Bytes key, size_t from, size_t edit_count) const {
  for (size_t i = ranges_.size(); i-- > 0 && ranges_[i] >= from;) {
    if (ranges_[i] >= edit_count) continue;
    const LogEdit edit = batch_.edit(batch_.items()[ranges_[i]]);
    if (compare(edit.key, key) <= 0 && is_before_end(key, edit.value)) return ranges_[i];
  }
  return kNone;
}

uint32_t PendingEdits::newest_of(Bytes key, uint64_t hash, size_t edit_count) const {
  uint32_t index = newest(key, hash);
  while (index != kNone && index >= edit_count) index = older_[index];
  const uint32_t deletion = deletion_over(key, index == kNone ? 0 : index + 1, edit_count);
  return deletion == kNone ? index : deletion;
}

Lookup PendingEdits::find(Bytes key, uint64_t hash, size_t edit_count) const {
  Lookup answer;
  const uint32_t index = newest_of(key, hash, edit_count);
  if (index == kNone) return answer;
  const LogEdit edit = batch_.edit(batch_.items()[index]);
  answer.found = edit.kind == LogEditKind::kPut ? Found::kPut : Found::kDeleted;
  answer.edit.key = edit.key;
  answer.edit.value = edit.value;
  answer.edit.expires_ms = edit.expires_ms;
  return answer;
}

const Batch::Addition* PendingEdits::addition_of(Bytes key, uint64_t hash) const {
  if (!batch_.has_additions()) return nullptr;
  const uint32_t index = newest_of(key, hash, batch_.size());
  if (index == kNone || batch_.items()[index].addition == 0) return nullptr;
  return &batch_.addition(batch_.items()[index]);
}

// From the end, so that what an edit hid is there again. A table is made anew, since an emptied
// slot would break the way to others: by what is left, which costs no more than making it did.
void PendingEdits::rewind(const Batch::Mark& mark) {
  if (mark.item_count < older_.size()) ++rewind_count_;
  while (!ranges_.empty() && ranges_.back() >= mark.item_count) ranges_.pop_back();
  for (auto i = static_cast<uint32_t>(older_.size()); is_ordered_ && i-- > mark.item_count;) {
    if (is_point(i) && older_[i] == kNone) order_.erase(i);
  }
  older_.resize(mark.item_count);
  batch_.rewind(mark);
  if (!slots_.empty()) grow();
}

void PendingEdits::each_put(const KeyRange& range, size_t first, size_t last,
                            const Visit& visit) const {
  for (size_t i = first; i < std::min(last, batch_.size()); ++i) {
    const LogEdit edit = batch_.edit(batch_.items()[i]);
    if (edit.kind != LogEditKind::kPut || compare(edit.key, range.begin) < 0) continue;
    if (is_before_end(edit.key, range.end) && !visit(edit.key, edit.value)) return;
  }
}

void PendingEdits::make_order() {
  if (is_ordered_) return;
  for (uint32_t i = 0; i < older_.size(); ++i) {
    if (is_point(i) && older_[i] == kNone) order_.insert(i);
  }
  is_ordered_ = true;
}

// ---- ranges

class PendingCursor final : public EngineCursor {
 public:
  PendingCursor(const PendingEdits& edits, std::unique_ptr<EngineCursor> below,
                const KeyRange& range, Direction direction, size_t edit_count, uint64_t expired_ms)
      : edits_(edits),
        below_(std::move(below)),
        range_(range),
        sign_(direction == Direction::kForward ? 1 : -1),
        edit_count_(edit_count),
        expired_ms_(expired_ms) {
    const PendingEdits::Order& order = edits_.order_;
    if (sign_ > 0)
      at_ = order.lower_bound(range_.begin);
    else
      at_ = range_.end.empty() ? order.end() : order.lower_bound(range_.end);
    if (sign_ < 0) step_back();
    settle();
  }

  bool valid() const override { return shown_ != Shown::kNothing; }
  const Edit& edit() const override { return shown_ == Shown::kBelow ? below_->edit() : own_; }
  Status status() const override { return below_->status(); }

  void next() override {
    if (shown_ == Shown::kBelow)
      below_->next();
    else
      step();
    settle();
  }

  void seek(Bytes key) override {
    below_ended_ = false;
    below_->seek(key);
    const PendingEdits::Order& order = edits_.order_;
    ended_ = false;
    if (sign_ > 0) {
      at_ = order.lower_bound(compare(key, range_.begin) < 0 ? range_.begin : key);
    } else {
      at_ = is_before_end(key, range_.end) ? order.upper_bound(key) : order.lower_bound(range_.end);
      step_back();
    }
    settle();
  }

 private:
  enum class Shown : uint8_t { kNothing, kBelow, kOwn };

  void step_back() {
    if (at_ == edits_.order_.begin())
      ended_ = true;
    else
      --at_;
  }

  void step() {
    if (sign_ > 0)
      ++at_;
    else
      step_back();
  }

  bool has_own() const {
    if (ended_ || at_ == edits_.order_.end()) return false;
    const Bytes key = edits_.order_.key_comp().key(*at_);
    return sign_ > 0 ? is_before_end(key, range_.end) : compare(key, range_.begin) >= 0;
  }

  // Moves below_ past what range deletions of the transaction cover.
  void skip_deleted() {
    while (below_->valid()) {
      const uint32_t index = edits_.deletion_over(below_->edit().key, 0, edit_count_);
      if (index == PendingEdits::kNone) return;
      const LogEdit deletion = edits_.batch_.edit(edits_.batch_.items()[index]);
      if (sign_ > 0 && !is_before_end(deletion.value, range_.end)) return end_below();
      if (sign_ > 0 && deletion.value.empty()) return end_below();
      if (sign_ < 0 && compare(deletion.key, range_.begin) <= 0) return end_below();
      below_->seek(sign_ > 0 ? deletion.value : deletion.key);
      if (sign_ < 0 && below_->valid() && equal(below_->edit().key, deletion.key)) below_->next();
    }
  }

  void end_below() { below_ended_ = true; }
  bool has_below() const { return !below_ended_ && below_->valid(); }

  // Chooses what comes first. An own edit hides what lies below it, and a deletion shows nothing.
  void settle() {
    while (true) {
      shown_ = Shown::kNothing;
      if (!below_ended_) skip_deleted();
      if (!below_ended_ && !below_->valid() && !below_->status()) return;
      const bool own = has_own();
      if (!own && !has_below()) return;
      const Bytes key = own ? edits_.order_.key_comp().key(*at_) : Bytes();
      const int order = !own ? 1 : has_below() ? compare(key, below_->edit().key) * sign_ : -1;
      if (order > 0) {
        shown_ = Shown::kBelow;
        return;
      }
      const uint32_t index = edits_.newest_of(key, edits_.batch_.items()[*at_].hash, edit_count_);
      if (index == PendingEdits::kNone) {  // Written after the walk began.
        step();
        continue;
      }
      if (order == 0) below_->next();
      const LogEdit edit = edits_.batch_.edit(edits_.batch_.items()[index]);
      const bool is_live = edit.expires_ms == 0 || edit.expires_ms > expired_ms_;
      if (edit.kind == LogEditKind::kPut && is_live) {
        own_.key = edit.key;
        own_.value = edit.value;
        own_.expires_ms = edit.expires_ms;
        shown_ = Shown::kOwn;
        return;
      }
      step();
    }
  }

  const PendingEdits& edits_;
  const std::unique_ptr<EngineCursor> below_;
  const KeyRange range_;
  const int sign_;
  const size_t edit_count_;
  const uint64_t expired_ms_;
  PendingEdits::Order::const_iterator at_;
  bool ended_ = false;  // Backwards, before the first.
  bool below_ended_ = false;
  Shown shown_ = Shown::kNothing;
  Edit own_;
};

std::unique_ptr<EngineCursor> PendingEdits::over(std::unique_ptr<EngineCursor> below,
                                                 const KeyRange& range, Direction direction,
                                                 size_t edit_count, uint64_t expired_ms) {
  if (empty()) return below;
  make_order();
  return std::make_unique<PendingCursor>(*this, std::move(below), range, direction, edit_count,
                                         expired_ms);
}

}  // namespace varve
