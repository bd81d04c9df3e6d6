#include <algorithm>
#include <cstdio>

#include "bench.h"

namespace varve::bench {
namespace {

void note(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

double median_of(const std::vector<double>& sorted) {
  return (sorted[(sorted.size() - 1) / 2] + sorted[sorted.size() / 2]) / 2;
}

std::string figure_text(double figure) {
  char text[32];
  const char* const form = figure < 10 ? "%.2f" : figure < 100 ? "%.1f" : "%.0f";
  std::snprintf(text, sizeof text, form, figure);
  return text;
}

}  // namespace

void Table::add(const std::string& row, const std::string& column, double figure) {
  note(rows_, row);
  note(columns_, column);
  for (Cell& cell : cells_) {
    if (cell.row != row || cell.column != column) continue;
    cell.figures.push_back(figure);
    return;
  }
  cells_.push_back({row, column, {figure}});
}

std::string Table::text_of(const std::string& row, const std::string& column) const {
  for (const Cell& cell : cells_) {
    if (cell.row != row || cell.column != column) continue;
    std::vector<double> sorted = cell.figures;
    std::sort(sorted.begin(), sorted.end());
    return figure_text(median_of(sorted)) + " (" + figure_text(sorted.front()) + "–" +
           figure_text(sorted.back()) + ")";
  }
  return "";
}

void Table::print() const {
  std::printf("| |");
  for (const std::string& column : columns_) std::printf(" %s |", column.c_str());
  std::printf("\n|---|");
  for (size_t i = 0; i < columns_.size(); ++i) std::printf("---|");
  for (const std::string& row : rows_) {
    std::printf("\n| %s |", row.c_str());
    for (const std::string& column : columns_) std::printf(" %s |", text_of(row, column).c_str());
  }
  std::printf("\n");
}

}  // namespace varve::bench
