// pure/bitmap/expression.cc — expressions of many bitmaps, container by container: what lies
// between never leaves the cache.
//
// The keys of all sets are walked together. Under each key the steps run over a stack of container
// views; a view without members stands for a set that has nothing there. Every operation writes to
// drafts of its own, so that no operand is read while it is written. Two ways are shorter:
//
//   (a or b) and c     is (a and c) or (b and c) where c is a list: it is no longer than c, and
//                      what a and b have besides is never written. So a union waits for what it is
//                      cut by.
//   all of them bits   runs through the steps a page at a time; nothing but the answer is written
//                      beyond that. By kilobytes it took a quarter more, and whole containers of
//                      four sets leave the nearest cache.
#include <algorithm>

#include "pure/bitmap/bitmap.h"

namespace varve {
namespace {

constexpr size_t kStepCountMax = 65536;
constexpr size_t kOperationCountMax = 64;  // Each has 96 KiB of drafts, touched as they are needed.
constexpr size_t kPieceBytes = 4096;

using Views = std::vector<ContainerView>;

// Folds the operands of one operation.
class Fold {
 public:
  Fold() {}  // Leaves the drafts as they come: zeros would cost more than most expressions.

  // What comes out holds until the next call. The operands may be put in another order.
  ContainerView run(SetOp op, std::span<ContainerView> sets) {
    kept_ = nullptr;
    return fold(op, sets);
  }

