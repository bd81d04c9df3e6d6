// engine/btree/page.h — what a page is: a head, and behind it a node of a tree or a piece of bytes.
//
// A node has items by ascending key, each a key and a payload: rows in a leaf, references to
// children in an inner node. Keys share a prefix that is kept once. Four bytes of each key lie side
// by side, so that a search looks at one cache line after the other and at few keys.
//
//     node   head 64 │ prefix │ heads of keys │ ends │ item │ item │ …
//     item   size of the rest of its key │ rest of the key │ payload
//
// A node takes one page, and more, side by side, only where a key is so large. What refers to a
// page names its place and its checksum, so that a page that was lost or misplaced does not pass.
//
// Invariants
//   - read_page() accepts only bytes on which every later call stays in bounds.
//   - keys of a node ascend; the first child's key may be above keys of its own.
// Threads: values.     Bytes: FORMAT.md
#pragma once

#include <span>
#include <string>

#include "engine/engine.h"

namespace varve::btree {

inline constexpr uint32_t kPageHeadBytes = 64;
inline constexpr size_t kReferenceBytes = 24;
inline constexpr uint32_t kLevelMax = 31;
inline constexpr size_t kCommitBytes = 7;

enum class PageType : uint8_t { kLeaf = 1, kInner = 2, kValue = 3, kFacts = 4, kSpace = 5 };
enum class TreeKind : uint8_t { kCurrent = 0, kHistory = 1 };

struct PageRef {
  uint64_t place = 0;  // Of its first page; 0: there is none.
  uint32_t checksum = 0;
  uint32_t weight = 0;           // Pages of all that hangs on it, itself included.
  uint64_t oldest = UINT64_MAX;  // In history: the first commit that makes a row of it dispensable.
  uint16_t units = 0;            // Pages side by side.
  bool has_values = false;       // Somewhere below a value lies apart.

  bool any() const { return place != 0; }
  bool operator==(const PageRef&) const = default;
};

void append_reference(std::string& to, const PageRef& ref);
PageRef read_reference(const uint8_t* from);
// What hangs on a node with such a child, too.
void add_child(PageRef& node, const PageRef& child);

// What the checksum of a page begins with, so that it holds in its place alone.
uint32_t place_seed(uint64_t extent_number, uint32_t index);

struct PageHead {
  PageType type = PageType::kLeaf;
  TreeKind tree = TreeKind::kCurrent;
  uint16_t level = 0;  // 0: a leaf.
  uint32_t units = 1;
  uint64_t commit = 0;  // The last that the tree had taken in when it was written.
  uint32_t count = 0;   // Of items, or of bytes.
};

// ---- nodes

class NodeView {
 public:
  NodeView() = default;
  explicit NodeView(const uint8_t* page);  // That read_page() accepted.

  uint32_t count() const { return count_; }
  uint32_t level() const { return load<uint16_t>(page_ + 6); }
  uint64_t commit() const { return load<uint64_t>(page_ + 8); }  // As PageHead has it.
  Bytes prefix() const { return prefix_; }
  Bytes suffix(uint32_t i) const;
  Bytes payload(uint32_t i) const;
  void copy_key(uint32_t i, std::string& to) const;
  int compare_key(uint32_t i, Bytes key) const;
  bool key_equals(uint32_t i, Bytes key) const;
  PageRef child(uint32_t i) const { return read_reference(payload(i).data()); }
  // The first item whose key is not below; count() when all are.
  uint32_t lower_bound(Bytes key) const;
  // The child that a key belongs to.
  uint32_t child_of(Bytes key) const;
  void prefetch() const { varve::prefetch(heads_); }

 private:
  struct Item {
    Bytes suffix;
    const uint8_t* payload;
  };
  Item item(uint32_t i) const;
  uint32_t end(uint32_t i) const { return load<uint32_t>(ends_ + size_t{i} * 4); }

  const uint8_t* page_ = nullptr;
  Bytes prefix_;
  uint32_t count_ = 0;
  const uint8_t* heads_ = nullptr;
  const uint8_t* ends_ = nullptr;
  const uint8_t* items_ = nullptr;
};

// Items on their way into nodes, by ascending key.
class Pending {
 public:
  void add(Bytes key, Bytes payload);
  size_t count() const { return items_.size() - first_; }
  bool empty() const { return count() == 0; }
  Bytes key(size_t i) const;
  Bytes payload(size_t i) const;
  size_t bytes() const { return bytes_; }  // Of all items in a node, with nothing shared.
  size_t bytes(size_t i) const;            // Of one.
  void drop_front(size_t count);
  void clear();

 private:
  struct Place {
    size_t at;
    uint32_t key_size;
    uint32_t payload_size;
  };
  const Place& place(size_t i) const { return items_[first_ + i]; }

  std::string text_;
  std::vector<Place> items_;
  size_t first_ = 0;
  size_t bytes_ = 0;
};

// How many bytes a node of items [begin, end) takes, its head included.
size_t node_bytes(const Pending& items, size_t begin, size_t end);
// The node, in as many whole pages as it needs, without its checksum.
std::string encode_node(const PageHead& head, const Pending& items, size_t begin, size_t end,
                        uint32_t page_bytes);

// ---- rows: payloads of leaves

// A value apart is a size u64 and a reference.
inline constexpr size_t kApartBytes = 8 + kReferenceBytes;
void encode_row(const Edit& edit, std::string& to);
// All but the key; borrowed from the payload.
void decode_row(Bytes payload, Edit& edit);

// ---- pages of bytes: values that lie apart, and what a root needs to know

inline constexpr size_t kPieceHeadBytes = kPageHeadBytes + kReferenceBytes;
std::string encode_piece(const PageHead& head, const PageRef& next, Bytes bytes,
                         uint32_t page_bytes);
PageRef next_piece(const uint8_t* page);
Bytes piece_bytes(const uint8_t* page);

// ---- whole pages

uint32_t page_checksum(Bytes page, uint32_t seed);
void seal_page(std::string& page, uint32_t seed);  // Puts its checksum in.
PageHead head_of(const uint8_t* page);
// What is wrong with the bytes of a page, or null. kNewerFormat is told apart by `is_newer`.
const char* read_page(Bytes page, uint32_t seed, bool* is_newer = nullptr);

// ---- keys of history: of one key, the newest version first

void append_history_key(std::string& to, Bytes key, uint64_t commit);
bool read_history_key(Bytes from, std::string& key, uint64_t& commit);

}  // namespace varve::btree
