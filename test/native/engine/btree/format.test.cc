// The worked example of FORMAT.md, and bytes that nobody wrote.
#include "base/random.h"
#include "engine/btree/extent.h"
#include "engine/btree/facts.h"
#include "engine/btree/page.h"
#include "engine/btree/root.h"
#include "engine/btree/space.h"
#include "test.h"

using namespace varve;
using namespace varve::btree;
using namespace varve::test;

namespace {

constexpr uint32_t kPageBytes = 512;

std::string bytes_of(std::initializer_list<int> list) {
  std::string bytes;
  for (const int one : list) bytes += static_cast<char>(one);
  return bytes;
}

PageRef some_reference(uint64_t place) {
  PageRef ref;
  ref.place = place;
  ref.units = 1;
  ref.checksum = 0xdeadbeef;
  ref.weight = 1;
  return ref;
}

std::string some_leaf() {
  Pending rows;
  std::string row;
  for (int i = 0; i < 5; ++i) {
    const std::string key = "key" + std::to_string(i);
    const std::string value(10, 'v');
    Edit edit;
    edit.commit = 7;
    edit.value = as_bytes(value);
    encode_row(edit, row);
    rows.add(as_bytes(key), as_bytes(row));
  }
  std::string page = encode_node({}, rows, 0, rows.count(), kPageBytes);
  seal_page(page, place_seed(3, 9));
  return page;
}

const Case example("the worked example of the B+tree's FORMAT.md is what the code makes of it", [] {
  std::string reference;
  append_reference(reference, some_reference(7));
  expect(reference == bytes_of({7, 0, 0, 0, 0,    0,    1,    0,    0xef, 0xbe, 0xad, 0xde,
                                1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}));
  const PageRef ref = read_reference(reinterpret_cast<const uint8_t*>(reference.data()));
  expect(ref == some_reference(7));
  const std::string row = bytes_of({0, 5, 0, 0, 0, 0, 0, 0, 'h', 'i'});
  Edit edit;
  decode_row(as_bytes(row), edit);
  expect(edit.commit == 5 && edit.kind == EditKind::kPut && as_text(edit.value) == "hi");
  std::string key;
  append_history_key(key, as_bytes(bytes_of({'a', 0})), 5);
  expect(key == bytes_of({'a', 0, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfa}));
  std::string found;
  uint64_t commit = 0;
  expect(read_history_key(as_bytes(key), found, commit));
  expect(found == bytes_of({'a', 0}) && commit == 5);
});

const Case roots("a root is read back as it was written, and no byte of it may differ", [] {
  Root root;
  root.identity[3] = 9;
  root.generation = 12;
  root.absorbed = 77;
  root.time_ms = 5;
  root.page_bytes = 4096;
  root.extent_pages = 16384;
  root.current = {some_reference(7), 3, 1000};
  root.facts = some_reference(8);
  root.space = some_reference(9);
  root.next_extent = 4;
  const std::string bytes = encode_root(root);
  const Result<Root> read = decode_root(as_bytes(bytes), "it");
  require(static_cast<bool>(read));
  expect(encode_root(*read) == bytes && read->current.entry_count == 1000);
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string other = bytes;
    other[i] = static_cast<char>(other[i] ^ 0x10);
    expect(!decode_root(as_bytes(other), "it"));
  }
  expect(!decode_root(as_bytes(bytes).first(255), "it"));
});

const Case heads("an extent's header is read back, and no byte of it may differ", [] {
  const ExtentHead head{{1, 2}, 5, 4096, 16384, 3};
  const std::string bytes = encode_extent_head(head);
  const Result<ExtentHead> read = decode_extent_head(as_bytes(bytes), "it");
  require(static_cast<bool>(read));
  expect(read->number == 5 && read->slot == 3 && read->identity == head.identity);
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string other = bytes;
    other[i] = static_cast<char>(other[i] ^ 1);
    expect(!decode_extent_head(as_bytes(other), "it"));
  }
});

