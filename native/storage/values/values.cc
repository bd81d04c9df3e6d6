#include "storage/values/values.h"

#include <algorithm>

#include "pure/codec/compress.h"
#include "pure/codec/crc32c.h"
#include "storage/values/layout.h"

namespace varve {
namespace {

constexpr uint64_t kPieceBytes = uint64_t{1} << 20;

}  // namespace

std::string values_path(const std::string& directory, uint64_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < 8) digits.insert(0, 8 - digits.size(), '0');
  return directory + "/" + digits + ".values";
}

uint64_t values_number(const std::string& name) {
  if (name.size() < 15 || name.size() > 27 || !name.ends_with(".values")) return 0;
  uint64_t number = 0;
  for (size_t i = 0; i < name.size() - 7; ++i) {
    if (name[i] < '0' || name[i] > '9') return 0;
    number = number * 10 + static_cast<uint64_t>(name[i] - '0');
  }
  return number;
}

void encode_value_reference(const ValueReference& reference, uint8_t* to) {
  store<uint64_t>(to, reference.file);
  store<uint64_t>(to + 8, reference.offset);
  store<uint64_t>(to + 16, reference.stored_bytes);
  store<uint64_t>(to + 24, reference.value_bytes);
  store<uint32_t>(to + 32, reference.checksum);
  store<uint32_t>(to + 36, reference.is_compressed ? kValueCompressed : kValuePlain);
}

std::optional<ValueReference> decode_value_reference(Bytes bytes) {
  if (bytes.size() != kValueReferenceBytes) return std::nullopt;
  const uint8_t* const at = bytes.data();
  const uint32_t compression = load<uint32_t>(at + 36);
  if (compression > kValueCompressed) return std::nullopt;
  return ValueReference{load<uint64_t>(at),      load<uint64_t>(at + 8),
                        load<uint64_t>(at + 16), load<uint64_t>(at + 24),
                        load<uint32_t>(at + 32), compression == kValueCompressed};
}

Result<std::shared_ptr<ValueFile>> ValueFile::open(Os& os, const std::string& path,
                                                   const ValueFileInfo& info,
                                                   const ValueOptions& options) {
  std::shared_ptr<ValueFile> file(new ValueFile(os, path));
  file->info_ = info;
  if (Status status = file->open_file(options); !status) return status;
  return file;
}

ValueFile::~ValueFile() {
  file_.reset();
  if (!is_dropped_.load()) return;
  const Status status = os_.remove(path_);
  (void)status;  // An idle file: the next open removes it.
}

Status ValueFile::damage(uint64_t offset, const char* what) const {
  return Status::corrupt("values: a value of " + path_ + " at byte " + std::to_string(offset) +
                         " " + what);
}

// ---- opening

Result<std::string> ValueFile::read_header(File& file, const std::string& path) {
  std::string header(kValueHeaderBytes, '\0');
  uint8_t* const at = reinterpret_cast<uint8_t*>(header.data());
  const Result<size_t> got = file.read_at(0, MutableBytes(at, kValueHeaderBytes));
  if (!got) return got.error();
  if (*got != kValueHeaderBytes || std::memcmp(at, kValuesMagic, 8) != 0 ||
      load<uint32_t>(at + 124) != crc32c(Bytes(at, 124))) {
    return Status::corrupt("values: the header of " + path + " is damaged");
  }
  if (load<uint32_t>(at + 8) != 0 || load<uint32_t>(at + 40) != 0) {
    return Status(Code::kNewerFormat, "values: " + path + " was written by a newer version");
  }
  return header;
}

Result<ValueFileInfo> ValueFile::describe(Os& os, const std::string& path) {
  Result<std::unique_ptr<File>> file = os.open(path, OpenMode::kRead);
  if (!file) return file.error();
  const Result<std::string> header = read_header(**file, path);
  if (!header) return header.error();
  const uint8_t* const at = as_bytes(*header).data();
  return ValueFileInfo{load<uint64_t>(at + 32), load<uint64_t>(at + 48), load<uint64_t>(at + 56),
                       load<uint64_t>(at + 64), load<uint64_t>(at + 72)};
}

Status ValueFile::open_file(const ValueOptions& options) {
  Result<std::unique_ptr<File>> file = os_.open(path_, OpenMode::kRead);
  if (!file) return file.error();
  file_ = std::move(*file);
  const Result<std::string> header = read_header(*file_, path_);
  if (!header) return header.error();
  const Result<uint64_t> size = file_->size();
  if (!size) return size.error();
  const uint8_t* const at = as_bytes(*header).data();
  if (*size != info_.file_bytes || load<uint64_t>(at + 48) != *size || *size < kValueHeaderBytes) {
    return Status::corrupt("values: " + path_ + " has " + std::to_string(*size) + " bytes, but " +
                           std::to_string(info_.file_bytes) + " were written");
  }
  const bool our_store = options.any_store || std::memcmp(at + 16, options.store_identity, 16) == 0;
  if (!our_store || load<uint64_t>(at + 32) != info_.number) {
    return Status::corrupt("values: " + path_ + " belongs to another store or number");
  }
  if (load<uint64_t>(at + 56) != info_.value_count) {
    return Status::corrupt("values: the header of " + path_ + " counts other values");
  }
  return Status::ok();
}

// ---- reading

