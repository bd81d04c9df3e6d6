// The choice behind store/memtable: a skip list, an eager B+tree with 8-byte heads, and the
// memtable itself (hash index, order made lazily), over the same entries in the same arena: 1 M
// random keys of 16 B, values of 100 B. The alternatives keep one version per key and allow no
// concurrent reader, so they are flattered.
#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/bits.h"
#include "base/random.h"
#include "bench.h"
#include "store/memtable/memtable.h"

namespace varve::bench {
namespace {

constexpr size_t kCount = 1000000;
constexpr size_t kHotCount = 10000;
constexpr size_t kBatch = 500;
constexpr size_t kKeyBytes = 16;
constexpr size_t kValueBytes = 100;

using Key = std::array<uint8_t, kKeyBytes>;

Bytes bytes_of(const Key& key) { return {key.data(), key.size()}; }

// Stands in for hash64: random keys are their own hash.
uint64_t hash_of(const Key& key) {
  return Random(load<uint64_t>(key.data()) ^ load<uint64_t>(key.data() + 8)).next();
}

struct Record {
  Key key;
  uint8_t value[kValueBytes];
};

Record* write_record(Arena& arena, const Key& key, const uint8_t* value) {
  auto* const record = reinterpret_cast<Record*>(arena.allocate(sizeof(Record)));
  record->key = key;
  std::memcpy(record->value, value, kValueBytes);
  return record;
}

class SkipList {
 public:
  static constexpr int kHeightMax = 12;
  SkipList() : head_(make_node(kHeightMax, nullptr)) {}
  void put(const Key& key, const uint8_t* value) {
    Node* before[kHeightMax];
    Node* const found = seek(key, before);
    if (found != nullptr && found->record->key == key) return;
    int height = 1;
    while (height < kHeightMax && random_.one_in(4)) ++height;
    Node* const node = make_node(height, write_record(arena_, key, value));
    for (int i = 0; i < height; ++i) {
      node->next[i] = before[i]->next[i];
      before[i]->next[i] = node;
    }
  }
  const uint8_t* get(const Key& key) {
    Node* before[kHeightMax];
    const Node* const found = seek(key, before);
    return found != nullptr && found->record->key == key ? found->record->value : nullptr;
  }
  template <class Visit>
  void walk(const Key& from, size_t count, Visit visit) {
    Node* before[kHeightMax];
    for (const Node* node = seek(from, before); node != nullptr && count > 0; --count) {
      visit(*node->record);
      node = node->next[0];
    }
  }

 private:
  struct Node {
    Record* record;
    Node* next[1];
  };
  Node* make_node(int height, Record* record) {
    const size_t size = sizeof(Record*) + static_cast<size_t>(height) * sizeof(Node*);
    auto* const node = reinterpret_cast<Node*>(arena_.allocate(size));
    node->record = record;
    for (int i = 0; i < height; ++i) node->next[i] = nullptr;
    return node;
  }
  Node* seek(const Key& key, Node** before) {
    Node* at = head_;
    for (int level = kHeightMax - 1; level >= 0; --level) {
      while (at->next[level] != nullptr &&
             std::memcmp(at->next[level]->record->key.data(), key.data(), kKeyBytes) < 0) {
        at = at->next[level];
      }
      before[level] = at;
    }
    return at->next[0];
  }

