#include "engine/lsm/value_files.h"

namespace varve {

void ValueFiles::clear_uses() {
  for (auto& [number, share] : shares_) share.live_count = share.live_bytes = 0;
}

std::vector<ValueFilePointer> ValueFiles::take_dead() {
  std::vector<ValueFilePointer> dead;
  for (auto share = shares_.begin(); share != shares_.end();) {
    if (share->second.live_count != 0) {
      ++share;
      continue;
    }
    dead.push_back(std::move(share->second.file));
    share = shares_.erase(share);
  }
  return dead;
}

uint64_t ValueFiles::payload_bytes() const {
  uint64_t bytes = 0;
  for (const auto& [number, share] : shares_) bytes += share.file->info().payload_bytes();
  return bytes;
}

uint64_t ValueFiles::dead_bytes() const {
  uint64_t bytes = 0;
  for (const auto& [number, share] : shares_) bytes += share.dead_bytes();
  return bytes;
}

// A file that could not be opened is not here; its values are lost, and say so when they are read.
void ValueFiles::count_uses(const TableInfo& table) {
  for (const ValueUse& use : table.value_uses) {
    const auto share = shares_.find(use.file);
    if (share == shares_.end()) continue;
    share->second.live_count += use.count;
    share->second.live_bytes += use.bytes;
  }
}

Result<ValueFilePointer> ValueFiles::file_of(const ValueReference& reference) const {
  const auto share = shares_.find(reference.file);
  if (share == shares_.end()) {
    return Status::corrupt("lsm: value file " + std::to_string(reference.file) +
                           " is lost, and with it a value at byte " +
                           std::to_string(reference.offset));
  }
  if (Status status = share->second.file->check_reference(reference); !status) return status;
  return share->second.file;
}

Result<ValueReference> reference_of(const Edit& edit) {
  const std::optional<ValueReference> reference = decode_value_reference(edit.value);
  if (!reference) return Status::corrupt("lsm: an entry with a value apart and no reference");
  return *reference;
}

}  // namespace varve
