// layer/collection/run.h — one run of a query: its documents, some at a time.
//
//   rows ───▶ keys ────┐
//   spans ──▶ entries ──▶ documents, many by one look ──▶ what is left of `where` ──▶ take
//                                                              └──▶ sort keys ──▶ take
//
// Where other indexes narrow the walk, their rows are gathered first, into one set:
//
//   spans of another ──▶ rows ──▶ and ──▶ entries whose row is among them ──▶ documents
//
// A run is as of one commit, which its caller holds, and of a transaction's first so many edits. It
// keeps no view: between two calls it remembers the last key that it is done with, and begins
// behind it. Where the walk is not in the order that was asked for, what is found is kept by its
// sort key, with a limit the first so many; the documents are read again when they are handed over.
// Should that become too much, there may be an index in that order after all: in_order().
//
// Invariants
//   - each document that is asked for is taken once, and no other.
//   - what a transaction's run has walked over is a condition of its commit, and no more of its
//     spans.
// Threads: one at a time.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "layer/collection/first_few.h"
#include "layer/collection/plan.h"
#include "layer/collection/sieve.h"

namespace varve::collection {

class Run {
 public:
  // A document by its stored key, and its edit; false: there is no room for it, it comes again.
  using Take = std::function<bool(Bytes key, const Edit& edit)>;
  // Many at once, without their keys, for whoever takes them all.
  using TakeMany = std::function<Status(const Documents& documents)>;
  // What is kept for sorting takes at most so many bytes: TOO_LARGE beyond.
  Run(std::shared_ptr<const Definition> definition, Request request, Plan plan,
      uint64_t kept_bytes_max);

  // Goes on until there is no room, all is there, or about so many entries were looked at.
  // Some of them may come by `take_many`, if there is one.
  Status go_on(const Reads& reads, uint64_t look_max, const Take& take,
               const TakeMany& take_many = {});
  // After TOO_LARGE: the same from its beginning by an index in the order that was to be made; null
  // where there is none.
  Result<std::unique_ptr<Run>> in_order(const Reads& reads) const;
  bool is_done() const { return phase_ == Phase::kDone; }
  // That which is being taken, where it was opened to be asked; null: it was not.
  const Document* opened() const { return opened_; }
  uint64_t look_left() const { return look_left_; }  // Of those that go_on() was given.
  uint64_t taken() const { return taken_; }  // Counted, where documents are not wanted.
  bool is_paged() const { return request_.is_paged; }
  const std::shared_ptr<const Definition>& definition() const { return definition_; }
  const Score* score() const { return request_.score.get(); }
  // With what was read by now, where anything was.
  std::string explained() const;
  // Behind the last document that was taken, of which there is one.
  std::string position() const;

 private:
  enum class Phase : uint8_t { kNarrow, kWalk, kGive, kDone };
  struct Found {
    std::string place;         // The entry's key.
    std::string document_key;  // Stored: with its prefix.
    uint64_t row = 0;
  };
  // What a row or a sort key takes beside its bytes, about.
  static constexpr uint64_t kKeptBytes = 64;
  struct Sorted {
    std::string sort_key;         // With the document's key at its end, so that none are equal.
    uint32_t document_bytes = 0;  // So many are that key.
    uint64_t kept_bytes() const { return sort_key.size() + kKeptBytes; }
    bool operator<(const Sorted& other) const { return sort_key < other.sort_key; }
  };

  Status gather_rows(const Reads& reads);
  Status gather_span(const Reads& reads, const KeySpan& span);
  void add_gathered();
  void join_gathered();
  Status walk_some(const Reads& reads, const Take& take, const TakeMany& take_many);
  Status walk_span(const Reads& reads, const Take& take, const TakeMany& take_many);
  Status walk_rows(const Reads& reads, const Take& take);
  void count_rows();
  std::vector<uint64_t> next_rows();
  Status find_keys(const Reads& reads, std::span<const uint64_t> rows, std::vector<Found>& found);
  std::string place_of_row(uint64_t row, size_t ahead) const;
  void begin_behind_row(Bytes place);
  bool may_take_many(const TakeMany& take_many) const;
  Status walk_documents(EngineCursor& cursor, const Reads& reads, const Take& take,
                        const TakeMany& take_many);
  Result<size_t> look_at_many(EngineCursor& cursor, const TakeMany& take_many);
  Status walk_entries(EngineCursor& cursor, const Reads& reads, const Take& take);
  Status gather(const Reads& reads, EngineCursor& cursor, std::vector<Found>& found);
  Status look_up_documents(const Reads& reads, const std::vector<Found>& found);
  Status look_up(const Reads& reads, const std::vector<Found>& found);
  // These two answer whether they are done with what they were given.
  Result<bool> look_at(const Reads& reads, Bytes key, const Edit& edit, const Take& take);
  Result<bool> accept(Bytes key, const Edit& edit, const Take& take);
  Status keep(const Document& document, Bytes key);
  Status give(const Reads& reads, const Take& take);
  Status note_read(const Reads& reads, const KeySpan& span, bool is_over) const;
  Status meet(uint64_t row);
  void done_with(std::string_view place);
  Status check_kept() const;
  void begin_behind();
  void begin_giving();
  void narrow(KeySpan& span) const;

  const std::shared_ptr<const Definition> definition_;
  const Request request_;
  Plan plan_;
  const uint64_t kept_bytes_max_;
  const std::string document_prefix_;
  Phase phase_ = Phase::kWalk;
  size_t narrowing_ = 0;            // Of plan_.narrowings, of which rows are gathered:
  RowSetRef gathering_;             // of this one,
  std::vector<uint64_t> gathered_;  // with these, which are not in the set yet;
  RowSetRef narrowed_;              // and of those before. Null: there is none.
  size_t span_ = 0;                 // Of plan_.spans, or of a narrowing.
  uint64_t next_row_ = 0;   // Of request_.rows: the least that is not done with,
  size_t next_rank_ = 0;    // or how many of those that are ranked are.
  std::string place_;       // The last key of this span that is done with.
  std::string last_place_;  // That of the last document taken, of a query that is paged.
  uint64_t placed_ = 0;     // So many were taken up to there.
  uint64_t offset_left_;
  uint64_t limit_left_;
  uint64_t taken_ = 0;
  uint64_t look_left_ = 0;
  uint64_t entries_read_ = 0;    // Or rows, or documents where these are walked;
  uint64_t documents_read_ = 0;  // each as often as it was.
  bool has_read_ = false;
  bool is_full_ = false;
  std::unordered_set<uint64_t> met_;  // Rows, where a document may be met twice.
  FirstFew<Sorted> sorted_;
  size_t given_ = 0;
  std::string after_;                // Sort keys up to this one are not wanted.
  Document document_;                // That one of the walk is looked at in,
  const Document* opened_ = nullptr;  // or null.
  std::vector<PointQuery> queries_;  // Of a batch; at least as many as it has.
  std::string room_;
  // Of walks over documents that are taken many at a time.
  struct Many {
    Sieve sieve;
    Documents documents;
    std::array<Bytes, Documents::kCountMax> values;
  };
  std::unique_ptr<Many> many_;
};

}  // namespace varve::collection