  // What is in all of the sets and in each of the unions.
  ContainerView cut(std::span<ContainerView> sets, std::span<Views* const> unions) {
    ContainerView made = run(SetOp::kAnd, sets);
    for (Views* const parts : unions) {
      if (made.count == 0) return {};
      kept_ = made.data;
      made = made.kind == ContainerKind::kArray ? cut_list(made, *parts) : cut_other(made, *parts);
    }
    return made;
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
  ContainerView fold(SetOp op, std::span<ContainerView> sets) {
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

  // The fewest first.
  ContainerView intersect(std::span<ContainerView> sets) {
    std::sort(sets.begin(), sets.end(),
              [](const ContainerView& a, const ContainerView& b) { return a.count < b.count; });
    return sets.front().count == 0 ? ContainerView() : in_turns(SetOp::kAnd, sets);
  }

  ContainerView in_turns(SetOp op, std::span<const ContainerView> sets) {
    ContainerView made = sets.front();
    for (const ContainerView& set : sets.subspan(1)) {
      Draft& to = free_draft(made);
      combine(op, made, set, to);
      made = to.view();
      // Nothing comes back where nothing is left, but to a union.
      if (made.count == 0 && (op == SetOp::kAnd || op == SetOp::kAndNot)) break;
    }
    return made;
  }

  ContainerView in_bits(SetOp op, std::span<const ContainerView> sets) {
    Draft& to = free_draft({});
    spread(sets.front(), to.data);
    for (const ContainerView& set : sets.subspan(1)) change_bits(to.data, set, change_of(op));
    settle_bits(to);
    return to.view();
  }

  ContainerView cut_list(const ContainerView& list, const Views& parts) {
    ContainerView made;
    for (const ContainerView& part : parts) {
      if (part.count == 0) continue;
      Draft& to = free_draft(made);
      combine(SetOp::kAnd, list, part, to);
      if (to.count == 0) continue;
      if (made.count == 0) {
        made = to.view();
        continue;
      }
      Draft& both = free_draft(made, to.view());
      combine(SetOp::kOr, made, to.view(), both);
      made = both.view();
    }
    return made;
  }

  ContainerView cut_other(const ContainerView& set, Views& parts) {
    const ContainerView either = fold(SetOp::kOr, parts);
    if (either.count == 0) return {};
    Draft& to = free_draft(either);
    combine(SetOp::kAnd, set, either, to);
    return to.view();
  }

  // One that holds neither of these, nor what is kept.
  Draft& free_draft(const ContainerView& a, const ContainerView& b = {}) {
    size_t index = 0;
    for (; is_in(index, a.data) || is_in(index, b.data) || is_in(index, kept_);) ++index;
    check(index < std::size(drafts_));
    return drafts_[index];
  }
  bool is_in(size_t index, const uint8_t* data) const {
    return index < std::size(drafts_) && drafts_[index].data == data;
  }

  const uint8_t* kept_ = nullptr;
  Draft drafts_[4];
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
  explicit Evaluation(std::span<const Step> steps)
      : steps_(steps), places_(steps.size(), 0), waits_(steps.size(), false) {
    check(is_expression(steps));
    stack_.reserve(steps.size());
    find_waiting();
    folds_ = std::vector<Fold>(operation_count_);
    unions_.resize(operation_count_);
    pieces_.resize(operation_count_ * kPieceBytes);
  }

  // Hands each key's container to `each`, in rising order.
  template <class Each>
  void run(Each each) {
    for (uint64_t key = next_key(); key != UINT64_MAX; key = next_key()) {
      if (can_go_by_pieces(key)) {
        bits_.kind = ContainerKind::kBits;
        bits_.run_count = 0;
        bits_.count = go_by_pieces(bits_.data);
        if (bits_.count <= kArrayCountMax) settle_bits(bits_);
        if (bits_.count != 0) each(key, bits_.view());
        continue;
      }
      push_all(key, steps_.size());
      if (stack_.front().set.count != 0) each(key, stack_.front().set);
    }
  }

  uint64_t count() {
    const Step& last = steps_.back();
    uint64_t total = 0;
    for (uint64_t key = next_key(); key != UINT64_MAX; key = next_key()) {
      if (can_go_by_pieces(key)) {
        total += go_by_pieces(nullptr);
        continue;
      }
      push_all(key, steps_.size() - 1);
      if (last.set != nullptr) {
        total += last.set->entries_[places_.back()++].count();
        continue;
      }
      gather(last);
      total += cutting_.empty() ? folds_.back().count(last.op, plain_)
                                : folds_.back().cut(plain_, cutting_).count;
    }
    return total;
  }

 private:
  struct Operand {
    ContainerView set;
    Views* parts = nullptr;  // Instead of a set: of a union that waits.
  };

  // Unions that wait: what is cut by something else, or taken from it.
  void find_waiting() {
    std::vector<size_t> stack;  // The steps that leave what is on it.
    for (size_t index = 0; index < steps_.size(); ++index) {
      const Step& step = steps_[index];
      if (step.set == nullptr) {
        operation_count_ += 1;
        has_pairs_ &= step.operand_count > 1;
        const std::span<const size_t> operands = std::span(stack).last(step.operand_count);
        const bool cuts =
            step.op == SetOp::kAnd && !std::all_of(operands.begin(), operands.end(),
                                                   [this](size_t at) { return is_union(at); });
        const bool takes = step.op == SetOp::kAndNot;
        for (size_t place = takes ? 1 : 0; (cuts || takes) && place < operands.size(); ++place) {
          waits_[operands[place]] = is_union(operands[place]);
        }
        stack.resize(stack.size() - step.operand_count);
      }
      stack.push_back(index);
    }
  }
  bool is_union(size_t index) const {
    return steps_[index].set == nullptr && steps_[index].op == SetOp::kOr;
  }

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
        stack_.push_back(
            {is_there ? step.set->view(step.set->entries_[places_[index]++]) : ContainerView()});
        continue;
      }
      gather(step);
      if (waits_[index]) {
        unions_[operation] = plain_;
        stack_.push_back({{}, &unions_[operation]});
      } else {
        Fold& fold = folds_[operation];
        stack_.push_back(
            {cutting_.empty() ? fold.run(step.op, plain_) : fold.cut(plain_, cutting_)});
      }
      operation += 1;
    }
  }

  // Takes the operands of an operation from the stack. To be taken from, a union is its parts.
  void gather(const Step& step) {
    plain_.clear();
    cutting_.clear();
    for (const Operand& operand : std::span(stack_).last(step.operand_count)) {
      if (operand.parts == nullptr) {
        plain_.push_back(operand.set);
      } else if (step.op == SetOp::kAndNot) {
        plain_.insert(plain_.end(), operand.parts->begin(), operand.parts->end());
      } else {
        cutting_.push_back(operand.parts);
      }
    }
    stack_.resize(stack_.size() - step.operand_count);
  }

