// binding/bit_string.h — what the module offers for bits of bytes: functions on typed arrays.
#pragma once

#include <vector>

#include "binding/kv.h"

namespace varve {

const std::vector<Method>& bit_string_methods();

}  // namespace varve
