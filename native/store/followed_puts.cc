#include "store/followed_puts.h"

#include <algorithm>

namespace varve {
namespace {

constexpr size_t kChunkShare = 8;  // Of a ring: so much of it goes at once.
constexpr size_t kRecordHeadBytes = 16;

bool begins_with(Bytes key, const std::string& prefix) {
  return key.size() >= prefix.size() && equal(key.first(prefix.size()), as_bytes(prefix));
}

// Whether a deletion of [begin, end) meets keys of the prefix.
bool meets(Bytes begin, Bytes end, const std::string& prefix) {
  if (begins_with(begin, prefix)) return true;
  const bool is_before = as_text(begin) < prefix;
  return is_before && (end.empty() || prefix < as_text(end));
}

}  // namespace

bool FollowedPuts::read(const std::string& prefix, uint64_t since, uint64_t through,
                        const Visit& visit) {
  std::string text;  // A visitor may take long: commits need not wait for him.
  {
    const Lock held(mutex_);
    Ring* const ring = find(prefix, held);
    if (ring == nullptr) {
      follow(prefix, through, held);
      return false;
    }
    ring->asked = std::max(ring->asked, through);
    ring->turn = ++turn_;
    if (ring->floor == 0 || ring->floor > since) return false;
    for (const Chunk& chunk : ring->chunks) {
      if (chunk.commit_last > since) text += chunk.text;
    }
  }
  const Bytes all = as_bytes(text);
  for (size_t at = 0; at < all.size();) {
    const uint8_t* const head = all.data() + at;
    const uint64_t commit = load<uint64_t>(head);
    const uint32_t key_bytes = load<uint32_t>(head + 8);
    const uint32_t value_bytes = load<uint32_t>(head + 12);
    const Bytes key = all.subspan(at + kRecordHeadBytes, key_bytes);
    at += kRecordHeadBytes + key_bytes;
    if (commit > since && commit <= through) visit(key, all.subspan(at, value_bytes));
    at += value_bytes;
  }
  return true;
}

size_t FollowedPuts::ring_count() const {
  const Lock held(mutex_);
  return rings_.size();
}

uint64_t FollowedPuts::size_bytes() const {
  const Lock held(mutex_);
  uint64_t sum = 0;
  for (const Ring& ring : rings_) sum += ring.size_bytes;
  return sum;
}

void FollowedPuts::add_followed(const Batch& batch, uint64_t commit) {
  const Lock held(mutex_);
  for (Ring& ring : rings_) {
    if (ring.floor == 0) ring.floor = commit - 1;  // An earlier one may not have seen the ring.
  }
  for (const Batch::Item& item : batch.items()) {
    add_edit(batch.edit(item), item.is_silent, commit, held);
  }
  drop_given_up(held);
}

void FollowedPuts::add_edit(const LogEdit& edit, bool is_silent, uint64_t commit,
                            const Lock& held) {
  for (Ring& ring : rings_) {
    if (edit.kind == LogEditKind::kRangeDeletion) {
      if (meets(edit.key, edit.value, ring.prefix)) forget(ring, commit);
    } else if (begins_with(edit.key, ring.prefix)) {
      if (edit.kind == LogEditKind::kPut)
        add_put(ring, edit, commit, held);
      else if (!is_silent)
        forget(ring, commit);
      return;
    }
  }
}

void FollowedPuts::add_put(Ring& ring, const LogEdit& edit, uint64_t commit, const Lock& held) {
  check(held.owns_lock());
  const Bytes key = edit.key.subspan(ring.prefix.size());
  const size_t bytes = kRecordHeadBytes + key.size() + edit.value.size();
  if (ring.floor >= commit || ring.is_given_up) return;
  if (bytes > ring_bytes_max_) return forget(ring, commit);
  const bool is_room = !ring.chunks.empty() &&
                       ring.chunks.back().text.size() + bytes <= ring.chunks.back().text.capacity();
  if (!is_room) {
    const size_t chunk_bytes = std::max<size_t>(ring_bytes_max_ / kChunkShare, bytes);
    while (!ring.chunks.empty() && ring.size_bytes + chunk_bytes > ring_bytes_max_) {
      const Chunk& oldest = ring.chunks.front();
      ring.is_given_up = ring.is_given_up || oldest.commit_last > ring.asked;
      ring.floor = oldest.commit_last;
      ring.size_bytes -= oldest.text.capacity();
      ring.chunks.pop_front();
    }
    if (ring.floor >= commit || ring.is_given_up) return;
    ring.chunks.emplace_back();
    ring.chunks.back().text.reserve(chunk_bytes);
    ring.size_bytes += ring.chunks.back().text.capacity();
  }
  Chunk& chunk = ring.chunks.back();
  append(chunk.text, commit);
  append(chunk.text, static_cast<uint32_t>(key.size()));
  append(chunk.text, static_cast<uint32_t>(edit.value.size()));
  append(chunk.text, key);
  append(chunk.text, edit.value);
  chunk.commit_last = commit;
}

// What came before, and all of this commit, has to be looked up.
void FollowedPuts::forget(Ring& ring, uint64_t commit) {
  ring.chunks.clear();
  ring.size_bytes = 0;
  ring.floor = commit;
}

FollowedPuts::Ring* FollowedPuts::find(const std::string& prefix, const Lock& held) {
  check(held.owns_lock());
  const auto found = std::find_if(rings_.begin(), rings_.end(),
                                  [&](const Ring& ring) { return ring.prefix == prefix; });
  return found == rings_.end() ? nullptr : &*found;
}

void FollowedPuts::follow(const std::string& prefix, uint64_t through, const Lock& held) {
  check(held.owns_lock());
  if (rings_.size() == kRingsMax) {
    rings_.erase(std::min_element(rings_.begin(), rings_.end(),
                                  [](const Ring& a, const Ring& b) { return a.turn < b.turn; }));
  }
  Ring ring;
  ring.prefix = prefix;
  ring.asked = through;
  ring.turn = ++turn_;
  rings_.push_back(std::move(ring));
  is_followed_.store(true, std::memory_order_release);
}

void FollowedPuts::drop_given_up(const Lock& held) {
  check(held.owns_lock());
  std::erase_if(rings_, [](const Ring& ring) { return ring.is_given_up; });
  if (rings_.empty()) is_followed_.store(false, std::memory_order_release);
}

}  // namespace varve
