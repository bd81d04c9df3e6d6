// binding/bitmap.h — what the module offers for bitmaps: plain functions on numbers that stand for
// them.
#pragma once

#include <memory>

#include "binding/kv.h"

namespace varve {

class Bitmap;

// All bitmaps of a thread. The functions are bound to it.
std::shared_ptr<BitmapRoom> make_bitmap_room(Environment& environment);
const std::vector<Method>& bitmap_methods();

// The one that JavaScript calls by this number, for filters.
const Bitmap& bitmap_of(const Environment& environment, uint32_t id);

}  // namespace varve
