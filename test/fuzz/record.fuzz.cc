// Hostile descriptions and records: they are refused, or every field of them can be read, checked
// and made a key of.
//
// A seed is the size of a description (2 bytes), the description and a record of it. Whatever
// open() takes is read, verified or not; what verify() accepts must come back the same with another
// row, and its keys must be keys.
#include "fuzz.h"
#include "pure/codec/key.h"
#include "pure/codec/record/record_key.h"
#include "pure/codec/record/rules.h"

namespace varve {
namespace {

constexpr uint32_t kDepthMax = 20;
constexpr uint64_t kOtherRow = 12345;

size_t touch(const Item& item, uint32_t depth) {
  check(depth < kDepthMax);
  size_t sum = static_cast<size_t>(item.presence());
  if (item.is_present()) {
    sum += static_cast<size_t>(item.integer()) + item.choice() + item.text().units();
    sum += item.number() > 0 ? 1 : 0;
    for (size_t side = 0; side < 4; ++side) sum += item.coordinate(side) > 0 ? 1 : 0;
    for (const uint8_t byte : item.bytes()) sum += byte;
    for (const uint8_t byte : item.text().bytes) sum += byte;
  }
  for (Members members(item); members.next();) {
    sum += members.name().units() + touch(members.item(), depth + 1);
  }
  return sum;
}

// Of a record that is as one is written, keys are keys.
void check_keys(const RecordView& view, bool is_whole) {
  for (uint32_t number = 0; number < view.schema().columns().size(); ++number) {
    const Item item = view.item(number);
    std::string key;
    const bool has = append_key(item, KeyPlace::kAlone, key);
    check(has || !has_key(*view.schema().column(number).type) || !is_whole);
    if (has && is_whole) check(static_cast<bool>(validate_key(as_bytes(key))));
    std::string array(1, static_cast<char>(kArrayKeyTag));
    if (!append_key(item, KeyPlace::kElement, array)) continue;
    array.push_back(static_cast<char>(kKeyArrayEnd));
    const bool is_deep = item.is_present() && item.type().tag == TypeTag::kKey;
    if (is_whole && !is_deep) check(static_cast<bool>(validate_key(as_bytes(array))));
  }
}

void read_record(Bytes stored, const Schema& schema) {
  const Result<RecordView> view = RecordView::open(stored, schema);
  if (!view) return;
  size_t sum = 0;
  for (uint32_t number = 0; number < schema.columns().size(); ++number) {
    sum += touch(view->item(number), 0);
  }
  const bool is_whole = static_cast<bool>(view->verify());
  check_keys(*view, is_whole);
  if (!is_whole) return;
  sum += find_violation(*view) ? 1 : 0;
  const Result<std::string> key = key_of(*view);
  if (key) sum += key->size();
  const Result<std::string> again = with_row(stored, kOtherRow);
  check(static_cast<bool>(again));
  const Result<RecordView> other = RecordView::open(as_bytes(*again), schema);
  check(other && other->row() == kOtherRow && other->verify());
  check(sum != SIZE_MAX);
}

void run(Bytes input) {
  if (input.size() < 2) return;
  const size_t size = load<uint16_t>(input.data());
  const Bytes rest = input.subspan(2);
  if (size > rest.size()) return;
  Result<Description> description = read_description(rest.first(size));
  if (!description) return;
  const Bytes stored = rest.subspan(size);
  const uint32_t version = RecordView::version_of(stored).value_or(1);
  const auto schema = Schema::of(std::move(*description), version);
  if (schema) read_record(stored, **schema);
}

const fuzz::Target target("record", run);

}  // namespace
}  // namespace varve
