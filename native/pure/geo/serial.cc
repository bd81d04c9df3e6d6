#include "pure/geo/serial.h"

#include <algorithm>

#include "pure/codec/crc32c.h"
#include "pure/geo/pack.h"

namespace varve::geo {
namespace {

constexpr size_t kHeaderBytes = 64;
constexpr size_t kSumAt = 60;
constexpr uint8_t kMagic[8] = {'V', 'A', 'R', 'V', 'E', 'G', 'E', 'O'};
constexpr uint32_t kVersion = 1;

// Blocks written one after the other behind a header. Ids are those of MappedBlocks.
class AppendedBlocks final : public Blocks {
 public:
  explicit AppendedBlocks(std::string& bytes) : bytes_(bytes) {}
  const uint8_t* find(BlockId id, size_t) const override {
    return reinterpret_cast<const uint8_t*>(bytes_.data()) + size_t{id} * 8;
  }
  MutableBytes write(BlockId& id, size_t size) override {
    check(id == kNoBlock && size <= kNodeBytes);
    check(bytes_.size() / 8 < kNoBlock);  // 32 GiB.
    id = static_cast<BlockId>(bytes_.size() / 8);
    bytes_.append(kNodeBytes, '\0');
    return {reinterpret_cast<uint8_t*>(bytes_.data()) + size_t{id} * 8, kNodeBytes};
  }
  void free(BlockId) override { check(false); }

 private:
  std::string& bytes_;
};

Status refuse(const char* what, size_t at) {
  return Status::corrupt("geo: " + std::string(what) + " at offset " + std::to_string(at));
}

// The keys that belong below a node: from `low` on, below `high`. Null: no bound.
struct Within {
  const EntryKey* low = nullptr;
  const EntryKey* high = nullptr;
  bool has(const EntryKey& key) const {
    return (low == nullptr || !(key < *low)) && (high == nullptr || key < *high);
  }
};

// Looks at every node where it must lie.
class Verifier {
 public:
  Verifier(Bytes bytes, Holds holds) : bytes_(bytes), holds_(holds) {}

  // The node that ends the part of the bytes from at() on; counts its entries and finds its box.
  Status verify(BlockId block, uint32_t level, const Within& within, FloatBox& box) {
    if (level > 0) return verify_inner(block, level, within, box);
    return holds_ == Holds::kPoints ? verify_leaf<PointLeaf>(block, within, box)
                                    : verify_leaf<BoxLeaf>(block, within, box);
  }
  size_t at() const { return at_; }
  uint64_t count() const { return count_; }

 private:
  template <class Node>
  const Node* next(BlockId block, uint32_t level) {
    if (size_t{block} * 8 != at_ || bytes_.size() - at_ < kNodeBytes) return nullptr;
    const Node* const node = reinterpret_cast<const Node*>(bytes_.data() + at_);
    const bool is_one = node->head.level == level && node->head.reserved == 0 &&
                        node->head.count > 0 && node->head.count <= Node::kRoom;
    at_ += is_one ? kNodeBytes : 0;
    return is_one ? node : nullptr;
  }

  // Entries have no order within a leaf, but no two have the same key.
  template <class Leaf>
  Status verify_leaf(BlockId block, const Within& within, FloatBox& box) {
    const size_t begin = at_;
    const Leaf* const leaf = next<Leaf>(block, 0);
    if (leaf == nullptr) return refuse("no leaf", begin);
    EntryKey keys[Leaf::kRoom];
    for (size_t i = 0; i < leaf->head.count; ++i) {
      if (!is_place(leaf->box(i), holds_) || leaf->ids[i] > kIdMax) {
        return refuse("no entry in the leaf", begin);
      }
      keys[i] = key_of(leaf->entry(i));
      if (!within.has(keys[i])) return refuse("an entry of another place in the leaf", begin);
    }
    std::sort(keys, keys + leaf->head.count);
    if (std::adjacent_find(keys, keys + leaf->head.count) != keys + leaf->head.count) {
      return refuse("an entry twice in the leaf", begin);
    }
    count_ += leaf->head.count;
    box = bounds_of(*leaf);
    return Status::ok();
  }

