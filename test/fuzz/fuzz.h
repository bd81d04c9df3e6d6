// test/fuzz/fuzz.h — what a fuzz target is: one file, <name>.fuzz.cc, that registers one function
// under its name, and a folder of small seeds, corpus/<name>/.
//
// A target takes any bytes at all and may only check(): what it finds stops the process. Two
// drivers call it: driver.cc for clang's libFuzzer, and test/native/corpus.test.cc, which replays
// every corpus, and seeded changes of it, wherever the native tests run.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"

namespace varve::fuzz {

struct Target {
  using Body = void (*)(Bytes input);
  Target(const char* name, Body body);
};

struct Registered {
  std::string name;
  Target::Body body;
};
const std::vector<Registered>& targets();

// A target's own directory, the same at every call; removed when the process ends.
std::string directory(const std::string& target);
// Makes the file hold these bytes and nothing else.
void write_file(const std::string& path, Bytes bytes);

}  // namespace varve::fuzz
