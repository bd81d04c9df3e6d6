// storage/table/care.cc — what of a table is whole: every byte, held against the others.
#include "storage/table/table.h"

#include <algorithm>

#include "pure/codec/hash.h"
#include "storage/table/layout.h"

namespace varve {
namespace {

// What verify() finds on its way from block to block.
class Order {
 public:
  // What is wrong with an entry that follows the last, or null.
  const char* problem(const std::string& key, uint64_t commit) {
    const bool is_in_order =
        !any_ || last_key_ < key || (last_key_ == key && commit < last_commit_);
    return is_in_order ? nullptr : "keys are out of order";
  }
  bool is_new(const std::string& key) const { return !any_ || key != last_key_; }
  // Whether a separator leads to a block that begins with this key, and to no key before.
  bool is_parted(const std::string& separator, const std::string& key) const {
    if (separator > key) return false;
    return !any_ || separator > last_key_ || (key == last_key_ && separator == key);
  }
  void note(std::string key, uint64_t commit) {
    last_key_ = std::move(key);
    last_commit_ = commit;
    any_ = true;
  }

 private:
  std::string last_key_;
  uint64_t last_commit_ = 0;
  bool any_ = false;
};

}  // namespace

bool Table::index_has(const std::string& points, Bytes key, uint32_t number, uint32_t slot) const {
  if (!index_is_whole_ || points.empty()) return true;
  const uint64_t wanted = uint64_t{number} << layout_.slot_bits | slot;
  const auto* const entries = reinterpret_cast<const uint32_t*>(points.data());
  return each_place(entries, bucket_count_, layout_, hash64(key, hash_seed_), [&](uint64_t place) {
    return place >> layout_.coarse_bits == wanted >> layout_.coarse_bits;
  });
}

// What the blocks refer to is what the manifest keeps with the table.
void Table::verify_value_uses(const std::map<uint64_t, ValueUse>& found,
                              std::vector<VerifyProblem>& problems) const {
  const auto is_same = [](const auto& one, const ValueUse& other) {
    return one.first == other.file && one.second.count == other.count &&
           one.second.bytes == other.bytes;
  };
  const std::vector<ValueUse>& noted = info_.value_uses;
  if (std::equal(found.begin(), found.end(), noted.begin(), noted.end(), is_same)) return;
  problems.push_back({path_, 0, "it refers to other values than the manifest says"});
}

Status Table::verify_blocks(const std::string& points, std::vector<VerifyProblem>& problems,
                            const CheckReference& check_reference) const {
  uint64_t count = 0;
  uint64_t superseded_last = 0;
  std::map<uint64_t, ValueUse> uses;
  const auto check_value = [&](const Edit& edit, uint64_t offset) {
    if ((edit.flags & kFlagSeparateValue) == 0) return Status::ok();
    const std::optional<ValueReference> reference = decode_value_reference(edit.value);
    if (reference) count_value_use(*reference, uses);
    Status status = reference ? check_reference(*reference)
                              : Status::corrupt("an entry with a value apart and no reference");
    if (status || status.code() != Code::kCorrupt) return status;
    problems.push_back({path_, offset, status.message()});
    return Status::ok();
  };
  bool any_damaged = false;
  Order order;
  BlockWalk walk(*this);
  while (true) {
    const Result<bool> more = walk.next();
    const uint64_t offset = walk.offset();
    if (!more && more.code() != Code::kCorrupt) return more.error();
    if (!more) {
      problems.push_back({path_, offset, more.error().message()});
      any_damaged = true;
      continue;
    }
    if (!*more) break;
    const Block& block = walk.block();
    for (uint32_t slot = 0; slot < block.count(); ++slot, ++count) {
      std::string key =
          std::string(as_text(block.prefix())) + std::string(as_text(block.suffix(slot)));
      if (slot == 0 && !order.is_parted(walk.separator(), key)) {
        problems.push_back({path_, offset, "the block index leads to it by another key"});
      }
      if (const char* const problem = order.problem(key, block.commit(slot))) {
        problems.push_back({path_, offset, problem});
      }
      if (order.is_new(key) && !index_has(points, as_bytes(key), walk.number(), slot)) {
        problems.push_back({path_, offset, "a key is not in the point index"});
      }
      order.note(std::move(key), block.commit(slot));
      Edit edit;
      block.read(slot, edit);
      superseded_last = std::max(superseded_last, edit.superseded);
      if (edit.superseded != 0 && edit.superseded <= edit.commit) {
        problems.push_back({path_, offset, "a version was superseded before it was written"});
      }
      if (Status status = check_value(edit, offset); !status) return status;
    }
  }
  if (!any_damaged) verify_value_uses(uses, problems);
  if (!any_damaged && superseded_last != info_.superseded_last) {
    problems.push_back({path_, 0, "it was superseded at another commit than the manifest says"});
  }
  if (!any_damaged && count != info_.entry_count) {
    problems.push_back({path_, 0,
                        "it holds " + std::to_string(count) + " entries, but " +
                            std::to_string(info_.entry_count) + " were written"});
  }
  return Status::ok();
}

Status Table::verify_part(const Part& part, std::vector<VerifyProblem>& problems) const {
  const Result<std::string> bytes = read(part);
  if (!bytes && bytes.code() != Code::kCorrupt) return bytes.error();
  if (!bytes) problems.push_back({path_, part.offset, bytes.error().message()});
  return Status::ok();
}

Status Table::verify_footer(std::vector<VerifyProblem>& problems) const {
  const Result<std::string> footer = read_footer(*file_, path_);
  if (!footer && footer.code() != Code::kCorrupt) return footer.error();
  if (!footer) {
    problems.push_back({path_, info_.file_bytes - kTableFooterBytes, footer.error().message()});
  }
  return Status::ok();
}

Status Table::verify(std::vector<VerifyProblem>& problems,
                     const CheckReference& check_reference) const {
  const Result<std::string> points = read(points_part());
  if (!points && points.code() != Code::kCorrupt) return points.error();
  if (!points) problems.push_back({path_, points_at_, points.error().message()});
  // Without blocks the top has no bytes, but a trailer.
  Status status = verify_blocks(points ? *points : "", problems, check_reference);
  if (status && block_count_ == 0) status = verify_part(top_part(), problems);
  if (status) status = verify_part(ranges_part(), problems);
  return status ? verify_footer(problems) : std::move(status);
}

Result<TableInfo> Table::describe(Os& os, const std::string& path) {
  Result<std::unique_ptr<File>> file = os.open(path, OpenMode::kRead);
  if (!file) return file.error();
  const Result<std::string> footer = read_footer(**file, path);
  if (!footer) return footer.error();
  const Result<uint64_t> size = (*file)->size();
  if (!size) return size.error();
  const uint8_t* const at = as_bytes(*footer).data();
  TableInfo info;
  info.number = load<uint64_t>(at + 32);
  info.file_bytes = *size;
  uint64_t* const numbers[] = {&info.commit_first,         &info.commit_last, &info.entry_count,
                               &info.range_deletion_count, &info.key_bytes,   &info.value_bytes,
                               &info.delete_count};
  for (size_t i = 0; i < 7; ++i) *numbers[i] = load<uint64_t>(at + 48 + i * 8);
  info.unbounded = true;
  return info;
}

// ---- block by block

Status PartReader::top(IndexPart& top) {
  offset_ = table_.top_at_;
  if (!top_.empty()) {
    top.attach(as_bytes(top_).data());
    return Status::ok();
  }
  Result<std::string> bytes = table_.read(table_.top_part());
  if (!bytes) return bytes.error();
  if (Status status = table_.check_top(as_bytes(*bytes).first(table_.top_size_), top); !status) {
    return status;
  }
  top_ = std::move(*bytes);
  top.attach(as_bytes(top_).data());
  return Status::ok();
}

Status PartReader::part(uint32_t number, IndexPart& part) {
  if (number == number_ && number != kTopPart) {
    part.attach(as_bytes(part_).data());
    return Status::ok();
  }
  IndexPart top;
  if (Status status = this->top(top); !status) return status;
  if (number == kTopPart) {
    part = top;
    return Status::ok();
  }
  const Table::Part wanted = table_.index_part(top.place(number));
  offset_ = wanted.offset;
  Result<std::string> bytes = table_.read(wanted);
  if (!bytes) return bytes.error();
  Status status = table_.check_part(number, top, as_bytes(*bytes).first(wanted.size), part);
  if (!status) return status;
  part_ = std::move(*bytes);
  part.attach(as_bytes(part_).data());
  number_ = number;
  return Status::ok();
}

Result<bool> BlockWalk::next() {
  if (next_ >= table_.block_count_) return false;
  number_ = static_cast<uint32_t>(next_);
  const uint32_t part_number = number_ >> table_.part_bits_;
  IndexPart part;
  if (Status status = parts_.part(part_number, part); !status) {
    offset_ = parts_.offset();
    const bool is_top = offset_ == table_.top_at_;
    next_ = is_top ? table_.block_count_ : uint64_t{part_number + 1} << table_.part_bits_;
    return status;
  }
  ++next_;
  const uint32_t at = table_.in_part(number_);
  const BlockPlace place = part.place(at);
  offset_ = place.offset;
  separator_ = part.separator(at);
  Status status = table_.read_block(place, {window_, Going::kForward}, raw_, block_);
  if (!status) return status;
  return true;
}

}  // namespace varve
