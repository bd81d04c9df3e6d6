// Hostile indexes of places: an opening refuses them, or every query over them ends within their bytes and
// answers alike.
//
// The first byte says whether the header is summed anew, so that what lies behind it is reached, too.
#include <cmath>
#include <cstring>
#include <vector>

#include "fuzz.h"
#include "pure/codec/crc32c.h"
#include "pure/geo/serial.h"

namespace varve {
namespace {

constexpr size_t kHeaderBytes = 64;

void query(const geo::Tree& tree) {
  std::vector<geo::Match> all;
  tree.within(geo::kEverywhere, {}, all);
  check(all.size() == tree.state().count);
  std::vector<geo::Match> near;
  tree.near({0, 0}, INFINITY, {}, near);
  check(near.size() == all.size());
  geo::Query five;
  five.limit = 5;
  std::vector<geo::Match> nearest;
  tree.near({0, 0}, INFINITY, five, nearest);
  check(nearest.size() == std::min<size_t>(5, all.size()));
  for (size_t i = 0; i < nearest.size(); ++i) check(nearest[i] == near[i]);
}

void run(Bytes input) {
  if (input.empty()) return;
  // At a multiple of 8, and of its very size.
  std::vector<uint64_t> words((input.size() + 6) / 8);
  uint8_t* const bytes = reinterpret_cast<uint8_t*>(words.data());
  const size_t size = input.size() - 1;
  if (size > 0) std::memcpy(bytes, input.data() + 1, size);
  if ((input[0] & 1) != 0 && size >= kHeaderBytes) {
    store<uint32_t>(bytes + 60, crc32c(Bytes(bytes, 60)));
  }
  const Result<geo::Opened> opened = geo::open_tree(Bytes(bytes, size));
  if (!opened) {
    check(opened.code() == Code::kCorrupt || opened.code() == Code::kNewerFormat);
    return;
  }
  MappedBlocks blocks(Bytes(bytes, size));
  const geo::Tree tree(blocks, opened->holds, opened->state);
  query(tree);
}

const fuzz::Target target("geo", run);

}  // namespace
}  // namespace varve
