// binding/text.h — full-text indexes, for the module.
#pragma once

#include "binding/kv.h"

namespace varve {

const std::vector<Method>& text_methods();

}  // namespace varve
