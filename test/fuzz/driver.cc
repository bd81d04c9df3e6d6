// test/fuzz/driver.cc — libFuzzer's entry. Every target is linked in; VARVE_FUZZ names the one that
// runs.
#include <cstdio>
#include <cstdlib>

#include "fuzz.h"

namespace {

varve::fuzz::Target::Body chosen() {
  const char* const name = std::getenv("VARVE_FUZZ");
  for (const varve::fuzz::Registered& one : varve::fuzz::targets()) {
    if (name != nullptr && one.name == name) return one.body;
  }
  std::fprintf(stderr, "VARVE_FUZZ names no target; there are\n");
  for (const varve::fuzz::Registered& one : varve::fuzz::targets()) {
    std::fprintf(stderr, "  %s\n", one.name.c_str());
  }
  std::exit(1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static const varve::fuzz::Target::Body body = chosen();
  body({bytes, size});
  return 0;
}
