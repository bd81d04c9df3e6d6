// pure/bitmap/portable.cc — the portable format of Roaring bitmaps, as other libraries write it.
//
//   cookie        12346 and a count, or 12347 with (count - 1) in its upper half and one bit for
//                 each container that is runs
//   descriptions  {key 16, members less one 16} each
//   offsets       32 bits each, from the begin; not there with runs and fewer than four containers
//   containers    members of 16 bits; 8,192 bytes of bits; or a count of runs and the runs
//
// 64 bits are a 64-bit count of such bitmaps, each after the upper 32 bits of its members.
#include "pure/bitmap/bitmap.h"

namespace varve {
namespace {

constexpr uint32_t kPlainCookie = 12346;
constexpr uint32_t kRunCookie = 12347;
constexpr uint32_t kOffsetsFrom = 4;  // With runs, offsets are written from this many containers.
constexpr uint32_t kContainersMax = 65536;
constexpr uint32_t kForeignRunsMax = 32768;  // Every second member; more than we hold as runs.

// Reads forwards and remembers where it is for messages.
class Reader {
 public:
  explicit Reader(Bytes bytes) : bytes_(bytes) {}
  bool has(uint64_t size) const { return bytes_.size() - at_ >= size; }
  template <class T>
  T take() {
    const T value = load<T>(bytes_.data() + at_);
    at_ += sizeof(T);
    return value;
  }
  Bytes take_bytes(size_t size) {
    const Bytes taken = bytes_.subspan(at_, size);
    at_ += size;
    return taken;
  }
  bool is_at_end() const { return at_ == bytes_.size(); }
  Status corrupt(const char* what) const {
    return Status::corrupt("bitmap: " + std::string(what) + " at byte " + std::to_string(at_));
  }

 private:
  const Bytes bytes_;
  size_t at_ = 0;
};

struct Heads {
  uint32_t count = 0;
  Bytes run_flags;     // Empty: none has runs.
  Bytes descriptions;  // Four bytes each.

