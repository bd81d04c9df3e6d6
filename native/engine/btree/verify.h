// engine/btree/verify.h — reads every page of a version and holds each against the others.
//
// Threads: any; the version is pinned, and nothing of it is written over meanwhile.
#pragma once

#include <vector>

#include "engine/btree/space.h"
#include "engine/btree/version.h"

namespace varve::btree {

// `uses` is what the space said when the version was the newest.
Status verify_image(const Pool& pool, const Image& image, const std::vector<ExtentUse>& uses,
                    std::vector<VerifyProblem>& problems);

}  // namespace varve::btree
