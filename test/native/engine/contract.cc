#include "engine/contract.h"

namespace varve::test {

EngineContract::EngineContract(const char* engine, OpenSubject open, const char* file)
    : engine_(engine), open_(std::move(open)), file_(file) {
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
      std::string(engine_) + ' ' + sentence,
      [open = open_, body] {
        Subject subject = open();
        body(subject);
      },
      file_);
}

}  // namespace varve::test
