// bench/native/bench.h — native measurements: a name, and a function that fills a table once per round.
//
// main.cc runs it for some rounds and prints the median of each cell with the least and the most.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace varve::bench {

// Rows and columns stand in the order in which they first were named; a cell has one figure per round.
class Table {
 public:
  void add(const std::string& row, const std::string& column, double figure);
  void print() const;

 private:
  struct Cell {
    std::string row;
    std::string column;
    std::vector<double> figures;
  };
  std::string text_of(const std::string& row, const std::string& column) const;

  std::vector<std::string> rows_;
  std::vector<std::string> columns_;
  std::vector<Cell> cells_;
};

struct Bench {
  Bench(const char* name, std::function<void(Table&)> body);
};

// CPU nanoseconds of this thread since some moment.
double thread_cpu_ns();

struct Timer {
  double begun = thread_cpu_ns();
  double per(size_t count) const { return (thread_cpu_ns() - begun) / static_cast<double>(count); }
};

}  // namespace varve::bench
