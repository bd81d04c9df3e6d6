// pure/text/search.h — the best documents for a query, without scoring the rest.
//
// A query becomes a plan of cursors. Three shapes, which are most of what is asked, know what
// cannot be among the best and pass it:
//
//   one term       pages by the most that they can score, best first, until that is below the worst
//   hit any of terms   MaxScore: lists that together cannot lift a document among the hits are only
//                  asked about documents of the other lists; those are added up in windows of
//                  documents, or, if it is one list, group by group
//   all of terms   the rarest leads, and groups that cannot score enough are passed unread
//
// Whatever else there is (phrases, exclusions, trees) is walked document by document.
//
// Invariants
//   - the hits are those that scoring every document would give, in the same order.
// Threads: one.
#pragma once

#include <memory>
#include <vector>

#include "pure/text/cursor.h"
#include "pure/text/query.h"
#include "pure/text/top.h"

namespace varve {

// A query's lists, and how they are joined.
struct Plan {
  enum class Kind : uint8_t { kNothing, kTerm, kPhrase, kAny, kAll };

  Kind kind = Kind::kNothing;
  TermCursor* cursor = nullptr;      // Of a term.
  std::vector<TermCursor*> cursors;  // Of a phrase, and where each word stands in it.
  std::vector<uint32_t> offsets;
  double weight = 0;           // Of a phrase.
  std::vector<Plan> children;  // Of any and all.
  std::vector<Plan> optional;  // Of all: what may add to the score,
  std::vector<Plan> excluded;  // and what must not be there.
  uint32_t document = 0;
  uint32_t frequency = 0;  // Of the phrase, there.
  bool is_all = false;     // Of the query.
};

class TextSearch {
 public:
  TextSearch(const TextCore& core, const TextRequest& request);
  void run(const QueryNode& query, std::vector<TextHit>& to);

 private:
  Plan plan(const QueryNode& node, double boost);
  Plan plan_word(const QueryNode& node, double boost);
  Plan plan_phrase(const QueryNode& node, double boost);
  Plan plan_group(const QueryNode& node, double boost);
  Plan plan_term(uint32_t term, double boost);
  TermCursor* open(uint32_t term);
  double idf(const TermCursor& cursor) const;
  void weigh(Plan& plan);
  static bool are_terms(const std::vector<Plan>& plans);

  void score_group(TermCursor& cursor);
  void best_of_term(TermCursor& cursor);
  void best_of_any(std::vector<Plan>& terms);
  size_t first_needed(const std::vector<uint64_t>& sums, uint32_t begin) const;
  uint32_t best_of_group(std::span<TermCursor*> lists, const std::vector<uint64_t>& sums,
                         uint32_t begin);
  uint32_t best_of_window(std::span<TermCursor*> lists, size_t needed,
                          const std::vector<uint64_t>& sums, uint32_t begin);
  static uint64_t near_most(std::span<TermCursor*> lists, uint32_t begin, uint32_t end);
  void add_up(TermCursor& cursor, uint32_t begin, uint32_t end);
  void finish(std::span<TermCursor*> others, const std::vector<uint64_t>& sums, uint32_t document,
              uint64_t score);
  void best_of_all(std::vector<Plan>& terms);
  uint32_t best_of_all_group(std::span<TermCursor*> lists, const std::vector<uint64_t>& rests,
                             uint32_t begin);
  void walk(Plan& plan);

  uint32_t advance(Plan& plan, uint32_t target);
  uint32_t advance_all(Plan& plan, uint32_t target);
  uint32_t advance_phrase(Plan& plan, uint32_t target);
  bool can_win(Plan& plan, uint32_t document);
  uint32_t count_phrase(Plan& plan);
  uint64_t score(Plan& plan, uint32_t document, uint32_t length);

  static constexpr uint32_t kWindow = 2048;

  const TextCore& core_;
  TopHits top_;
  LengthReader lengths_;
  Norm norm_;
  double weight_sum_ = 0;  // While planning.
  double scale_ = 1;
  std::vector<std::unique_ptr<TermCursor>> cursors_;
  std::vector<double> weights_;  // Of the cursors, by the same number.
  std::vector<uint64_t> sums_;   // Of a window, by document.
  std::vector<uint64_t> touched_;
  std::vector<std::vector<uint32_t>> positions_;
};

}  // namespace varve
