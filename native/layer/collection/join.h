// layer/collection/join.h — rows that pair documents of several collections along references.
//
//   posts ──author──▶ users ──team──▶ teams        sides hang on one another: the first is asked
//     ▲                                            for rows, each of the others is reached by a
//     └──post── comments                           field of it or of the one that it hangs on
//
// A side may lead wherever it lies, if no left join is on the way to it: the tree is turned, and
// each of the others is looked up by what is in the row already, by its key or by a field that
// names a key. The side leads that costs the least: where few users are asked for, their posts are
// found by the index of the reference; else posts are walked and each one's user is looked up.
//
//   step 0  users where city = "Rome"     walk: plan.h
//   step 1  posts where author = key      a run of their index for each user
//   step 2  teams by their key            one look
//
// Steps turn like the wheels of a counter, the last one the fastest. What a step has found for a
// value is kept for the same value coming next. A left join whose steps find nothing gives a row
// without them.
//
// Where the leader is not walked in the order that is asked for, rows are kept by their sort keys
// and the keys of their documents, with a limit the first so many, and read again at the end.
//
// Invariants
//   - each row is taken once; of an inner join no side is missing.
//   - between two calls it holds bytes of its own alone, no view.
// Threads: one at a time.      Bytes: binding/query.cc
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "layer/collection/first_few.h"
#include "layer/collection/inclusion.h"

namespace varve::collection {

inline constexpr size_t kJoinSidesMax = 16;

struct JoinSide {
  uint32_t parent = 0;                        // One before it; of the first itself.
  InclusionWay way = InclusionWay::kForward;  // From its parent.
  bool is_left = false;
  uint32_t collection = 0;
  uint64_t commit = 0;  // Of the definition that columns are of.
  uint32_t field = 0;   // Forward a column of the parent, backward its own.
  Filter where;         // The root is `and`.
  std::shared_ptr<const Definition> definition;
  std::optional<FoundRows> rows;  // What indexes of rows say of `where`.
};

struct JoinOrder {
  uint32_t side = 0;
  OrderPart part;
};

struct JoinRequest {
  std::vector<JoinSide> sides;  // At least one.
  std::vector<JoinOrder> order;
  uint64_t limit = UINT64_MAX;
  uint64_t offset = 0;
  bool is_counted = false;  // Rows themselves are not wanted.

  // Sides and an order, behind what every query has.
  static Result<JoinRequest> read(Bytes bytes);
};

enum class StepWay : uint8_t { kLead, kKey, kField };

struct JoinStep {
  uint32_t side = 0;
  StepWay way = StepWay::kLead;
  uint32_t from = 0;   // The step whose document says what is looked up.
  uint32_t field = 0;  // By key a column of that document; else its own.
  bool is_left = false;
  uint32_t end = 0;                        // Behind the steps that hang on this one.
  const IndexDefinition* index = nullptr;  // By field.
};

struct JoinPlan {
  struct Leader {
    uint32_t side;
    double row_count;
    double cost;
  };
  std::vector<JoinStep> steps;
  Plan lead;
  bool is_ordered = true;       // The walk is in the order that is asked for.
  std::vector<Leader> leaders;  // That were thought of.
};

Result<JoinPlan> make_join_plan(const Reads& reads, const JoinRequest& request,
                                Statistics& statistics);

class Join {
 public:
  // The stored documents of a row by their sides, empty where there is none; false: there is no
  // room for it, it comes again.
  using Take = std::function<bool(std::span<const Bytes> records)>;
  Join(JoinRequest request, JoinPlan plan, uint64_t kept_bytes_max);

  // Goes on until there is no room, all is there, or about so many documents were looked at.
  Status go_on(const Reads& reads, uint64_t look_max, const Take& take);
  bool is_done() const { return phase_ == Phase::kDone; }
  uint64_t taken() const { return taken_; }
  // As JSON, with what was found by now, where anything was looked for.
  std::string explained() const;

 private:
  enum class Phase : uint8_t { kWalk, kGive, kDone };
  struct Kept {
    std::string key;  // Stored: with its prefix.
    std::string record;
  };
  // A step at work.
  struct Level {
    std::unique_ptr<Run> run;
    std::vector<Kept> batch;
    size_t next = 0;    // In the batch; the one before it is in the row.
    std::string bound;  // What was looked up.
    uint32_t from = 0;  // The step that goes on when this one is through.
    uint64_t brought = 0;  // Documents, by now.
    bool has_begun = false;
    bool is_over = false;      // There are no others behind the batch.
    bool is_whole = false;     // The batch has all that there is.
    bool has_matched = false;  // Of a left join: a row had this one.
    bool is_missing = false;   // In this row.
  };
  struct Sorted {
    std::string sort_key;
    std::vector<std::string> keys;  // By side; empty: none.
    uint64_t bytes = 0;
    uint64_t kept_bytes() const { return bytes; }
    bool operator<(const Sorted& other) const {
      return sort_key != other.sort_key ? sort_key < other.sort_key : keys < other.keys;
    }
  };

  Status step(const Reads& reads);
  void leave(Level& level);
  void descend(uint32_t to);
  Status begin(const Reads& reads);
  Status look_up(const Reads& reads);
  Status fill(const Reads& reads);
  Status take_row(const Take& take);
  Status keep_row();
  void begin_giving();
  Status give(const Reads& reads, const Take& take);
  Result<std::vector<PointQuery>> find_again(const Reads& reads, const Sorted& row) const;
  const JoinSide& side_of(uint32_t step) const { return request_.sides[plan_.steps[step].side]; }
  const Kept* kept_at(uint32_t step) const;

  const JoinRequest request_;
  const JoinPlan plan_;
  const uint64_t kept_bytes_max_;
  Phase phase_ = Phase::kWalk;
  std::vector<Level> levels_;
  bool has_read_ = false;
  uint32_t depth_ = 0;    // The level at work.
  bool has_row_ = false;  // Levels hold one that is not taken yet.
  bool is_full_ = false;
  uint64_t offset_left_;
  uint64_t limit_left_;
  uint64_t taken_ = 0;
  uint64_t look_left_ = 0;
  std::vector<Bytes> records_;  // Of a row that is handed over.
  FirstFew<Sorted> sorted_;
  size_t given_ = 0;
};

}  // namespace varve::collection
