// base/os/threads.h — workers and gates on real threads, for every filling that has them.
#pragma once

#include "base/os/os.h"

namespace varve {

std::unique_ptr<Worker> start_thread(std::function<Step()> step);
std::unique_ptr<Gate> make_thread_gate();

}  // namespace varve
