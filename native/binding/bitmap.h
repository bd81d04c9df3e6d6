// binding/bitmap.h — what the module offers for bitmaps: plain functions on numbers that stand for
// them.
#pragma once

#include "binding/environment.h"

namespace varve {

// Makes the environment's place for bitmaps and binds the functions to it.
void bind_bitmaps(napi_env env, napi_value exports, Environment& environment);

}  // namespace varve
