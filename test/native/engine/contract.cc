#include "engine/contract.h"

namespace varve::test {

EngineContract::EngineContract(OpenSubject open, const char* file)
    : open_(std::move(open)), file_(file) {
  add_reading();
  add_absorbing();
  add_range_deletions();
  add_retention();
  add_care();
  add_programs();
  add_threads();
}

void EngineContract::add(const char* sentence, Body body) const {
  const Case one(
      sentence,
      [open = open_, body] {
        Subject subject = open();
        body(subject);
      },
      file_);
}

}  // namespace varve::test
