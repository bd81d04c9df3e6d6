// pure/bitmap/serial.cc — our own bytes of a bitmap: written whole, read by copying, or mapped.
//
// What may be is so narrow (FORMAT.md) that a directory is checked by computing what each entry's
// offset has to be; one bitmap has exactly one form for the containers it has.
#include "pure/bitmap/bitmap.h"
#include "pure/codec/crc32c.h"

namespace varve {
namespace {

constexpr uint32_t kMagic = 0x50414d42;  // "BMAP"
constexpr uint16_t kVersion = 0;
constexpr size_t kHeaderBytes = 40;
constexpr size_t kEntryBytes = 16;
constexpr size_t kBitsAlign = 64;
constexpr size_t kAlign = 8;

Status corrupt(const char* what, uint64_t offset) {
  return Status::corrupt("bitmap: " + std::string(what) + " at byte " + std::to_string(offset));
}

uint64_t place_after(uint64_t end, ContainerKind kind) {
  return round_up(end, kind == ContainerKind::kBits ? kBitsAlign : kAlign);
}

// The checksum of header and directory, with its own field as zero.
uint32_t directory_crc(Bytes bytes, size_t directory_bytes) {
  uint8_t header[kHeaderBytes];
  std::memcpy(header, bytes.data(), kHeaderBytes);
  store<uint32_t>(header + 12, 0);
  const uint32_t crc = crc32c(Bytes(header, kHeaderBytes));
  return crc32c(bytes.subspan(kHeaderBytes, directory_bytes), crc);
}

bool is_kind(uint8_t kind) { return kind >= 1 && kind <= 3; }

// Whether an entry says something that a container can be.
bool is_possible(ContainerKind kind, uint32_t count, uint32_t run_count) {
  if (kind == ContainerKind::kArray) return count <= kArrayCountMax && run_count == 0;
  if (kind == ContainerKind::kBits) return count > kArrayCountMax && run_count == 0;
  return run_count >= 1 && run_count <= kRunCountMax &&
         uint64_t{count} + run_count - 1 <= kContainerMembers && run_count <= count;
}

}  // namespace

std::optional<Bitmap::Entry> Bitmap::read_entry(const uint8_t* from) {
  if (!is_kind(from[14]) || from[15] != 0) return std::nullopt;
  const Entry entry = {load<uint64_t>(from), load<uint32_t>(from + 8), load<uint16_t>(from + 12),
                       static_cast<ContainerKind>(from[14]), false};
  if (!is_possible(entry.kind, entry.count(), entry.run_count)) return std::nullopt;
  return entry;
}

void Bitmap::write_entry(const Entry& entry, uint32_t place, uint8_t* to) {
  store<uint64_t>(to, entry.key_count);
  store<uint32_t>(to + 8, place);
  store<uint16_t>(to + 12, entry.run_count);
  to[14] = static_cast<uint8_t>(entry.kind);
  to[15] = 0;
}

void Bitmap::save_directory(std::string& to) const {
  to.resize(entries_.size() * kEntryBytes);
  uint8_t* at = reinterpret_cast<uint8_t*>(to.data());
  for (const Entry& entry : entries_) {
    write_entry(entry, entry.block, at);
    at += kEntryBytes;
  }
}

void Bitmap::detach() {
  entries_.clear();
  total_ = 0;
  changed();
}

Result<Bitmap> Bitmap::attach(Bytes directory, Blocks& blocks) {
  if (directory.size() % kEntryBytes != 0) return corrupt("cut short", directory.size());
  std::vector<Entry> entries;
  entries.reserve(directory.size() / kEntryBytes);
  uint64_t total = 0;
  for (size_t at = 0; at < directory.size(); at += kEntryBytes) {
    const std::optional<Entry> entry = read_entry(directory.data() + at);
    if (!entry) return corrupt("impossible container", at);
    if (!entries.empty() && entry->key() <= entries.back().key()) return corrupt("order", at);
    entries.push_back(*entry);
    total += entry->count();
  }
  Bitmap to(blocks);
  to.entries_ = std::move(entries);
  to.total_ = total;
  return to;
}

std::string Bitmap::serialise() const {
  uint64_t end = kHeaderBytes + entries_.size() * kEntryBytes;
  std::string bytes(end, '\0');
  for (size_t place = 0; place < entries_.size(); ++place) {
    const Entry& entry = entries_[place];
    const ContainerView set = view(entry);
    const uint64_t offset = place_after(end, entry.kind);
    check(offset / kAlign <= UINT32_MAX);  // 32 GiB, which no memory of ours holds as blocks.
    bytes.resize(offset);
    varve::append(bytes, Bytes(set.data, set.size_bytes()));
    end = bytes.size();
    uint8_t* const to =
        reinterpret_cast<uint8_t*>(bytes.data()) + kHeaderBytes + place * kEntryBytes;
    write_entry(entry, static_cast<uint32_t>(offset / kAlign), to);
  }
  bytes.resize(round_up(end, kAlign));
  uint8_t* const header = reinterpret_cast<uint8_t*>(bytes.data());
  const size_t directory_bytes = entries_.size() * kEntryBytes;
  store<uint32_t>(header, kMagic);
  store<uint16_t>(header + 4, kVersion);
  store<uint32_t>(header + 8, static_cast<uint32_t>(entries_.size()));
  store<uint64_t>(header + 16, total_);
  store<uint64_t>(header + 24, bytes.size());
  store<uint32_t>(header + 32, crc32c(as_bytes(bytes).subspan(kHeaderBytes + directory_bytes)));
  store<uint32_t>(header + 12, directory_crc(as_bytes(bytes), directory_bytes));
  return bytes;
}

Result<Bitmap> Bitmap::map(Bytes bytes) {
  check(reinterpret_cast<uintptr_t>(bytes.data()) % kAlign == 0);
  if (bytes.size() < kHeaderBytes) return corrupt("cut short", bytes.size());
  if (load<uint32_t>(bytes.data()) != kMagic) return corrupt("no bitmap", 0);
  if (load<uint16_t>(bytes.data() + 4) != kVersion) {
    return Status(Code::kNewerFormat, "bitmap: written by a newer version");
  }
  if (load<uint16_t>(bytes.data() + 6) != 0) return corrupt("unknown flags", 6);
  const uint64_t entry_count = load<uint32_t>(bytes.data() + 8);
  if (entry_count > (bytes.size() - kHeaderBytes) / kEntryBytes) return corrupt("cut short", 8);
  const size_t directory_bytes = entry_count * kEntryBytes;
  if (load<uint64_t>(bytes.data() + 24) != bytes.size()) return corrupt("another size", 24);
  if (load<uint32_t>(bytes.data() + 36) != 0) return corrupt("unknown field", 36);
  if (load<uint32_t>(bytes.data() + 12) != directory_crc(bytes, directory_bytes)) {
    return corrupt("checksum of the directory", 12);
  }
  auto mapped = std::make_unique<MappedBlocks>(bytes);
  Bitmap to(*mapped);
  to.mapped_ = std::move(mapped);
  to.entries_.resize(entry_count);
  uint64_t end = kHeaderBytes + directory_bytes;
  for (size_t place = 0; place < entry_count; ++place) {
    const uint64_t at = kHeaderBytes + place * kEntryBytes;
    const std::optional<Entry> read = read_entry(bytes.data() + at);
    if (!read) return corrupt("impossible container", at);
    const Entry& entry = to.entries_[place] = *read;
    if (place > 0 && entry.key() <= to.entries_[place - 1].key()) return corrupt("order", at);
    const uint64_t offset = place_after(end, entry.kind);
    if (uint64_t{entry.block} * kAlign != offset) return corrupt("misplaced container", at + 8);
    end = offset + ContainerView{entry.kind, entry.count(), entry.run_count, nullptr}.size_bytes();
    if (end > bytes.size()) return corrupt("cut short", at);
    to.total_ += entry.count();
  }
  if (round_up(end, kAlign) != bytes.size()) return corrupt("bytes behind the end", end);
  if (to.total_ != load<uint64_t>(bytes.data() + 16)) return corrupt("another total", 16);
  return to;
}

Status Bitmap::verify() const {
  if (is_mapped()) {
    const Bytes bytes = mapped_->bytes();
    const size_t payload_at = kHeaderBytes + entries_.size() * kEntryBytes;
    if (crc32c(bytes.subspan(payload_at)) != load<uint32_t>(bytes.data() + 32)) {
      return corrupt("checksum of the members", payload_at);
    }
  }
  for (const Entry& entry : entries_) {
    if (!is_sound(view(entry))) return corrupt("unsound container", uint64_t{entry.block} * kAlign);
  }
  return Status::ok();
}

Result<Bitmap> Bitmap::deserialise(Bytes bytes, Blocks& blocks) {
  std::vector<uint64_t> aligned;
  if (reinterpret_cast<uintptr_t>(bytes.data()) % kAlign != 0) {
    aligned.resize(bytes.size() / 8 + 1);
    std::memcpy(aligned.data(), bytes.data(), bytes.size());
    bytes = Bytes(reinterpret_cast<const uint8_t*>(aligned.data()), bytes.size());
  }
  const Result<Bitmap> mapped = map(bytes);
  if (!mapped) return mapped.error();
  const Status sound = mapped->verify();
  if (!sound) return sound.copy();
  return mapped->copy(blocks);
}

}  // namespace varve