Status ValueFile::check_reference(const ValueReference& reference) const {
  const uint64_t end = info_.file_bytes;
  const bool is_inside = reference.file == info_.number && reference.offset <= end &&
                         reference.offset >= kValueHeaderBytes + kValueHeadBytes &&
                         reference.stored_bytes <= end - reference.offset;
  const bool is_sized = reference.is_compressed
                            ? reference.value_bytes > reference.stored_bytes &&
                                  reference.value_bytes <= kCompressBytesMax &&
                                  (reference.value_bytes + kExpansionMax - 1) / kExpansionMax <=
                                      reference.stored_bytes
                            : reference.value_bytes == reference.stored_bytes;
  return is_inside && is_sized ? Status::ok()
                               : damage(reference.offset, "does not lie in the file");
}

Status ValueFile::read_stored(uint64_t offset, MutableBytes into) const {
  const Result<size_t> got = file_->read_at(offset, into);
  if (!got) return got.error();
  return *got == into.size() ? Status::ok() : damage(offset, "is cut");
}

Status ValueFile::read_pieces(const ValueReference& reference,
                              const std::function<Status(Bytes)>& on_piece) const {
  if (Status status = check_reference(reference); !status) return status;
  std::string piece;
  for (uint64_t at = 0; at < reference.stored_bytes; at += piece.size()) {
    piece.resize(std::min(kPieceBytes, reference.stored_bytes - at));
    const MutableBytes into(reinterpret_cast<uint8_t*>(piece.data()), piece.size());
    if (Status status = read_stored(reference.offset + at, into); !status) return status;
    if (Status status = on_piece(as_bytes(piece)); !status) return status;
  }
  return Status::ok();
}

Status ValueFile::read(const ValueReference& reference, MutableBytes into) const {
  check(into.size() == reference.value_bytes);
  if (Status status = check_reference(reference); !status) return status;
  std::string packed(reference.is_compressed ? reference.stored_bytes : 0, '\0');
  const MutableBytes stored =
      reference.is_compressed
          ? MutableBytes(reinterpret_cast<uint8_t*>(packed.data()), packed.size())
          : into;
  if (Status status = read_stored(reference.offset, stored); !status) return status;
  if (crc32c(stored) != reference.checksum) return damage(reference.offset, "is damaged");
  if (reference.is_compressed && !decompress(stored, into)) {
    return damage(reference.offset, "does not unpack");
  }
  return Status::ok();
}

// ---- verifying

// The value behind the head at `offset`, as the head tells it.
Result<ValueReference> ValueFile::verify_head(uint64_t offset) const {
  uint8_t head[kValueHeadBytes];
  if (Status status = read_stored(offset, head); !status) return status;
  const uint32_t sum = crc32c(Bytes(head, 44), static_cast<uint32_t>(offset));
  bool known = head[16] <= kValueCompressed && sum == load<uint32_t>(head + 44);
  for (size_t i = 17; i < 24; ++i) known = known && head[i] == 0;
  if (!known) return damage(offset, "has a damaged head");
  const ValueReference reference{info_.number,
                                 offset + kValueHeadBytes,
                                 load<uint64_t>(head),
                                 load<uint64_t>(head + 8),
                                 load<uint32_t>(head + 40),
                                 head[16] == kValueCompressed};
  if (Status status = check_reference(reference); !status) return status;
  return reference;
}

Status ValueFile::verify_reference(const ValueReference& reference) const {
  if (Status status = check_reference(reference); !status) return status;
  const Result<ValueReference> there = verify_head(reference.offset - kValueHeadBytes);
  if (!there) return there.error();
  const bool is_same = there->stored_bytes == reference.stored_bytes &&
                       there->value_bytes == reference.value_bytes &&
                       there->checksum == reference.checksum &&
                       there->is_compressed == reference.is_compressed;
  return is_same ? Status::ok() : damage(reference.offset, "is not the one referred to");
}

// Only what is compressed is in memory as a whole.
Status ValueFile::verify_value(const ValueReference& reference) const {
  if (reference.is_compressed) {
    std::string value(reference.value_bytes, '\0');
    return read(reference, MutableBytes(reinterpret_cast<uint8_t*>(value.data()), value.size()));
  }
  uint32_t checksum = 0;
  Status status = read_pieces(reference, [&](Bytes piece) {
    checksum = crc32c(piece, checksum);
    return Status::ok();
  });
  if (!status) return status;
  return checksum == reference.checksum ? Status::ok() : damage(reference.offset, "is damaged");
}

Status ValueFile::verify(std::vector<VerifyProblem>& problems) const {
  const Result<std::string> header = read_header(*file_, path_);
  if (!header && header.code() != Code::kCorrupt) return header.error();
  if (!header) problems.push_back({path_, 0, header.error().message()});
  uint64_t count = 0;
  for (uint64_t offset = kValueHeaderBytes; offset < info_.file_bytes; ++count) {
    const Result<ValueReference> reference = verify_head(offset);
    if (!reference && reference.code() != Code::kCorrupt) return reference.error();
    if (!reference) {
      // Where the next one begins nobody knows; their references are checked with their tables.
      problems.push_back({path_, offset, reference.error().message()});
      return Status::ok();
    }
    const Status status = verify_value(*reference);
    if (!status && status.code() != Code::kCorrupt) return status.copy();
    if (!status) problems.push_back({path_, reference->offset, status.message()});
    offset = reference->offset + reference->stored_bytes;
  }
  if (count != info_.value_count) {
    problems.push_back({path_, 0,
                        "it holds " + std::to_string(count) + " values, but " +
                            std::to_string(info_.value_count) + " were written"});
  }
  return Status::ok();
}

}  // namespace varve