  // Whether there are nothing but bits under this key; then they are taken.
  bool can_go_by_pieces(uint64_t key) {
    if (operation_count_ == 0 || !has_pairs_) return false;
    for (size_t index = 0; index < steps_.size(); ++index) {
      const Bitmap* const set = steps_[index].set;
      if (set == nullptr) continue;
      if (!set->is_at(places_[index], key)) return false;
      if (set->entries_[places_[index]].kind != ContainerKind::kBits) return false;
    }
    bit_sets_.clear();
    for (size_t index = 0; index < steps_.size(); ++index) {
      const Bitmap* const set = steps_[index].set;
      if (set != nullptr) bit_sets_.push_back(set->view(set->entries_[places_[index]++]).data);
    }
    return true;
  }

  // How many members come out; written to `to` unless that is null.
  uint32_t go_by_pieces(uint8_t* to) {
    uint64_t total = 0;
    for (size_t at = 0; at < kBitsBytes; at += kPieceBytes) {
      total += go_piece(at, to == nullptr ? nullptr : to + at);
    }
    return static_cast<uint32_t>(total);
  }
  uint64_t go_piece(size_t at, uint8_t* to) {
    bit_stack_.clear();
    uint8_t* piece = pieces_.data();
    auto set = bit_sets_.begin();
    for (const Step& step : steps_.first(steps_.size() - 1)) {
      if (step.set != nullptr) {
        bit_stack_.push_back(*set++ + at);
        continue;
      }
      join_pieces(step, piece);
      bit_stack_.push_back(piece);
      piece += kPieceBytes;
    }
    if (to != nullptr) return join_pieces(steps_.back(), to);
    // All but the last of them make one; that and the last are counted.
    const Step& last = steps_.back();
    const uint8_t* const behind = bit_stack_.back();
    bit_stack_.pop_back();
    Step before = last;
    before.operand_count -= 1;
    const uint8_t* made = bit_stack_.back();
    if (before.operand_count > 1) {
      join_pieces(before, piece);
      made = piece;
    }
    return kernels().bitmap.join_count[static_cast<size_t>(last.op)](made, behind, kPieceBytes);
  }
  // Joins the topmost pieces of the stack, two or more, which go; returns how many bits are set.
  uint64_t join_pieces(const Step& step, uint8_t* to) {
    const auto join = kernels().bitmap.join[static_cast<size_t>(step.op)];
    const size_t first = bit_stack_.size() - step.operand_count;
    uint64_t count = join(to, bit_stack_[first], bit_stack_[first + 1], kPieceBytes);
    for (size_t index = first + 2; index < bit_stack_.size(); ++index) {
      count = join(to, to, bit_stack_[index], kPieceBytes);
    }
    bit_stack_.resize(first);
    return count;
  }

  const std::span<const Step> steps_;
  std::vector<size_t> places_;  // Of each set: its first container that was not yet taken.
  std::vector<bool> waits_;     // Of each step.
  size_t operation_count_ = 0;
  bool has_pairs_ = true;    // No operation has a single operand.
  std::vector<Fold> folds_;  // One for each operation, as the next two.
  std::vector<Views> unions_;
  std::vector<uint8_t> pieces_;
  std::vector<Operand> stack_;
  Views plain_;                  // Operands of the operation at hand,
  std::vector<Views*> cutting_;  // and those that wait.
  std::vector<const uint8_t*> bit_sets_;
  std::vector<const uint8_t*> bit_stack_;
  Draft bits_;
};

Bitmap Bitmap::evaluate(std::span<const Step> steps, Blocks& blocks) {
  Bitmap to(blocks);
  Evaluation(steps).run([&to](uint64_t key, const ContainerView& set) { to.append(key, set); });
  return to;
}

uint64_t Bitmap::evaluate_count(std::span<const Step> steps) { return Evaluation(steps).count(); }

}  // namespace varve
