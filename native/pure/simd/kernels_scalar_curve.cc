// pure/simd/kernels_scalar_curve.cc — the specification of the Hilbert curve: four levels of it at once.
//
// In a square the curve runs one of four ways: as it is, mirrored at either diagonal, or both. A state is
// which of them; a step takes the next four bits of column and row and has the eight bits that they
// make, and the state in the small square.
#include "pure/simd/simd.h"

namespace varve {
namespace {

constexpr uint32_t kStateCount = 4;
constexpr uint32_t kStepBits = 4;
constexpr uint32_t kStepCells = 1u << (2 * kStepBits);

struct Step {
  uint8_t bits;
  uint8_t state;
};

// One level: quadrants in the order of the curve, as it is in state 0.
constexpr Step one_level(uint32_t state, uint32_t column, uint32_t row) {
  const bool is_flipped = (state & 2) != 0;  // Turned by half.
  if (is_flipped) {
    column ^= 1;
    row ^= 1;
  }
  const bool is_swapped = (state & 1) != 0;  // Mirrored at the diagonal.
  const uint32_t x = is_swapped ? row : column;
  const uint32_t y = is_swapped ? column : row;
  const uint32_t quadrant = (3 * x) ^ y;
  // The first quarter is mirrored at the diagonal, the last at the other one.
  if (quadrant == 0) return {0, static_cast<uint8_t>(state ^ 1)};
  if (quadrant == 3) return {3, static_cast<uint8_t>(state ^ 3)};
  return {static_cast<uint8_t>(quadrant), static_cast<uint8_t>(state)};
}

struct Steps {
  Step at[kStateCount * kStepCells];
  constexpr Steps() : at() {
    for (uint32_t state = 0; state < kStateCount; ++state) {
      for (uint32_t cell = 0; cell < kStepCells; ++cell) {
        Step made = {0, static_cast<uint8_t>(state)};
        for (uint32_t bit = kStepBits; bit-- > 0;) {
          const uint32_t column = (cell >> (kStepBits + bit)) & 1;
          const uint32_t row = (cell >> bit) & 1;
          const Step level = one_level(made.state, column, row);
          made = {static_cast<uint8_t>(made.bits << 2 | level.bits), level.state};
        }
        at[state * kStepCells + cell] = made;
      }
    }
  }
};

constexpr Steps kSteps;

void hilbert(const uint32_t* columns, const uint32_t* rows, size_t count, uint64_t* to) {
  for (size_t i = 0; i < count; ++i) to[i] = hilbert_scalar(columns[i], rows[i]);
}

}  // namespace

uint64_t hilbert_scalar(uint32_t column, uint32_t row) {
  uint64_t place = 0;
  uint32_t state = 0;
  for (int32_t shift = 32 - kStepBits; shift >= 0; shift -= kStepBits) {
    const uint32_t cell = ((column >> shift) & 15) << kStepBits | ((row >> shift) & 15);
    const Step step = kSteps.at[state * kStepCells + cell];
    place = place << (2 * kStepBits) | step.bits;
    state = step.state;
  }
  return place;
}

void fill_curve_scalar(Kernels& table) { table.hilbert = hilbert; }

}  // namespace varve
