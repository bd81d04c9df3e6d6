// test/native/engine/contract.h — what every engine promises, as one suite that each of them runs.
//
//   static const EngineContract contract("mine", open_my_subject);  // in my_engine/contract.test.cc
//
// engine.h says what an engine is; this suite is the same in sentences that are tried. An engine
// that passes may stand behind the store; what it does beyond the contract (levels, streams, files)
// has tests of its own beside the registration. The oracle (oracle.h) is a sorted map that forgets
// nothing.
#pragma once

#include "engine/subject.h"

namespace varve::test {

class EngineContract {
 public:
  // `engine` begins every sentence.
  EngineContract(const char* engine, OpenSubject open, const char* file = __builtin_FILE());

 private:
  using Body = void (*)(Subject&);
  // A case that begins with an empty engine.
  void add(const char* sentence, Body body) const;

  void add_reading() const;          // contract_reading.cc
  void add_absorbing() const;        // contract_absorbing.cc
  void add_range_deletions() const;  // contract_ranges.cc
  void add_retention() const;        // contract_retention.cc
  void add_care() const;             // contract_care.cc
  void add_programs() const;         // contract_programs.cc
  void add_threads() const;          // contract_threads.cc

  const char* const engine_;
  const OpenSubject open_;
  const char* const file_;
};

}  // namespace varve::test
