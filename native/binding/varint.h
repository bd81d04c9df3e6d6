// binding/varint.h — what the module offers for numbers as bytes: functions on typed arrays.
#pragma once

#include <vector>

#include "binding/kv.h"

namespace varve {

const std::vector<Method>& varint_methods();

}  // namespace varve
