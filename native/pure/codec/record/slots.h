// pure/codec/record/slots.h — the parts of a record that a walk over very many looks at: where its
// slots lie, and its texts.
//
// A RecordView knows all of a record. This is for one question to a million records: it is opened in
// a few steps without a branch that is often guessed wrong, and takes a third of the room. It knows
// records of one schema, as they mostly are; of what it does not know, RecordView says what it is.
//
//   RecordSlots slots;
//   if (slots.open(stored, schema)) sum += load<double>(slots.at() + column.slot_at);
//
// Invariants
//   - as those of record.h: nothing outside the bytes is read.
// Threads, lifetime: as a RecordView.      Bytes: FORMAT.md
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "pure/codec/record/record.h"
#include "pure/codec/record/schema.h"

namespace varve {

class RecordSlots {
 public:
  // False where it is none of this schema, or of a form that is rare.
  bool open(Bytes stored, const Schema& schema) {
    constexpr size_t kShortest = 8;  // What is read before the first look at the head's size.
    constexpr uint8_t kNarrow = 0x11;
    constexpr uint8_t kWide = 0x12;
    constexpr uint8_t kMore = 0x80;
    constexpr ptrdiff_t kRowBytesMax = 5;
    if (stored.size() < kShortest) return false;
    const uint8_t* at = stored.data();
    const uint8_t* const end = at + stored.size();
    const uint8_t kind = *at++;
    uint32_t head = *at++;
    if (head >= kMore) {
      if (*at >= kMore) return false;
      head = (head & (kMore - 1)) | static_cast<uint32_t>(*at++) << 7;
    }
    const uint8_t lead = *at;
    const bool is_known = (kind == kNarrow || kind == kWide) && lead < kMore &&
                          lead >> kVersionShift == schema.version() && (lead & kWidth) != kWidth;
    if (!is_known || head > static_cast<size_t>(end - at)) return false;
    const uint8_t* const head_end = at++ + head;
    if ((lead & kRow) != 0) {
      const uint8_t* const row = at;
      while (at < head_end && *at >= kMore) ++at;
      if (++at - row > kRowBytesMax) return false;
    }
    width_ = static_cast<uint8_t>(1u << (lead & kWidth));
    const size_t before_blobs = schema.fixed_bytes() + size_t{schema.end_count()} * width_;
    if (at > head_end || static_cast<size_t>(head_end - at) < before_blobs) return false;
    slots_ = at + schema.bits_bytes();
    ends_ = at + schema.fixed_bytes();
    text_ = head_end;
    is_wide_ = kind == kWide;
    text_bytes_ = static_cast<uint32_t>(end - head_end);
    return true;
  }

  const uint8_t* at() const { return slots_; }
  // Of a column that has one. What lies wrong is empty, as RecordView has it.
  Text text(uint32_t number, const Schema& schema) const {
    const uint32_t unit = is_wide_ ? 2 : 1;
    const uint32_t units = text_bytes_ / unit;
    const uint32_t begin = number == 0 ? 0 : end_of(number - 1);
    const uint32_t end = number + 1 == schema.text_count() ? units : end_of(number);
    if (begin > end || end > units) return {};
    return {Bytes(text_ + size_t{begin} * unit, size_t{end - begin} * unit), is_wide_};
  }

 private:
  static constexpr uint32_t kWidth = 3;
  static constexpr uint32_t kRow = 4;
  static constexpr uint32_t kVersionShift = 3;

  uint32_t end_of(uint32_t number) const {
    const uint8_t* const at = ends_ + size_t{number} * width_;
    if (width_ == 1) return *at;
    return width_ == 2 ? load<uint16_t>(at) : load<uint32_t>(at);
  }

  const uint8_t* slots_ = nullptr;
  const uint8_t* ends_ = nullptr;
  const uint8_t* text_ = nullptr;
  uint32_t text_bytes_ = 0;
  uint8_t width_ = 1;
  bool is_wide_ = false;
};

}  // namespace varve
