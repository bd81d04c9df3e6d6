// pure/bitmap/expression.cc — expressions of many bitmaps, container by container: what lies
// between never leaves the cache.
//
// The keys of all sets are walked together. Under each key the steps run over a stack of container
// views; a view without members stands for a set that has nothing there. Every operation writes to
// drafts of its own, so that no operand is read while it is written.
#include <algorithm>

#include "pure/bitmap/bitmap.h"

namespace varve {
namespace {

constexpr size_t kStepCountMax = 65536;
constexpr size_t kOperationCountMax = 64;  // Each has 48 KiB of drafts.

// Folds the operands of one operation.
class Fold {
 public:
  // What comes out holds until the next call. The operands may be put in another order.
  ContainerView run(SetOp op, std::span<ContainerView> sets) {
    if (op == SetOp::kAnd) return intersect(sets);
    if (op == SetOp::kAndNot && sets.front().count == 0) return {};
    // Operands without members change nothing.
    const auto end = std::remove_if(sets.begin(), sets.end(),
                                    [](const ContainerView& set) { return set.count == 0; });
    sets = sets.first(static_cast<size_t>(end - sets.begin()));
    if (sets.empty()) return {};
    size_t sum = 0;
    for (const ContainerView& set : sets) sum += set.count;
    const bool is_small = sum <= kArrayCountMax || sets.size() <= 2;
    if (is_small || sets.front().kind == ContainerKind::kRuns) return in_turns(op, sets);
    return in_bits(op, sets);
  }

  // How many members would come out: what two operands have in common tells it all.
  uint32_t count(SetOp op, std::span<ContainerView> sets) {
    if (sets.size() != 2) return run(op, sets).count;
    const ContainerView& a = sets[0];
    const ContainerView& b = sets[1];
    const uint32_t common = a.count == 0 || b.count == 0 ? 0 : intersection_count(a, b);
    if (op == SetOp::kAnd) return common;
    if (op == SetOp::kAndNot) return a.count - common;
    return a.count + b.count - (op == SetOp::kOr ? common : 2 * common);
  }

 private:
  // The fewest first.
  ContainerView intersect(std::span<ContainerView> sets) {
    std::sort(sets.begin(), sets.end(),
              [](const ContainerView& a, const ContainerView& b) { return a.count < b.count; });
    return sets.front().count == 0 ? ContainerView() : in_turns(SetOp::kAnd, sets);
  }

  // Two drafts take turns.
  ContainerView in_turns(SetOp op, std::span<const ContainerView> sets) {
    ContainerView made = sets.front();
    Draft* to = &first_;
    for (const ContainerView& set : sets.subspan(1)) {
      combine(op, made, set, *to);
      made = to->view();
      to = to == &first_ ? &second_ : &first_;
      // Nothing comes back where nothing is left, but to a union.
      if (made.count == 0 && (op == SetOp::kAnd || op == SetOp::kAndNot)) break;
    }
    return made;
  }

  ContainerView in_bits(SetOp op, std::span<const ContainerView> sets) {
    spread(sets.front(), first_.data);
    for (const ContainerView& set : sets.subspan(1)) {
      change_bits(first_.data, set, change_of(op));
    }
    settle_bits(first_);
    return first_.view();
  }

  Draft first_;
  Draft second_;
};

}  // namespace

bool Bitmap::is_expression(std::span<const Step> steps) {
  if (steps.size() > kStepCountMax) return false;
  size_t height = 0;
  size_t operation_count = 0;
  for (const Step& step : steps) {
    if (step.set == nullptr) {
      if (step.operand_count == 0 || step.operand_count > height) return false;
      if (++operation_count > kOperationCountMax) return false;
      height -= step.operand_count;
    }
    height += 1;
  }
  return height == 1;
}

// Walks the keys of all sets together.
class Bitmap::Evaluation {
 public:
  explicit Evaluation(std::span<const Step> steps) : steps_(steps), places_(steps.size(), 0) {
    check(is_expression(steps));
    const auto is_operation = [](const Step& step) { return step.set == nullptr; };
    folds_ = std::vector<Fold>(
        static_cast<size_t>(std::count_if(steps.begin(), steps.end(), is_operation)));
    stack_.reserve(steps.size());
  }

  // Hands each key's container to `each`, in rising order.
  template <class Each>
  void run(Each each) {
    for (uint64_t key = next_key(); key != UINT64_MAX; key = next_key()) {
      push_all(key, steps_.size());
      if (stack_.front().count != 0) each(key, stack_.front());
    }
  }

  uint64_t count() {
    const Step& last = steps_.back();
    uint64_t total = 0;
    for (uint64_t key = next_key(); key != UINT64_MAX; key = next_key()) {
      push_all(key, steps_.size() - 1);
      total += last.set == nullptr ? folds_.back().count(last.op, stack_)
                                   : last.set->entries_[places_.back()++].count();
    }
    return total;
  }

 private:
  uint64_t next_key() const {
    uint64_t key = UINT64_MAX;
    for (size_t index = 0; index < steps_.size(); ++index) {
      if (steps_[index].set == nullptr) continue;
      const std::vector<Entry>& entries = steps_[index].set->entries_;
      if (places_[index] < entries.size()) key = std::min(key, entries[places_[index]].key());
    }
    return key;
  }

  // Works off the first `step_count` steps for one key.
  void push_all(uint64_t key, size_t step_count) {
    stack_.clear();
    size_t operation = 0;
    for (size_t index = 0; index < step_count; ++index) {
      const Step& step = steps_[index];
      if (step.set != nullptr) {
        const bool is_there = step.set->is_at(places_[index], key);
        stack_.push_back(is_there ? step.set->view(step.set->entries_[places_[index]++])
                                  : ContainerView());
        continue;
      }
      const std::span<ContainerView> operands = std::span(stack_).last(step.operand_count);
      const ContainerView made = folds_[operation++].run(step.op, operands);
      stack_.resize(stack_.size() - step.operand_count);
      stack_.push_back(made);
    }
  }

  const std::span<const Step> steps_;
  std::vector<size_t> places_;  // Of each set: its first container that was not yet taken.
  std::vector<Fold> folds_;     // One for each operation.
  std::vector<ContainerView> stack_;
};

Bitmap Bitmap::evaluate(std::span<const Step> steps, Blocks& blocks) {
  Bitmap to(blocks);
  Evaluation(steps).run([&to](uint64_t key, const ContainerView& set) { to.append(key, set); });
  return to;
}

uint64_t Bitmap::evaluate_count(std::span<const Step> steps) { return Evaluation(steps).count(); }

}  // namespace varve