const Case misplaced("a page holds in its own place alone, and no byte of it may differ", [] {
  const std::string page = some_leaf();
  expect(read_page(as_bytes(page), place_seed(3, 9)) == nullptr);
  expect(read_page(as_bytes(page), place_seed(3, 10)) != nullptr);
  expect(read_page(as_bytes(page), place_seed(4, 9)) != nullptr);
  for (size_t i = 0; i < page.size(); ++i) {
    std::string other = page;
    other[i] = static_cast<char>(other[i] ^ 0x40);
    expect(read_page(as_bytes(other), place_seed(3, 9)) != nullptr);
  }
});

// Sealed again, so that nothing but the checks of what is within stands in the way.
const Case hostile("whatever a page says, what is taken from it lies within it", [] {
  Random random(seed());
  for (int round = 0; round < 4000; ++round) {
    std::string page = some_leaf();
    for (uint64_t i = 1 + random.below(4); i > 0; --i) {
      page[4 + random.below(random.one_in(2) ? 140 : page.size() - 4)] =
          static_cast<char>(random.next());
    }
    seal_page(page, 1);
    if (read_page(as_bytes(page), 1) != nullptr) continue;
    const PageHead head = head_of(reinterpret_cast<const uint8_t*>(page.data()));
    if (head.type != PageType::kLeaf && head.type != PageType::kInner) continue;
    const NodeView view(reinterpret_cast<const uint8_t*>(page.data()));
    std::string key;
    Edit edit;
    for (uint32_t i = 0; i < view.count(); ++i) {
      view.copy_key(i, key);
      expect(view.lower_bound(as_bytes(key)) <= view.count());
      if (head.type == PageType::kLeaf) decode_row(view.payload(i), edit);
      if (head.type == PageType::kInner) expect(view.child_of(as_bytes(key)) < view.count());
    }
  }
});

const Case maps("the map of free pages is read back, dense or not, and cut short it is damaged",
                [] {
                  constexpr uint32_t kPages = 256;
                  std::vector<ExtentUse> uses(3);
                  for (size_t i = 0; i < 3; ++i) {
                    uses[i].slot = i * 2;
                    uses[i].number = 10 + i;
                    uses[i].live.resize(kPages);
                  }
                  uses[1].is_frozen = true;
                  for (uint32_t i = 1; i < 70; ++i) uses[0].live.set(i);  // Dense.
                  for (uint32_t i = 1; i < kPages; i += 3) uses[1].live.set(i);
                  const std::string bytes = encode_space(uses, kPages);
                  const Result<std::vector<ExtentUse>> read = decode_space(as_bytes(bytes), kPages);
                  require(static_cast<bool>(read) && read->size() == 3);
                  for (size_t i = 0; i < 3; ++i) {
                    expect((*read)[i].slot == uses[i].slot && (*read)[i].number == uses[i].number);
                    expect((*read)[i].is_frozen == uses[i].is_frozen);
                    expect((*read)[i].live.words() == uses[i].live.words());
                  }
                  for (size_t size = 0; size < bytes.size(); ++size) {
                    expect(!decode_space(as_bytes(bytes).first(size), kPages));
                  }
                  expect(!decode_space(as_bytes(bytes), 128));  // More pages than an extent has.
                });

const Case facts("range deletions are read back, and cut short they are damaged", [] {
  Facts all;
  all.all.push_back({"", "", 9, false});
  all.all.push_back({"a", "b", 3, true});
  const std::string bytes = encode_facts(all);
  const Result<Facts> read = decode_facts(as_bytes(bytes));
  require(static_cast<bool>(read) && read->all.size() == 2);
  expect(read->all[0].commit == 9 && read->all[1].is_done && read->all[1].end == "b");
  for (size_t size = 0; size < bytes.size(); ++size) {
    expect(!decode_facts(as_bytes(bytes).first(size)));
  }
});

}  // namespace
