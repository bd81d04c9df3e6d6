// test/native/pure/bitmap/algebra.test.cc — whole bitmaps joined, two or many, against the
// algorithms of the standard library.
#include <algorithm>
#include <iterator>
#include <map>

#include "model.h"

namespace varve {
namespace {

using test::bitmap_of;
using test::expect;
using test::holds;
using test::Model;

constexpr uint64_t kUniverse = 500000;
constexpr SetOp kOps[] = {SetOp::kAnd, SetOp::kOr, SetOp::kXor, SetOp::kAndNot};

Model joined(SetOp op, const Model& a, const Model& b) {
  Model to;
  const auto out = std::inserter(to, to.end());
  if (op == SetOp::kAnd) std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), out);
  if (op == SetOp::kOr) std::set_union(a.begin(), a.end(), b.begin(), b.end(), out);
  if (op == SetOp::kXor) {
    std::set_symmetric_difference(a.begin(), a.end(), b.begin(), b.end(), out);
  }
  if (op == SetOp::kAndNot) std::set_difference(a.begin(), a.end(), b.begin(), b.end(), out);
  return to;
}

Bitmap random_bitmap(Random& random, const Model& model, Blocks& blocks) {
  Bitmap bitmap = bitmap_of(model, blocks);
  if (random.one_in(2)) bitmap.optimise();
  return bitmap;
}

void compare(const Bitmap& a, const Bitmap& b, const Model& model_a, const Model& model_b) {
  const Model common = joined(SetOp::kAnd, model_a, model_b);
  expect(a.intersects(b) == !common.empty());
  expect(a.is_subset_of(b) == (common.size() == model_a.size()));
  expect(a.equals(b) == (model_a == model_b));
}

void join_two(Random& random, Blocks& blocks) {
  const Model model_a = test::random_model(random, kUniverse);
  Model model_b = test::random_model(random, kUniverse);
  if (random.one_in(4)) model_b = joined(SetOp::kOr, model_a, model_b);
  const Bitmap a = random_bitmap(random, model_a, blocks);
  const Bitmap b = random_bitmap(random, model_b, blocks);
  for (const SetOp op : kOps) {
    const Model wanted = joined(op, model_a, model_b);
    expect(holds(Bitmap::joined(op, a, b, blocks), wanted));
    expect(Bitmap::joined_count(op, a, b) == wanted.size());
    Bitmap in_place = a.copy(blocks);
    in_place.join(op, b);
    expect(holds(in_place, wanted));
    Bitmap itself = a.copy(blocks);
    itself.join(op, itself);
    expect(holds(itself, joined(op, model_a, model_a)));
  }
  compare(a, b, model_a, model_b);
  compare(a, a, model_a, model_a);
  expect(a.equals(bitmap_of(model_a, blocks)));
  const uint64_t first = random.below(kUniverse);
  const uint64_t last = first + random.below(200000);
  const Model part(model_a.lower_bound(first), model_a.upper_bound(last));
  expect(holds(a.slice(first, last, blocks), part));
  expect(a.count_range(first, last) == part.size());
  const uint64_t base = first & ~uint64_t{0xffff};
  Model less;
  for (auto it = model_a.lower_bound(base); it != model_a.upper_bound(last); ++it) {
    less.insert(*it - base);
  }
  expect(holds(a.slice_down(base, last, blocks), less));
}

// A random expression over the sets, pushed operands first; answers what it holds.
Model push_expression(Random& random, const std::vector<Model>& models,
                      const std::vector<Bitmap>& bitmaps, uint32_t depth,
                      std::vector<Bitmap::Step>& steps) {
  if (depth == 0 || random.one_in(3)) {
    const size_t index = random.below(models.size());
    steps.push_back({.set = &bitmaps[index]});
    return models[index];
  }
  const SetOp op = kOps[random.below(4)];
  const uint32_t operand_count = 1 + static_cast<uint32_t>(random.below(4));
  Model wanted;
  for (uint32_t index = 0; index < operand_count; ++index) {
    const Model operand = push_expression(random, models, bitmaps, depth - 1, steps);
    wanted = index == 0 ? operand : joined(op, wanted, operand);
  }
  steps.push_back({.op = op, .operand_count = operand_count});
  return wanted;
}

