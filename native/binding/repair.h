// binding/repair.h — what the module offers for stores that are not open.
#pragma once

#include "binding/arguments.h"
#include "binding/kv.h"

namespace varve {

const std::vector<Method>& repair_methods();
std::string json_of(const std::vector<VerifyProblem>& problems);
std::string json_of(const std::string& text);

}  // namespace varve
