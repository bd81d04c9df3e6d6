#include "engine/bitcask/hint_stream.h"

#include <algorithm>

namespace varve::bitcask {
namespace {

constexpr size_t kBatchEntries = 2048;
constexpr size_t kBatchKeyBytes = size_t{128} << 10;

uint64_t start_of(Bytes key) {
  if (key.size() >= 8) return load_big64(key.data());
  uint8_t start[8] = {};
  std::copy(key.begin(), key.end(), start);
  return load_big64(start);
}

bool comes_behind(uint64_t start_a, const Listed& a, uint64_t start_b, const Listed& b) {
  if (start_a != start_b) return start_a > start_b;
  const int order = compare(a.key, b.key);
  return order != 0 ? order > 0 : a.commit < b.commit;
}

}  // namespace

bool FileEntry::is_behind(const FileEntry& other) const {
  return comes_behind(start, listed, other.start, other.listed);
}

HintStream::HintStream(std::vector<Source> sources) : sources_(std::move(sources)) {
  next_.resize(sources_.size());
  ordinals_.resize(sources_.size());
}

// ---- making

bool HintStream::advance(Head& head, Batch& batch) {
  Listed& entry = next_[head.source];
  const Result<bool> more = sources_[head.source].listing->next(entry);
  if (!more) {
    batch.status = more.error();
    batch.damaged_file = sources_[head.source].file;
  }
  if (!more || !*more) return false;
  head.start = start_of(entry.key);
  return true;
}

bool HintStream::is_behind(const Head& a, const Head& b) const {
  return comes_behind(a.start, next_[a.source], b.start, next_[b.source]);
}

void HintStream::begin(Batch& batch) {
  for (size_t i = 0; i < sources_.size() && batch.status; ++i) {
    Head head{0, i};
    if (advance(head, batch)) heap_.push_back(head);
  }
  std::sort(heap_.begin(), heap_.end(),
            [this](const Head& a, const Head& b) { return is_behind(b, a); });
}

// The front is another head than it was: down to where it belongs. Which of two children comes first
// is anybody's guess, so that it is computed and not jumped upon.
void HintStream::sink_front() {
  const Head head = heap_.front();
  size_t at = 0;
  for (size_t below = 1; below < heap_.size(); below = 2 * at + 1) {
    if (below + 1 < heap_.size()) {
      const Head& left = heap_[below];
      const Head& right = heap_[below + 1];
      const bool is_right =
          left.start == right.start ? is_behind(left, right) : right.start < left.start;
      below += is_right ? 1 : 0;
    }
    if (!is_behind(head, heap_[below])) break;
    heap_[at] = heap_[below];
    at = below;
  }
  heap_[at] = head;
}

void HintStream::fill(Batch& batch) {
  batch.entries.clear();
  batch.keys.clear();
  batch.keys.reserve(kBatchKeyBytes + kStoredKeyBytesMax);
  if (!std::exchange(has_begun_, true)) begin(batch);
  while (batch.status && !heap_.empty()) {
    if (batch.entries.size() == kBatchEntries || batch.keys.size() > kBatchKeyBytes) return;
    Head& head = heap_.front();
    FileEntry entry{next_[head.source], head.start, sources_[head.source].file,
                    ordinals_[head.source]++};
    const Bytes key = entry.listed.key;
    const size_t key_at = batch.keys.size();
    batch.keys.insert(batch.keys.end(), key.begin(), key.end());
    entry.listed.key = Bytes(batch.keys.data() + key_at, key.size());
    batch.entries.push_back(entry);
    if (!advance(head, batch)) {
      heap_.front() = heap_.back();
      heap_.pop_back();
    }
    if (!heap_.empty()) sink_front();
  }
  batch.is_last = true;
}

Step HintStream::make_one() {
  if (is_over_) return Step::idle();
  if (!std::exchange(is_made_, true)) fill(making_);
  {
    const std::lock_guard<std::mutex> held(mutex_);
    if (has_waiting_) return Step::idle();
    is_over_ = making_.is_last;
    std::swap(making_, waiting_);
    has_waiting_ = true;
  }
  is_made_ = false;
  gate_->open();
  return Step::again();
}

void HintStream::run_ahead(Os& os) {
  gate_ = os.gate();
  worker_ = os.start("varve-hints", [this] { return make_one(); });
  worker_->wake();
}

// ---- reading

void HintStream::refill() {
  if (worker_ == nullptr) return fill(reading_);
  while (true) {
    const uint64_t ticket = gate_->ticket();
    {
      const std::lock_guard<std::mutex> held(mutex_);
      if (has_waiting_) {
        std::swap(reading_, waiting_);
        has_waiting_ = false;
        break;
      }
    }
    gate_->wait(ticket, UINT64_MAX);
  }
  worker_->wake();
}

Result<bool> HintStream::advance() {
  ++at_;
  while (at_ >= reading_.entries.size()) {
    if (reading_.is_last && !reading_.status) return reading_.status.copy();
    if (reading_.is_last) return false;
    refill();
    at_ = 0;
  }
  return true;
}

}  // namespace varve::bitcask