void evaluate(Random& random, Blocks& blocks) {
  std::vector<Model> models(1 + random.below(5));
  std::vector<Bitmap> bitmaps;
  const Model shared = test::random_model(random, kUniverse);
  for (Model& model : models) {
    model = joined(SetOp::kOr, shared, test::random_model(random, kUniverse));
    bitmaps.push_back(random_bitmap(random, model, blocks));
  }
  for (int round = 0; round < 4; ++round) {
    std::vector<Bitmap::Step> steps;
    const Model wanted = push_expression(random, models, bitmaps, 3, steps);
    expect(Bitmap::is_expression(steps));
    expect(holds(Bitmap::evaluate(steps, blocks), wanted));
    expect(Bitmap::evaluate_count(steps) == wanted.size());
  }
}

const test::Case two("two bitmaps join as two sets do, in every way and form", [] {
  MemoryBlocks blocks;
  test::MovingBlocks moving;
  for (uint64_t seed = 0; seed < test::bitmap_count(); ++seed) {
    Random random(test::seed() * 1000 + seed);
    join_two(random, blocks);
    join_two(random, moving);
  }
  expect(blocks.used_bytes() == 0);
});

const test::Case many("expressions of many bitmaps come to what sets joined one by one do", [] {
  MemoryBlocks blocks;
  test::MovingBlocks moving;
  for (uint64_t seed = 0; seed < test::bitmap_count(); ++seed) {
    Random random(test::seed() * 2000 + seed);
    evaluate(random, blocks);
    evaluate(random, moving);
  }
  expect(blocks.used_bytes() == 0);
});

const test::Case no_expression("steps that leave no or several results are no expression", [] {
  MemoryBlocks blocks;
  const Bitmap one(blocks);
  const Bitmap::Step set{.set = &one};
  const Bitmap::Step pair{.op = SetOp::kOr, .operand_count = 2};
  const Bitmap::Step none{.op = SetOp::kOr, .operand_count = 0};
  using Steps = std::vector<Bitmap::Step>;
  expect(Bitmap::is_expression(Steps{set}) && Bitmap::is_expression(Steps{set, set, pair}));
  expect(!Bitmap::is_expression(Steps{}) && !Bitmap::is_expression(Steps{set, set}));
  expect(!Bitmap::is_expression(Steps{set, pair}) && !Bitmap::is_expression(Steps{set, none}));
  Steps deep(65, {.op = SetOp::kOr, .operand_count = 1});
  deep.insert(deep.begin(), set);
  expect(!Bitmap::is_expression(deep));
  deep.pop_back();
  expect(Bitmap::is_expression(deep));
});

// Each container form against each, with the borders of 64-bit words and of the container in play.
const test::Case forms("every form of container joins with every other", [] {
  MemoryBlocks blocks;
  Random random(test::seed());
  std::vector<Model> models(8);
  for (uint64_t member = 0; member < 65536; ++member) models[0].insert(member);
  for (uint64_t member = 0; member < 65536; member += 2) models[1].insert(member);
  for (uint64_t member = 63; member < 65536; member += 64) models[2].insert(member);
  for (uint64_t member = 100; member < 60000; ++member) models[3].insert(member);
  for (uint64_t member = 0; member < 65536; ++member) {
    if (member % 100 < 90) models[4].insert(member);
    if (random.one_in(3)) models[5].insert(member);
    if (random.one_in(300)) models[6].insert(member);
  }
  models[7] = {0, 65535};
  for (const Model& model_a : models) {
    for (const Model& model_b : models) {
      Bitmap a = bitmap_of(model_a, blocks);
      Bitmap b = bitmap_of(model_b, blocks);
      std::map<SetOp, Model> wanted;
      for (const SetOp op : kOps) wanted[op] = joined(op, model_a, model_b);
      for (int round = 0; round < 4; ++round) {
        for (const SetOp op : kOps) {
          expect(holds(Bitmap::joined(op, a, b, blocks), wanted[op]));
          expect(Bitmap::joined_count(op, a, b) == wanted[op].size());
        }
        compare(a, b, model_a, model_b);
        if (round == 0) a.optimise();
        if (round == 1) b.optimise();
        if (round == 2) a = bitmap_of(model_a, blocks);
      }
    }
  }
});

}  // namespace
}  // namespace varve