  // Its children come first, so the node is known before at() reaches it. The first child of the
  // leftmost nodes may have keys below its own.
  Status verify_inner(BlockId block, uint32_t level, const Within& within, FloatBox& box) {
    const size_t begin = size_t{block} * 8;
    if (begin < at_ || bytes_.size() < kNodeBytes || begin > bytes_.size() - kNodeBytes) {
      return refuse("a node out of its place", at_);
    }
    const InnerNode* const node = reinterpret_cast<const InnerNode*>(bytes_.data() + begin);
    if (node->head.count > InnerNode::kRoom) return refuse("no inner node", begin);
    for (size_t i = 0; i < node->head.count; ++i) {
      const EntryKey low = node->low(i);
      const bool is_last = i + 1 == node->head.count;
      const EntryKey next_low = is_last ? low : node->low(i + 1);
      const bool is_in_order = within.has(low) && (is_last || low < next_low);
      if (!is_in_order) return refuse("keys out of order in the node", begin);
      const bool is_leftmost = i == 0 && within.low == nullptr;
      const Within own = {is_leftmost ? nullptr : &low, is_last ? within.high : &next_low};
      FloatBox below = kNowhere;
      if (Status status = verify(node->blocks[i], level - 1, own, below); !status) return status;
      if (!is_same(below, node->box(i))) return refuse("a wrong box in the node", begin);
    }
    if (next<InnerNode>(block, level) == nullptr) return refuse("no inner node", begin);
    box = node->bounds();
    return Status::ok();
  }

  const Bytes bytes_;
  const Holds holds_;
  size_t at_ = kHeaderBytes;
  uint64_t count_ = 0;
};

}  // namespace

bool is_place(const Box& box, Holds holds) {
  const double east = holds == Holds::kPoints ? kLngMax : kUnrolledMax;
  return box.south >= -kLatMax && box.south <= box.north && box.north <= kLatMax &&
         box.west >= -kLngMax && box.west <= kLngMax && box.west <= box.east && box.east <= east &&
         box.east - box.west <= 2 * kLngMax;
}

std::string bytes_of(const Tree& tree) {
  std::string bytes(kHeaderBytes, '\0');
  AppendedBlocks blocks(bytes);
  Packer packer(blocks, tree.holds(), 1);
  tree.each([&](const EntryKey& key, const Entry& entry) {
    packer.add(key, entry);
    return true;
  });
  const TreeState state = packer.finish();
  uint8_t* const header = reinterpret_cast<uint8_t*>(bytes.data());
  std::memcpy(header, kMagic, sizeof kMagic);
  store<uint32_t>(header + 8, kVersion);
  store<uint32_t>(header + 12, static_cast<uint32_t>(tree.holds()));
  store<uint64_t>(header + 16, state.count);
  store<uint32_t>(header + 24, state.root);
  store<uint32_t>(header + 28, state.height);
  store<uint32_t>(header + kSumAt, crc32c(Bytes(header, kSumAt)));
  return bytes;
}

Result<Opened> open_tree(Bytes bytes) {
  const uint8_t* const header = bytes.data();
  if (bytes.size() < kHeaderBytes || std::memcmp(header, kMagic, sizeof kMagic) != 0) {
    return refuse("no index", 0);
  }
  if (load<uint32_t>(header + kSumAt) != crc32c(bytes.first(kSumAt)))
    return refuse("checksum", kSumAt);
  if (load<uint32_t>(header + 8) > kVersion) {
    return Status(Code::kNewerFormat, "geo: written by a newer version");
  }
  const uint32_t holds = load<uint32_t>(header + 12);
  if (load<uint32_t>(header + 8) != kVersion || (holds != 1 && holds != 2)) {
    return refuse("no kind of index", 8);
  }
  for (size_t at = 32; at < kSumAt; ++at) {
    if (header[at] != 0) return refuse("a reserved byte", at);
  }
  Opened opened;
  opened.holds = static_cast<Holds>(holds);
  opened.state = {load<uint32_t>(header + 24), load<uint32_t>(header + 28),
                  load<uint64_t>(header + 16)};
  const TreeState& state = opened.state;
  Verifier verifier(bytes, opened.holds);
  if (state.height > kHeightMax) return refuse("too high a tree", 28);
  if (state.height == 0 && (state.root != kNoBlock || state.count != 0))
    return refuse("no root", 24);
  if (state.height > 0) {
    FloatBox box = kNowhere;
    const Status status = verifier.verify(state.root, state.height - 1, {}, box);
    if (!status) return status.copy();
  }
  if (verifier.count() != state.count) return refuse("a wrong count", 16);
  if (verifier.at() != bytes.size()) return refuse("bytes after the end", verifier.at());
  return opened;
}

}  // namespace varve::geo
