#include "engine/btree/facts.h"

#include <algorithm>

namespace varve::btree {
namespace {

constexpr size_t kFactHeadBytes = 8 + 4 + 4 + 4;

}  // namespace

uint64_t Facts::hidden_by(Bytes key, uint64_t than, uint64_t commit) const {
  for (const Fact& fact : all) {
    if (fact.commit <= than) return 0;
    if (fact.commit <= commit && fact.covers(key)) return fact.commit;
  }
  return 0;
}

uint64_t Facts::ended_by(Bytes key, uint64_t commit) const {
  uint64_t oldest = 0;
  for (const Fact& fact : all) {
    if (fact.commit <= commit) break;
    if (fact.covers(key)) oldest = fact.commit;
  }
  return oldest;
}

std::string encode_facts(const Facts& facts) {
  std::string to;
  append<uint32_t>(to, static_cast<uint32_t>(facts.all.size()));
  for (const Fact& fact : facts.all) {
    append<uint64_t>(to, fact.commit);
    append<uint32_t>(to, fact.is_done ? 1 : 0);
    append<uint32_t>(to, static_cast<uint32_t>(fact.begin.size()));
    append<uint32_t>(to, static_cast<uint32_t>(fact.end.size()));
    to += fact.begin;
    to += fact.end;
  }
  return to;
}

Result<Facts> decode_facts(Bytes bytes) {
  const Status damage = Status::corrupt("btree: the range deletions make no sense");
  if (bytes.size() < 4) return damage.copy();
  const uint32_t count = load<uint32_t>(bytes.data());
  bytes = bytes.subspan(4);
  Facts facts;
  for (uint32_t i = 0; i < count; ++i) {
    if (bytes.size() < kFactHeadBytes) return damage.copy();
    const uint32_t flags = load<uint32_t>(bytes.data() + 8);
    const uint64_t begin = load<uint32_t>(bytes.data() + 12);
    const uint64_t end = load<uint32_t>(bytes.data() + 16);
    const uint64_t commit = load<uint64_t>(bytes.data());
    bytes = bytes.subspan(kFactHeadBytes);
    if (flags > 1 || begin + end > bytes.size()) return damage.copy();
    if (!facts.all.empty() && facts.all.back().commit < commit) return damage.copy();
    facts.all.push_back({std::string(as_text(bytes.first(begin))),
                         std::string(as_text(bytes.subspan(begin, end))), commit, flags == 1});
    bytes = bytes.subspan(begin + end);
  }
  if (!bytes.empty()) return damage.copy();
  return facts;
}

}  // namespace varve::btree
