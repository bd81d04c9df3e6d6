// layer/collection/collection.h — the door of collections: what is defined, documents written with
// their index entries, indexes built.
//
//   document ─▶ old record ─┐
//               new record ─┴▶ entries that go, entries that come ─▶ the same transaction
//
// A write reads what is there, makes the entries of both records, and edits what differs. Whatever
// it has relied on is guarded (transaction.h), at every isolation: the definition, the document's
// key, each entry of a unique index that it adds. So two writers who meet in one of these cannot
// both be committed, on whatever threads they are, and an index is never behind its documents.
//
// An index that is added to documents that are there is built beside writers, who keep it from the
// commit on that defines it: some documents a commit, by their keys, and the last commit says that
// it is ready. How far it got is a key, so that a crash costs one commit's work.
//
// Documents of older versions are rewritten so, too, but through JavaScript, which alone knows how
// what they hold is converted: a step brings some over, and JavaScript writes them in the same
// transaction, which also says how far it got (rewriting.cc).
//
//   definition.h   what the catalog holds      document.h   records as fields
//   entries.h      what an index holds         packed.h     what one of rows holds
//   filter.h       conditions                  places.h     conditions on places
//   rows.h         what indexes of rows say    upkeep.h     folding them; builder.h builds
//   plan.h         how a query is answered     run.h        answering it
//   inclusion.h    what comes along with it    aggregate.h  figures of its documents
//   join.h         rows of several collections score.h      what a document is worth
//   sample.h       some of its documents       statistics.h what they say of all
//
// Threads: one, with a Reader of its own.      Bytes: FORMAT.md
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "layer/collection/definition.h"
#include "layer/collection/entries.h"
#include "layer/collection/reads.h"
#include "layer/collection/rows.h"
#include "layer/collection/statistics.h"
#include "layer/collection/upkeep.h"

namespace varve::collection {

inline constexpr uint64_t kEditBytes = 64;  // What an edit takes beside its key and value, about.

using DefinitionRef = std::shared_ptr<const Definition>;

enum class WriteMode : uint8_t {
  kInsert = 0,  // kExists if the key is taken.
  kPut = 1,
  kUpdate = 2,  // kNotFound if it is not.
};

// Of whoever defines a collection anew.
enum class Expects : uint8_t {
  kDocuments = 0,  // Whatever there is.
  kNone = 1,       // The definition is right only if there are no documents.
};

struct DocumentWrite {
  uint32_t collection = 0;
  WriteMode mode = WriteMode::kPut;
  Bytes key;     // An ordered key, without a prefix.
  Bytes record;  // Its row does not count.
  // The document is the one that was there at this commit; UINT64_MAX: whatever it is.
  uint64_t since = UINT64_MAX;
};

// What refused a write, for an error that can be taken apart; the message says it in words.
struct Refusal {
  std::string index;   // A unique one, in which another document is.
  std::string fields;  // Of it.
  std::string path;    // A field that breaks a rule.
  std::string rule;
};

struct RewriteReport {
  uint64_t document_count = 0;  // That were taken.
  bool is_done = false;         // With these all are rewritten.
};

struct BuildReport {
  uint64_t document_count = 0;  // In this step.
  bool is_done = true;          // Nothing is left to be built.
  Building what;                // What was built on, if anything was.
  bool is_ready = false;        // That one is.
};

class Collections {
 public:
  explicit Collections(Store& store) : store_(store), own_(store) {}
  Collections(const Collections&) = delete;
  Collections& operator=(const Collections&) = delete;

  // ---- definitions
  // By its name as an ordered key; 0: there is none.
  Result<uint32_t> id_of(const Reads& reads, Bytes name);
  // As the reads see it; null: there is none.
  Result<DefinitionRef> definition(const Reads& reads, uint32_t id);
  // Makes the draft the definition that comes behind the one that the commit `since` has put, or
  // the first (0). Ids of 0 are given out; an index that is new is to be built if there may be
  // documents; one that is not in the draft goes, with all its entries. kConflict: another
  // definition has been put meanwhile, or there are documents that the draft does not expect.
  Result<DefinitionRef> define(Store::Reader& reader, Bytes name, Definition draft, uint64_t since,
                               Expects expects = Expects::kDocuments);
  // With all documents; false: there was none.
  Result<bool> drop(Store::Reader& reader, Bytes name);

  // ---- documents; within a transaction, which the view is of
  Status put(Store::Reader& reader, Transaction& transaction, const DocumentWrite& write);
  // Whether it was there.
  Result<bool> remove(Store::Reader& reader, Transaction& transaction, uint32_t collection,
                      Bytes key);
  // The same as commits of their own, tried again when others were faster.
  Result<uint64_t> commit_put(Store::Reader& reader, const DocumentWrite& write);
  Result<uint64_t> commit_remove(Store::Reader& reader, uint32_t collection, Bytes key,
                                 bool& was_there);
  const Refusal& refusal() const { return refusal_; }
  // Of the last commit that was refused.
  const Conflict& conflict() const { return own_.conflict(); }
  // The next number of a collection's sequence, never given out before.
  Result<uint64_t> next_in_sequence(Store::Reader& reader, uint32_t id);

