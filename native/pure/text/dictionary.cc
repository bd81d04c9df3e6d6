#include "pure/text/dictionary.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "pure/codec/prefix.h"
#include "pure/codec/varint.h"

namespace varve {
namespace {

uint32_t shared_bytes(std::string_view a, std::string_view b) {
  return static_cast<uint32_t>(shared_prefix(as_bytes(a), as_bytes(b)));
}

size_t entry_bytes(std::string_view before, const TermEntry& entry) {
  const size_t suffix = entry.term.size() - shared_bytes(before, entry.term);
  return 2 + suffix + varint_size(entry.number);
}

uint8_t* put_entry(uint8_t* to, std::string_view before, const TermEntry& entry) {
  const uint32_t shared = shared_bytes(before, entry.term);
  const std::string_view suffix = entry.term.substr(shared);
  *to++ = static_cast<uint8_t>(shared);
  *to++ = static_cast<uint8_t>(suffix.size());
  to = std::copy(suffix.begin(), suffix.end(), to);
  return put_varint(to, entry.number);
}

}  // namespace

LeafReader::LeafReader(const uint8_t* leaf)
    : at_(leaf + kLeafHeaderBytes), end_(leaf + leaf_bytes(leaf)), left_(load<uint16_t>(leaf)) {}

bool LeafReader::next() {
  if (left_ == 0 || end_ - at_ < 3) return false;
  const uint32_t shared = at_[0];
  const uint32_t suffix = at_[1];
  if (shared > size_ || shared + suffix > kTermBytesMax || suffix == 0) return false;
  Bytes rest(at_ + 2, end_);
  if (rest.size() <= suffix) return false;
  std::memcpy(term_ + shared, rest.data(), suffix);
  rest = rest.subspan(suffix);
  if (!take_varint(rest, number_)) return false;
  at_ = rest.data();
  shared_ = shared;
  size_ = shared + suffix;
  left_ -= 1;
  return true;
}

std::string_view Dictionary::first_term(size_t index) const {
  const uint8_t* const bytes = leaf(index);
  const size_t room = leaf_bytes(bytes) - kLeafHeaderBytes;
  if (room < 2) return {};
  const size_t size = std::min<size_t>(bytes[kLeafHeaderBytes + 1], room - 2);
  return as_text({bytes + kLeafHeaderBytes + 2, size});
}

size_t Dictionary::seek(std::string_view term) const {
  size_t low = 0;
  size_t high = leaves_.size();  // The first leaf whose first term is above.
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (first_term(middle) <= term) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low > 0 ? low - 1 : 0;
}

uint32_t Dictionary::find(std::string_view term) const {
  if (leaves_.empty()) return kAbsent;
  LeafReader reader(leaf(seek(term)));
  while (reader.next()) {
    const int order = reader.term().compare(term);
    if (order == 0) return reader.number();
    if (order > 0) break;
  }
  return kAbsent;
}

// Leaves of about equal size, each as full as leaves some room for what is to come.
void Dictionary::write_leaves(std::span<const TermEntry> entries, std::vector<BlockId>& to) {
  size_t bytes = 0;
  std::string_view before;
  for (const TermEntry& entry : entries) {
    bytes += entry_bytes(before, entry);
    before = entry.term;
  }
  const size_t room = kLeafBytes - kLeafHeaderBytes;
  const size_t count = bytes <= room ? 1 : bytes / (room * 3 / 4) + 1;
  const size_t bytes_each = bytes / count + 1;
  for (size_t index = 0; index < entries.size();) {
    uint8_t leaf[kLeafBytes];
    uint8_t* at = leaf + kLeafHeaderBytes;
    uint16_t held = 0;
    before = {};
    while (index < entries.size()) {
      const size_t used = static_cast<size_t>(at - leaf);
      const size_t needed = entry_bytes(before, entries[index]);
      if (held > 0 && (used + needed > kLeafBytes || (count > 1 && used >= bytes_each))) break;
      at = put_entry(at, before, entries[index]);
      before = entries[index].term;
      held += 1;
      index += 1;
    }
    store<uint16_t>(leaf, held);
    store<uint16_t>(leaf + 2, static_cast<uint16_t>(at - leaf));
    to.push_back(kNoBlock);
    const size_t size = static_cast<size_t>(at - leaf);
    std::memcpy(blocks_.write(to.back(), size).data(), leaf, size);
  }
}

void Dictionary::merge(size_t leaf_index, std::span<const TermEntry> entries,
                       std::vector<BlockId>& to) {
  if (entries.empty()) {
    to.push_back(leaves_[leaf_index]);
    return;
  }
  std::string terms;  // Of the leaf, one after the other.
  std::vector<uint32_t> sizes;
  std::vector<uint32_t> numbers;
  for (LeafReader reader(leaf(leaf_index)); reader.next();) {
    terms += reader.term();
    sizes.push_back(static_cast<uint32_t>(reader.term().size()));
    numbers.push_back(reader.number());
  }
  std::vector<TermEntry> merged;
  merged.reserve(sizes.size() + entries.size());
  std::string_view rest = terms;
  for (size_t index = 0; index < sizes.size(); ++index) {
    const std::string_view term = rest.substr(0, sizes[index]);
    rest.remove_prefix(sizes[index]);
    while (!entries.empty() && entries.front().term < term) {
      merged.push_back(entries.front());
      entries = entries.subspan(1);
    }
    merged.push_back({term, numbers[index]});
  }
  merged.insert(merged.end(), entries.begin(), entries.end());
  blocks_.free(leaves_[leaf_index]);
  write_leaves(merged, to);
}

void Dictionary::insert(std::span<const TermEntry> entries) {
  if (entries.empty()) return;
  std::vector<BlockId> to;
  if (leaves_.empty()) {
    write_leaves(entries, to);
  } else {
    for (size_t index = 0; index < leaves_.size(); ++index) {
      size_t count = entries.size();
      if (index + 1 < leaves_.size()) {
        const std::string_view limit = first_term(index + 1);
        const auto end = std::ranges::lower_bound(entries, limit, {}, &TermEntry::term);
        count = static_cast<size_t>(end - entries.begin());
      }
      merge(index, entries.first(count), to);
      entries = entries.subspan(count);
    }
  }
  leaves_ = std::move(to);
}

void Dictionary::clear() {
  for (const BlockId id : leaves_) blocks_.free(id);
  leaves_.clear();
}

}  // namespace varve
