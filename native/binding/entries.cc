#include "binding/entries.h"

#include <algorithm>

#include "pure/codec/key.h"

namespace varve {
namespace {

constexpr size_t kDescriptorBytes = 16;
constexpr size_t kTextUnitsMax = size_t{256} << 10;
constexpr uint32_t kEncodedKey = 0x80000000u;

static_assert(EntryBatch::kCountMax * kDescriptorBytes <= kDataBytesMin);

}  // namespace

EntryBatch::EntryBatch(Environment& environment, size_t count_max)
    : environment_(environment),
      count_max_(std::min(count_max, kCountMax)),
      raw_at_(kDataAt + count_max_ * kDescriptorBytes),
      raw_(raw_at_) {}

// What a large value needed is given back; room for what is common stays.
EntryBatch::~EntryBatch() {
  if (environment_.batch_text.size() > 4 * kTextUnitsMax)
    std::string().swap(environment_.batch_text);
}

bool EntryBatch::is_full() const {
  return count_ == count_max_ || (count_ > 0 && units_ > kTextUnitsMax);
}

bool EntryBatch::has_room(size_t raw_bytes) {
  if (raw_ + raw_bytes <= environment_.scratch_bytes) return true;
  needed_bytes_ = static_cast<uint32_t>(raw_bytes + raw_at_ - kDataAt);
  return false;
}

// A value that lies apart is read only when there is room for all of it, so that it is read once.
EntryBatch::Added EntryBatch::parts_of(const Edit& edit, const Store::View& view, size_t key_bytes,
                                       ValueParts& parts) {
  Bytes value = edit.value;
  if ((edit.flags & kFlagSeparateValue) != 0) {
    const Result<uint64_t> size = view.value_bytes(edit);
    if (size && !has_room(key_bytes + *size)) return Added::kFull;
    const Result<Bytes> read = size ? view.value(edit, large_) : Result<Bytes>(size.error());
    if (!read) {
      status_ = read.error();
      return Added::kFailed;
    }
    value = *read;
  }
  if (split_value(value, parts)) return Added::kYes;
  status_ = Status::corrupt("bytes that are no value");
  return Added::kFailed;
}

EntryBatch::Added EntryBatch::add(Bytes key, const Edit& edit, const Store::View& view,
                                  bool want_value) {
  if (is_full()) return Added::kFull;
  ValueParts parts;
  if (want_value) {
    const Added split = parts_of(edit, view, key.size(), parts);
    if (split != Added::kYes) return split;
  }
  if (!is_text_key(key)) {
    if (!has_room(key.size() + parts.head.size())) return Added::kFull;
    add_raw(key);
    describe(kEncodedKey | static_cast<uint32_t>(key.size()), parts);
    return Added::kYes;
  }
  if (!has_room(parts.head.size())) return Added::kFull;
  const size_t before = units_;
  if (is_ascii(key.subspan(1))) {
    add_text(key.subspan(1), false);
  } else {
    key_units_.clear();
    decode_text_key(key, key_units_);
    add_text(Bytes(reinterpret_cast<const uint8_t*>(key_units_.data()), key_units_.size() * 2),
             true);
  }
  describe(static_cast<uint32_t>(units_ - before), parts);
  return Added::kYes;
}

EntryBatch::Added EntryBatch::add_value(const Edit& edit, const Store::View& view, uint32_t mark) {
  if (is_full()) return Added::kFull;
  ValueParts parts;
  const Added split = parts_of(edit, view, 0, parts);
  if (split != Added::kYes) return split;
  if (!has_room(parts.head.size())) return Added::kFull;
  describe(mark, parts);
  return Added::kYes;
}

void EntryBatch::add_absent() { describe(0, {}); }

EntryBatch::Added EntryBatch::add_bounds(Bytes begin, Bytes end) {
  if (is_full() || count_ + 2 > count_max_ || !has_room(begin.size() + end.size())) {
    return Added::kFull;
  }
  ValueParts parts;
  parts.kind = kKindBegin;
  add_raw(begin);
  describe(kEncodedKey | static_cast<uint32_t>(begin.size()), parts);
  parts.kind = kKindEnd;
  add_raw(end);
  describe(kEncodedKey | static_cast<uint32_t>(end.size()), parts);
  return Added::kYes;
}

void EntryBatch::describe(uint32_t key_cell, const ValueParts& parts) {
  add_raw(parts.head);
  const size_t before = units_;
  if (parts.has_text) add_text(parts.text, parts.wide);
  uint8_t* const descriptor = environment_.scratch + kDataAt + count_ * kDescriptorBytes;
  store<uint32_t>(descriptor, key_cell);
  store<uint32_t>(descriptor + 4, parts.kind);
  store<uint32_t>(descriptor + 8, static_cast<uint32_t>(parts.head.size()));
  store<uint32_t>(descriptor + 12, static_cast<uint32_t>(units_ - before));
  ++count_;
}

void EntryBatch::add_raw(Bytes bytes) {
  if (!bytes.empty()) std::memcpy(environment_.scratch + raw_, bytes.data(), bytes.size());
  raw_ += bytes.size();
}

void EntryBatch::add_text(Bytes text, bool wide) {
  if (text.empty()) return;
  if (wide && !is_wide_) widen();
  const size_t units = wide ? text.size() / 2 : text.size();
  const size_t unit_bytes = is_wide_ ? 2 : 1;
  std::string& all = environment_.batch_text;
  const size_t needed = (units_ + units) * unit_bytes;
  if (needed > all.size()) all.resize(std::max(needed, all.size() * 2));
  uint8_t* const to = reinterpret_cast<uint8_t*>(all.data()) + units_ * unit_bytes;
  if (wide || !is_wide_) {
    std::memcpy(to, text.data(), text.size());
  } else {
    for (size_t unit = 0; unit < units; ++unit) store<uint16_t>(to + unit * 2, text[unit]);
  }
  units_ += units;
}

// Backwards, so that no unit is overwritten before it has moved.
void EntryBatch::widen() {
  is_wide_ = true;
  std::string& all = environment_.batch_text;
  if (all.size() < units_ * 2) all.resize(units_ * 2);
  uint8_t* const at = reinterpret_cast<uint8_t*>(all.data());
  for (size_t unit = units_; unit-- > 0;) store<uint16_t>(at + unit * 2, at[unit]);
}

napi_value EntryBatch::finish(napi_env env, bool more) {
  environment_.set32(Register32::kCount, static_cast<uint32_t>(count_));
  environment_.set32(Register32::kMore, more ? 1 : 0);
  environment_.set32(Register32::kNeededBytes, static_cast<uint32_t>(raw_at_));
  environment_.set32(Register32::kHeadBytes, static_cast<uint32_t>(raw_));
  const std::string& all = environment_.batch_text;
  napi_value made = nullptr;
  if (is_wide_) {
    napi_create_string_utf16(env, reinterpret_cast<const char16_t*>(all.data()), units_, &made);
  } else {
    napi_create_string_latin1(env, all.data(), units_, &made);
  }
  return made;
}

}  // namespace varve
