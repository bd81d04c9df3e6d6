// Vectors of floats, and boxes tested four at a time, against the same one by one.
#include "pure/simd/vectors.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "pure/simd/boxes.h"
#include "test.h"

namespace varve::test {
namespace {

constexpr size_t kCount = 64;

float any(Random& random) { return static_cast<float>(random.below(40)) - 20; }

const Case arithmetic("four floats at a time are four floats one by one", [] {
  Random random(seed());
  for (int run = 0; run < 1000; ++run) {
    float a[4], b[4], sums[4], differences[4], products[4], least[4], most[4];
    double wide[4];
    for (int i = 0; i < 4; ++i) {
      a[i] = any(random);
      b[i] = any(random);
      wide[i] = static_cast<double>(a[i]) / 3;
    }
    const Floats x = Floats::of(a);
    const Floats y = Floats::of(b);
    (x + y).put(sums);
    (x - y).put(differences);
    (x * y).put(products);
    smaller(x, y).put(least);
    larger(x, y).put(most);
    float narrow[4];
    Floats::of(wide).put(narrow);
    for (int i = 0; i < 4; ++i) {
      expect(sums[i] == a[i] + b[i] && differences[i] == a[i] - b[i]);
      expect(products[i] == a[i] * b[i] && narrow[i] == static_cast<float>(wide[i]));
      expect(least[i] == std::min(a[i], b[i]) && most[i] == std::max(a[i], b[i]));
      expect(((x.at_most(y) >> i) & 1) == (a[i] <= b[i]));
    }
  }
});

const Case wide_arithmetic("doubles at a time are doubles one by one", [] {
  Random random(seed());
  for (int run = 0; run < 1000; ++run) {
    double a[kDoublesCount], b[kDoublesCount], sums[kDoublesCount], products[kDoublesCount];
    double least[kDoublesCount], most[kDoublesCount];
    for (size_t i = 0; i < kDoublesCount; ++i) {
      a[i] = static_cast<double>(any(random)) / 3;
      b[i] = static_cast<double>(any(random)) / 7;
    }
    const Doubles x = read_doubles(a);
    const Doubles y = read_doubles(b);
    write_doubles(x + y, sums);
    write_doubles(x * y, products);
    write_doubles(smaller(x, y), least);
    write_doubles(larger(x, y), most);
    for (size_t i = 0; i < kDoublesCount; ++i) {
      expect(sums[i] == a[i] + b[i] && products[i] == a[i] * b[i]);
      expect(least[i] == smaller(a[i], b[i]) && most[i] == larger(a[i], b[i]));
    }
  }
});

const Case smallest("the place of the smallest is the first of several", [] {
  Random random(seed());
  for (int run = 0; run < 2000; ++run) {
    float numbers[kCount];
    const size_t count = 1 + random.below(kCount);
    for (size_t i = 0; i < kCount; ++i) numbers[i] = i < count ? any(random) : INFINITY;
    if (random.one_in(10)) std::fill(numbers, numbers + count, INFINITY);
    const float* const found = std::min_element(numbers, numbers + count);
    expect(place_of_smallest(numbers, count) == static_cast<size_t>(found - numbers));
  }
});

const Case windows("boxes and points that meet a window are those that do one by one", [] {
  Random random(seed());
  for (int run = 0; run < 2000; ++run) {
    const size_t count = random.below(kCount + 1);
    float columns[4][kCount];
    double lats[kCount], lngs[kCount];
    for (size_t i = 0; i < kCount; ++i) {
      columns[0][i] = any(random);
      columns[1][i] = any(random);
      columns[2][i] = columns[0][i] + static_cast<float>(random.below(4));
      columns[3][i] = columns[1][i] + static_cast<float>(random.below(4));
      lats[i] = any(random);
      lngs[i] = any(random);
    }
    const float south = any(random), west = any(random);
    const float north = south + 9, east = west + 9;
    uint64_t boxes = 0, points = 0;
    for (size_t i = 0; i < count; ++i) {
      boxes |= uint64_t{columns[0][i] <= north && columns[2][i] >= south && columns[1][i] <= east &&
                        columns[3][i] >= west}
               << i;
      points |= uint64_t{lats[i] >= south && lats[i] <= north && lngs[i] >= west && lngs[i] <= east}
                << i;
    }
    const FloatBoxes given = {columns[0], columns[1], columns[2], columns[3]};
    expect(boxes_meet(given, count, {south, west, north, east}) == boxes);
    expect(points_meet(lats, lngs, count, {south, west, north, east}) == points);
  }
});

}  // namespace
}  // namespace varve::test
