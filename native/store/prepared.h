// store/prepared.h — what prepared transactions hold, in memory: what the sequencer refuses
// the commits of others by.
//
//   prepare ──▶ held, across closings and crashes ──▶ commit, or rollback
//
// A prepared transaction was validated and is durable, but nobody sees it yet. Until it is ended it
// must be possible to commit it: so what it has read must stay as it was, and so must what it will
// write.
//
//   it holds what it has    and others may
//   read                    read it
//   added to                read it, and add to it a number of the same kind
//   written                 read it
//
// Who reads what it will write comes before it in the order of commits, and needs no answer.
// Another that is itself prepared does: it could not be refused any more when the first is
// committed, so it may not have read that.
//
// Invariants
//   - of what two of them hold, nothing is in the other's way.
// Threads: one at a time; the sequencer's lock sees to it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/prepared_record.h"

namespace varve {

struct PreparedInfo {
  std::string id;
  uint64_t commit = 0;  // That prepared it.
  uint64_t time_ms = 0;
};

// What is in the way of a commit.
struct HeldKey {
  std::string key;
  std::string id;  // Of who holds it.
};

class Prepared {
 public:
  Prepared() = default;
  Prepared(const Prepared&) = delete;  // Entries are pointed at.
  Prepared& operator=(const Prepared&) = delete;

  bool empty() const { return all_.empty(); }
  uint64_t count() const { return all_.size(); }
  const PreparedInfo* find(std::string_view id) const;
  std::vector<PreparedInfo> list() const;  // By id.
  uint64_t bytes() const { return bytes_; }
  static uint64_t bytes_of(std::string_view id, const PreparedRecord& record);

  // The first key of these edits that others must not write; none if there is none.
  std::optional<HeldKey> find_written(const Batch& edits) const;
  // The first key that was read and is going to be written.
  std::optional<HeldKey> find_read(const Conditions& read) const;

  void add(std::string_view id, uint64_t commit, const PreparedRecord& record);
  void remove(std::string_view id);

 private:
  enum class As : uint8_t { kRead, kNumberAdded, kBigintAdded, kWritten };
  struct Entry;
  struct Holder {
    const Entry* entry = nullptr;
    As as = As::kRead;
  };
  using Keys = std::map<std::string, std::vector<Holder>, std::less<>>;
  struct Entry {
    PreparedInfo info;
    uint64_t bytes = 0;
    std::vector<Keys::iterator> keys;
    KeyIntervals read;
    KeyIntervals deleted;
  };

  static As as_of(Bytes addend);
  static bool go_together(As held, As wanted) { return held == wanted && held != As::kWritten; }
  void hold(Entry& entry, Bytes key, As as);
  std::optional<HeldKey> find_key(Bytes key, As wanted) const;
  std::optional<HeldKey> find_range(Bytes begin, Bytes end, As wanted) const;

  std::map<std::string, Entry, std::less<>> all_;
  Keys keys_;
  std::vector<const Entry*> with_ranges_;
  uint64_t bytes_ = 0;
};

}  // namespace varve