  Arena arena_;
  Random random_{1};
  Node* const head_;
};

// Nodes of 4 KB: 255 heads, 255 pointers. Equal heads are told apart by the rest of the key.
class BTree {
 public:
  BTree() : root_(make_node(true)) {}
  void put(const Key& key, const uint8_t* value) {
    const uint64_t head = load_big64(key.data());
    Node* path[8];
    int depth = 0;
    Node* node = root_;
    for (; !node->leaf; node = child_of(node, head)) path[depth++] = node;
    size_t at = lower(node, head);
    for (; at < node->count && node->heads[at] == head; ++at) {
      if (static_cast<Record*>(node->below[at])->key == key) return;
    }
    insert(node, at, head, write_record(arena_, key, value));
    while (node->count == kFanout) node = split(node, path, depth);
  }
  const uint8_t* get(const Key& key) const {
    const uint64_t head = load_big64(key.data());
    Node* node = root_;
    while (!node->leaf) node = child_of(node, head);
    for (size_t at = lower(node, head); at < node->count && node->heads[at] == head; ++at) {
      const Record* const record = static_cast<Record*>(node->below[at]);
      if (record->key == key) return record->value;
    }
    return nullptr;
  }
  template <class Visit>
  void walk(const Key& from, size_t count, Visit visit) const {
    const uint64_t head = load_big64(from.data());
    const Node* node = root_;
    while (!node->leaf) node = child_of(node, head);
    size_t at = lower(node, head);
    while (node != nullptr && count > 0) {
      if (at >= node->count) {
        node = node->next;
        at = 0;
        continue;
      }
      if (at + 8 < node->count) {
        prefetch(node->below[at + 8]);
        prefetch(static_cast<const uint8_t*>(node->below[at + 8]) + 64);
      }
      visit(*static_cast<const Record*>(node->below[at++]));
      --count;
    }
  }

 private:
  static constexpr size_t kFanout = 254;
  struct Node {
    bool leaf;
    uint32_t count;
    Node* next;
    uint64_t heads[kFanout];
    void* below[kFanout];
  };
  Node* make_node(bool leaf) {
    auto* const node = reinterpret_cast<Node*>(arena_.allocate(sizeof(Node), 64));
    node->leaf = leaf;
    node->count = 0;
    node->next = nullptr;
    return node;
  }
  static size_t lower(const Node* node, uint64_t head) {
    const uint64_t* base = node->heads;
    for (size_t left = node->count; left > 0;) {
      const size_t half = (left + 1) / 2;
      base += base[half - 1] < head ? half : 0;
      left = left - half;
    }
    return static_cast<size_t>(base - node->heads);
  }
  // Inner heads are the first of each child but the first, whose head is taken for zero.
  static Node* child_of(const Node* node, uint64_t head) {
    const size_t at = lower(node, head);
    const bool exact = at < node->count && node->heads[at] == head;
    return static_cast<Node*>(node->below[exact || at == 0 ? at : at - 1]);
  }
  static void insert(Node* node, size_t at, uint64_t head, void* below) {
    const size_t moved = node->count - at;
    std::memmove(node->heads + at + 1, node->heads + at, moved * 8);
    std::memmove(node->below + at + 1, node->below + at, moved * 8);
    node->heads[at] = head;
    node->below[at] = below;
    ++node->count;
  }
  Node* split(Node* node, Node** path, int& depth) {
    Node* const right = make_node(node->leaf);
    const size_t kept = kFanout / 2;
    right->count = static_cast<uint32_t>(node->count - kept);
    std::memcpy(right->heads, node->heads + kept, right->count * 8);
    std::memcpy(right->below, node->below + kept, right->count * 8);
    node->count = static_cast<uint32_t>(kept);
    right->next = node->next;
    node->next = right;
    if (depth == 0) {
      root_ = make_node(false);
      insert(root_, 0, 0, node);
      insert(root_, 1, right->heads[0], right);
      return root_;
    }
    Node* const parent = path[--depth];
    insert(parent, lower(parent, right->heads[0]), right->heads[0], right);
    return parent;
  }