  // ---- indexes
  // What those of rows say of a query, before its plan is made.
  Status find_rows(const Reads& reads, const Definition& definition, Request& request);
  // What plans are weighed by.
  Statistics& statistics() { return statistics_; }
  // Builds some of what is to be built.
  Result<BuildReport> build(Store::Reader& reader, uint32_t id);

  // ---- documents of older versions
  // Takes the next documents that are to be rewritten, at most so many; false: there is no room for
  // it. The transaction, which is one of a snapshot, then says how far the rewriting got, and at
  // its end that it is done: whoever commits it has put what was taken anew.
  using Take = std::function<bool(const Edit& edit)>;
  Result<RewriteReport> rewrite(Store::Reader& reader, Transaction& transaction, uint32_t id,
                                uint64_t count_max, const Take& take);

 private:
  // Numbers that were given out to this thread, to be given on one by one.
  struct Numbers {
    uint64_t next = 0;
    uint64_t end = 0;
  };
  struct Change {
    std::vector<std::string> gone;
    std::vector<std::pair<std::string, std::string>> added;  // Key and value.
    uint64_t bytes = 0;

    void add(std::string entry_key, std::string value) {
      bytes += entry_key.size() + value.size() + kEditBytes;
      added.emplace_back(std::move(entry_key), std::move(value));
    }
  };

  Status expect_none(Store::Reader& reader, const Definition& before, uint64_t seen,
                     Conditions& conditions);
  Result<DefinitionRef> newest_of(Store::Reader& reader, Bytes name, uint64_t& seen);
  Result<uint64_t> take_number(Store::Reader& reader, Numbers& numbers, char tag, uint32_t id,
                               uint64_t block);
  Status reserve_row(Store::Reader& reader, uint32_t id);
  Result<DefinitionRef> guarded_definition(const Reads& reads, uint32_t id);
  Status find_change(const Reads& reads, const Definition& definition, Bytes key,
                     const Document* old_document, const Document* new_document, Change& change);
  static void note_sampled(uint32_t collection, Bytes key, const Document* old_document,
                           const Document* new_document, Change& change);
  Status find_packed_change(const Reads& reads, const Definition& definition, Bytes key,
                            const Document* old_document, const Document* new_document,
                            Change& change);
  void note_packed(const IndexDefinition& index);
  void note_building(const Building& what, bool is_done);
  Status check_unique(const Reads& reads, const IndexDefinition& index,
                      const Definition& definition, const Entry& entry, Bytes key);
  Result<std::vector<DefinitionRef>> referrers_of(const Reads& reads, const Definition& target);
  Status check_not_referred(Store::Reader& reader, const Definition& definition);
  Status check_references(const Reads& reads, const Definition& definition, Bytes key,
                          const Document* old_document, const Document& new_document);
  Result<bool> remove_one(const Store::View& view, Transaction& transaction,
                          const Definition& definition, const std::string& key, int depth);
  Status remove_referrers(const Store::View& view, Transaction& transaction,
                          const Definition& target, const std::string& key,
                          const std::string& nested_key, int depth);
  Status referred(const Definition& target, const std::string& key, const Definition& by,
                  const ReferenceDefinition& reference, const std::string& referrer);
  Status clear_reference(const Store::View& view, Transaction& transaction,
                         const Definition& definition, const ReferenceDefinition& reference,
                         const std::string& nested_key, const std::string& referrer);
  Result<std::vector<std::string>> find_referrers(const Reads& reads, const Definition& definition,
                                                  uint32_t field, const std::string& nested_key);
  Status check_rules(const Definition& definition, const Document& document);
  static void apply(Transaction& transaction, const Change& change);
  Status find_built(const Reads& reads, const Definition& definition, const IndexDefinition& index,
                    const Document& document, Bytes key, Change& change);
  template <class Edit>
  Result<uint64_t> commit_by(const Edit& edit);
  Result<bool> build_some(Store::Reader& reader, uint32_t id, BuildReport& report);
  Result<std::string> find_behind(const Reads& reads, const Definition& definition,
                                  uint64_t count_max, const Take& take, RewriteReport& report);
  Status build_entries(const Reads& reads, const Definition& definition,
                       const IndexDefinition& index, const std::string& done, BuildReport& report,
                       std::string& last);

  Store& store_;
  Transaction own_;  // Of commits of their own.
  Refusal refusal_;
  RowFinder rows_of_indexes_;
  Statistics statistics_;
  std::map<uint32_t, DefinitionRef> newest_;                      // By id, as seen last.
  std::map<std::pair<uint32_t, uint64_t>, DefinitionRef> older_;  // By id and commit.
  std::map<uint32_t, Numbers> rows_;
  std::map<uint32_t, Numbers> sequences_;
};

}  // namespace varve::collection
