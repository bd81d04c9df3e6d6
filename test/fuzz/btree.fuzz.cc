// Pages, roots, extent headers, maps of free pages and facts of hostile bytes: they are refused, or
// whatever is taken from them lies within them, and what is written anew from them is the same.
//
// The first byte says what the rest is. It is sealed anew, so that what lies behind the checksums
// is reached.
#include <algorithm>

#include "engine/btree/extent.h"
#include "engine/btree/facts.h"
#include "engine/btree/page.h"
#include "engine/btree/root.h"
#include "engine/btree/space.h"
#include "fuzz.h"
#include "pure/codec/crc32c.h"

namespace varve {
namespace {

using namespace btree;

constexpr uint32_t kPageBytes = 512;
constexpr uint32_t kExtentPages = 1024;
constexpr uint32_t kSeed = 7;

void put_sum(std::string& bytes, size_t at) {
  store(reinterpret_cast<uint8_t*>(bytes.data()) + at, crc32c(as_bytes(bytes).first(at)));
}

void walk_node(const NodeView& view, bool is_leaf) {
  std::string key;
  Edit edit;
  for (uint32_t i = 0; i < view.count(); ++i) {
    view.copy_key(i, key);
    check(view.lower_bound(as_bytes(key)) <= view.count());
    check(view.compare_key(i, as_bytes(key)) == 0 && view.key_equals(i, as_bytes(key)));
    if (is_leaf) {
      decode_row(view.payload(i), edit);
      const bool is_apart = (edit.flags & kFlagSeparateValue) != 0;
      check(!is_apart || edit.value.size() == kApartBytes);
      continue;
    }
    check(view.child_of(as_bytes(key)) < view.count());
    std::string again;
    append_reference(again, view.child(i));
    check(equal(as_bytes(again), view.payload(i)));
  }
}

void run_page(std::string page) {
  page.resize(std::max<size_t>(kPageBytes, round_up(page.size(), kPageBytes)));
  seal_page(page, kSeed);
  if (read_page(as_bytes(page), kSeed) != nullptr) return;
  const uint8_t* const at = reinterpret_cast<const uint8_t*>(page.data());
  const PageHead head = head_of(at);
  const bool is_node = head.type == PageType::kLeaf || head.type == PageType::kInner;
  if (is_node) return walk_node(NodeView(at), head.type == PageType::kLeaf);
  check(piece_bytes(at).size() == head.count);
  check(piece_bytes(at).data() + head.count <= at + page.size());
}

void run_space(Bytes bytes) {
  const Result<std::vector<ExtentUse>> uses = decode_space(bytes, kExtentPages);
  if (!uses) return;
  const std::string again = encode_space(*uses, kExtentPages);
  const Result<std::vector<ExtentUse>> same = decode_space(as_bytes(again), kExtentPages);
  check(static_cast<bool>(same) && same->size() == uses->size());
  for (size_t i = 0; i < uses->size(); ++i) {
    check((*same)[i].number == (*uses)[i].number && (*same)[i].slot == (*uses)[i].slot);
    check((*same)[i].live.words() == (*uses)[i].live.words());
  }
}

void run_facts(Bytes bytes) {
  const Result<Facts> facts = decode_facts(bytes);
  if (!facts) return;
  check(equal(as_bytes(encode_facts(*facts)), bytes));
  for (const Fact& fact : facts->all) {
    const uint64_t hidden = facts->hidden_by(as_bytes(fact.begin), 0, UINT64_MAX);
    check(!fact.covers(as_bytes(fact.begin)) || hidden >= fact.commit);
  }
}

void run_root(std::string bytes) {
  bytes.resize(kRootBytes);
  std::memcpy(bytes.data(), "VARVETRE", 8);
  put_sum(bytes, kRootBytes - 4);
  const Result<Root> root = decode_root(as_bytes(bytes), "a root");
  if (!root) {
    check(root.code() == Code::kCorrupt || root.code() == Code::kNewerFormat);
    return;
  }
  const std::string again = encode_root(*root);
  const Result<Root> same = decode_root(as_bytes(again), "a root");
  check(static_cast<bool>(same) && encode_root(*same) == again);
}

void run_head(std::string bytes) {
  bytes.resize(128);
  std::memcpy(bytes.data(), "VARVEEXT", 8);
  put_sum(bytes, 124);
  const Result<ExtentHead> head = decode_extent_head(as_bytes(bytes), "an extent");
  check(head || head.code() == Code::kCorrupt || head.code() == Code::kNewerFormat);
}

void run_history_key(Bytes bytes) {
  std::string key;
  uint64_t commit = 0;
  if (!read_history_key(bytes, key, commit)) return;
  std::string again;
  append_history_key(again, as_bytes(key), commit);
  if (commit >> (8 * kCommitBytes) == 0) check(equal(as_bytes(again), bytes));
}

void run(Bytes input) {
  if (input.empty()) return;
  const Bytes rest = input.subspan(1);
  switch (input[0] % 6) {
    case 0:
      return run_page(std::string(as_text(rest)));
    case 1:
      return run_space(rest);
    case 2:
      return run_facts(rest);
    case 3:
      return run_root(std::string(as_text(rest)));
    case 4:
      return run_head(std::string(as_text(rest)));
    default:
      return run_history_key(rest);
  }
}

const fuzz::Target target("btree", run);

}  // namespace
}  // namespace varve
