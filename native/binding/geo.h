// binding/geo.h — indexes of places and cells of geohash, for the module.
#pragma once

#include "binding/kv.h"

namespace varve {

const std::vector<Method>& geo_methods();

}  // namespace varve