  bool is_runs(uint32_t index) const {
    return !run_flags.empty() && (run_flags[index / 8] >> (index % 8) & 1) != 0;
  }
  uint16_t key(uint32_t index) const { return load<uint16_t>(&descriptions[index * 4]); }
  uint32_t members(uint32_t index) const {
    return uint32_t{load<uint16_t>(&descriptions[index * 4 + 2])} + 1;
  }
};

Result<Heads> read_heads(Reader& reader) {
  Heads heads;
  if (!reader.has(4)) return reader.corrupt("cut short");
  const uint32_t cookie = reader.take<uint32_t>();
  if (cookie == kPlainCookie) {
    if (!reader.has(4)) return reader.corrupt("cut short");
    heads.count = reader.take<uint32_t>();
    if (heads.count > kContainersMax) return reader.corrupt("too many containers");
  } else if ((cookie & 0xffff) == kRunCookie) {
    heads.count = (cookie >> 16) + 1;
    if (!reader.has((heads.count + 7) / 8)) return reader.corrupt("cut short");
    heads.run_flags = reader.take_bytes((heads.count + 7) / 8);
  } else {
    return reader.corrupt("no portable bitmap");
  }
  if (!reader.has(heads.count * 4)) return reader.corrupt("cut short");
  heads.descriptions = reader.take_bytes(heads.count * 4);
  const bool has_offsets = heads.run_flags.empty() || heads.count >= kOffsetsFrom;
  if (!has_offsets) return heads;
  if (!reader.has(heads.count * 4)) return reader.corrupt("cut short");
  reader.take_bytes(heads.count * 4);  // Containers stand one after the other; offsets say no more.
  return heads;
}

// Runs that are more than a container of ours holds become bits.
bool runs_to_bits(Bytes runs, Draft& draft) {
  uint32_t begin = 0;  // Where the next run may begin.
  std::memset(draft.data, 0, kBitsBytes);
  for (size_t at = 0; at < runs.size(); at += sizeof(MemberRun)) {
    const MemberRun run = load<MemberRun>(&runs[at]);
    if (run.first < begin || run.last() >= kContainerMembers) return false;
    change_bit_range(draft.data, run.first, run.last() + 1, BitChange::kSet);
    begin = run.last() + 2;
  }
  const uint32_t count = draft.count;
  settle_bits(draft);
  return draft.count == count;
}

// One container into a draft, checked and in a form that we hold it in.
Status read_container(Reader& reader, bool is_runs, uint32_t count, Draft& draft) {
  draft.kind = is_runs                   ? ContainerKind::kRuns
               : count <= kArrayCountMax ? ContainerKind::kArray
                                         : ContainerKind::kBits;
  draft.count = count;
  draft.run_count = 0;
  if (is_runs) {
    if (!reader.has(2)) return reader.corrupt("cut short");
    draft.run_count = reader.take<uint16_t>();
    if (draft.run_count == 0 || draft.run_count > kForeignRunsMax) {
      return reader.corrupt("count of runs");
    }
  }
  const size_t size = draft.view().size_bytes();
  if (!reader.has(size)) return reader.corrupt("cut short");
  const Bytes content = reader.take_bytes(size);
  if (is_runs && draft.run_count > kRunCountMax) {
    return runs_to_bits(content, draft) ? Status::ok() : reader.corrupt("unsound container before");
  }
  std::memcpy(draft.data, content.data(), size);
  return is_sound(draft.view()) ? Status::ok() : reader.corrupt("unsound container before");
}

}  // namespace

std::string Bitmap::to_portable(bool wide) const {
  check(wide || entries_.empty() || entries_.back().key() < kContainersMax);
  std::string bytes;
  size_t begin = 0;
  const auto upper = [this](size_t place) { return entries_[place].key() >> 16; };
  if (wide) {
    uint64_t group_count = 0;
    for (size_t place = 0; place < entries_.size(); ++place) {
      group_count += place == 0 || upper(place) != upper(place - 1);
    }
    varve::append(bytes, group_count);
  }
  do {
    size_t end = begin;
    bool has_runs = false;
    while (end < entries_.size() && upper(end) == upper(begin)) {
      has_runs |= entries_[end++].kind == ContainerKind::kRuns;
    }
    if (wide && begin == end) break;
    if (wide) varve::append(bytes, static_cast<uint32_t>(upper(begin)));
    bytes += portable_group(begin, end, has_runs);
    begin = end;
  } while (begin < entries_.size());
  return bytes;
}

std::string Bitmap::portable_group(size_t begin, size_t end, bool has_runs) const {
  const uint32_t count = static_cast<uint32_t>(end - begin);
  std::string bytes;
  if (has_runs) {
    varve::append(bytes, kRunCookie | (count - 1) << 16);
    std::string flags((count + 7) / 8, '\0');
    for (uint32_t index = 0; index < count; ++index) {
      const bool is_runs = entries_[begin + index].kind == ContainerKind::kRuns;
      if (is_runs) flags[index / 8] = static_cast<char>(flags[index / 8] | 1 << (index % 8));
    }
    bytes += flags;
  } else {
    varve::append(bytes, kPlainCookie);
    varve::append(bytes, count);
  }
  for (size_t place = begin; place < end; ++place) {
    varve::append(bytes, static_cast<uint16_t>(entries_[place].key()));
    varve::append(bytes, static_cast<uint16_t>(entries_[place].count() - 1));
  }
  const bool has_offsets = !has_runs || count >= kOffsetsFrom;
  const size_t offsets_at = bytes.size();
  if (has_offsets) bytes.resize(bytes.size() + size_t{count} * 4);
  for (size_t place = begin; place < end; ++place) {
    if (has_offsets) {
      store<uint32_t>(reinterpret_cast<uint8_t*>(bytes.data()) + offsets_at + (place - begin) * 4,
                      static_cast<uint32_t>(bytes.size()));
    }
    const ContainerView set = view(entries_[place]);
    if (set.kind == ContainerKind::kRuns) {
      varve::append(bytes, static_cast<uint16_t>(set.run_count));
    }
    varve::append(bytes, Bytes(set.data, set.size_bytes()));
  }
  return bytes;
}

Result<Bitmap> Bitmap::from_portable(Bytes bytes, bool wide, Blocks& blocks) {
  Reader reader(bytes);
  Bitmap to(blocks);
  if (wide && !reader.has(8)) return reader.corrupt("cut short");
  const uint64_t group_count = wide ? reader.take<uint64_t>() : 1;
  uint64_t least_key = 0;
  for (uint64_t group = 0; group < group_count; ++group) {
    if (wide && !reader.has(4)) return reader.corrupt("cut short");
    const uint64_t upper = wide ? reader.take<uint32_t>() : 0;
    const Result<Heads> heads = read_heads(reader);
    if (!heads) return heads.error();
    for (uint32_t index = 0; index < heads->count; ++index) {
      const uint64_t key = upper << 16 | heads->key(index);
      if (key < least_key) return reader.corrupt("keys that do not rise, before");
      Draft draft;
      const Status read =
          read_container(reader, heads->is_runs(index), heads->members(index), draft);
      if (!read) return read.copy();
      to.append(key, draft.view());
      least_key = key + 1;
    }
  }
  if (!reader.is_at_end()) return reader.corrupt("bytes behind the end");
  return to;
}

}  // namespace varve