  Arena arena_;
  Node* root_;
};

// Keys are made, not kept: reading them from an array would be a cold miss of the bench's own.
Key key_of(size_t number) {
  Random random(number * 7919);
  Key key;
  store(key.data(), random.next());
  store(key.data() + 8, random.next());
  return key;
}

constexpr uint8_t kValue[kValueBytes] = {};

uint64_t sink = 0;  // What is read ends here, so that no reading is optimised away.

// Each lookup depends on the value before it, as a caller across a language border does.
template <class Get>
double time_gets(size_t count, size_t among, Get get) {
  uint64_t state = 1;
  const Timer timer;
  for (size_t i = 0; i < count; ++i) {
    uint8_t copied[kValueBytes];
    const uint8_t* const value = get(static_cast<size_t>(Random(state).next() % among));
    std::memcpy(copied, value, kValueBytes);
    state += 1 + copied[i % kValueBytes];
  }
  sink += state;
  return timer.per(count);
}

struct Figures {
  double put, cold, hot, range, walk;
};

void add_row(Table& table, const char* name, const Figures& figures) {
  table.add(name, "put (ns)", figures.put);
  table.add(name, "get cold", figures.cold);
  table.add(name, "get hot", figures.hot);
  table.add(name, "range of 100 (us)", figures.range / 1000);
  table.add(name, "sorted walk", figures.walk);
}

template <class Structure>
void run_plain(Table& table, const char* name) {
  Structure structure;
  const Timer filling;
  for (size_t i = 0; i < kCount; ++i) structure.put(key_of(i), kValue);
  const double put = filling.per(kCount);
  const auto get = [&](size_t i) { return structure.get(key_of(i)); };
  const double cold = time_gets(kCount / 2, kCount, get);
  time_gets(kHotCount * 4, kHotCount, get);
  const double hot = time_gets(kCount / 4, kHotCount, get);
  const auto visit = [](const Record& record) { sink += record.key[0] + record.value[50]; };
  constexpr size_t kSeeks = 20000;
  const Timer ranging;
  for (size_t i = 0; i < kSeeks; ++i) structure.walk(key_of(i * 37), 100, visit);
  const double range = ranging.per(kSeeks);
  const Timer walking;
  structure.walk(Key{}, kCount, visit);
  add_row(table, name, {put, cold, hot, range, walking.per(kCount)});
}

void fill(Memtable& memtable) {
  for (size_t begin = 0; begin < kCount; begin += kBatch) {
    for (size_t i = begin; i < begin + kBatch; ++i) memtable.prefetch(hash_of(key_of(i)));
    for (size_t i = begin; i < begin + kBatch; ++i) {
      const Key key = key_of(i);
      memtable.put({bytes_of(key), i + 1, EditKind::kPut, 0, 0, kValue}, hash_of(key));
    }
  }
}

// Sorted all at once by the first who asks (a fill, then a flush), or in batches as it is filled.
void run_memtable(Table& table, const char* name, bool expect_scans) {
  Memtable memtable(1);
  memtable.expect_scans(expect_scans);
  const Timer filling;
  fill(memtable);
  const double put = filling.per(kCount);
  const auto get = [&](size_t i) {
    const Key key = key_of(i);
    return memtable.get(bytes_of(key), hash_of(key), kCount).edit.value.data();
  };
  const double cold = time_gets(kCount / 2, kCount, get);
  time_gets(kHotCount * 4, kHotCount, get);
  const double hot = time_gets(kCount / 4, kHotCount, get);
  const auto visit = [](const Edit& edit) { sink += edit.key[0] + edit.value[50]; };

  const Timer walking;
  for (auto all = memtable.versions({}, 0, kCount); all->valid(); all->next()) visit(all->edit());
  const double walk = walking.per(kCount);

  constexpr size_t kSeeks = 20000;
  const Timer ranging;
  for (size_t i = 0; i < kSeeks; ++i) {
    const Key key = key_of(i * 37);
    const auto cursor = memtable.scan({bytes_of(key), {}}, kCount, Direction::kForward);
    for (size_t n = 0; n < 100 && cursor->valid(); ++n, cursor->next()) visit(cursor->edit());
  }
  add_row(table, name, {put, cold, hot, ranging.per(kSeeks), walk});
  const double entry_bytes = static_cast<double>(memtable.size_bytes()) / kCount;
  table.add(name, "bytes for an entry of 116", entry_bytes);
}

const Bench memtable("memtable", [](Table& table) {
  run_plain<SkipList>(table, "skip list");
  run_plain<BTree>(table, "eager B+tree, 8-byte heads");
  run_memtable(table, "hash, order when asked", false);
  run_memtable(table, "hash, order in batches of 4,096", true);
  if (sink == 0) std::printf("nothing was read\n");
});

}  // namespace
}  // namespace varve::bench
